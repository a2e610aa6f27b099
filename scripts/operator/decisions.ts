/** What operators decide, each through prompt-updater. */
import type { Pattern, Suggestion } from "./answers.ts";
import { changePage } from "./change_page.ts";
import type { Shown } from "./commands.ts";
import { findPattern, findSuggestion, readVersion } from "./looks.ts";
import { clean, percent } from "./paper.ts";
import { lives } from "./pattern_page.ts";
import { EXIT, misuse, Problem } from "./problem.ts";
import { byWhom, given, placeOf, type Scene, UUID, versionNumber } from "./scene.ts";
import { readMoment, readSpan } from "./times.ts";

export async function approve(scene: Scene): Promise<Shown> {
  const version = versionMeant(scene);
  if (version !== undefined) {
    const place = await placeOf(scene);
    await agree(scene, approvalOf(version));
    return await decide(scene, { action: "approve", version, ...place });
  }
  const suggestion = await suggestionOf(scene);
  if (suggestion.version) await agree(scene, approvalOf(suggestion.version));
  return await decide(scene, { action: "approve", suggestion_id: suggestion.suggestion_id, ...byWhom(scene) });
}

function approvalOf(version: number): string {
  return `May version ${version} be shown to people, and go live when it has proved itself (at once, if it has)?`;
}

export async function reject(scene: Scene): Promise<Shown> {
  const version = versionMeant(scene);
  if (version !== undefined) return await decide(scene, { action: "reject", version, ...(await placeOf(scene)) });
  const { suggestion_id } = await suggestionOf(scene);
  return await decide(scene, { action: "reject", suggestion_id, ...byWhom(scene) });
}

/** A version in test rather than a suggestion: "v1234", or a number too short to be the beginning of an id. */
function versionMeant({ call: { positionals: [text] } }: Scene): number | undefined {
  return /^(v\d+|\d{1,3})$/u.test(text) ? versionNumber(text) : undefined;
}

export async function force(scene: Scene): Promise<Shown> {
  const version = versionOf(scene);
  if (!scene.call.values.reason) {
    throw misuse("force wants --reason TEXT: the record has to say why nothing was proved");
  }
  const place = await placeOf(scene);
  await agreeOnLive(scene, () => version!, "UNPROVED");
  return await decide(scene, { action: "force", version, ...place });
}

export async function test(scene: Scene): Promise<Shown> {
  const version = versionOf(scene);
  const placebo = scene.call.flags.has("placebo");
  if ((version === undefined) !== placebo) throw misuse("test wants a version, or --placebo");
  return await decide(scene, { action: "test", ...(placebo ? { placebo } : { version }), ...(await placeOf(scene)) });
}

/** A whole id needs no looking up, unless there is a question to ask about it. */
async function suggestionOf(scene: Scene): Promise<Pick<Suggestion, "suggestion_id"> & Partial<Suggestion>> {
  const [id] = scene.call.positionals;
  return UUID.test(id) && !scene.asks ? { suggestion_id: id } : await findSuggestion(scene, id);
}

export async function revertPattern(scene: Scene): Promise<Shown> {
  const [id] = scene.call.positionals;
  const pattern: Pick<Pattern, "pattern_id"> & Partial<Pattern> = UUID.test(id) && !scene.asks
    ? { pattern_id: id }
    : await findPattern(scene, id);
  const { pattern_id, state, instruction, influence } = pattern;
  if (state !== undefined && lives({ state })) {
    const use = influence ? `shown with ${percent(influence)} of the answers it applies to` : "not shown yet";
    await agree(scene, `Take back “${clean(instruction!)}” (${use}) for good?`);
  }
  return await decide(scene, { action: "revert_pattern", pattern_id, ...byWhom(scene) });
}

export async function rollback(scene: Scene): Promise<Shown> {
  const named = versionOf(scene);
  const place = await placeOf(scene);
  // To what was agreed on, should another version go live meanwhile.
  const agreed = await agreeOnLive(scene, (live) => named ?? live.rollback_to);
  return await decide(scene, { action: "rollback", ...given({ version: named ?? agreed }), ...place });
}

