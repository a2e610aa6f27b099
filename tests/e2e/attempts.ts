/** The callers of kill.test.ts: what each does first, and does again when the function it called has died. */
import assert from "node:assert/strict";
import type { Stack } from "../../scripts/local/stack.ts";
import { ask, type Way } from "./asking.ts";
import { type Assistant, configure, join, makeAssistant, makeOrganization, makePattern } from "./assistants.ts";
import { bearing, mint, post, service } from "./scene.ts";
import type { Steps } from "./steps.ts";
import { setFaults } from "./streams.ts";

/** An organisation of its own, with one assistant and one person. All are alike, but for their ids. */
export interface Place {
  stack: Stack;
  steps: Steps;
  organization: string;
  assistant: Assistant;
  person: string;
}

/** Done; to be called again at once; or to be called again when somebody's lease has run out. */
export type Attempt = () => Promise<"over" | "again" | "wait">;

/** Nothing is put off: whatever is not done is not done because it is done already. */
const RESTLESS = { reflect_every_hours: 0, cooldown_hours: 0 };

const QUESTION = "How do I repot an orchid, and what does it need?";

export async function makePlace(stack: Stack, steps: Steps): Promise<Place> {
  const person = crypto.randomUUID();
  const organization = await makeOrganization(stack, person);
  const assistant = await makeAssistant(stack, RESTLESS, { organization, slug: "only" });
  await join(stack, organization, person);
  return { stack, steps, organization, assistant, person };
}

/** A client that sends the same message with the same key until it has the answer. */
export async function asPerson({ stack, steps, person }: Place, way: Way, fault?: "refusal"): Promise<Attempt> {
  if (fault) await setFaults(stack, [{ fault }]);
  const token = mint(stack.jwtSecret, { sub: person });
  const headers = { ...bearing(stack, token), "idempotency-key": crypto.randomUUID() };
  return async () => {
    const { status, code } = await ask(await steps.url("chat-handler"), way, QUESTION, headers);
    if (code === "turn_in_progress") return "wait";
    if (fault && code === "model_refused") return "again";
    assert.deepEqual([status, code], [200, undefined]);
    return "over";
  };
}

/** A backend with a model of its own; what it was told before it still knows. */
export function asBackend(place: Place, { fails }: { fails: boolean }): Attempt {
  const { stack, steps, person: user_id } = place;
  const headers = { ...service(stack), "idempotency-key": crypto.randomUUID() };
  const cost = { model: "theirs", usage: { input_tokens: 5, output_tokens: 2 } };
  let [turn, hasFailed]: [object | null, boolean] = [null, !fails];
  const call = async (body: Record<string, unknown>) =>
    await post({ url: await steps.url("chat-handler") }, "chat-handler", body, headers);
  return async () => {
    if (turn === null) {
      const { status, body } = await call({ action: "prepare", message: QUESTION, user_id });
      if (body.code === "turn_in_progress") return "wait";
      assert.equal(status, 200, JSON.stringify(body));
      if (body.replayed) return "over";
      turn = { turn_id: body.turn_id, attempt: body.attempt };
    }
    if (!hasFailed) {
      const { status, body } = await call({ action: "fail", ...turn, error_code: "their_fault", ...cost });
      // A reply that was lost is not said again: there is nothing left to fail.
      if (status !== 200) assert.equal(body.code, "turn_not_open", JSON.stringify(body));
      [turn, hasFailed] = [null, true];
      return "again";
    }
    const { status, body } = await call({ action: "complete", ...turn, answer: "With a larger pot.", ...cost });
    assert.equal(status, 200, JSON.stringify(body));
    turn = null;
    return "over";
  };
}

