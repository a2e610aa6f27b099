/** The stand-in in a thread of its own, for runs in which it answers more than one thread could beside everything else. */
/// <reference lib="deno.worker" />
import { type StandInOptions, startStandIn } from "../../scripts/local/model/server.ts";

/** Its address, and what ends it. */
export async function startOwnModel(options: StandInOptions): Promise<{ url: string; stop: () => void }> {
  const worker = new Worker(import.meta.url, { type: "module" });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = ({ message }) => reject(new Error(message));
  worker.postMessage(options);
  return { url: await promise, stop: () => worker.terminate() };
}

// Loaded as a worker it is the other side.
if (typeof WorkerGlobalScope !== "undefined" && self instanceof WorkerGlobalScope) {
  self.onmessage = ({ data }: MessageEvent<StandInOptions>) => self.postMessage(startStandIn(data).url);
}
