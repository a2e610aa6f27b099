/** Workers at once on a version in test, and people beside them: each decision counts once. */
import assert from "node:assert/strict";
import { type Call, rpc, type Told } from "./crowd.ts";
import type { Project } from "./ground.ts";
import { answersOf, outcomesOf, tally } from "./outcomes.ts";
import { at, one, times, writeVersions } from "./places.ts";
import { assertTellsWhatHappened, assertTestsAgree, type Before, remember } from "./record.ts";
import { beginProof, claimProof, decide, levelAt, liveIs, makeProof, makeTrial, prove, type Trial } from "./trials.ts";

/** 50 workers claim the proof of one assistant: one gets it, and nobody does while the lease runs. */
export async function oneProves(project: Project): Promise<void> {
  const trial = await makeTrial(project);
  await project.crowd.one(rpc("service", "pawl_release_proof", { p_holder: trial.holder, p_assistant_id: trial.id }));
  const told = answersOf(await project.crowd.atOnce(times(50, () => claimProof(trial))));
  const claims = told.filter(({ claim }) => claim);
  assert.equal(claims.length, 1, `${claims.length} claims of one proof`);
  assert.equal(claims[0].claim.task.prove.test.test_id, trial.test);
  const late = await project.crowd.one(claimProof(trial));
  assert.deepEqual(
    [late.claim, late.skipped[0]?.reason],
    [null, "in_progress"],
    "a claim while another holds the lease",
  );
}

/** 50 say how a judge stood its trial, half of them that it failed: what is stored first counts for all. */
export async function aJudgeIsTriedOnce(project: Project): Promise<void> {
  for (let round = 1; round <= 4; round++) {
    const trial = await makeTrial(project);
    const before = await remember(project, trial);
    const usage = [{ purpose: "compare", model: "a-model", usage: { input_tokens: 60, output_tokens: 40 } }];
    const told = await project.crowd.atOnce(times(50, (index) =>
      prove(trial, "record_judge_trial", {
        ...{ p_judge_revision: 1, p_passed: (index + round) % 2 === 0, p_attacks: "[]" },
        p_usage: JSON.stringify(usage),
      })));
    const [{ passed, reason, tokens, escalations }] = await project.database.query(
      `select j.passed, t.reason, t.tokens::integer as tokens, (
         select count(*)::integer from pawl.suggestions g where g.assistant_id = t.assistant_id) as escalations
       from pawl.prompt_tests t join pawl.judge_trials j on j.assistant_id = t.assistant_id where t.id = $1`,
      [trial.test],
    );
    assert.deepEqual(outcomesOf(told), passed ? { ok: 50 } : { "closed: judge_not_trusted": 50 });
    const closed = passed ? { reason: null, escalations: 0 } : { reason: "judge_not_trusted", escalations: 1 };
    assert.deepEqual({ reason, escalations, tokens }, { ...closed, tokens: 100 }, "what came of one trial");
    await assertTellsWhatHappened(project, trial, before, answersOf(told));
  }
}

/**
 * 50 claims find a test whose judge is another by now, while people force its version: it is closed once, and what one
 * of them puts to the test again at most once more.
 */
export async function closedOrForced(project: Project): Promise<void> {
  for (let round = 1; round <= 6; round++) {
    const trial = await makeTrial(project);
    await project.crowd.one(rpc("service", "pawl_release_proof", { p_holder: trial.holder, p_assistant_id: trial.id }));
    const before = await remember(project, trial);
    await project.database.query("update pawl.loop_settings set judge_model = 'another' where assistant_id = $1", [
      trial.id,
    ]);
    before.state.judge_model = "another";
    const force = rpc(trial.admin, "pawl_force_version", { p_version: 2, ...at(trial) });
    const told = await project.crowd.atOnce(times(50, (index) => index % 10 ? claimProof(trial) : force));
    // Who claimed while somebody held the assistant has left it as it is; who has the lease tests the version again.
    await project.database.query("update pawl.leases set holder = null, expires_at = null where assistant_id = $1", [
      trial.id,
    ]);
    const last = await project.crowd.one(claimProof(trial));
    assert.deepEqual(last.skipped.map(({ reason }: { reason: string }) => reason), ["nothing_to_prove"]);
    assert.equal(await liveIs(project, trial), 2);
    await assertTellsWhatHappened(project, trial, before, answersOf(told));
  }
}