export async function activate(scene: Scene): Promise<Shown> {
  const version = versionOf(scene);
  const place = await placeOf(scene);
  await agreeOnLive(scene, () => version!);
  return await decide(scene, { action: "activate", version, ...place });
}

export async function write(scene: Scene): Promise<Shown> {
  const activate = scene.call.flags.has("activate");
  const content = (await scene.text(scene.call.positionals[0])).trimEnd();
  const place = await placeOf(scene);
  if (activate) await agreeOnLive(scene, () => "this text");
  return await decide(scene, { action: "write", content, ...(activate ? { activate } : {}), ...place });
}

export async function lock(scene: Scene): Promise<Shown> {
  return await decide(scene, { action: "lock", ...given({ version: versionOf(scene) }), ...(await placeOf(scene)) });
}

export async function unlock(scene: Scene): Promise<Shown> {
  return await decide(scene, { action: "unlock", ...given({ version: versionOf(scene) }), ...(await placeOf(scene)) });
}

export async function protect(scene: Scene): Promise<Shown> {
  const [file] = scene.call.positionals;
  const clear = scene.call.flags.has("clear");
  if ((file === undefined) !== clear) {
    throw misuse("protect wants a file, or -, or --clear");
  }
  const lines = clear ? [] : (await scene.text(file)).split("\n").map((line) => line.trim()).filter(Boolean);
  if (!clear && lines.length === 0) {
    throw misuse("there is no clause in it; to protect nothing any more, use --clear");
  }
  return await decide(scene, { action: "protect", clauses: lines, ...(await placeOf(scene)) });
}

export async function pause(scene: Scene): Promise<Shown> {
  return await decide(scene, { action: "pause", ...given({ until: untilOf(scene) }), ...(await placeOf(scene)) });
}

export async function resume(scene: Scene): Promise<Shown> {
  return await decide(scene, { action: "resume", ...(await placeOf(scene)) });
}

export async function approval(scene: Scene): Promise<Shown> {
  const [word] = scene.call.positionals;
  if (word !== "on" && word !== "off") {
    throw misuse(`approval is on or off, not '${word}'`);
  }
  const action = word === "on" ? "require_approval" : "waive_approval";
  return await decide(scene, { action, ...(await placeOf(scene)) });
}

async function decide({ server }: Scene, decision: Record<string, unknown>): Promise<Shown> {
  const { text, body } = await server.decide(decision);
  return { json: text, page: (paper) => changePage(body, paper) };
}

/**
 * Returns the version that was agreed on. Nobody is asked about what would change nothing, or cannot be: the server says
 * so.
 */
async function agreeOnLive(
  scene: Scene,
  target: (live: { rollback_to: number | null }) => number | string | null,
  how = "",
): Promise<number | undefined> {
  if (!scene.asks) return;
  const live = (await readVersion(scene)).body.version;
  const next = target(live);
  if (next === null || next === live.version) return;
  const what = typeof next === "number" ? `version ${next}` : next;
  const whose = scene.call.values.assistant ? ` of ${scene.call.values.assistant}` : "";
  const place = `in place of version ${live.version}${how && `, ${how}`}`;
  await agree(scene, `Make ${what}${whose} live ${place}?`);
  return typeof next === "number" ? next : undefined;
}

async function agree(scene: Scene, question: string): Promise<void> {
  if (!(await scene.agreed(question))) {
    throw new Problem(EXIT.failed, "not_agreed", "Nothing was changed.");
  }
}

function versionOf({ call: { positionals: [text] } }: Scene): number | undefined {
  return text === undefined ? undefined : versionNumber(text);
}

function untilOf({ call: { values }, now }: Scene): string | undefined {
  if (values.until !== undefined && values.for !== undefined) {
    throw misuse("--until or --for, not both");
  }
  if (values.for !== undefined) {
    const span = readSpan(values.for);
    if (!span) {
      throw misuse(`--for wants a span like 30m, 2h or 3d, not '${values.for}'`);
    }
    return new Date(now.getTime() + span).toISOString();
  }
  if (values.until === undefined) return undefined;
  const until = readMoment(values.until);
  if (!until) {
    throw misuse(`--until wants a time like 2030-01-31 or "2030-01-31 18:00", not '${values.until}'`);
  }
  return until.toISOString();
}
