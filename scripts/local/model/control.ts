/** The stand-in's own endpoints, through which tests look at it and make it fail. */
import { type Answer, type Held, jsonAnswer, type Progress, release } from "./delivery.ts";
import { type Fault, readFaults } from "./faults.ts";
import { type Noise, readNoise, type Times } from "./noise.ts";
import { invalid, Refusal } from "./refusal.ts";

/** A request as it came in, and what became of it. */
export interface KeptRequest extends Progress {
  body: string;
  /** The name of the fault that it took. */
  fault: string | null;
}

export interface Controls {
  kept: KeptRequest[];
  faults: Fault[];
  held: Held;
  /** Answers come in formats also where none is asked for. */
  variety: boolean;
  /** Null: the same request always gets the same answer. */
  noise: Noise | null;
  /** Since the noise was set. */
  times: Times;
  /** The judge falls for praise. */
  gullible: boolean;
}

/** Null for a path that is none of these. */
export function control(method: string, path: string, body: string, controls: Controls): Answer | null {
  try {
    const endpoint = ENDPOINTS[path];
    return endpoint ? jsonAnswer(200, JSON.stringify(endpoint(method, controls, body))) : null;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { status, type, message } = error;
    return jsonAnswer(status, JSON.stringify({ type: "error", error: { type, message } }));
  }
}

const ENDPOINTS: Record<string, (method: string, controls: Controls, body: string) => unknown> = {
  "/_standin/requests"(method, { kept }) {
    if (method === "DELETE") kept.length = 0;
    return kept;
  },
  "/_standin/faults"(method, { faults }, body) {
    if (method === "PUT") faults.splice(0, faults.length, ...readFaults(body));
    else if (method === "DELETE") faults.length = 0;
    else if (method !== "GET") throw notAllowed(method);
    return faults;
  },
  "/_standin/release"(method, { held }) {
    if (method !== "POST") throw notAllowed(method);
    return { released: release(held) };
  },
  "/_standin/variety": (method, controls, body) => switched("variety", method, controls, body),
  "/_standin/gullible": (method, controls, body) => switched("gullible", method, controls, body),
  "/_standin/noise"(method, controls, body) {
    if (method !== "GET" && method !== "PUT") throw notAllowed(method);
    if (method === "PUT") {
      controls.noise = readNoise(body);
      controls.times.clear();
    }
    return controls.noise;
  },
};

function switched(name: "variety" | "gullible", method: string, controls: Controls, body: string): boolean {
  if (method !== "GET" && method !== "PUT") throw notAllowed(method);
  if (method === "PUT") {
    if (body !== "true" && body !== "false") throw invalid(`${name}: true or false`);
    controls[name] = body === "true";
  }
  return controls[name];
}

function notAllowed(method: string): Refusal {
  return new Refusal(405, "invalid_request_error", `Method Not Allowed: ${method}`);
}
