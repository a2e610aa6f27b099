/** An answer on its way to the client: what is sent, in steps, and what happens between them. */
import type { ServerResponse } from "node:http";
import { setTimeout as pause } from "node:timers/promises";

export interface Answer {
  /** Leaves with the first piece of the body. */
  status: number;
  headers: Record<string, string>;
  steps: Step[];
}

export type Step =
  | { send: string }
  /** Milliseconds. */
  | { wait: number }
  /** Until a test releases what is held. */
  | "hold"
  /** Until the client goes away. */
  | "hang"
  /** The connection breaks: as a first step, before any byte of an answer. */
  | "break";

export function jsonAnswer(status: number, body: string, headers: Record<string, string> = {}): Answer {
  const length = `${new TextEncoder().encode(body).byteLength}`;
  return {
    status,
    headers: { "content-type": "application/json", "content-length": length, ...headers },
    steps: [{ send: body }],
  };
}

/** As the API tells of a request that it does not answer. */
export function errorAnswer(
  status: number,
  error: { type: string; message: string; details?: unknown },
  requestId: string,
  headers: Record<string, string> = {},
): Answer {
  return jsonAnswer(status, JSON.stringify({ type: "error", error, request_id: requestId }), headers);
}

/** What tests can see of a delivery. */
export interface Progress {
  /** Null as long as nothing has been answered. */
  status: number | null;
  /** All that the stand-in had to send is sent. */
  finished: boolean;
  /** The client went away before that. */
  aborted: boolean;
}

/** A function for each held answer, which lets it go on. */
export type Held = Set<() => void>;

export function release(held: Held): number {
  const released = held.size;
  for (const letGo of held) letGo();
  held.clear();
  return released;
}

export async function deliver(answer: Answer, response: ServerResponse, held: Held, progress: Progress): Promise<void> {
  const closing = new AbortController();
  const gone = rejectedBy(closing.signal);
  response.once("close", () => closing.abort());
  if (response.destroyed) closing.abort();
  // Held from the start, so that a release finds it however far it has come.
  const { promise: released, resolve: letGo } = Promise.withResolvers<void>();
  if (answer.steps.includes("hold")) held.add(letGo);
  try {
    await Promise.race([play(answer, response, { released, gone, signal: closing.signal }, progress), gone]);
  } catch (error) {
    if (!response.destroyed) throw error;
    progress.aborted = !progress.finished;
  } finally {
    held.delete(letGo);
  }
}

interface Pauses {
  released: Promise<void>;
  /** Never resolves; rejects when the client is gone, as `signal` says it too. */
  gone: Promise<never>;
  signal: AbortSignal;
}

async function play(
  { status, headers, steps }: Answer,
  response: ServerResponse,
  { released, gone, signal }: Pauses,
  progress: Progress,
): Promise<void> {
  for (const step of steps) {
    if (step === "hang") await gone;
    else if (step === "hold") await released;
    else if (step === "break") return breakOff(response, progress);
    else if ("wait" in step) await pause(step.wait, undefined, { signal });
    else {
      if (!response.headersSent) response.writeHead(status, { ...headers, ...EVERYWHERE });
      progress.status = status;
      await write(response, step.send);
    }
  }
  await new Promise<void>((resolve) => response.end(resolve));
  progress.finished = true;
}

/** One request a connection: no client tries one on a connection that is about to be closed. */
const EVERYWHERE = { "x-pawl-simulated": "true", connection: "close" };

function breakOff(response: ServerResponse, progress: Progress): void {
  progress.finished = true;
  response.destroy();
}

/** Resolves when the connection has taken the text, so that a break after it does not swallow it. */
function write(response: ServerResponse, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    response.write(text, (error) => error ? reject(error) : resolve());
  });
}

function rejectedBy(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
}
