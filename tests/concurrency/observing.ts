/** Workers at once on what is observed of a version in test: each pair and each unit counts once, and is paid once. */
import assert from "node:assert/strict";
import { rpc } from "./crowd.ts";
import type { Project } from "./ground.ts";
import { answersOf, outcomesOf, tally } from "./outcomes.ts";
import { at, one, times } from "./places.ts";
import { assertTestsAgree } from "./record.ts";
import {
  ask,
  firstTurns,
  keepAnswers,
  makePeople,
  makeProof,
  makeTrial,
  nextPairs,
  type Pair,
  recordPairs,
  recordUnits,
  ripen,
  spent,
  type Trial,
} from "./trials.ts";

/** 50 times pairs are asked for, of which a day pays for 7: no more are handed out, whoever asks. */
export async function noPairIsAboveTheCap(project: Project): Promise<void> {
  const trial = await makeTrial(project);
  await ask(project, trial, trial.admin, 20);
  await project.crowd.one(nextPairs(trial, 1));
  const [one] = await reservedOf(project, trial);
  const cap = 8 * one + Math.floor(one / 2);
  await project.database.query("update pawl.loop_settings set test_tokens_per_day = $2 where assistant_id = $1", [
    trial.id,
    cap,
  ]);
  const told = answersOf(await project.crowd.atOnce(times(50, () => nextPairs(trial, 3))));
  const handed = told.reduce((sum, { pairs }) => sum + pairs.length, 0);
  const taken = await spent(project, trial);
  assert.equal(handed, 7, `${handed} pairs, which a day pays 7 of`);
  assert.ok(taken <= cap, `${taken} tokens, above the cap of ${cap}`);
  assert.equal(taken, 8 * one, "tokens taken, by what was handed out");
  assert.deepEqual(tally(told.map(({ blocked }) => String(blocked))), { null: 2, tokens: 48 });
}

/** 50 times the same verdicts on 10 pairs: 10 observations, paid once, and nothing stays reserved. */
export async function aPairIsJudgedOnce(project: Project): Promise<void> {
  const { trial, pairs } = await makePairs(project, 10);
  const told = await project.crowd.atOnce(times(50, () => recordPairs(trial, pairs)));
  assert.deepEqual(outcomesOf(told), { ok: 50 });
  await assertCounted(project, trial, { observations: 10, judged: 10, spent: 100 });
}

/** 50 at once ask for pairs, answer them or compare them: what is judged is observed once, what is taken is accounted for. */
export async function pairsAreAccountedFor(project: Project): Promise<void> {
  const { trial, pairs } = await makePairs(project, 20);
  const calls = times(50, (index) => {
    const some = times(6, (n) => pairs[(index * 3 + n * (index % 2 ? 1 : 7)) % pairs.length]);
    return index % 5 === 0
      ? nextPairs(trial, 4)
      : index % 5 === 1
      ? keepAnswers(trial, some)
      : recordPairs(trial, some);
  });
  answersOf(await project.crowd.atOnce(calls));
  const [{ observations, judged, held }] = await countsOf(project, trial);
  assert.deepEqual([observations, judged, held], [20, 20, 0], "observations, pairs judged, and tokens still reserved");
  await assertTestsAgree(project, trial);
}

/** 50 first turns of 10 people in a canary, then as many second ones: one coin each, and what it said stays. */
export async function aCoinIsThrownOnce(project: Project): Promise<void> {
  for (const canary_unit of ["conversation", "user"]) {
    const trial = await makeProof(project, "canary", { canary_unit, canary_share: 0.5 });
    const people = await makePeople(project, trial, 10);
    const turns = firstTurns(trial, people, 5);
    const first = answersOf(await project.crowd.atOnce(turns));
    const second = answersOf(
      await project.crowd.atOnce(turns.map((_, index) =>
        rpc("service", "pawl_begin_turn", {
          p_message: "And then?",
          p_session_id: first[index].session_id,
          p_user_id: people[index % people.length],
          ...at(trial),
        })
      )),
    );
    const units = await project.database.query(
      `select s.id, u.id as unit, u.candidate and u.assigned_at <= s.created_at as candidate from pawl.sessions s
       left join pawl.canary_units u on u.test_id = $1 and coalesce(s.id = u.session_id, s.user_id = u.user_id)
       where s.assistant_id = $2`,
      [trial.test, trial.id],
    );
    const coins = new Map(units.map(({ unit, candidate }) => [unit, candidate]));
    const arms = new Map(units.map(({ id, candidate }) => [id, candidate ? 2 : 1]));
    assert.deepEqual([units.length, coins.size], [50, canary_unit === "user" ? 10 : 50], `coins a ${canary_unit}`);
    for (const [index, { session_id, prompt_version }] of first.entries()) {
      // A person's conversation from before their coin is the live version's, and none of those that are compared.
      const arm = arms.get(session_id);
      assert.deepEqual([prompt_version, second[index].prompt_version], [arm, arm], `the arm of a ${canary_unit}`);
    }
  }
}

