/**
 * A worked trainer: what stands between Pawl and a provider of fine-tuning. It takes the webhook, downloads the dataset,
 * checks every part of it, has a model tuned, and calls back. All but `Training`, which is made up, is what a real one
 * does; docs/retraining.md says it in words.
 *
 *     ML_WEBHOOK_SECRET=whsec_… MODEL_URL=https://models.example.com MODEL=my-tuned-model \
 *       scripts/local/deno run --allow-net --allow-env tests/e2e/trainer.ts
 */
import { Webhook, WebhookVerificationError } from "standardwebhooks";

/** What the webhook says. */
export interface Order {
  type: "training.requested";
  model_version_id: string;
  version: string;
  model_name: string;
  base_model: string;
  samples: number;
  /** This address, and those of the parts, are good until `expires_at` for whoever has them. */
  manifest_url: string;
  manifest_sha256: string;
  parts: Part[];
  callback_url: string;
  expires_at: string;
}

export interface Part {
  path: string;
  split: "train" | "held_out";
  rows: number;
  bytes: number;
  sha256: string;
  url: string;
}

/** A line of a part. */
export interface Example {
  messages: { role: "system" | "user" | "assistant"; content: string }[];
}

export interface Dataset {
  // deno-lint-ignore no-explicit-any -- the manifest is for people and for other programs
  manifest: any;
  train: Example[];
  heldOut: Example[];
  /** What was downloaded, for Pawl to compare. */
  checked: { manifest_sha256: string; parts: Record<string, string> };
}

/** What came of it, as the callback says it. */
export type Outcome =
  | { status: "accepted" }
  | { status: "succeeded"; metrics: Record<string, number>; base_url: string; model: string }
  | { status: "failed"; error: string };

/** Has a model tuned; says so as often as there is something to say, the end last. */
export type Training = (order: Order, dataset: Dataset) => AsyncIterable<Outcome> | Iterable<Outcome>;

export interface Trainer {
  /** What ML_WEBHOOK_URL should be. */
  url: string;
  /** Every webhook that came, with what was answered. */
  deliveries: Delivery[];
  /** What became of each callback, oldest first. */
  callbacks: Answered[];
  /** The datasets that were worked on. */
  datasets: { order: Order; dataset: Dataset }[];
  /** Answers a delivery itself; null leaves it to the trainer. */
  instead: ((delivery: Omit<Delivery, "status">) => Response | null | Promise<Response | null>) | null;
  /** Is called from the next order on. */
  training: Training;
  /** Resolves when no order is being worked on. */
  idle(): Promise<void>;
  stop(): Promise<void>;
}

export interface Delivery {
  id: string | null;
  body: string;
  status: number;
}

export interface Answered {
  sent: Record<string, unknown>;
  status: number;
  // deno-lint-ignore no-explicit-any -- a status, or an error
  body: any;
}

export interface TrainerOptions {
  /** ML_WEBHOOK_SECRET. */
  secret: string;
  training: Training;
  /** 0, the default, picks a free one. */
  port?: number;
}

export function startTrainer({ secret, training, port = 0 }: TrainerOptions): Trainer {
  // A webhook may come more than once: the same id is the same order.
  const taken = new Set<string>();
  const underWay = new Set<Promise<void>>();
  const answerTo = (id: string | null, body: string, headers: Headers): Response => {
    const order = verified(secret, body, headers);
    if (!order) return new Response("the signature is not good", { status: 401 });
    if (!taken.has(id!)) {
      taken.add(id!);
      const working = work(order, secret, trainer).catch((error) => console.error(`trainer: ${error}`));
      underWay.add(working);
      working.finally(() => underWay.delete(working));
    }
    // At once: training takes hours, and Pawl waits seconds.
    return new Response(null, { status: 202 });
  };
  const server = Deno.serve({ port, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const [id, body] = [request.headers.get("webhook-id"), await request.text()];
    const response = await trainer.instead?.({ id, body }) ?? answerTo(id, body, request.headers);
    trainer.deliveries.push({ id, body, status: response.status });
    return response;
  });
  const trainer: Trainer = {
    url: `http://127.0.0.1:${server.addr.port}/train`,
    deliveries: [],
    callbacks: [],
    datasets: [],
    instead: null,
    training,
    idle: async () => {
      while (underWay.size > 0) await Promise.all(underWay);
    },
    stop: async () => {
      await trainer.idle();
      await server.shutdown();
    },
  };
  return trainer;
}

