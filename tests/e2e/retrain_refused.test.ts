/** What retraining does not take: callbacks that are nobody's or not right, and strangers' orders, change nothing. */
import assert from "node:assert/strict";
import { type Assistant, join, liveVersion } from "./assistants.ts";
import { proveThrough } from "./promotion_ground.ts";
import {
  callBack,
  FEW,
  type Model,
  modelsOf,
  onSchool,
  retrain,
  type School,
  SMALL,
  teach,
  train,
} from "./retrain_ground.ts";
import { assertError, bearing, leavesNoTrace, mint, post, service } from "./scene.ts";
import { signatureOf } from "./trainer.ts";

/** A call is on record whatever became of it. */
const RECORDS = ["agent_runs", "agent_traces", "tool_calls"];

/** A version that its trainer has accepted, and what it would say of it in the end. */
async function accepted(
  school: School,
): Promise<{ assistant: Assistant; model: Model; said: Record<string, unknown> }> {
  const { stack, trainer, provider } = school;
  const assistant = await teach(stack, SMALL);
  const training = trainer.training;
  trainer.training = () => [{ status: "accepted" }];
  const model = await train(school, assistant);
  trainer.training = training;
  assert.equal(model.status, "training");
  const { dataset } = trainer.datasets.at(-1)!;
  const said = {
    action: "callback",
    model_version_id: model.id,
    status: "succeeded",
    metrics: { eval_loss: 0.4, win_rate: 0.6 },
    dataset: dataset.checked,
    base_url: provider.url,
    model: "tuned_good",
  };
  return { assistant, model, said };
}

Deno.test("callbacks", (test) =>
  onSchool(FEW, async (school) => {
    const { stack, secret } = school;
    const { assistant, model, said } = await accepted(school);
    // deno-lint-ignore no-explicit-any -- as it is sent
    const dataset = said.dataset as any;
    const [part] = Object.keys(dataset.parts);
    const body = JSON.stringify(said);
    const now = () => signatureOf(secret, body);
    const ago = (seconds: number) => ({ at: new Date(Date.now() - 1000 * seconds) });

    const refusals: [name: string, say: () => Promise<unknown>, ...expected: [number, string, RegExp?]][] = [
      ["without a signature", () => callBack(school, said, { headers: {} }), 401, "signature_missing"],
      [
        "with the secret key instead",
        () => post(stack, "retrain-trigger", said, service(stack)),
        401,
        "signature_missing",
      ],
      [
        "with half a signature",
        () => {
          const { "webhook-timestamp": _, ...half } = now();
          return callBack(school, said, { headers: half });
        },
        401,
        "signature_missing",
      ],
      [
        "of another secret",
        () => callBack(school, said, { secret: `whsec_${btoa("k".repeat(32))}` }),
        401,
        "signature_wrong",
      ],
      [
        "of another body",
        () => callBack(school, { ...said, model: "other" }, { headers: now() }),
        401,
        "signature_wrong",
      ],
      [
        "of another id",
        () => {
          return callBack(school, said, { headers: { ...now(), "webhook-id": "msg_other" } });
        },
        401,
        "signature_wrong",
      ],
      [
        "of another time",
        () => {
          const headers = { ...now(), "webhook-timestamp": `${Math.floor(Date.now() / 1000) - 5}` };
          return callBack(school, said, { headers });
        },
        401,
        "signature_wrong",
      ],
      ["five minutes late", () => callBack(school, said, ago(310)), 400, "callback_stale"],
      ["five minutes early", () => callBack(school, said, ago(-310)), 400, "callback_stale"],
      [
        "of no version",
        () => {
          return callBack(school, { ...said, model_version_id: crypto.randomUUID() });
        },
        404,
        "model_version_not_found",
      ],
      [
        "with a loss below nothing",
        () => {
          return callBack(school, { ...said, metrics: { eval_loss: -1 } });
        },
        422,
        "metrics_out_of_range",
        /eval_loss/u,
      ],
      [
        "with a rate above one",
        () => {
          return callBack(school, { ...said, metrics: { eval_loss: 1, win_rate: 1.01 } });
        },
        422,
        "metrics_out_of_range",
        /win_rate/u,
      ],
      [
        "with a metric that is no number",
        () => {
          return callBack(school, { ...said, metrics: { accuracy: "high" } });
        },
        422,
        "metrics_out_of_range",
        /accuracy/u,
      ],
      [
        "without a part",
        () => {
          const { [part]: _, ...others } = dataset.parts;
          return callBack(school, { ...said, dataset: { ...dataset, parts: others } });
        },
        422,
        "dataset_part_missing",
        new RegExp(part, "u"),
      ],
      [
        "of another part",
        () => {
          const parts = { ...dataset.parts, [part]: "0".repeat(64) };
          return callBack(school, { ...said, dataset: { ...dataset, parts } });
        },
        422,
        "dataset_changed",
        new RegExp(part, "u"),
      ],
      [
        "of another manifest",
        () => {
          return callBack(school, { ...said, dataset: { ...dataset, manifest_sha256: "0".repeat(64) } });
        },
        422,
        "dataset_changed",
        /manifest/u,
      ],
      [
        "of a model at another host",
        () => {
          return callBack(school, { ...said, base_url: "https://elsewhere.example.com" });
        },
        422,
        "model_not_allowed",
      ],
      [
        "of a model without encryption",
        () => {
          return callBack(school, { ...said, base_url: "http://models.example.com" });
        },
        422,
        "model_not_allowed",
      ],
      [
        "without what was trained on",
        () => callBack(school, { ...said, dataset: undefined }),
        400,
        "invalid_request",
        /dataset/u,
      ],
      [
        "with a status of its own",
        () => callBack(school, { ...said, status: "great" }),
        400,
        "invalid_request",
        /status/u,
      ],
      [
        "with a field of nobody's",
        () => callBack(school, { ...said, deployed: true }),
        400,
        "invalid_request",
        /deployed/u,
      ],
    ];
    for (const [name, say, status, code, message] of refusals) {
      await test.step(`${name}: ${status} ${code}, and nothing changes [catches: a callback for anybody]`, async () => {
        const reply = await leavesNoTrace(stack, say, RECORDS);
        assertError(reply as never, status, code, message);
      });
    }

    await test.step("twice at once it counts once, and the other is told [catches: two tests]", async () => {
      const id = `msg_${crypto.randomUUID().replaceAll("-", "")}`;
      const replies = await Promise.all([1, 2, 3].map(() => callBack(school, said, { id })));
      assert.deepEqual(replies.map(({ status }) => status).sort(), [200, 409, 409]);
      for (const reply of replies.filter(({ status }) => status === 409)) {
        assertError(reply, 409, "callback_replayed");
      }
      const later = await leavesNoTrace(stack, () => callBack(school, said, { id }), RECORDS);
      assertError(later, 409, "callback_replayed");
      const results = await stack.database.query(
        "select eval_type from pawl.eval_results where model_version_id = $1 order by 1",
        [model.id],
      );
      assert.deepEqual(results.map(({ eval_type }) => eval_type), ["eval_loss", "win_rate"]);
      await retrain(stack, assistant);
      assert.equal((await modelsOf(stack, assistant))[0].status, "testing");
    });

    await test.step("of a version that is done: 409 not_training, and nothing changes [catches: a model swapped after its test]", async () => {
      assert.equal((await proveThrough(stack, assistant)).did, "promoted");
      const late = { ...said, model: "tuned_worse" };
      assertError(await leavesNoTrace(stack, () => callBack(school, late), RECORDS), 409, "not_training");
      const failed = { action: "callback", model_version_id: model.id, status: "failed", error: "oops" };
      assertError(await leavesNoTrace(stack, () => callBack(school, failed), RECORDS), 409, "not_training");
      assert.equal(await liveVersion(stack, assistant), 2);
    });
  }));