/** A client that reports a hundred reactions, most of them more than once, until it hears that they are kept. */
export async function asReader(place: Place): Promise<Attempt> {
  const { stack, steps, organization, person } = place;
  await converse(place);
  const answers = await stack.database.query(
    "select message_id from pawl.exchanges where organization_id = $1 order by answered_at, message_id",
    [organization],
  );
  const kinds = [
    { signal: "copy" },
    { signal: "thumbs_up", comment: "I could use it." },
    { signal: "dwell_time", value: 61 },
    { signal: "rating", stars: 4, metadata: { place: "below" } },
  ];
  const once = answers.flatMap(({ message_id }) => kinds.map((kind) => ({ message_id, ...kind })));
  const signals = Array(5).fill(once).flat();
  const headers = bearing(stack, mint(stack.jwtSecret, { sub: person }));
  return async () => {
    const url = await steps.url("feedback-collector");
    const { status, body } = await post({ url }, "feedback-collector", { signals }, headers);
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual([body.stored + body.unchanged, body.errors], [100, []]);
    return "over";
  };
}

/** A schedule, which calls until there is nothing left to do of this half of the work for this assistant. */
export function asSchedule(place: Place, only: "reflection" | "learning" | "proof" = "reflection"): Attempt {
  const { stack, steps, organization: organization_id, assistant: { slug } } = place;
  return async () => {
    const url = await steps.url("reflection-loop");
    const { status, body } = await post(
      { url },
      "reflection-loop",
      { organization_id, assistant: slug, only },
      service(stack),
    );
    assert.equal(status, 200, JSON.stringify(body));
    const results = { reflection: body.results, learning: body.learning, proof: body.proof }[only];
    const [{ did, reason }, ...others] = results;
    assert.deepEqual([others, body.more], [[], false], JSON.stringify(body));
    // The function that proves died.
    if (did === "failed") return "again";
    if (reason === "in_progress") return "wait";
    return reason === undefined ? "again" : "over";
  };
}

/** Somebody who may say what goes live. */
export function asAdministrator(place: Place, command: Record<string, unknown>): Attempt {
  const { stack, steps, organization: organization_id, assistant: { slug } } = place;
  return async () => {
    const url = await steps.url("prompt-updater");
    const knows = "suggestion_id" in command || "pattern_id" in command;
    const named = knows ? {} : { assistant: slug, organization_id };
    const body = { ...command, ...named };
    const reply = await post({ url }, "prompt-updater", body, service(stack));
    assert.equal(reply.status, 200, JSON.stringify(reply.body));
    return "over";
  };
}

/** Lets pass what ARCHITECTURE.md says a lease lasts: of a turn, of a reflection, of an attempt to tell a trainer. */
export async function letLeasesRunOut({ stack, organization, assistant }: Place): Promise<void> {
  await stack.database.query(
    "update pawl.turns set lease_expires_at = lease_expires_at - interval '150 seconds' where organization_id = $1",
    [organization],
  );
  await stack.database.query(
    "update pawl.leases set expires_at = expires_at - interval '160 seconds' where assistant_id = $1",
    [assistant.id],
  );
  await stack.database.query(
    `update pawl.webhook_deliveries set next_at = next_at - interval '10 minutes'
     where state = 'sending' and model_version_id in (select m.id from pawl.model_versions m where m.assistant_id = $1)`,
    [assistant.id],
  );
}

/** As many conversations as a reflection wants, with answers that no judge likes. */
export async function converse(place: Place, settings: Record<string, unknown> = {}): Promise<void> {
  const { stack, organization, assistant, person } = place;
  await configure(stack, assistant, settings);
  await stack.database.exec(`
    do $$
    declare v_turn jsonb;
    begin
      perform set_config('role', 'service_role', true);
      for pot in 1..5 loop
        v_turn := public.pawl_begin_turn(
          format('How do I repot an orchid in pot %s, and what does it need?', pot),
          p_organization_id => '${organization}', p_user_id => '${person}');
        perform public.pawl_complete_turn(
          (v_turn ->> 'turn_id')::uuid, 1, 'Take a larger one.', 'theirs', 'end_turn', '{}', 1);
      end loop;
    end
    $$;
    delete from pawl.usage where organization_id = '${organization}'`);
}

