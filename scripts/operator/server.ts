/** The project: SQL functions for what is looked at, prompt-updater for what is decided. */
import type { Change } from "./answers.ts";
import type { Place } from "./place.ts";
import { EXIT, Problem } from "./problem.ts";
import type { Verification } from "./proof_answers.ts";
import type { Rebuilt, Retrained } from "./training_answers.ts";

export interface Answer<T> {
  /** As the server wrote it. */
  text: string;
  body: T;
}

export interface Server {
  place: Place;
  /** Calls a function that changes nothing. */
  read<T>(rpc: string, parameters: Record<string, unknown>): Promise<Answer<T>>;
  /** Has prompt-updater carry out a decision. */
  decide(decision: Record<string, unknown>): Promise<Answer<Change>>;
  /** Has prompt-updater decide once more what a receipt says was decided. */
  verify(which: Record<string, unknown>): Promise<Answer<Verification>>;
  /** Has retrain-trigger do what is due. */
  retrain(which: Record<string, unknown>): Promise<Answer<Retrained>>;
  /** Has retrain-trigger make parts of a dataset again. */
  rebuild(which: Record<string, unknown>): Promise<Answer<Rebuilt>>;
}

export function connect(place: Place, timeoutMs: number): Server {
  const post = (path: string, body: unknown) => ask(place, path, body, timeoutMs);
  return {
    place,
    read: async <T>(rpc: string, parameters: Record<string, unknown>) => {
      const answer = await post(`/rest/v1/rpc/${rpc}`, parameters);
      const body = answer.body as T & { outcome?: string };
      if (body.outcome === undefined) throw strange(place);
      if (body.outcome !== "ok") {
        throw new Problem(EXIT.failed, body.outcome, REFUSALS[body.outcome] ?? body.outcome);
      }
      return { text: answer.text, body };
    },
    decide: async (decision) => {
      const answer = await post("/functions/v1/prompt-updater", decision).catch(
        doubted("It may have been carried out all the same: see `logs` before you repeat it."),
      );
      const body = answer.body as unknown as Change;
      if (!body.action || !body.changed) throw strange(place);
      return { text: answer.text, body };
    },
    verify: async (which) => {
      const answer = await post("/functions/v1/prompt-updater", { action: "verify_receipt", ...which });
      const body = answer.body as unknown as Verification;
      if (typeof body.matches !== "boolean") throw strange(place);
      return { text: answer.text, body };
    },
    retrain: async (which) => {
      const answer = await post("/functions/v1/retrain-trigger", { action: "run", ...which }).catch(
        doubted("It may be at work all the same: see `models`. To call it once more does no harm."),
      );
      const body = answer.body as unknown as Retrained;
      if (!Array.isArray(body.results)) throw strange(place);
      return { text: answer.text, body };
    },
    rebuild: async (which) => {
      const answer = await post("/functions/v1/retrain-trigger", { action: "rebuild", ...which });
      const body = answer.body as unknown as Rebuilt;
      if (!Array.isArray(body.parts)) throw strange(place);
      return { text: answer.text, body };
    },
  };
}

/** What was sent may have arrived. */
function doubted(doubt: string): (problem: Problem) => never {
  return (problem) => {
    if (!["no_answer", "unavailable", "database_unavailable"].includes(problem.code)) throw problem;
    throw new Problem(problem.exit, problem.code, `${problem.message} ${doubt}`, problem.more);
  };
}

/** The functions that read answer with a code alone. */
const REFUSALS: Record<string, string> = {
  unauthorized: "The token is nobody's: sign in anew, or use the secret key.",
  user_not_allowed: "Only the secret key acts for somebody else (--as).",
  organization_required: "There are several organisations: say which one you mean with --organization.",
  organization_not_found: "There is no such organisation, or not for you.",
  forbidden: "Only admins and owners of the organisation may do this.",
  assistant_not_found: "The organisation has no assistant of this name.",
  version_not_found: "The assistant has no such version.",
  receipt_not_found: "There is no such receipt, or not for you.",
};

interface Received {
  text: string;
  body: Record<string, unknown>;
}

async function ask(place: Place, path: string, sent: unknown, timeoutMs: number): Promise<Received> {
  const { status, ok, text } = await exchange(place, path, sent, timeoutMs);
  const body = parse(text);
  if (ok && body) return { text: text.trim(), body };
  if (status < 400 || !body) {
    throw status >= 502 && status <= 504 ? unavailable(place, status) : strange(place, `status ${status}`);
  }
  const { code, message, request_id } = body;
  const more = request_id === undefined ? {} : { request_id };
  if (status >= 502 && status <= 504) {
    if (typeof message !== "string") throw unavailable(place, status);
    throw new Problem(EXIT.unreachable, String(code ?? "unavailable"), message, more);
  }
  if (code === "PGRST202") {
    const missing = `${place.url} has no ${
      path.split("/").at(-1)
    }: Pawl is not installed there, or in another version.`;
    throw new Problem(EXIT.failed, "not_installed", missing);
  }
  // A function words its own refusals; a gateway's and PostgREST's speak of headers and of rights in SQL.
  if ((status === 401 || status === 403) && request_id === undefined) {
    throw new Problem(EXIT.failed, "unauthorized", `${place.url} does not accept the key (or the token).`);
  }
  throw new Problem(EXIT.failed, String(code ?? `http_${status}`), String(message ?? `status ${status}`), more);
}

async function exchange(place: Place, path: string, sent: unknown, timeoutMs: number) {
  try {
    const response = await fetch(place.url + path, {
      method: "POST",
      headers: { ...place.headers, "content-type": "application/json" },
      body: JSON.stringify(sent),
      // Followed, it would take the key to wherever it points.
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    return {
      status: response.status,
      ok: response.ok,
      text: await response.text(),
    };
  } catch (error) {
    if (error instanceof DOMException && error.name === "TimeoutError") {
      throw new Problem(EXIT.unreachable, "no_answer", `${place.url} did not answer in ${timeoutMs / 1000} s.`);
    }
    if (String((error as Error).cause).includes("(SendRequest)")) {
      throw new Problem(EXIT.unreachable, "no_answer", `${place.url} broke off the connection.`);
    }
    const hint = place.local ? " Is scripts/dev running?" : "";
    throw new Problem(EXIT.unreachable, "not_reachable", `${place.url} cannot be reached.${hint}`);
  }
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : null;
  } catch {
    return null;
  }
}

function unavailable(place: Place, status: number): Problem {
  return new Problem(EXIT.unreachable, "unavailable", `${place.url} is not available now (status ${status}).`);
}

function strange({ url }: Place, what = "another answer"): Problem {
  return new Problem(
    EXIT.failed,
    "not_pawl",
    `${url} does not answer as a project with Pawl does (${what}). Is it right?`,
  );
}
