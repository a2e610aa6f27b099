/** Failing on demand: which behaviour the next requests get, as tests set it. What each one does: failures.ts. */
import { invalid } from "./refusal.ts";
import { isObject } from "./schema.ts";

export interface Fault {
  fault: FaultName;
  /** The kind of request it is for; one with a schema to fit is structured. */
  of: "chat" | "structured" | "any";
  /** How many requests it is still for. */
  times: number | "always";
  /** Text deltas that a stream sends before; a refusal in one piece too. */
  after?: number;
  /** Milliseconds. */
  ms?: number;
  /** Seconds. */
  retry_after?: number;
  should_retry?: boolean;
}

export type FaultName = keyof typeof FIELDS;

/** What an entry may say beside `of` and `times`. */
const FIELDS = {
  ok: [],
  rate_limit: ["retry_after", "should_retry"],
  spend_limit: [],
  overloaded: ["retry_after"],
  server_error: [],
  timeout: [],
  disconnect: [],
  cut: ["after"],
  stall: ["after"],
  end_early: ["after"],
  error_event: ["after"],
  malformed: ["after"],
  refusal: ["after"],
  empty: [],
  blank: [],
  max_tokens: [],
  unknown_blocks: [],
  tool_use: [],
  hold: ["after"],
  slow: ["ms"],
} as const satisfies Record<string, (keyof typeof CHECKS)[]>;

/** Takes the first fault for such a request: there is no other moment in which somebody else could take it too. */
export function takeFault(faults: Fault[], kind: "chat" | "structured"): Fault | null {
  const index = faults.findIndex(({ of }) => of === kind || of === "any");
  if (index === -1) return null;
  const fault = faults[index];
  if (fault.times !== "always") fault.times--;
  if (fault.times === 0) faults.splice(index, 1);
  return fault;
}

export function readFaults(body: string): Fault[] {
  const entries = parse(body);
  if (!Array.isArray(entries)) throw invalid("faults: Input should be a list");
  return entries.map((entry, index) => readFault(entry, `faults.${index}`));
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw invalid("The request body is not valid JSON");
  }
}

function readFault(entry: unknown, path: string): Fault {
  if (!isObject(entry)) throw invalid(`${path}: Input should be an object`);
  const { fault, of = "chat", times = 1, ...rest } = entry;
  if (!isFaultName(fault)) {
    throw invalid(`${path}.fault: Input should be one of ${Object.keys(FIELDS).join(", ")}`);
  }
  if (of !== "chat" && of !== "structured" && of !== "any") {
    throw invalid(`${path}.of: Input should be "chat", "structured" or "any"`);
  }
  if (times !== "always" && !isWhole(times, 1)) {
    throw invalid(`${path}.times: Input should be a whole number of at least 1, or "always"`);
  }
  return { fault, of, times, ...readFields(fault, rest, path) };
}

function readFields(fault: FaultName, given: Record<string, unknown>, path: string): Record<string, unknown> {
  const allowed: readonly string[] = FIELDS[fault];
  for (const [field, value] of Object.entries(given)) {
    if (!allowed.includes(field)) throw invalid(`${path}.${field}: Extra inputs are not permitted for "${fault}"`);
    const { fits, wanted } = CHECKS[field as keyof typeof CHECKS];
    if (!fits(value)) throw invalid(`${path}.${field}: Input should be ${wanted}`);
  }
  if (fault === "slow" && given.ms === undefined) throw invalid(`${path}.ms: Field required`);
  // A refusal has no text unless asked for.
  return allowed.includes("after") ? { after: fault === "refusal" ? 0 : 1, ...given } : given;
}

const CHECKS = {
  after: { fits: (value: unknown) => isWhole(value, 0), wanted: "a whole number of at least 0" },
  ms: { fits: (value: unknown) => isWhole(value, 0), wanted: "a whole number of at least 0" },
  retry_after: { fits: (value: unknown) => isWhole(value, 0), wanted: "a whole number of at least 0" },
  should_retry: { fits: (value: unknown) => typeof value === "boolean", wanted: "a boolean" },
};

function isFaultName(name: unknown): name is FaultName {
  return typeof name === "string" && Object.hasOwn(FIELDS, name);
}

function isWhole(value: unknown, least: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least;
}
