/** What operators look at. */
import type { Event, LearningRun, Pattern, Status, Suggestion, Version, VersionText } from "./answers.ts";
import type { Shown } from "./commands.ts";
import { differencePage, pieces } from "./difference.ts";
import { suggestionsPage, versionPage, versionsPage } from "./list_pages.ts";
import { walk } from "./listing.ts";
import { logPage } from "./log_page.ts";
import { patternsPage, STATES } from "./pattern_page.ts";
import { EXIT, misuse, Problem } from "./problem.ts";
import { given, parametersOf, type Scene, statusOf, versionNumber } from "./scene.ts";
import { statusPage } from "./status_page.ts";
import { readMoment, readSpan } from "./times.ts";

const USUAL_LENGTH = 20;

export async function status(scene: Scene): Promise<Shown> {
  const parameters = await parametersOf(scene);
  const { text, body } = await scene.server.read<{ assistants: Status[] }>("pawl_status", parameters);
  return { json: text, page: (paper) => statusPage(body.assistants, paper) };
}

export async function versions(scene: Scene): Promise<Shown> {
  const parameters = await parametersOf(scene);
  const { text, items } = await walk<Version>("versions", {
    limit: limitOf(scene),
    ask: async (p_limit, after) => {
      const page = { ...parameters, ...given({ p_limit, p_before_version: after?.version }) };
      const answer = await scene.server.read<{ versions: Version[] }>("pawl_list_versions", page);
      return { text: answer.text, items: answer.body.versions };
    },
  });
  return { json: text, page: (paper) => versionsPage(items, paper) };
}

export async function show(scene: Scene): Promise<Shown> {
  const [number] = scene.call.positionals;
  const { text, body } = await readVersion(scene, number);
  return { json: text, page: (paper) => versionPage(body.version, paper) };
}

export async function diff(scene: Scene): Promise<Shown> {
  const [first, second] = scene.call.positionals;
  const last = (await readVersion(scene, second)).body.version;
  const other = first ?? last.previous_version?.toString();
  if (other === undefined) {
    const message = `Version ${last.version} is the first one: to see what a draft would change, name it.`;
    throw new Problem(EXIT.failed, "no_earlier_version", message);
  }
  const named = (await readVersion(scene, other)).body.version;
  // A draft alone is looked at for what it would change.
  const [from, to] = second === undefined && named.version > last.version ? [last, named] : [named, last];
  const difference = pieces(from.content, to.content);
  return {
    json: JSON.stringify({ from, to, difference }),
    page: (paper) => differencePage(from, to, difference, paper),
  };
}

/** "live", or nothing, is the live one. */
export async function readVersion(scene: Scene, number?: string) {
  const p_version = number === undefined || number === "live" ? undefined : versionNumber(number);
  const parameters = { ...(await parametersOf(scene)), ...given({ p_version }) };
  return await scene.server.read<{ version: VersionText }>("pawl_get_version", parameters);
}

export async function suggestions(scene: Scene): Promise<Shown> {
  const all = scene.call.flags.has("all");
  const parameters = await parametersOf(scene);
  const { text, items } = await listSuggestions(scene, parameters, all ? null : "pending", limitOf(scene));
  return { json: text, page: (paper) => suggestionsPage(items, all, paper) };
}

export function listSuggestions(
  scene: Scene,
  parameters: Record<string, unknown>,
  p_status: string | null,
  limit: number,
) {
  return walk<Suggestion>("suggestions", {
    limit,
    place: ({ at }) => at,
    ask: async (p_limit, after) => {
      const page = { ...parameters, p_status, ...given({ p_limit, p_before: after?.at }) };
      const answer = await scene.server.read<{ suggestions: Suggestion[] }>("pawl_list_suggestions", page);
      return { text: answer.text, items: answer.body.suggestions };
    },
  });
}

export function findSuggestion(scene: Scene, beginning: string): Promise<Suggestion> {
  return findOne(scene, "suggestion", beginning, (one) => one.suggestion_id, async (place) => {
    return (await listSuggestions(scene, place, null, Infinity)).items;
  });
}