/** Answers of two days ago: thirty people like the tables among them, and say so. */
export async function leaveLessons({ stack, organization, assistant }: Place): Promise<void> {
  const people = Array.from({ length: 30 }, () => crypto.randomUUID());
  await stack.database.exec(`
    do $$
    declare
      v_person uuid;
      v_turn jsonb;
      v_answer jsonb;
    begin
      insert into pawl.users (id) select unnest('{${people}}'::uuid[]);
      insert into pawl.organization_members (organization_id, user_id)
        select '${organization}', unnest('{${people}}'::uuid[]);
      perform set_config('role', 'service_role', true);
      foreach v_person in array '{${people}}'::uuid[] loop
        for n in 1..4 loop
          v_turn := public.pawl_begin_turn(format('How many orders are in table %s?', n),
            p_organization_id => '${organization}', p_user_id => v_person, p_traits => '{"question_type": "database"}',
            p_session_id => (v_turn ->> 'session_id')::uuid);
          v_answer := public.pawl_complete_turn(
            (v_turn ->> 'turn_id')::uuid, 1, 'Seven.', 'theirs', 'end_turn', '{}', 1, p_learning => jsonb_build_object(
              'response_format', case when n <= 2 then 'table' else 'prose' end, 'length_class', 'short',
              'answer_characters', 6, 'exposures', '[]'::jsonb));
          if n <= 2 then
            perform public.pawl_collect_feedback(jsonb_build_array(jsonb_build_object(
              'index', 0, 'message_id', v_answer ->> 'answer_id', 'signal', 'copy')), v_person);
          end if;
        end loop;
        v_turn := null;
      end loop;
    end
    $$;
    update pawl.exchanges set answered_at = answered_at - interval '2 days' where assistant_id = '${assistant.id}';
    delete from pawl.usage where organization_id = '${organization}'`);
}

/** A reflection that called for a new prompt, of which nothing came yet. */
export async function oweUpdate({ stack, assistant }: Place): Promise<void> {
  await stack.database.query(
    `insert into pawl.reflection_logs (
       assistant_id, messages_analyzed, time_window_start, time_window_end, prompt_id, prompt_version_evaluated,
       weaknesses, action_taken)
     select assistant_id, 0, now(), now(), id, version, array['Depth: no reasons are given.'], 'prompt_update'
     from pawl.system_prompts where assistant_id = $1 and is_active`,
    [assistant.id],
  );
}

/** A version that the loop wrote and that waits for a person. */
export async function propose(place: Place): Promise<{ suggestion_id: string }> {
  const { stack, assistant } = place;
  await configure(stack, assistant, { approval_required: true });
  await oweUpdate(place);
  const [{ answer }] = await stack.database.query(
    `select public.pawl_submit_prompt(id, prompt_id, 'Answer at length.', 'No reasons are given.', 'theirs') as answer
     from pawl.reflection_logs where assistant_id = $1`,
    [assistant.id],
  );
  return { suggestion_id: answer.suggestion_id };
}

/** A learned pattern that answers are shown. */
export async function learn({ stack, assistant }: Place): Promise<{ pattern_id: string }> {
  return { pattern_id: await makePattern(stack, assistant) };
}

export async function pause({ stack, assistant }: Place): Promise<void> {
  await configure(stack, assistant, { updates_paused: true });
}

/** Has another version go live, by a person. */
export async function makeLive({ stack, assistant }: Place, content: string): Promise<void> {
  await stack.database.query(
    `with old as (update pawl.system_prompts set state = 'retired' where assistant_id = $1 and is_active returning *)
     insert into pawl.system_prompts (assistant_id, version, content, created_by, state, previous_version_id)
       select assistant_id, version + 1, $2, 'human', 'active', id from old`,
    [assistant.id, content],
  );
}

/** A turn that nobody came back for, and a session that was deleted long ago. */
export async function leaveThingsToSweep(place: Place): Promise<void> {
  const { stack, organization, person } = place;
  await converse(place);
  await stack.database.query(
    `update pawl.sessions set deleted_at = now() - interval '1 year'
     where id = (select id from pawl.sessions where organization_id = $1 order by title limit 1)`,
    [organization],
  );
  await stack.database.exec(`
    do $$
    begin
      perform set_config('role', 'service_role', true);
      perform public.pawl_begin_turn(
        'And what about its roots?', p_organization_id => '${organization}', p_user_id => '${person}');
    end
    $$`);
  await letLeasesRunOut(place);
}
