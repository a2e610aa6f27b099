/** People and the loop at once on one assistant: one version is live throughout, and the record tells what happened. */
import assert from "node:assert/strict";
import { type Call, rpc, type Told } from "./crowd.ts";
import type { Project } from "./ground.ts";
import { answersOf, outcomesOf, tally } from "./outcomes.ts";
import { at, makePlace, one, owe, type Place, submit, times, writeVersions } from "./places.ts";
import { assertTellsWhatHappened, remember } from "./record.ts";

const ROUNDS = 20;
const CAP = 6;

/** Every action there is, 50 calls at once, in another mixture each round. */
export async function everyActionAtOnce(project: Project): Promise<void> {
  for (let round = 1; round <= ROUNDS; round++) {
    await actAtOnce(project, round).catch((error) => {
      error.message = `in round ${round}: ${error.message}`;
      throw error;
    });
  }
}

/** 25 approve what 25 reject: it is rejected once, whoever approved before, and all who come later are told of it. */
export async function oneVerdict(project: Project): Promise<void> {
  for (let round = 1; round <= 5; round++) {
    const place = await makePlace(project);
    const { proposed } = await makeMatters(project, place);
    const before = await remember(project, place);
    const verdicts = ["pawl_approve_suggestion", "pawl_reject_suggestion"];
    const calls = times(50, (index) => rpc(place.admin, verdicts[index % 2], { p_suggestion_id: proposed }));
    const told = await project.crowd.atOnce(calls);
    answersOf(told);
    const [approving, rejecting] = [0, 1].map((which) => told.filter((_, index) => index % 2 === which));
    // Who comes before the first that rejects approves.
    const { ok: approved = 0, already_reviewed: late = 0 } = outcomesOf(approving);
    assert.deepEqual([approved + late, outcomesOf(rejecting)], [25, { ok: 25 }], "both verdicts stand");
    assert.deepEqual([changing(approving), changing(rejecting)], [Math.min(approved, 1), 1], "both verdicts stand");
    await assertTellsWhatHappened(project, place, before, answersOf(told));
    const ended = await one(
      project,
      `select format('%s %s %s', g.status, p.state, t.state) from pawl.suggestions g
       join pawl.system_prompts p on p.id = g.prompt_id join pawl.prompt_tests t on t.candidate_id = p.id where g.id = $1`,
      [proposed],
    );
    assert.equal(ended, "rejected rejected closed");
  }
}

/** 50 changes of the same few settings: each is recorded with what it really found. */
export async function everySettingAtOnce(project: Project): Promise<void> {
  const place = await makePlace(project);
  const before = await remember(project, place);
  const changes = [
    rpc(place.admin, "pawl_pause_updates", at(place)),
    rpc(place.admin, "pawl_resume_updates", at(place)),
    rpc("service", "pawl_require_approval", at(place)),
    rpc("service", "pawl_require_approval", { p_required: false, ...at(place) }),
    rpc(place.admin, "pawl_pause_updates", { p_until: "2100-01-01T00:00:00Z", ...at(place) }),
  ];
  const told = await project.crowd.atOnce(times(50, (index) => changes[index % changes.length]));
  await assertTellsWhatHappened(project, place, before, answersOf(told));
}

/** People switch through the functions while a backend writes to the table: neither takes back what the other did. */
export async function noSettingIsLost(project: Project): Promise<void> {
  const place = await makePlace(project);
  const protect = (clause: string) =>
    `update pawl.loop_settings
    set protected_clauses = array_append(protected_clauses, '${clause}') where assistant_id = '${place.id}'`;
  const clauses = times(25, (index) => `clause ${index}`);
  const inTurn = clauses.flatMap((clause, index) => [
    { as: "service", sql: protect(clause) },
    rpc(place.admin, index % 2 ? "pawl_resume_updates" : "pawl_pause_updates", at(place)),
  ]);
  const held = `select from pawl.loop_settings where assistant_id = '${place.id}' for update`;
  answersOf(await project.crowd.inLineBehind(held, inTurn));
  const kept = await one(project, "select protected_clauses from pawl.loop_settings where assistant_id = $1", [
    place.id,
  ]);
  assert.deepEqual(kept.toSorted(), clauses.toSorted(), "a clause is lost");
}

/** How many of these changed something. */
function changing(told: Told[]): number {
  return answersOf(told).filter(({ audit_id }) => audit_id).length;
}

async function actAtOnce(project: Project, round: number): Promise<void> {
  const place = await makePlace(project, { cooldown_hours: round % 4 ? 0 : 6, max_updates_per_day: CAP });
  const matters = await makeMatters(project, place);
  const before = await remember(project, place);
  const calls = mixture(place, matters, round);
  const live = `select count(*)::integer from pawl.system_prompts where assistant_id = '${place.id}' and is_active`;
  let told: Told[] = [];
  const seen = await project.crowd.watching(live, async () => void (told = await project.crowd.atOnce(calls)));
  assert.deepEqual([...seen], ["[1]"], "live versions at some moment");
  const answers = answersOf(told);
  await assertTellsWhatHappened(project, place, before, answers);
  assertOneEnd(told, matters.proposed);
  const byLoop = await one(
    project,
    `select count(*)::integer from pawl.system_prompts
     where assistant_id = $1 and created_by = 'system' and not placebo`,
    [place.id],
  );
  assert.ok(byLoop <= CAP, `${byLoop} versions by the loop, at most ${CAP} a day`);
}

