/**
 * That nothing secret is told: every text that passes through a test's stack or is stored in it is kept, and every line
 * that is logged, and every error that a function or the database answers with, is searched for all of them when the
 * stack ends. No test plants a secret or looks for one: its own keys, tokens, prompts and messages are the markers.
 *
 * There is one watch for all stacks of a test file: what one of them knew must not be in a line of another.
 */
import type { Statements } from "../../scripts/local/database.ts";
import type { Passage } from "../../scripts/local/gateway.ts";
import { makeSecrets } from "./secrets.ts";

const secrets = makeSecrets();
/** What was told, and where. */
const heard = new Map<string, string>();

/** A line of a log, or an error. */
export function hear(where: string, text: string): void {
  heard.set(text, where);
}

/** Every text in a value, but for what may be told. */
export function keep(what: string, value: unknown): void {
  if (typeof value === "string") return mayBeTold(value) ? undefined : secrets.keep(what, tokenOf(value));
  if (typeof value !== "object" || value === null) return;
  for (const [name, inner] of Object.entries(value)) keep(Array.isArray(value) ? what : `${what}.${name}`, inner);
}

/** These are secrets whatever they look like; those in a list of keys, each. */
export function keepKeys(keys: Record<string, string | null | undefined>): void {
  for (const [name, value] of Object.entries(keys)) {
    if (!value) continue;
    secrets.keep(name, value);
    keep(name, parsed(value));
  }
}

/** Of the environment of a function its keys: addresses and numbers are told. */
export function keepEnvironment(environment: Record<string, string | null | undefined>): void {
  keepKeys(Object.fromEntries(Object.entries(environment).filter(([name]) => /KEY|SECRET/u.test(name))));
}

/** Whatever the tables of the schema hold, of whoever wrote it. */
export async function keepStored(database: Statements): Promise<void> {
  const tables = await database.query("select tablename from pg_tables where schemaname = 'pawl'");
  for (const { tablename } of tables) {
    for (const { row } of await database.query(`select to_jsonb(t) as row from pawl.${tablename} t`)) {
      keep(tablename, row);
    }
  }
}

/** Throws when something that was kept was heard. Whatever was heard until now is forgotten. */
export function assertNothingTold(): void {
  const leaks = [...heard].flatMap(([text, where]) => {
    const finding = secrets.find(text);
    return finding ? [`${where} tells ${finding.what}: ${finding.shown}`] : [];
  });
  heard.clear();
  if (leaks.length > 0) throw new Error(`${leaks.length} leaks\n${leaks.slice(0, MOST_SHOWN).join("\n")}`);
}

const MOST_SHOWN = 50;

/** For the gateway: what comes in is kept, and so is what goes out, unless it is an error. */
export const watch: Passage = async (request, answer) => {
  const { pathname } = new URL(request.url);
  keepHeaders(request.headers);
  if (!request.body) return overheard(pathname, await answer(request));
  const body = copying(request.body, (text) => keep("request", parsed(text)));
  const { url, method, headers } = request;
  return overheard(pathname, await answer(new Request(url, { method, headers, body })));
};

/** For calls that pass no gateway. */
export function keepRequest(headers: Record<string, string>, body: unknown): void {
  keepHeaders(new Headers(headers));
  keep("request", body);
}

export function overheard(where: string, response: Response): Response {
  if (!response.body) return response;
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream");
  return new Response(
    copying(response.body, (text) => {
      if (response.status >= 400 && !isOwnTime(where, text)) hear(`the error of ${where}`, text);
      else if (isStream) overhearEvents(where, text);
      else keep("response", withoutErrors(where, parsed(text)));
    }),
    response,
  );
}

/** What is wrong with one of many is told as any error is, in an answer that is none. */
function withoutErrors(where: string, answer: unknown): unknown {
  if (!where.endsWith("/feedback-collector") || typeof answer !== "object") return answer;
  const { errors, ...rest } = answer as { errors?: unknown };
  hear(`the errors of ${where}`, JSON.stringify(errors));
  return rest;
}

/** Who hands the database itself a time that is none is told by it what they wrote; prompt-updater does not repeat it. */
function isOwnTime(where: string, text: string): boolean {
  return where.startsWith("/rest/") && /"code":"22(00[789]|023)"/u.test(text);
}