export async function patterns(scene: Scene): Promise<Shown> {
  const { state } = scene.call.values;
  if (state !== undefined && !STATES.includes(state)) {
    throw misuse(`--state wants one of ${STATES.join(", ")}, not '${state}'`);
  }
  const parameters = { ...(await parametersOf(scene)), ...given({ p_state: state }) };
  const { text, items, beside } = await listPatterns(scene, parameters, limitOf(scene));
  const run = beside!.last_run as LearningRun | null;
  return { json: text, page: (paper) => patternsPage(items, run, state, paper) };
}

function listPatterns(scene: Scene, parameters: Record<string, unknown>, limit: number) {
  return walk<Pattern>("patterns", {
    limit,
    place: ({ at }) => at,
    ask: async (p_limit, after) => {
      const page = { ...parameters, ...given({ p_limit, p_before: after?.at }) };
      const answer = await scene.server.read<{ patterns: Pattern[]; last_run: unknown }>("pawl_list_patterns", page);
      const { patterns, last_run } = answer.body;
      return { text: answer.text, items: patterns, beside: { last_run } };
    },
  });
}

export function findPattern(scene: Scene, beginning: string): Promise<Pattern> {
  return findOne(scene, "pattern", beginning, (one) => one.pattern_id, async (place) => {
    return (await listPatterns(scene, place, Infinity)).items;
  });
}

/** The one whose id begins so, of all assistants that could be meant. */
export async function findOne<T>(
  scene: Scene,
  what: string,
  beginning: string,
  idOf: (one: T) => string,
  list: (place: Record<string, unknown>) => Promise<T[]>,
): Promise<T> {
  if (!/^[\da-f-]{4,36}$/iu.test(beginning)) {
    throw misuse(`an id, or the first four characters or more of one, not '${beginning}': see pawl ${what}s`);
  }
  const found: T[] = [];
  for (const { assistant, organization_id } of await statusOf(scene)) {
    const place = given({
      p_assistant: assistant,
      p_organization_id: organization_id,
      p_user_id: scene.call.values.as,
    });
    const items = await list(place);
    found.push(...items.filter((one) => idOf(one).startsWith(beginning.toLowerCase())));
  }
  if (found.length === 1) return found[0];
  if (found.length === 0) {
    throw new Problem(EXIT.failed, `${what}_not_found`, `No ${what}'s id begins with '${beginning}'.`);
  }
  const more = { [`${what}_ids`]: found.map(idOf) };
  throw new Problem(EXIT.failed, "ambiguous_id", `Several ids begin with '${beginning}'.`, more);
}

export async function logs(scene: Scene): Promise<Shown> {
  const since = sinceOf(scene);
  const parameters = await parametersOf(scene);
  const { text, items } = await walk<Event>("events", {
    limit: since && !scene.call.values.limit ? Infinity : limitOf(scene),
    place: ({ at }) => at,
    wanted: ({ at }) => !since || new Date(at) >= since,
    ask: async (p_limit, after) => {
      const page = { ...parameters, ...given({ p_limit, p_before: after?.at }) };
      const answer = await scene.server.read<{ events: Event[] }>("pawl_list_events", page);
      return { text: answer.text, items: answer.body.events };
    },
  });
  return { json: text, page: (paper) => logPage(items, paper) };
}

export function sinceOf({ call, now }: Scene): Date | undefined {
  const text = call.values.since;
  if (text === undefined) return undefined;
  const span = readSpan(text);
  const since = span ? new Date(now.getTime() - span) : readMoment(text);
  if (!since) {
    throw misuse(`--since wants a time like 2030-01-31 or a span like 2h, not '${text}'`);
  }
  return since;
}

export function limitOf({ call }: Scene): number {
  const text = call.values.limit;
  if (text === undefined) return USUAL_LENGTH;
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1) {
    throw misuse(`--limit wants a number from 1 on, not '${text}'`);
  }
  return limit;
}
