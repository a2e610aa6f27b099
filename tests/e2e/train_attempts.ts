/** The callers of kill.test.ts that have models made: a schedule, a trainer, and who checks what was made. */
import assert from "node:assert/strict";
import { configure } from "./assistants.ts";
import type { Attempt, Place } from "./attempts.ts";
import { QUICK } from "./promotion_ground.ts";
import { BEFORE, LATELY, RATE } from "./retrain_ground.ts";
import { post, type Reply, service } from "./scene.ts";
import { sha256, signatureOf } from "./trainer.ts";

const SECRET = `whsec_${btoa("only for what is killed and comes back").slice(0, 44)}`;

/** Of the functions: a trainer, and a least number that a few people reach. */
export const TRAINING = {
  ML_WEBHOOK_SECRET: SECRET,
  ML_MIN_SAMPLES_FOR_RETRAIN: "50",
  ML_MODEL_HOSTS: "models.example.com",
  ML_MODEL_API_KEY: "sk-of-the-models",
};

/** By the id of a version, the ids of the webhooks about it. */
const webhooks = new Map<string, Set<string>>();

/** Somebody who takes every order, and says nothing more. */
export function startTrainer(): { url: string; stop: () => Promise<void> } {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const { model_version_id } = await request.json();
    const ids = webhooks.get(model_version_id) ?? new Set();
    webhooks.set(model_version_id, ids.add(request.headers.get("webhook-id")!));
    return new Response(null, { status: 202 });
  });
  return { url: `http://127.0.0.1:${server.addr.port}`, stop: () => server.shutdown() };
}

/** What people said, with a drift in it: the same in every place, but for who said so. */
export async function leaveFeedback({ stack, assistant }: Place): Promise<void> {
  await configure(stack, assistant, QUICK);
  stack.storage.buckets.set(BUCKET.id, BUCKET);
  const people = Array.from({ length: 40 }, () => crypto.randomUUID());
  await stack.database.query("insert into pawl.users (id) select unnest($1::uuid[])", [people]);
  await stack.database.query(RATE, [assistant.id, 60, 0.95, ...BEFORE, people, 1]);
  await stack.database.query(RATE, [assistant.id, 60, 0.4, ...LATELY, people, 2]);
}

const BUCKET = { id: "pawl-training", name: "pawl-training", public: false, file_size_limit: null };

/** The same, and nowhere to put it yet. */
export async function leaveFeedbackWithoutBucket(place: Place): Promise<void> {
  await leaveFeedback(place);
  place.stack.storage.buckets.delete(BUCKET.id);
}

/** A schedule, which calls until the trainer has the dataset: one version, one webhook, and all of it in Storage. */
export function asScheduledTrainer(place: Place): Attempt {
  return async () => {
    const { triggered, reason, failed } = await run(place);
    if (/another call/iu.test(reason ?? "")) return "wait";
    if (triggered || failed || /call again/u.test(reason ?? "")) return "again";
    // A webhook whose answer was lost is due again only when an attempt's time is over.
    if (/told again/u.test(reason ?? "")) return "wait";
    assert.match(reason ?? "", /^Version v1 is in training$/u);
    await assertWhole(place);
    return "over";
  };
}

// deno-lint-ignore no-explicit-any -- the one result
async function run({ stack, steps, organization, assistant }: Place): Promise<any> {
  const url = await steps.url("retrain-trigger");
  const order = { organization_id: organization, assistant: assistant.slug };
  const { status, body } = await post({ url }, "retrain-trigger", order, service(stack));
  assert.equal(status, 200, JSON.stringify(body));
  assert.equal(body.results.length, 1, JSON.stringify(body));
  return body.results[0];
}

