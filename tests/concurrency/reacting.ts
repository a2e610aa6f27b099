/** Feedback at once, and people who are forgotten while they talk: nobody waits for ever, and nothing comes out halfway. */
import assert from "node:assert/strict";
import { join } from "../e2e/assistants.ts";
import { type Call, rpc } from "./crowd.ts";
import type { Project } from "./ground.ts";
import { answersOf, outcomesOf, tally } from "./outcomes.ts";
import { answer, complete, inside, makePlace, one, type Place, times } from "./places.ts";

/** 50 batches about the same 20 answers, each in an order of its own, half of them up and half down. */
export async function feedbackInAnyOrder(project: Project): Promise<void> {
  const place = await makePlace(project);
  const answers = await answer(project, place, 20);
  const batches = times(50, (index) => {
    const signal = index % 2 ? "thumbs_up" : "thumbs_down";
    const first = index * 7 % answers.length;
    const turned = [...answers.slice(first), ...answers.slice(0, first)];
    return collect(place.admin, (index % 3 ? turned : turned.reverse()).map((message_id) => ({ message_id, signal })));
  });
  const told = answersOf(await project.crowd.atOnce(batches));
  assert.deepEqual(tally(told.map(({ stored, unchanged }) => String(stored + unchanged))), { 20: 50 });
  const stored = told.reduce((sum, { stored }) => sum + stored, 0);
  const rows = await project.database.query<{ message_id: string; signal: string; present: boolean }>(
    `select message_id, signal, superseded_at is null as present from pawl.response_feedback
     where message_id = any ($1) order by message_id, seq`,
    [answers],
  );
  assert.equal(rows.length, stored, "rows of all that was stored");
  for (const message of answers) {
    const history = rows.filter(({ message_id }) => message_id === message);
    assert.deepEqual(
      history.flatMap(({ present }, index) => present ? [index] : []),
      [history.length - 1],
      "the present",
    );
    assert.ok(
      history.every(({ signal }, index) => signal !== history[index + 1]?.signal),
      "each differs from the last",
    );
    const revision = await one(project, "select revision from pawl.exchanges where message_id = $1", [message]);
    assert.equal(revision, history.length, "what happened to an answer");
  }
}

/** A person is forgotten, twice, while they begin turns, are answered and react, and an admin's decision names them. */
export async function forgottenWhileTalking(project: Project): Promise<void> {
  for (let round = 1; round <= 6; round++) {
    const place = await makePlace(project);
    await project.database.query(
      "update pawl.organization_settings set user_requests_per_minute = null where organization_id = $1",
      [place.organization],
    );
    await join(project, place.organization, crypto.randomUUID(), "admin");
    const answers = await answer(project, place, 10);
    const open = [];
    for (let number = 0; number < 10; number++) {
      open.push(
        await project.crowd.one(begin(place, number % 2 ? undefined : await sessionOf(project, answers[number]))),
      );
    }
    // As on a new day: what it costs to fail is the first of theirs.
    await project.database.query("delete from pawl.user_usage where user_id = $1", [place.admin]);
    const forget = rpc("service", "pawl_forget_user", { p_user_id: place.admin });
    const told = await project.crowd.atOnce([
      ...open.map(({ turn_id }, index) =>
        index % 3 ? complete(turn_id, "An answer") : rpc("service", "pawl_fail_turn", {
          p_turn_id: turn_id,
          p_attempt: 1,
          p_error_code: "model_timeout",
          ...PAID,
        })
      ),
      forget,
      ...times(10, (index) => collect(place.admin, [{ message_id: answers[index], signal: "copy" }])),
      ...times(
        10,
        (index) => collect(place.admin, answers.map((message_id) => ({ message_id, signal: "thumbs_up", index }))),
      ),
      ...open.map(({ session_id }, index) =>
        index % 2
          ? rpc("service", "pawl_delete_session", { p_session_id: session_id, p_user_id: place.admin })
          : begin(place, session_id)
      ),
      ...times(4, (index) => rpc(place.admin, "pawl_lock_prompt", { p_locked: index % 2 === 0, ...inside(place) })),
      forget,
    ]);
    answersOf(told);
    const forgotten = told.filter((_, index) => index === 10 || index === told.length - 1);
    assert.deepEqual(outcomesOf(forgotten), { ok: 1, user_not_found: 1 });
    for (const table of ["users", "sessions", "turns", "exchanges", "response_feedback", "user_usage"]) {
      const key = table === "users" ? "id" : "user_id";
      const left = await one(project, `select count(*)::integer from pawl.${table} where ${key} = $1`, [place.admin]);
      assert.equal(left, 0, `${table} left`);
    }
  }
}

/** A turn of theirs fails, the first of a day, while a person is forgotten: one waits for the other. */
export async function forgottenWhileATurnFails(project: Project): Promise<void> {
  const place = await makePlace(project);
  const { turn_id } = await project.crowd.one(begin(place));
  await project.database.query("delete from pawl.user_usage where user_id = $1", [place.admin]);
  const told = await project.crowd.inLineBehind(`select from pawl.users where id = '${place.admin}' for update`, [
    rpc("service", "pawl_forget_user", { p_user_id: place.admin }),
    rpc("service", "pawl_fail_turn", { p_turn_id: turn_id, p_attempt: 1, p_error_code: "model_timeout", ...PAID }),
  ]);
  assert.deepEqual(outcomesOf(told), { ok: 1, turn_not_found: 1 });
}

const PAID = { p_model: "a-model", p_usage: { input_tokens: 10, output_tokens: 20 } };

function collect(person: string, entries: unknown[]): Call {
  return { as: person, sql: `select public.pawl_collect_feedback('${JSON.stringify(entries)}')` };
}

function begin(place: Place, session?: string): Call {
  return rpc("service", "pawl_begin_turn", {
    p_message: "Hello",
    p_session_id: session,
    p_user_id: place.admin,
    ...inside(place),
  });
}

async function sessionOf(project: Project, message: string): Promise<string> {
  return await one(project, "select session_id from pawl.messages where id = $1", [message]);
}
