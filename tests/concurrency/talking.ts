/** Turns at once: one a key, no more than a limit, one answer each, and of a version that was live. */
import assert from "node:assert/strict";
import { join } from "../e2e/assistants.ts";
import { type Call, rpc, type Told } from "./crowd.ts";
import type { Project } from "./ground.ts";
import { answersOf, outcomesOf } from "./outcomes.ts";
import { at, complete, inside, makePlace, one, type Place, times, writeVersions } from "./places.ts";

/** 50 times the same request of a person nobody has seen before: one turn, one message, one person. */
export async function oneTurnAKey(project: Project): Promise<void> {
  const person = crypto.randomUUID();
  const call = rpc(person, "pawl_begin_turn", { p_message: "Hello", p_idempotency_key: "a-key" });
  assert.deepEqual(outcomesOf(await project.crowd.atOnce(times(50, () => call))), { ok: 1, in_progress: 49 });
  assert.deepEqual(await storedOf(project, person), { turns: 1, messages: 1, sessions: 1, memberships: 1 });
}

/** 50 messages of a person who may send 20 a minute: 20, and none of the others leaves anything. */
export async function aLimitIsExact(project: Project): Promise<void> {
  const person = crypto.randomUUID();
  const call = rpc(person, "pawl_begin_turn", { p_message: "Hello" });
  assert.deepEqual(outcomesOf(await project.crowd.atOnce(times(50, () => call))), { ok: 20, limited: 30 });
  assert.deepEqual(await storedOf(project, person), { turns: 20, messages: 20, sessions: 20, memberships: 1 });
  // Two a message, by its size.
  assert.equal(await tokensOf(project, person), 40, "tokens taken in advance");
}

/** 50 times the same answer to one turn: stored and counted once, and all are told of the same one. */
export async function oneAnswerATurn(project: Project): Promise<void> {
  for (const order of ["one behind the other", "at once"]) {
    const place = await makePlace(project);
    const { turn_id } = await project.crowd.one(begin(place, "Hello"));
    const answers = times(50, (index) => complete(turn_id, `Answer ${index}`));
    const told = order === "at once"
      ? await project.crowd.atOnce(answers)
      : await project.crowd.inLineBehind(`select from pawl.turns where id = '${turn_id}' for update`, answers);
    assert.deepEqual(outcomesOf(told), { ok: 50 }, order);
    assert.equal(new Set(answersOf(told).map(({ answer_id }) => answer_id)).size, 1, `answers told, ${order}`);
    const stored = { turns: 1, messages: 2, sessions: 1, memberships: 1 };
    assert.deepEqual(await storedOf(project, place.admin), stored, order);
    assert.equal(await tokensOf(project, place.admin), 30, `tokens counted, ${order}`);
  }
}

/** An answer comes late while its turn is tried again, in either order and all at once: one of the two counts. */
export async function lateOrTriedAgain(project: Project): Promise<void> {
  for (const order of ["answer first", "attempt first", "at once", "at once"]) {
    const place = await makePlace(project);
    const again = begin(place, "Hello", { p_idempotency_key: "a-key" });
    const { turn_id } = await project.crowd.one(again);
    await project.database.query("update pawl.turns set lease_expires_at = now() - interval '1 second' where id = $1", [
      turn_id,
    ]);
    const pair = order === "attempt first" ? [again, complete(turn_id, "Late")] : [complete(turn_id, "Late"), again];
    const told = order === "at once"
      ? await project.crowd.atOnce(times(50, (index) => pair[index % 2]))
      : await project.crowd.inLineBehind(`select from pawl.turns where id = '${turn_id}' for update`, pair);
    const outcomes = outcomesOf(told);
    const half = told.length / 2;
    const won = outcomes.replayed
      ? { ok: half, replayed: half }
      : { ok: 1, superseded: half, ...(half > 1 ? { in_progress: half - 1 } : {}) };
    assert.deepEqual(outcomes, won, order);
    const status = await one(project, "select status from pawl.turns where id = $1", [turn_id]);
    assert.equal(status, outcomes.replayed ? "completed" : "open", order);
  }
}

