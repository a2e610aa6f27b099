/** Writers at once: one version a reflection, one in test, the cooldown and the daily cap, each assistant by itself. */
import assert from "node:assert/strict";
import { versionsOf } from "../e2e/assistants.ts";
import { type Call, rpc, type Told } from "./crowd.ts";
import type { Project } from "./ground.ts";
import { answersOf, outcomesOf, tally } from "./outcomes.ts";
import { at, makePlace, makePlaces, one, owe, type Place, submit, times, writeVersions } from "./places.ts";
import { assertTestsAgree } from "./record.ts";

/** 50 writers for one reflection: one version, and every one of them is told of it. */
export async function oneVersionAReflection(project: Project): Promise<void> {
  const place = await makePlace(project);
  const [reflection] = await owe(project, place, 1);
  const told = await project.crowd.atOnce(times(50, (index) => submit(reflection, place, `Writer ${index}.`)));
  const numbers = answersOf(told).map(({ outcome, new_version }) => `${outcome} ${new_version}`);
  assert.deepEqual(tally(numbers), { "submitted 2": 50 });
  await assertVersions(project, place, 1);
}

/** 50 reflections on one version: the first to have its version submitted keeps the others out while it is in test. */
export async function oneVersionAParent(project: Project): Promise<void> {
  const place = await makePlace(project);
  const reflections = await owe(project, place, 50);
  const told = await project.crowd.atOnce(reflections.map((reflection) => submit(reflection, place)));
  assert.deepEqual(outcomesOf(told), { submitted: 1, "skipped: in_proof": 49 });
  await assertVersions(project, place, 1);
}

/** A person puts another version live meanwhile: what was written for the one before is tested no more, nor begun. */
export async function theParentIsLive(project: Project): Promise<void> {
  for (let round = 1; round <= 4; round++) {
    const place = await makePlace(project);
    await writeVersions(project, place, 1);
    const [late, ...reflections] = await owe(project, place, 50);
    const change = rpc(place.admin, "pawl_activate_prompt", { p_version: 2, ...at(place) });
    const told = await project.crowd.atOnce([change, ...reflections.map((reflection) => submit(reflection, place))]);
    const { ok, submitted = 0, superseded = 0, ...others } = outcomesOf(told);
    const skipped = others["skipped: in_proof"] ?? 0;
    assert.deepEqual([ok, submitted + superseded + skipped], [1, 49], JSON.stringify(others));
    assert.ok(submitted <= 1 && (skipped === 0 || submitted === 1), `${submitted} submitted, ${skipped} kept out`);
    assert.equal((await project.crowd.one(submit(late, place))).outcome, "superseded", "who comes later");
    await assertVersions(project, place, submitted);
    await assertTestsAgree(project, place);
    const running = await one(
      project,
      "select count(*)::integer from pawl.prompt_tests where assistant_id = $1 and state in ('screening', 'proving')",
      [place.id],
    );
    assert.equal(running, 0, "tests against a version that is not live");
  }
}

/** While people force what is in test and put version 1 back, so that the next writer finds its parent live again. */
export async function theCooldownHolds(project: Project): Promise<void> {
  const place = await makePlace(project, { cooldown_hours: 6 });
  const people = times(15, (index) => index % 2 ? putBack(place) : force(place, 2));
  let count = 0;
  for (const wave of [1, 2]) {
    const told = await project.crowd.atOnce(contested(place, await owe(project, place, 35), people));
    count += submitted(told);
    assert.equal(count, 1, `${count} versions within a cooldown, in wave ${wave}`);
    // From here on nothing is in test, and the parent is live: nothing but the cooldown stands in the way.
    await project.crowd.one(force(place, 2));
    await project.crowd.one(putBack(place));
  }
  await assertVersions(project, place, 1);
}

