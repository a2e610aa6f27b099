/** The callers of kill.test.ts that have versions prove themselves: with tests that lack a step or two. */
import assert from "node:assert/strict";
import { configure } from "./assistants.ts";
import { type Attempt, converse, type Place } from "./attempts.ts";
import { BETTER, hold } from "./promotion_ground.ts";
import { post, service } from "./scene.ts";

/** A backend that calls until nothing is left to do for the assistant's test, and has its receipt verified. */
export function asProver(place: Place, { verifies }: { verifies?: true } = {}): Attempt {
  const { stack, steps, organization: organization_id, assistant: { id, slug } } = place;
  const call = async (order: Record<string, unknown>) => {
    const url = await steps.url("prompt-updater");
    const { status, body } = await post({ url }, "prompt-updater", order, service(stack));
    assert.equal(status, 200, JSON.stringify(body));
    return body;
  };
  return async () => {
    const { proofs: [{ did, reason, units }, ...others] } = await call({
      action: "prove",
      organization_id,
      assistant: slug,
    });
    assert.deepEqual(others, []);
    if (reason === "in_progress") return "wait";
    const sql = "select id from pawl.promotion_receipts where assistant_id = $1";
    for (const { id: receipt_id } of verifies ? await stack.database.query(sql, [id]) : []) {
      assert.equal((await call({ action: "verify_receipt", receipt_id })).matches, true);
    }
    // A canary waits for people. That it has just begun is no look at it yet.
    if (did === "proving" && reason !== "passed" && !units) return "over";
    return did === "skipped" ? "over" : "again";
  };
}

/** A version written by hand that is in no test. */
export async function draft({ stack, assistant }: Place): Promise<void> {
  await stack.database.query(
    `insert into pawl.system_prompts (assistant_id, version, content, created_by, previous_version_id)
     select assistant_id, 2, $2, 'human', id from pawl.system_prompts where assistant_id = $1`,
    [assistant.id, BETTER],
  );
}

/** What was observed of a test before the function that is killed gets it, and what it still lacks. */
interface Begun {
  /** Of pairs: 1 where the new version won, −1 where it lost. */
  seen?: number[];
  /** Pairs that are not drawn yet. */
  left?: number;
  /** Nobody has tried the judge. */
  untried?: true;
}

/** A version at gate one, with as many pairs as a screening has at the least. */
export async function screen(place: Place, begun: Begun = {}): Promise<void> {
  const { stack, assistant } = place;
  await configure(stack, assistant, { screening_pairs: 20, proof_method: "canary", yearly_budget: false });
  await converse(place);
  await draft(place);
  await stack.database.query(
    "select pawl.open_test(p, p.previous_version_id) from pawl.system_prompts p where assistant_id = $1 and version = 2",
    [assistant.id],
  );
  await observe(place, "screening", begun);
}

/** At gate two, by replay, at the level of one in twenty: nine pairs that it wins promote it. */
export async function replay(place: Place, begun: Begun): Promise<void> {
  await screen(place);
  await prove(place, "replay");
  await observe(place, "proving", begun);
}

/** At gate two, by a canary; one conversation with either version is old enough to be judged. */
export async function canary(place: Place): Promise<void> {
  const { stack, assistant } = place;
  await screen(place);
  await prove(place, "canary");
  await observe(place, "proving", {});
  const ofAssistant = "session_id in (select s.id from pawl.sessions s where s.assistant_id = $1)";
  const back = "- interval '3 days'";
  for (
    const change of [
      `update pawl.exchanges set answered_at = answered_at ${back} where assistant_id = $1`,
      `update pawl.messages set created_at = created_at ${back} where ${ofAssistant}`,
      `update pawl.turns set created_at = created_at ${back}, finished_at = finished_at ${back} where ${ofAssistant}`,
      `update pawl.sessions set created_at = created_at ${back}, updated_at = updated_at ${back}
       where assistant_id = $1`,
      `update pawl.prompt_tests set created_at = created_at ${back}, proof_started_at = proof_started_at ${back}
       where assistant_id = $1`,
      // In a certain order: what a person's first conversation was like is looked at with the second.
      `insert into pawl.canary_units (test_id, user_id, session_id, candidate, propensity, assigned_at)
       select t.id, s.user_id, s.id, s.n = 1, 0.2, s.created_at - s.n * interval '1 second'
       from (select *, row_number() over (order by title) as n from pawl.sessions where assistant_id = $1) s
       join pawl.prompt_tests t using (assistant_id) where s.n <= 2`,
    ]
  ) await stack.database.query(change, [assistant.id]);
}

async function prove({ stack, assistant }: Place, method: string): Promise<void> {
  await stack.database.query(
    `update pawl.prompt_tests set state = 'proving', method = $2, level = 0.05, proof_started_at = now(),
       plan = jsonb_build_object('method', $2::text, 'words', '', 'expected_days', 7, 'expected_units', 9)
     where assistant_id = $1`,
    [assistant.id, method],
  );
  await stack.database.query(
    "update pawl.system_prompts set state = 'proving' where assistant_id = $1 and state = 'screening'",
    [assistant.id],
  );
}

/** All pairs are of the same few conversations: where they come from is the database's to test. */
async function observe({ stack, assistant }: Place, stage: string, begun: Begun): Promise<void> {
  const { seen = [], left = 0, untried } = begun;
  const pool = stage === "screening" ? "screening_pool" : "proof_pool";
  await stack.database.query(
    `update pawl.prompt_tests t set ${pool} = (
       select array_agg(u.id order by n) from generate_series(1, $2::integer) n
       join (select x.id, row_number() over (order by m.content) as number
             from pawl.turns x join pawl.messages m on m.id = x.user_message_id
             join pawl.sessions s on s.id = x.session_id where s.assistant_id = $1) u on u.number = n % 5 + 1)
     where assistant_id = $1`,
    [assistant.id, seen.length + left],
  );
  await stack.database.query(
    `with pairs as (
       insert into pawl.replay_pairs (test_id, stage, number, turn_id, candidate_first, state)
       select t.id, $2, n, t.${pool}[n], n % 2 = 0, 'judged'
       from pawl.prompt_tests t cross join generate_series(1, cardinality($3::integer[])) n where t.assistant_id = $1
       returning *
     )
     insert into pawl.proof_observations (about_id, kind, stage, data)
     select test_id, 'pair', stage, jsonb_build_object(
       'd', ($3::integer[])[number], 'first', ($3::integer[])[number], 'second', ($3::integer[])[number],
       'longer', 0, 'question_type', 'how_to')
     from pairs order by number`,
    [assistant.id, stage, seen],
  );
  if (untried) return;
  await stack.database.query(
    `insert into pawl.judge_trials (assistant_id, judge_model, rubric_id, judge_revision, passed, attacks)
     select assistant_id, judge_model, rubric_id, 1, true, '[]' from pawl.prompt_tests where assistant_id = $1
     on conflict do nothing`,
    [assistant.id],
  );
}

/** A version in test that a person has still to approve. */
export async function waitForApproval(place: Place): Promise<void> {
  await configure(place.stack, place.assistant, { approval_required: true });
  await screen(place);
}

/** A forced version that nobody likes, after one that most liked. */
export async function fall(place: Place, votesBefore: number): Promise<void> {
  const { stack, organization, assistant } = place;
  await draft(place);
  await hold(stack, assistant, votesBefore, { up: 0.9 });
  await stack.database.query("select public.pawl_force_version(2, null, $2, $1)", [organization, assistant.slug]);
  await hold(stack, assistant, 40, { hours: 0, up: 0 });
}
