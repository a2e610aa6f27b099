/**
 * `scripts/bench mutate`: takes each guard of mutations.ts out of the migrations, applies them to a fresh database and
 * runs the scenario that must fail then, in the way that is written there. Where others would catch the race too, those are
 * taken out first, and the scenario must still pass. Ends with 1 when any of this is not so, or a text to take out is not
 * found. Arguments: parts of names to run only those.
 *
 * Without its guard a race can still come out well now and then, so a scenario has up to three tries to fail.
 */
import { type Edit, type Ground, startGround } from "./ground.ts";
import { type Mutation, MUTATIONS } from "./mutations.ts";
import { SCENARIOS } from "./scenarios.ts";

const started = Date.now();
const chosen = MUTATIONS.filter(({ name, scenario }) =>
  Deno.args.length === 0 || Deno.args.some((part) => name.includes(part) || scenario.includes(part))
);
if (chosen.length === 0) {
  console.error(`No mutation is named like ${Deno.args.join(" or ")}.`);
  Deno.exit(2);
}

const TRIES = 3;

let wrong = 0;
const ground = await startGround();
try {
  for (const mutation of chosen) {
    const { ok, how } = await tryOut(ground, mutation);
    if (!ok) wrong++;
    report(mutation, ok, how);
  }
} finally {
  await ground.stop();
}
const seconds = Math.round((Date.now() - started) / 1000);
console.log(`\n${chosen.length - wrong} of ${chosen.length} mutations were noticed, in ${seconds} s`);
Deno.exit(wrong > 0 ? 1 : 0);

interface Result {
  ok: boolean;
  how: string;
}

async function tryOut(ground: Ground, { without, spares = [], scenario, fails }: Mutation): Promise<Result> {
  try {
    const early = spares.length > 0 ? await failureOf(ground, spares, scenario) : null;
    if (early !== null) return { ok: false, how: `FAILED WITH THE SPARES ALONE TAKEN OUT: ${early}` };
    let failure: string | null = null;
    for (let tries = 0; failure === null && tries < TRIES; tries++) {
      failure = await failureOf(ground, [without, ...spares], scenario);
    }
    if (failure === null) return { ok: false, how: "SURVIVED: the scenario passes without it" };
    return fails.test(failure)
      ? { ok: true, how: failure }
      : { ok: false, how: `FAILED OTHERWISE (${fails}): ${failure}` };
  } catch (error) {
    return { ok: false, how: `COULD NOT BE TAKEN OUT: ${messageOf(error)}` };
  }
}

/** Null when the scenario passes. */
async function failureOf(ground: Ground, edits: Edit[], scenario: Mutation["scenario"]): Promise<string | null> {
  const project = await ground.open(edits);
  try {
    await SCENARIOS[scenario](project);
    return null;
  } catch (error) {
    return messageOf(error);
  } finally {
    await project.close();
  }
}

/** On one line. */
function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, " ").trim();
}

function report({ name, scenario, spares = [] }: Mutation, ok: boolean, how: string): void {
  console.log(`${ok ? "ok  " : "FAIL"} ${name.padEnd(44)} ${scenario.padEnd(26)} ${shorten(how, ok ? 120 : 2000)}`);
  for (const { why } of spares) console.log(`       with a spare taken out too: ${why}`);
}

function shorten(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