async function assertWhole({ stack, assistant }: Place): Promise<void> {
  const versions = await stack.database.query(
    "select id, manifest, manifest_sha256, samples from pawl.model_versions where assistant_id = $1",
    [assistant.id],
  );
  assert.equal(versions.length, 1);
  const [{ id, manifest, manifest_sha256, samples }] = versions;
  assert.equal(webhooks.get(id)?.size, 1, "webhooks of one version");
  const bytesAt = (path: string) => stack.storage.objects.get(`${BUCKET.id}/${path}`)!.bytes.slice();
  assert.equal(await sha256(bytesAt(`${assistant.id}/v1/manifest.json`)), manifest_sha256);
  const lines: string[] = [];
  for (const { path, sha256: expected } of manifest.parts) {
    assert.equal(await sha256(bytesAt(path)), expected, path);
    lines.push(...new TextDecoder().decode(bytesAt(path)).split("\n").slice(0, -1));
  }
  const [{ teach }] = await stack.database.query(
    "select count(*)::integer as teach from pawl.training_data where assistant_id = $1 and feedback_score >= 0.7",
    [assistant.id],
  );
  assert.deepEqual([lines.length, new Set(lines).size, samples], [teach, teach, teach]);
}

/** A version that its trainer is at. */
export async function order(place: Place): Promise<void> {
  await leaveFeedback(place);
  const attempt = asScheduledTrainer(place);
  let last: string | undefined;
  await place.steps.during(async () => {
    for (let calls = 0; last !== "over"; calls++) {
      assert.ok(calls < 5, `the dataset is never done: ${last}`);
      last = await attempt();
    }
  });
}

/** A trainer that calls back until it is heard; then a schedule, which puts the model into test if nobody has. */
export async function asTrainer(place: Place): Promise<Attempt> {
  const { stack, steps, assistant } = place;
  const [{ id, manifest, manifest_sha256 }] = await stack.database.query(
    "select id, manifest, manifest_sha256 from pawl.model_versions where assistant_id = $1",
    [assistant.id],
  );
  const parts = Object.fromEntries(
    manifest.parts.map(({ path, sha256 }: { path: string; sha256: string }) => [path, sha256]),
  );
  const body = {
    action: "callback",
    model_version_id: id,
    status: "succeeded",
    metrics: { eval_loss: 0.5 },
    dataset: { manifest_sha256, parts },
    base_url: "https://models.example.com",
    model: "tuned",
  };
  const callback = `msg_${crypto.randomUUID().replaceAll("-", "")}`;
  let isHeard = false;
  return async () => {
    if (!isHeard) {
      const url = await steps.url("retrain-trigger");
      const signature = signatureOf(SECRET, JSON.stringify(body), { id: callback });
      const { status, body: said }: Reply = await post({ url }, "retrain-trigger", body, signature);
      assert.ok(status === 200 || said.code === "callback_replayed", JSON.stringify(said));
      isHeard = true;
      return "again";
    }
    const { reason, status } = await run(place);
    if (/another call/iu.test(reason ?? "")) return "wait";
    assert.equal(status, "testing", reason);
    return /is in its test$/u.test(reason) ? "over" : "again";
  };
}

/** Somebody who has the dataset made again, and looks at what people say. */
export async function asAuditor({ stack, steps, organization, assistant }: Place): Promise<Attempt> {
  const [{ id }] = await stack.database.query("select id from pawl.model_versions where assistant_id = $1", [
    assistant.id,
  ]);
  return async () => {
    const url = await steps.url("retrain-trigger");
    const rebuilt = await post({ url }, "retrain-trigger", { action: "rebuild", model_version_id: id }, service(stack));
    assert.deepEqual([rebuilt.status, rebuilt.body.identical], [200, true], JSON.stringify(rebuilt.body));
    const about = { action: "analyze", organization_id: organization, assistant: assistant.slug, days: 365 };
    const analyzed = await post({ url }, "retrain-trigger", about, service(stack));
    assert.deepEqual([analyzed.status, analyzed.body.total_samples], [200, 120], JSON.stringify(analyzed.body));
    return "over";
  };
}