/** An attempt's answer and its failure, in either order and all at once: one of the two is what became of it. */
export async function answeredOrFailed(project: Project): Promise<void> {
  for (const order of ["answer first", "failure first", "at once", "at once"]) {
    const place = await makePlace(project);
    const { turn_id } = await project.crowd.one(begin(place, "Hello"));
    const fail = rpc("service", "pawl_fail_turn", { p_turn_id: turn_id, p_attempt: 1, p_error_code: "model_timeout" });
    const pair = order === "failure first" ? [fail, complete(turn_id, "Late")] : [complete(turn_id, "Late"), fail];
    const told = order === "at once"
      ? await project.crowd.atOnce(times(50, (index) => pair[index % 2]))
      : await project.crowd.inLineBehind(`select from pawl.turns where id = '${turn_id}' for update`, pair);
    const half = told.length / 2;
    const status = await one(project, "select status from pawl.turns where id = $1", [turn_id]);
    const won = status === "completed"
      ? { ok: half, turn_not_found: half }
      : { ok: 1, turn_failed: half, ...(half > 1 ? { turn_not_found: half - 1 } : {}) };
    assert.deepEqual(outcomesOf(told), won, order);
  }
}

/** 30 turns begin, then are answered, while people switch between versions 2 and 3. */
export async function answersAreOfALiveVersion(project: Project): Promise<void> {
  const place = await makePlace(project);
  await writeVersions(project, place, 2);
  await project.crowd.one(activate(place, 2));
  const people = times(30, () => crypto.randomUUID());
  for (const person of people) await join(project, place.organization, person);
  const live = `select count(*)::integer from pawl.system_prompts where assistant_id = '${place.id}' and is_active`;
  const seen = await project.crowd.watching(live, async () => {
    const begun = await whileSwitching(project, place, people.map((person) => bracketed(place, person)));
    const history = await historyOf(project, place);
    for (const told of begun) assertWasLive(told, history);
    const turns = answersOf(begun.map(({ answers }) => ({ answers, answer: answers[1] })));
    answersOf(await whileSwitching(project, place, turns.map(({ turn_id }) => complete(turn_id, "An answer"))));
    for (const { turn_id, prompt_version } of turns) {
      const answered = await one(
        project,
        "select m.prompt_version from pawl.turns t join pawl.messages m on m.id = t.answer_message_id where t.id = $1",
        [turn_id],
      );
      assert.equal(answered, prompt_version, "the version an answer names");
    }
  });
  assert.deepEqual([...seen], ["[1]"], "live versions at some moment");
}

/** Beside 20 switches; what the others were told. */
async function whileSwitching(project: Project, place: Place, calls: Call[]): Promise<Told[]> {
  const switches = times(20, (index) => activate(place, 2 + index % 2));
  const told = await project.crowd.atOnce([...switches, ...calls]);
  answersOf(told);
  return told.slice(switches.length);
}

/** A turn that begins, between the numbers of the last records before and after it. */
function bracketed(place: Place, person: string): Call {
  const last = `select coalesce(max(id), 0)::integer from pawl.audit_log where assistant_id = '${place.id}'`;
  const { sql } = rpc("service", "pawl_begin_turn", {
    p_message: "Hello",
    p_user_id: person,
    ...at(place),
  });
  return { as: "service", sql: `${last}; ${sql}; ${last}` };
}

interface Switch {
  id: number;
  to: number;
}

function assertWasLive({ answers: [before, turn, after] }: Told, history: Switch[]): void {
  assert.equal(turn.outcome, "ok", JSON.stringify(turn));
  const atFirst = history.findLast(({ id }) => id <= before)!;
  const live = [atFirst, ...history.filter(({ id }) => id > before && id <= after)].map(({ to }) => to);
  assert.ok(live.includes(turn.prompt_version), `version ${turn.prompt_version}, while ${live} was live`);
}

async function historyOf(project: Project, { id }: Place): Promise<Switch[]> {
  return await project.database.query<Switch>(
    `select id::integer, (detail #>> '{changed,live_version,to}')::integer as "to" from pawl.audit_log
     where assistant_id = $1 and detail -> 'changed' ? 'live_version' order by id`,
    [id],
  );
}

function activate(place: Place, version: number): Call {
  return rpc(place.admin, "pawl_activate_prompt", { p_version: version, ...at(place) });
}

function begin(place: Place, message: string, more: Record<string, unknown> = {}): Call {
  return rpc(place.admin, "pawl_begin_turn", { p_message: message, ...inside(place), ...more });
}

async function storedOf(project: Project, person: string): Promise<Record<string, number>> {
  const [stored] = await project.database.query(
    `select (select count(*)::integer from pawl.turns where user_id = $1) as turns,
       (select count(*)::integer from pawl.messages m join pawl.sessions s on s.id = m.session_id where s.user_id = $1)
         as messages,
       (select count(*)::integer from pawl.sessions where user_id = $1) as sessions,
       (select count(*)::integer from pawl.organization_members where user_id = $1) as memberships`,
    [person],
  );
  return { ...stored };
}

async function tokensOf(project: Project, person: string): Promise<number> {
  return await one(project, "select sum(tokens)::integer from pawl.user_usage where user_id = $1", [person]);
}