/** Of an answer that nobody may be told, with whatever status it comes. */
export function keepBody(what: string, response: Response): Response {
  if (!response.body) return response;
  const keepText = (text: string) => {
    const events = [...text.matchAll(/^data: (.+)$/gmu)].map(([, data]) => parsed(data));
    keep(what, events.length > 0 ? events : parsed(text));
  };
  return new Response(copying(response.body, keepText), response);
}

function overhearEvents(where: string, text: string): void {
  const events = text.split("\n\n");
  for (const event of events) if (/^event: error$/mu.test(event)) hear(`the event error of ${where}`, event);
  const deltas = events.flatMap((event) => /^event: delta\ndata: (.+)$/mu.exec(event)?.[1] ?? []);
  keep("answer", deltas.map((data) => JSON.parse(data).text).join(""));
}

/** What this process prints is a log as well: the gateway, the database and the stand-in model run in it. */
for (const name of ["debug", "log", "info", "warn", "error"] as const) {
  const original = console[name];
  console[name] = (...values: unknown[]) => {
    hear(`console.${name}`, values.map((value) => typeof value === "string" ? value : Deno.inspect(value)).join(" "));
    original(...values);
  };
}

function keepHeaders(headers: Headers): void {
  const bare = (name: string) => headers.get(name)?.replace(/^(Bearer|Basic) /iu, "");
  const names = ["authorization", "apikey", "idempotency-key"];
  keepKeys(Object.fromEntries(names.map((name) => [name, bare(name)])));
}

/** Of a signed address what makes it one: the path alone opens nothing. */
function tokenOf(text: string): string {
  return /^\/object\/sign\/[^?]+\?token=(.+)$/u.exec(text)?.[1] ?? text;
}

function mayBeTold(text: string): boolean {
  return [ID, TIME, NUMBER, CODE, SOURCE, FUNCTION, ORIGIN, PLACE, UNTOLD].some((shape) => shape.test(text)) ||
    text.split("; ").every((one) => RULE.test(one));
}

const ID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/u;
const TIME = /^\d{4}-\d\d-\d\d(T[\d:.+-]+Z?)?$/u;
const NUMBER = /^[\d.]+$/u;
/** One word in snake_case. */
const CODE = /^[a-z\d_]+$/u;
/** Where a rating comes from, as far as that is more than one word. */
const SOURCE = /^llm-judge$/u;
/** Whose run it is: what a line of a log begins with. */
const FUNCTION = /^(chat-handler|feedback-collector|reflection-loop|prompt-updater|retrain-trigger)$/u;
/** Where a server is. */
const ORIGIN = /^https?:\/\/[\w.:-]+$/u;
/** Where a part of a dataset lies. */
const PLACE = /^(pawl-training|(pawl-training\/)?[\da-f-]{36}\/v\d+\/(manifest\.json|(train|held-out)-\d{5}\.jsonl))$/u;
/** Why a trainer was not told: a code, which is logged, in words of Pawl's. */
const UNTOLD = /^The trainer did not take it \([a-z\d_]+\); it is told again$/u;
/** What a prompt is refused for, in the guard's own words, without any of the prompt's: stored, and logged. */
const RULE = new RegExp(
  `^(${
    [
      "the prompt is empty",
      "the prompt is the same as the current one",
      "the prompt has \\d+ characters, over \\d+",
      "the prompt repeats \\d+ or more words of a user's message",
      "the prompt holds an? (e-mail address|phone number|web address) from a user's message",
      "protected clause \\d+ is missing or altered",
      "refused before",
    ].join("|")
  })$`,
  "u",
);

/** JSON, or a JSON a line; any other text as it is. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return parsedLines(text) ?? text;
  }
}

function parsedLines(text: string): unknown[] | null {
  if (!text.endsWith("\n")) return null;
  try {
    return text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
  } catch {
    return null;
  }
}

/** A body that goes on as it comes, is ended from either side as it was, and in the end is shown as it went. */
function copying(body: ReadableStream<Uint8Array>, show: (text: string) => void): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { value, done } = await reader.read();
        if (!done) {
          text += decoder.decode(value, { stream: true });
          return controller.enqueue(value);
        }
      } catch (error) {
        show(text);
        throw error;
      }
      show(text);
      controller.close();
    },
    cancel(reason) {
      show(text);
      return reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}