interface Matters {
  /** A suggestion with a version, the fourth, that is in test and waits for approval. */
  proposed: string;
  /** A suggestion that says what to mend, and the reflection that made it. */
  mend: string;
  mending: string;
  escalation: string;
  /** Reflections whose update is owed. */
  owed: string[];
}

async function makeMatters(project: Project, place: Place): Promise<Matters> {
  await writeVersions(project, place, 2);
  const [first, mending, ...owed] = await owe(project, place, 12);
  await project.crowd.one(rpc("service", "pawl_require_approval", at(place)));
  const { suggestion_id: proposed } = await project.crowd.one(submit(first, place));
  await project.crowd.one(rpc("service", "pawl_require_approval", { p_required: false, ...at(place) }));
  await project.database.query("update pawl.reflection_logs set action_taken = 'suggestion' where id = $1", [mending]);
  const suggest = (type: string) =>
    one(
      project,
      `insert into pawl.suggestions (assistant_id, reflection_log_id, suggestion_type, priority, title, description)
       values ($1, $2, $3, 'high', 'A title', 'A description') returning id`,
      [place.id, mending, type],
    );
  return { proposed, mend: await suggest("prompt_change"), mending, escalation: await suggest("escalation"), owed };
}

/** Two of each of the kinds that contend most; the rest, by chance, of all kinds or of those that let the loop write. */
function mixture(place: Place, matters: Matters, round: number): Call[] {
  const random = chance(round);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)];
  // An admin, a backend, and a backend that says for whom.
  const by = (name: string, values: Record<string, unknown>) =>
    pick([
      rpc(place.admin, name, values),
      rpc("service", name, values),
      rpc("service", name, { ...values, p_user_id: place.admin }),
    ]);
  const act = (name: string, values: Record<string, unknown> = {}) => by(name, { ...values, ...at(place) });
  const review = (name: string, id: string) => by(name, { p_suggestion_id: id });
  const suggestion = () => pick([matters.proposed, matters.proposed, matters.mend, matters.escalation]);
  const version = () => pick([1, 2, 3, 4, 4, 4, 5, 6]);
  const contending = [
    () => review("pawl_approve_suggestion", suggestion()),
    () => review("pawl_reject_suggestion", matters.proposed),
    () => act("pawl_rollback_prompt"),
    () => act("pawl_activate_prompt", { p_version: pick([1, 1, 2, 3]) }),
    () => act("pawl_write_prompt", { p_content: "By hand.", p_activate: true }),
    () => submit(pick([...matters.owed, matters.mending]), place),
    () => act("pawl_pause_updates"),
    () => act("pawl_lock_prompt"),
    () => act("pawl_force_version", { p_version: version() }),
    () => act("pawl_reject_version", { p_version: version() }),
  ];
  const freeing = [
    () => submit(pick([...matters.owed, matters.mending]), place),
    () => submit(pick([...matters.owed, matters.mending]), place),
    () => submit(pick([...matters.owed, matters.mending]), place),
    () => act("pawl_activate_prompt", { p_version: 1 }),
    () => act("pawl_rollback_prompt", { p_version: 1 }),
    () => act("pawl_resume_updates"),
    () => act("pawl_resume_updates"),
    () => act("pawl_lock_prompt", { p_locked: false, p_version: 1 }),
    () => act("pawl_reject_version", { p_version: pick([4, 5, 6, 7]) }),
    () => act("pawl_reject_version", { p_version: pick([4, 5]) }),
    () => act("pawl_protect_clauses", { p_clauses: pick([[], [], ["A clause"]]) }),
  ];
  const others = [
    () => review("pawl_reject_suggestion", suggestion()),
    () => act("pawl_approve_version", { p_version: version() }),
    () => act("pawl_test_version", { p_version: version() }),
    () => act("pawl_test_version", { p_placebo: true }),
    () => act("pawl_write_prompt", { p_content: "By hand, for later." }),
    () => act("pawl_pause_updates", { p_until: "2100-01-01T00:00:00Z" }),
    () => act("pawl_lock_prompt", { p_locked: false }),
    () => act("pawl_require_approval", { p_required: pick([true, false]) }),
    () => act("pawl_protect_clauses", { p_clauses: pick([[], ["A clause"]]) }),
  ];
  const rest = round % 2 ? freeing : [...contending, ...freeing, ...others];
  return times(50, (index) => (index < 2 * contending.length ? contending[index % contending.length] : pick(rest))());
}

/** Of many who approve, reject or force what a suggestion is about, one ends it, and one at most approves before. */
function assertOneEnd(told: Told[], suggestion: string): void {
  const verdicts = answersOf(told).flatMap(({ about, changed }) =>
    changed?.status && about.suggestion_id === suggestion ? [changed.status.to] : []
  );
  const { approved = 0, rejected = 0, implemented = 0, ...others } = tally(verdicts);
  assert.deepEqual(others, {});
  assert.ok(approved <= 1 && rejected + implemented <= 1, `verdicts: ${JSON.stringify(tally(verdicts))}`);
}

/** The same numbers for the same seed (a linear congruence), so that a round can be had again. */
function chance(seed: number): () => number {
  let state = seed * 2654435761 % 2 ** 32;
  return () => (state = (state * 1664525 + 1013904223) % 2 ** 32) / 2 ** 32;
}
