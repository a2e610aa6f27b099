/** Publishers at once: one version a reflection, the cooldown and the daily cap, each assistant by itself. */
import assert from "node:assert/strict";
import { versionsOf } from "../e2e/assistants.ts";
import { type Call, rpc, type Told } from "./crowd.ts";
import type { Project } from "./ground.ts";
import { answersOf, outcomesOf, tally } from "./outcomes.ts";
import { at, makePlace, makePlaces, one, owe, type Place, publish, times } from "./places.ts";

/** 50 publishers of one reflection: one version, and every one of them is told of it. */
export async function oneVersionAReflection(project: Project): Promise<void> {
  const place = await makePlace(project);
  const [reflection] = await owe(project, place, 1);
  const told = await project.crowd.atOnce(times(50, (index) => publish(reflection, place, `Writer ${index}.`)));
  const numbers = answersOf(told).map(({ outcome, new_version }) => `${outcome} ${new_version}`);
  assert.deepEqual(tally(numbers), { "published 2": 50 });
  await assertVersions(project, place, 1);
}

/** 50 reflections on one version: the first to be published supersedes the others. */
export async function oneVersionAParent(project: Project): Promise<void> {
  const place = await makePlace(project);
  const reflections = await owe(project, place, 50);
  const told = await project.crowd.atOnce(reflections.map((reflection) => publish(reflection, place)));
  assert.deepEqual(outcomesOf(told), { published: 1, superseded: 49 });
  await assertVersions(project, place, 1);
}

/** While people put version 1 back again and again, so that the next publisher would find its parent live. */
export async function theCooldownHolds(project: Project): Promise<void> {
  const place = await makePlace(project, { cooldown_hours: 6 });
  const told = await project.crowd.atOnce(contested(place, await owe(project, place, 35)));
  assert.equal(published(told), 1, `${published(told)} versions within a cooldown`);
  await assertVersions(project, place, 1);
}

export async function theDailyCapHolds(project: Project): Promise<void> {
  const cap = 3;
  const place = await makePlace(project, { max_updates_per_day: cap });
  let count = 0;
  // In each wave version 1 is live at first, so that each publishes, until the cap stands in the way.
  for (let wave = 1; wave <= cap + 1; wave++) {
    await project.crowd.one(putBack(place));
    const told = await project.crowd.atOnce(contested(place, await owe(project, place, 35)));
    count += published(told);
    assert.ok(
      count >= Math.min(wave, cap) && count <= cap,
      `${count} versions after ${wave} waves, at most ${cap} a day`,
    );
  }
  await assertVersions(project, place, cap);
}

/** Five publishers for each of 10 assistants: none stands in another's way. */
export async function assistantsAreIndependent(project: Project): Promise<void> {
  const places = await makePlaces(project, 10, { cooldown_hours: 6 });
  const calls = await Promise.all(
    places.map(async (place) => (await owe(project, place, 5)).map((reflection) => publish(reflection, place))),
  );
  const told = await project.crowd.atOnce(times(50, (index) => calls[index % 10][Math.floor(index / 10)]));
  assert.deepEqual(outcomesOf(told), { published: 10, superseded: 40 });
  for (const place of places) await assertVersions(project, place, 1);
}

/** Publishing and giving up the same update, at once and in either order: one of them, and the other is told. */
export async function publishedOrGivenUp(project: Project): Promise<void> {
  const places = await makePlaces(project, 4);
  for (const [index, place] of places.entries()) {
    const [reflection] = await owe(project, place, 1);
    const giveUp = rpc("service", "pawl_refuse_update", { p_reflection_id: reflection, p_reason: "too_long" });
    const pair = [publish(reflection, place), giveUp];
    const told = index < 2
      ? await project.crowd.inLineBehind(
        `select from pawl.reflection_logs where id = '${reflection}' for update`,
        index === 0 ? pair : pair.toReversed(),
      )
      : await project.crowd.atOnce(times(50, (call) => pair[call % 2]));
    const [outcomes, half] = [outcomesOf(told), told.length / 2];
    const live = await one(project, "select version from pawl.system_prompts where assistant_id = $1 and is_active", [
      place.id,
    ]);
    const won = live === 2 ? { published: 2 * half } : { ok: 1, refused: 2 * half - 1 };
    assert.deepEqual(outcomes, won, "both won, or neither");
  }
}

/** 50 writers begin the same update: the fifth is the last that is paid. */
export async function fiveAttemptsAtMost(project: Project): Promise<void> {
  const place = await makePlace(project);
  const [reflection] = await owe(project, place, 1);
  const begin = rpc("service", "pawl_begin_update", { p_reflection_id: reflection });
  assert.deepEqual(outcomesOf(await project.crowd.atOnce(times(50, () => begin))), { ok: 5, refused: 45 });
  const told = await one(
    project,
    "select count(*)::integer from pawl.suggestions where assistant_id = $1 and suggestion_type = 'escalation'",
    [place.id],
  );
  assert.equal(told, 1, "a person is told once");
}

/** Publishers, and people who put version 1 back: 50 calls. */
function contested(place: Place, reflections: string[]): Call[] {
  const people = times(50 - reflections.length, () => putBack(place));
  return [...reflections.map((reflection) => publish(reflection, place)), ...people];
}

function putBack(place: Place): Call {
  return rpc("service", "pawl_activate_prompt", { p_version: 1, ...at(place) });
}

function published(told: Told[]): number {
  return answersOf(told).filter(({ outcome }) => outcome === "published").length;
}

/** Numbered without gap, as many by the loop as said, one of all of them live, one record of each. */
async function assertVersions(project: Project, place: Place, byLoop: number): Promise<void> {
  const versions = await versionsOf(project, place);
  assert.deepEqual(versions.map(({ version }) => version), times(versions.length, (index) => index + 1));
  assert.equal(versions.filter(({ created_by }) => created_by === "system").length, byLoop, "versions by the loop");
  assert.equal(versions.filter(({ is_active }) => is_active).length, 1, "live versions");
  const recorded = await one(
    project,
    "select count(*)::integer from pawl.audit_log where assistant_id = $1 and action = 'publish'",
    [place.id],
  );
  assert.equal(recorded, byLoop, "records of publishing");
}