/** 50 workers tell people of the same fall: they are told once. */
export async function aFallIsToldOnce(project: Project): Promise<void> {
  const { trial, prompt } = await makeForced(project);
  const alert = rpc("service", "pawl_alert_fall", {
    p_holder: trial.holder,
    p_assistant_id: trial.id,
    p_prompt_id: prompt.id,
    p_ruling: { decision: "alert", words: "It fell." },
  });
  const told = answersOf(await project.crowd.atOnce(times(50, () => alert)));
  assert.deepEqual(tally(told.map(({ outcome, suggestion_id }) => `${outcome} ${Boolean(suggestion_id)}`)), {
    "ok true": 1,
    "ok false": 49,
  });
}

/** 50 times the same decision: one receipt, one version that goes live, and all are told of it. */
export async function oneDecision(project: Project): Promise<void> {
  for (const decision of ["promoted", "rejected"] as const) {
    const trial = await makeProof(project, "replay");
    const before = await remember(project, trial);
    const told = await project.crowd.atOnce(times(50, () => decide(trial, decision)));
    assert.deepEqual(outcomesOf(told), { ok: 50 }, decision);
    assert.equal(new Set(answersOf(told).map(({ receipt_id }) => receipt_id)).size, 1, "receipts told of");
    assert.equal(await liveIs(project, trial), decision === "promoted" ? 2 : 1);
    await assertDecided(project, trial, before, told, 1);
  }
}

/** 25 pass what 25 reject: it is rejected once, and takes a place among the year's tests only if it was passed before. */
export async function passedOrRejected(project: Project): Promise<void> {
  for (let round = 1; round <= 4; round++) {
    const trial = await makeTrial(project);
    const before = await remember(project, trial);
    const pair = [beginProof(trial, "replay"), decide(trial, "rejected")];
    const told = await project.crowd.atOnce(times(50, (index) => pair[index % 2]));
    const [passing, rejecting] = [0, 1].map((which) => told.filter((_, index) => index % 2 === which));
    const { ok: begun = 0, "closed: worse": late = 0 } = outcomesOf(passing);
    assert.deepEqual([begun + late, outcomesOf(rejecting)], [25, { ok: 25 }]);
    const [test] = await project.database.query(
      "select state, ledger_position, method from pawl.prompt_tests where id = $1",
      [trial.test],
    );
    const stood = begun > 0 ? [1, "replay"] : [null, null];
    assert.deepEqual([test.state, test.ledger_position, test.method], ["rejected", ...stood], "what became of it");
    await assertDecided(project, trial, before, told, 1, true);
  }
}

/** 50 begin the second proof of a year, half of them, and the first, as if it were the first: it takes the second place. */
export async function onePlaceInTheYear(project: Project): Promise<void> {
  const first = await makeProof(project, "replay");
  await project.crowd.one(decide(first, "rejected"));
  await writeVersions(project, first, 1);
  await project.crowd.one(rpc(first.admin, "pawl_test_version", { p_version: 3, ...at(first) }));
  const test = await one(
    project,
    "select id from pawl.prompt_tests where assistant_id = $1 and state = 'screening'",
    [first.id],
  );
  const trial = { ...first, test };
  const told = await project.crowd.inLineBehind(
    `select from pawl.assistants where id = '${trial.id}' for update`,
    times(50, (index) => beginProof(trial, "replay", 1 + index % 2)),
  );
  const { ok = 0, stale = 0 } = outcomesOf(told);
  assert.ok(ok >= 25 && stale >= 1 && ok + stale === 50, `${ok} begun, ${stale} stale`);
  const ledger = await project.database.query(
    "select position, level::real as level from pawl.test_ledger where assistant_id = $1 order by position",
    [trial.id],
  );
  assert.deepEqual(ledger.map(({ position, level }) => [position, Number(level.toFixed(6))]), [
    [1, levelAt(1)],
    [2, levelAt(2)],
  ], "places and levels");
}