/** 50 workers' calls record 50 units of 10 people, some of them twice: one observation each, and people are numbered 1 to 10. */
export async function peopleAreNumbered(project: Project): Promise<void> {
  const trial = await makeProof(project, "canary");
  const people = await makePeople(project, trial, 10);
  answersOf(await project.crowd.atOnce(firstTurns(trial, people, 5)));
  const units = await ripen(project, trial);
  const told = await project.crowd.atOnce(
    times(50, (index) => recordUnits(trial, [units[index], units[(index + 1) % units.length]])),
  );
  assert.deepEqual(outcomesOf(told), { ok: 50 });
  const persons = await project.database.query(
    "select user_id, array_agg(distinct person) as numbers from pawl.canary_units where test_id = $1 group by user_id",
    [trial.test],
  );
  const numbers = persons.flatMap(({ numbers }) => numbers);
  assert.deepEqual(
    numbers.toSorted((a: number, b: number) => a - b),
    times(10, (index) => index + 1),
    "numbers of people",
  );
  const observed = await project.database.query<{ person: number }>(
    "select (data ->> 'person')::integer as person from pawl.proof_observations where about_id = $1",
    [trial.test],
  );
  assert.deepEqual(
    tally(observed.map(({ person }) => String(person))),
    tally(times(50, (index) => String(1 + index % 10))),
  );
  assert.equal(await one(project, "select people from pawl.prompt_tests where id = $1", [trial.test]), 10);
}

/** 50 calls record 10 units of 10 people, one each: what was observed counts once. */
export async function aUnitIsObservedOnce(project: Project): Promise<void> {
  const trial = await makeProof(project, "canary");
  const people = await makePeople(project, trial, 10);
  answersOf(await project.crowd.atOnce(firstTurns(trial, people, 1)));
  const units = await ripen(project, trial);
  const told = await project.crowd.atOnce(times(50, (index) => recordUnits(trial, [units[index % units.length]])));
  assert.deepEqual(outcomesOf(told), { ok: 50 });
  const observed = await one(
    project,
    "select count(*)::integer from pawl.proof_observations where about_id = $1",
    [trial.test],
  );
  assert.deepEqual([observed, await spent(project, trial)], [10, 1000], "observations of units, and tokens");
}

async function makePairs(project: Project, count: number): Promise<{ trial: Trial; pairs: Pair[] }> {
  const trial = await makeTrial(project);
  await ask(project, trial, trial.admin, 20);
  const { pairs } = await project.crowd.one(nextPairs(trial, count));
  assert.equal(pairs.length, count);
  return { trial, pairs };
}

async function reservedOf(project: Project, { test }: Trial): Promise<number[]> {
  const rows = await project.database.query<{ reserved: number }>(
    "select reserved_tokens::integer as reserved from pawl.replay_pairs where test_id = $1",
    [test],
  );
  return rows.map(({ reserved }) => reserved);
}

async function countsOf(project: Project, { test }: Trial) {
  return await project.database.query(
    `select (select count(*)::integer from pawl.proof_observations where about_id = $1) as observations,
       count(*) filter (where state = 'judged')::integer as judged, sum(reserved_tokens)::integer as held
     from pawl.replay_pairs where test_id = $1`,
    [test],
  );
}

async function assertCounted(
  project: Project,
  trial: Trial,
  expected: { observations: number; judged: number; spent: number },
): Promise<void> {
  const [counts] = await countsOf(project, trial);
  assert.deepEqual({ ...counts, spent: await spent(project, trial) }, { ...expected, held: 0 }, "what was counted");
  const charged = await one(project, "select tokens::integer from pawl.prompt_tests where id = $1", [trial.test]);
  assert.equal(charged, expected.spent, "tokens of the test");
}