Deno.test("others than the schedule and those who steer", (test) =>
  onSchool(FEW, async ({ stack }) => {
    const assistant = await teach(stack, SMALL);
    const [member, admin] = [crypto.randomUUID(), crypto.randomUUID()];
    await join(stack, assistant.organization, member);
    await join(stack, assistant.organization, admin, "admin");
    const as = (sub: string) => bearing(stack, mint(stack.jwtSecret, { sub }));
    const order = { organization_id: assistant.organization, assistant: assistant.slug };
    const ask = (action: string, headers: Record<string, string>) =>
      post(stack, "retrain-trigger", { action, ...order }, headers);

    await test.step("may not run it, nor look [catches: a dataset for members]", async () => {
      for (const headers of [{}, { apikey: stack.publishableKey }, as(member)]) {
        for (const action of ["run", "analyze"]) {
          const { status } = await leavesNoTrace(stack, () => ask(action, headers), RECORDS);
          assert.ok([401, 403].includes(status), `${action}: ${status}`);
        }
      }
      assert.equal((await ask("analyze", as(admin))).status, 200);
    });

    await test.step("and what is asked for must make sense [catches: a default for everything]", async () => {
      const cases: [Record<string, unknown>, RegExp][] = [
        [{ action: "train" }, /action/u],
        [{ action: "analyze", days: 0 }, /days/u],
        [{ action: "run", days: 7 }, /days/u],
        [{ action: "rebuild" }, /model_version_id/u],
        [{ action: "rebuild", model_version_id: "v1" }, /model_version_id|UUID|uuid/u],
      ];
      for (const [body, message] of cases) {
        const say = () => post(stack, "retrain-trigger", body, service(stack));
        assertError(await leavesNoTrace(stack, say, RECORDS), 400, "invalid_request", message);
      }
      const none = { action: "rebuild", model_version_id: crypto.randomUUID() };
      assertError(await post(stack, "retrain-trigger", none, service(stack)), 404, "model_version_not_found");
    });
  }));
