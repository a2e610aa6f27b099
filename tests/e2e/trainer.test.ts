/** The worked trainer by itself: it believes no stranger, checks what it downloads, and works on an order once. */
import assert from "node:assert/strict";
import { makeStorage } from "../../scripts/local/storage.ts";
import { makeKeys } from "../../scripts/local/supabase.ts";
import { type Order, type Outcome, sha256, signatureOf, startTrainer, type Trainer } from "./trainer.ts";

const SECRET = `whsec_${crypto.getRandomValues(new Uint8Array(24)).toBase64()}`;
const LINE = '{"messages":[{"role":"system","content":"Be kind."},{"role":"user","content":"Hi"},' +
  '{"role":"assistant","content":"Hello"}]}\n';

interface Place {
  trainer: Trainer;
  order: Order;
  storage: ReturnType<typeof makeStorage>;
  /** What Pawl got: a callback's body. */
  // deno-lint-ignore no-explicit-any -- as it came
  heard: { body: any; headers: Headers; text: string }[];
  deliver(id?: string, secret?: string, at?: Date): Promise<number>;
}

/** The stand-in for Storage, and somebody in Pawl's place who hears the callbacks. */
async function onTrainer(act: (place: Place) => Promise<void>): Promise<void> {
  const keys = makeKeys();
  const storage = makeStorage(keys);
  const heard: Place["heard"] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    if (new URL(request.url).pathname.startsWith("/storage/v1/")) return await storage.fetch(request);
    const text = await request.text();
    heard.push({ body: JSON.parse(text), headers: request.headers, text });
    return Response.json({ status: "trained" });
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  const trainer = startTrainer({
    secret: SECRET,
    training: (): Outcome[] => [
      { status: "accepted" },
      { status: "succeeded", metrics: { eval_loss: 0.5 }, base_url: "http://127.0.0.1:1", model: "tuned_good" },
    ],
  });
  try {
    const send = async (path: string, body: string) => {
      const headers = { apikey: keys.secretKey, "content-type": "application/json", "x-upsert": "true" };
      return await (await fetch(`${url}/storage/v1/${path}`, { method: "POST", headers, body })).json();
    };
    await send("bucket", '{"name": "training"}');
    const store = async (path: string, body: string) => {
      await send(`object/training/${path}`, body);
      return url + "/storage/v1" + (await send(`object/sign/training/${path}`, '{"expiresIn": 60}')).signedURL;
    };
    const bytes = new TextEncoder().encode(LINE + LINE);
    const part = { path: "a/v1/train-00001.jsonl", split: "train" as const, rows: 2, bytes: bytes.length };
    const order: Order = {
      type: "training.requested",
      model_version_id: crypto.randomUUID(),
      version: "v1",
      model_name: "default",
      base_model: "claude-sonnet-5-5",
      samples: 2,
      manifest_url: await store("a/v1/manifest.json", '{"format": "pawl-dataset/1"}'),
      manifest_sha256: await sha256(new TextEncoder().encode('{"format": "pawl-dataset/1"}')),
      parts: [{ ...part, sha256: await sha256(bytes), url: await store(part.path, LINE + LINE) }],
      callback_url: `${url}/functions/v1/retrain-trigger`,
      expires_at: "2200-01-01T00:00:00Z",
    };
    const deliver = async (id = "msg_1", secret = SECRET, at = new Date()) => {
      const body = JSON.stringify(order);
      const headers = { "content-type": "application/json", ...signatureOf(secret, body, { id, at }) };
      const response = await fetch(trainer.url, { method: "POST", headers, body });
      await response.body?.cancel();
      await trainer.idle();
      return response.status;
    };
    await act({ trainer, order, storage, heard, deliver });
  } finally {
    await trainer.stop();
    await server.shutdown();
  }
}

Deno.test("an order is downloaded, checked, worked on once and called back about, signed [catches: two trainings]", () =>
  onTrainer(async ({ trainer, order, heard, deliver }) => {
    assert.deepEqual([await deliver(), await deliver()], [202, 202]);
    assert.deepEqual(heard.map(({ body }) => body.status), ["accepted", "succeeded"]);
    const { body, headers, text } = heard[1];
    assert.deepEqual(body, {
      action: "callback",
      model_version_id: order.model_version_id,
      status: "succeeded",
      metrics: { eval_loss: 0.5 },
      base_url: "http://127.0.0.1:1",
      model: "tuned_good",
      dataset: {
        manifest_sha256: await sha256(new TextEncoder().encode('{"format": "pawl-dataset/1"}')),
        parts: { "a/v1/train-00001.jsonl": order.parts[0].sha256 },
      },
    });
    const at = new Date(Number(headers.get("webhook-timestamp")) * 1000);
    const again = signatureOf(SECRET, text, { id: headers.get("webhook-id")!, at });
    assert.equal(headers.get("webhook-signature"), again["webhook-signature"]);
    assert.equal(trainer.datasets[0].dataset.train.length, 2);
  }));

Deno.test("a stranger's order, or an old one, is none [catches: a trainer for anybody]", () =>
  onTrainer(async ({ heard, deliver }) => {
    const other = `whsec_${btoa("another secret, another")}`;
    assert.equal(await deliver("msg_1", other), 401);
    assert.equal(await deliver("msg_2", SECRET, new Date(Date.now() - 400_000)), 401);
    assert.deepEqual(heard, []);
  }));

Deno.test("a part that is gone, or is not what was ordered, fails the training [catches: tuned on anything]", () =>
  onTrainer(async ({ order, storage, heard, deliver }) => {
    const key = "training/a/v1/train-00001.jsonl";
    const stored = storage.objects.get(key)!;
    storage.objects.set(key, { ...stored, bytes: stored.bytes.slice(1) });
    await deliver("msg_1");
    storage.objects.delete(key);
    await deliver("msg_2");
    storage.objects.set(key, stored);
    order.parts[0].rows = 3;
    await deliver("msg_3");
    assert.deepEqual(heard.map(({ body }) => [body.status, body.error]), [
      ["failed", "part_changed"],
      ["failed", "part_not_found"],
      ["failed", "part_incomplete"],
    ]);
  }));