/** Workers decide while people force it, reject it or put another version live: one of them does, and the others are told. */
export async function decidedOrOverruled(project: Project): Promise<void> {
  for (let round = 1; round <= 10; round++) {
    const trial = await makeProof(project, "replay");
    await writeVersions(project, trial, 1);
    const before = await remember(project, trial);
    const act = (name: string, p_version: number) => rpc(trial.admin, `pawl_${name}`, { p_version, ...at(trial) });
    const others = [
      act("force_version", 2),
      act("reject_version", 2),
      act("activate_prompt", 3),
      act("activate_prompt", 1),
      rpc("service", "pawl_rollback_prompt", { ...at(trial) }),
    ];
    const decision = round % 3 ? "promoted" : "rejected";
    const calls = times(
      50,
      (index) => index % 2 ? decide(trial, decision) : others[(index / 2 + round) % others.length],
    );
    const live = `select count(*)::integer from pawl.system_prompts where assistant_id = '${trial.id}' and is_active`;
    let told: Told[] = [];
    const seen = await project.crowd.watching(live, async () => void (told = await project.crowd.atOnce(calls)));
    assert.deepEqual([...seen], ["[1]"], "live versions at some moment");
    const decisions = outcomesOf(told.filter((_, index) => index % 2));
    const { ok = 0, ...late } = decisions;
    assert.ok(ok === 0 || ok === 25, `decided and not: ${JSON.stringify(decisions)}`);
    assert.ok(Object.keys(late).every((outcome) => outcome.startsWith("closed: ")), JSON.stringify(decisions));
    await assertDecided(project, trial, before, told, ok ? 1 : 0);
  }
}

/** 50 workers' calls take the live version back, on votes that each has looked at for itself: one does. */
export async function takenBackOnce(project: Project): Promise<void> {
  const { trial, prompt } = await makeForced(project);
  const before = await remember(project, trial);
  const told = await project.crowd.atOnce(
    times(50, () => rollBack(trial, prompt, times(2, () => crypto.randomUUID()))),
  );
  assert.deepEqual(outcomesOf(told), { ok: 50 }, "every repetition is told of the first");
  assert.equal(new Set(answersOf(told).map(({ receipt_id }) => receipt_id)).size, 1, "receipts told of");
  await assertTellsWhatHappened(project, trial, before, answersOf(told));
}

/** A worker takes a version back, and a person forces it live again, while other workers wait to take it back. */
export async function forcedMeanwhile(project: Project): Promise<void> {
  const { trial, prompt } = await makeForced(project);
  const before = await remember(project, trial);
  const [votes, others] = times(2, () => times(2, () => crypto.randomUUID()));
  const told = await project.crowd.inLineBehind(`select from pawl.assistants where id = '${trial.id}' for update`, [
    rollBack(trial, prompt, votes),
    rpc(trial.admin, "pawl_force_version", { p_version: 2, ...at(trial) }),
    rollBack(trial, prompt, others),
    rollBack(trial, prompt, votes),
  ]);
  const outcomes = answersOf(told).map(({ outcome }) => outcome);
  assert.deepEqual(outcomes, ["ok", "ok", "superseded", "superseded"], "what was taken back again");
  assert.equal((await project.crowd.one(rollBack(trial, prompt, votes))).outcome, "superseded", "the same votes later");
  assert.equal(await liveIs(project, trial), 2);
  await assertTellsWhatHappened(project, trial, before, answersOf(told));
}