/** While people reject what is in test, so that the next writer finds no test in the way. */
export async function theDailyCapHolds(project: Project): Promise<void> {
  const cap = 3;
  const place = await makePlace(project, { max_updates_per_day: cap });
  const reject = (version: number) => rpc("service", "pawl_reject_version", { p_version: version, ...at(place) });
  const people = times(15, (index) => reject(2 + index % cap));
  let count = 0;
  for (let wave = 1; wave <= cap + 1; wave++) {
    const told = await project.crowd.atOnce(contested(place, await owe(project, place, 35), people));
    count += submitted(told);
    assert.ok(
      count >= Math.min(wave, cap) && count <= cap,
      `${count} versions after ${wave} waves, at most ${cap} a day`,
    );
    for (let version = 2; version <= 1 + count; version++) await project.crowd.one(reject(version));
  }
  await assertVersions(project, place, cap);
}

/** Five writers for each of 10 assistants: none stands in another's way. */
export async function assistantsAreIndependent(project: Project): Promise<void> {
  const places = await makePlaces(project, 10, { cooldown_hours: 6 });
  const calls = await Promise.all(
    places.map(async (place) => (await owe(project, place, 5)).map((reflection) => submit(reflection, place))),
  );
  const told = await project.crowd.atOnce(times(50, (index) => calls[index % 10][Math.floor(index / 10)]));
  assert.deepEqual(outcomesOf(told), { submitted: 10, "skipped: in_proof": 40 });
  for (const place of places) await assertVersions(project, place, 1);
}

/** Submitting and giving up the same update, at once and in either order: one of them, and the other is told. */
export async function submittedOrGivenUp(project: Project): Promise<void> {
  const places = await makePlaces(project, 4);
  for (const [index, place] of places.entries()) {
    const [reflection] = await owe(project, place, 1);
    const giveUp = rpc("service", "pawl_refuse_update", { p_reflection_id: reflection, p_reason: "too_long" });
    const pair = [submit(reflection, place), giveUp];
    const told = index < 2
      ? await project.crowd.inLineBehind(
        `select from pawl.reflection_logs where id = '${reflection}' for update`,
        index === 0 ? pair : pair.toReversed(),
      )
      : await project.crowd.atOnce(times(50, (call) => pair[call % 2]));
    const [outcomes, half] = [outcomesOf(told), told.length / 2];
    const latest = await one(project, "select max(version) from pawl.system_prompts where assistant_id = $1", [
      place.id,
    ]);
    const won = latest === 2 ? { submitted: 2 * half } : { ok: 1, refused: 2 * half - 1 };
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

/** 50 writers begin where the coin always says placebo: one is put to the test, and keeps the others out. */
export async function onePlaceboAtATime(project: Project): Promise<void> {
  const place = await makePlace(project, { placebo_share: 1 });
  const calls = (await owe(project, place, 50)).map((reflection) =>
    rpc("service", "pawl_begin_update", { p_reflection_id: reflection })
  );
  const told = outcomesOf(await project.crowd.atOnce(calls));
  assert.deepEqual(told, { "skipped: placebo": 1, "skipped: in_proof": 49 });
  await assertTestsAgree(project, place);
}

/** Writers, and people: 50 calls. */
function contested(place: Place, reflections: string[], people: Call[]): Call[] {
  return [...reflections.map((reflection) => submit(reflection, place)), ...people];
}

function putBack(place: Place): Call {
  return rpc("service", "pawl_activate_prompt", { p_version: 1, ...at(place) });
}

function force(place: Place, version: number): Call {
  return rpc("service", "pawl_force_version", { p_version: version, ...at(place) });
}

function submitted(told: Told[]): number {
  return answersOf(told).filter(({ outcome }) => outcome === "submitted").length;
}

/** Numbered without gap, as many by the loop as said, one of all of them live, one record of each. */
async function assertVersions(project: Project, place: Place, byLoop: number): Promise<void> {
  const versions = await versionsOf(project, place);
  assert.deepEqual(versions.map(({ version }) => version), times(versions.length, (index) => index + 1));
  assert.equal(versions.filter(({ created_by }) => created_by === "system").length, byLoop, "versions by the loop");
  assert.equal(versions.filter(({ is_active }) => is_active).length, 1, "live versions");
  const recorded = await one(
    project,
    "select count(*)::integer from pawl.audit_log where assistant_id = $1 and action = 'submit'",
    [place.id],
  );
  assert.equal(recorded, byLoop, "records of submitting");
}