/** Null where the signature is not that of our secret, or five minutes old. */
function verified(secret: string, body: string, headers: Headers): Order | null {
  try {
    return new Webhook(secret).verify(body, Object.fromEntries(headers)) as Order;
  } catch (error) {
    if (error instanceof WebhookVerificationError) return null;
    throw error;
  }
}

async function work(order: Order, secret: string, trainer: Trainer): Promise<void> {
  const say = async (outcome: Outcome, dataset?: Dataset) => {
    const sent = { action: "callback", model_version_id: order.model_version_id, ...outcome };
    const whole = outcome.status === "succeeded" ? { ...sent, dataset: dataset?.checked } : sent;
    trainer.callbacks.push(await callBack(order.callback_url, secret, whole));
  };
  let dataset: Dataset;
  try {
    dataset = await download(order);
  } catch (error) {
    if (!(error instanceof BadPart)) throw error;
    return await say({ status: "failed", error: error.code });
  }
  trainer.datasets.push({ order, dataset });
  for await (const outcome of trainer.training(order, dataset)) await say(outcome, dataset);
}

class BadPart extends Error {
  constructor(readonly code: string, path: string) {
    super(`${code}: ${path}`);
  }
}

/** Every part as it was ordered, or none of it. */
export async function download(order: Order): Promise<Dataset> {
  const manifest = await bytesOf(order.manifest_url, "manifest.json");
  const checked: Dataset["checked"] = { manifest_sha256: await sha256(manifest), parts: {} };
  if (checked.manifest_sha256 !== order.manifest_sha256) throw new BadPart("part_changed", "manifest.json");
  const dataset: Dataset = { manifest: JSON.parse(text(manifest)), train: [], heldOut: [], checked };
  for (const { path, split, rows, sha256: expected, url } of order.parts) {
    const part = await bytesOf(url, path);
    checked.parts[path] = await sha256(part);
    if (checked.parts[path] !== expected) throw new BadPart("part_changed", path);
    const examples = text(part).split("\n").slice(0, -1).map((line): Example => JSON.parse(line));
    if (examples.length !== rows) throw new BadPart("part_incomplete", path);
    dataset[split === "train" ? "train" : "heldOut"].push(...examples);
  }
  return dataset;
}

async function bytesOf(url: string, path: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(url);
  if (response.ok) return await response.bytes();
  await response.body?.cancel();
  throw new BadPart("part_not_found", path);
}

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

function text(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}

/** What a callback carries to be believed; the same `id` again is the same callback. */
export function signatureOf(
  secret: string,
  body: string,
  { id = `msg_${crypto.randomUUID().replaceAll("-", "")}`, at = new Date() }: { id?: string; at?: Date } = {},
): Record<string, string> {
  return {
    "webhook-id": id,
    "webhook-timestamp": `${Math.floor(at.getTime() / 1000)}`,
    "webhook-signature": new Webhook(secret).sign(id, at, body),
  };
}

/** Again, with the same id, while nobody answers: one that was heard and not answered is then refused as known. */
async function callBack(url: string, secret: string, sent: Record<string, unknown>): Promise<Answered> {
  const body = JSON.stringify(sent);
  const id = `msg_${crypto.randomUUID().replaceAll("-", "")}`;
  for (let tries = 1;; tries++) {
    const headers = { "content-type": "application/json", ...signatureOf(secret, body, { id }) };
    const response = await fetch(url, { method: "POST", headers, body }).catch(() => null);
    const said = await response?.text().catch(() => null) ?? null;
    if (response && said !== null && response.status < 500) {
      return { sent, status: response.status, body: JSON.parse(said) };
    }
    if (tries === MOST_TRIES) throw new Error("nobody answers the callback");
    await new Promise((resolve) => setTimeout(resolve, 100 * 2 ** tries));
  }
}

const MOST_TRIES = 6;

if (import.meta.main) {
  const needed = (name: string) => Deno.env.get(name) ?? Deno.exit((console.error(`${name} is not set`), 2));
  const [secret, base_url, model] = ["ML_WEBHOOK_SECRET", "MODEL_URL", "MODEL"].map(needed);
  const training: Training = function* (order, { train, heldOut }) {
    console.log(`${order.version} of ${order.model_name}: ${train.length} examples, ${heldOut.length} held out`);
    yield { status: "succeeded", metrics: { eval_loss: 0.5 }, base_url, model };
  };
  console.log(`ML_WEBHOOK_URL=${startTrainer({ secret, training, port: Number(Deno.env.get("PORT") ?? 0) }).url}`);
}