/** Workers take the live version back while people put others live, or it again: no vote counts twice. */
export async function takenBackOrOverruled(project: Project): Promise<void> {
  for (let round = 1; round <= 8; round++) {
    const { trial, prompt } = await makeForced(project);
    await writeVersions(project, trial, 1);
    const before = await remember(project, trial);
    const act = (name: string, p_version: number) => rpc(trial.admin, `pawl_${name}`, { p_version, ...at(trial) });
    const others = [act("activate_prompt", 3), act("activate_prompt", 1), act("activate_prompt", 2)];
    // Some are the same call once more, others have looked for themselves.
    const votes = times(2, () => crypto.randomUUID());
    const calls = times(50, (index) => {
      if (index < 15) return others[index % 3];
      return rollBack(trial, prompt, index % 2 ? votes : times(2, () => crypto.randomUUID()));
    });
    const told = await project.crowd.atOnce(calls);
    const workers = outcomesOf(told.slice(15));
    const { ok = 0, superseded = 0, "held: by_hand": held = 0, ...rest } = workers;
    assert.deepEqual([rest, ok + superseded + held], [{}, 35]);
    const receipts = await project.database.query(
      "select id, observation_ids from pawl.promotion_receipts where assistant_id = $1 and decision = 'rollback'",
      [trial.id],
    );
    assert.equal(receipts.length, ok ? 1 : 0, "receipts of one rollback");
    const ids = answersOf(told).flatMap(({ receipt_id }) => receipt_id ?? []);
    assert.deepEqual([...new Set(ids)], receipts.map(({ id }) => id), "receipts told of");
    for (const { observation_ids } of receipts) assert.equal(observation_ids.length, 2, "votes of a receipt");
    const told_of = await one(
      project,
      "select count(*)::integer from pawl.suggestions where assistant_id = $1 and priority = 'critical'",
      [trial.id],
    );
    assert.equal(told_of, receipts.length, "a person is told once");
    await assertTellsWhatHappened(project, trial, before, answersOf(told));
  }
}

/** A version is proved and waits for approval, while workers look at it and decide: who approves makes it live, once. */
export async function approvedWhileProved(project: Project): Promise<void> {
  for (let round = 1; round <= 6; round++) {
    const trial = await makeProof(project, "replay", { approval_required: true });
    const before = await remember(project, trial);
    const { reason } = await project.crowd.one(decide(trial, "promoted"));
    assert.equal(reason, "awaiting_approval");
    const calls = [
      rpc(trial.admin, "pawl_approve_version", { p_version: 2, ...at(trial) }),
      decide(trial, "promoted"),
      prove(trial, "proof_look"),
      prove(trial, "note_ruling", { p_ruling: { decision: "go_on" } }),
    ];
    const told = await project.crowd.atOnce(times(48, (index) => calls[index % calls.length]));
    const decided = told.filter((_, index) => index % calls.length === 1);
    const last = await project.crowd.atOnce([decide(trial, "promoted")]);
    assert.deepEqual(outcomesOf(last), { ok: 1 }, "nothing is left to wait for");
    const { ok = 0, "held: awaiting_approval": held = 0 } = outcomesOf(decided);
    assert.equal(ok + held, 12, JSON.stringify(outcomesOf(decided)));
    assert.equal(await liveIs(project, trial), 2);
    await assertDecided(project, trial, before, [...told, ...last], 1);
  }
}

/** The version that was in test is live, on a person's word. */
async function makeForced(project: Project): Promise<{ trial: Trial; prompt: Live }> {
  const trial = await makeTrial(project);
  await project.crowd.one(rpc(trial.admin, "pawl_force_version", { p_version: 2, ...at(trial) }));
  // The time as text: a Date would lose its microseconds.
  const sql =
    "select id, to_json(activated_at) #>> '{}' as since from pawl.system_prompts where assistant_id = $1 and is_active";
  const [prompt] = await project.database.query<Live>(sql, [trial.id]);
  return { trial, prompt };
}

/** The live version as a worker looked at it. */
interface Live {
  id: string;
  since: string;
}

/** So many receipts, and a record without a break. `passed`: passing a screening changes a state, and leaves no row. */
async function assertDecided(
  project: Project,
  trial: Trial,
  before: Before,
  told: Told[],
  receipts: number,
  passed = false,
): Promise<void> {
  const stored = await one(
    project,
    "select count(*)::integer from pawl.promotion_receipts where test_id = $1",
    [trial.test],
  );
  assert.equal(stored, receipts, "receipts");
  if (passed) await assertTestsAgree(project, trial);
  else await assertTellsWhatHappened(project, trial, before, answersOf(told));
}

function rollBack(trial: Trial, prompt: Live, votes: string[]): Call {
  return rpc("service", "pawl_roll_back", {
    p_holder: trial.holder,
    p_assistant_id: trial.id,
    p_prompt_id: prompt.id,
    p_since: prompt.since,
    p_case: { kind: "watch", observations: votes.map((id) => ({ id, up: false })) },
    p_ruling: { decision: "rollback", reason: "fell", n: 2, words: "It fell." },
  });
}
