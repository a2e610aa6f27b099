/**
 * Assistants whose versions prove themselves: with conversations written straight into the tables, drafts that are
 * better or worse before the stand-in's judge, and days that pass by moving rows back.
 */
import assert from "node:assert/strict";
import { type BlockName, BLOCKS } from "../../scripts/local/model/rules.ts";
import type { Stack } from "../../scripts/local/stack.ts";
import { type Assistant, join, makeAssistant } from "./assistants.ts";
import { post, service } from "./scene.ts";

/** Small enough for a test, and no chance in it: without noise a better version wins every pair. */
export const QUICK = {
  screening_pairs: 20,
  proof_pairs: 100,
  proof_method: "replay",
  test_tokens_per_day: 1_000_000_000,
  test_usd_per_day: 1_000_000,
};

/** A proof draws from at least 100 that the screening did not take. */
const TURNS = 200;

/** What the stand-in's judge likes, and nothing of it. */
export const BETTER = promptOf(["reasons", "steps", "examples", "followUp"]);
export const PLAIN = promptOf([]);
/** The live prompt of those that a worse version is tried on. */
export const GOOD = promptOf(["reasons", "steps"]);

export function promptOf(blocks: BlockName[]): string {
  return ["Answer the question.", ...blocks.map((name) => BLOCKS[name].instruction)].join("\n");
}

/** An assistant with conversations behind it; `live` is what its first version says, if not the plain seed. */
export async function furnish(
  stack: Stack,
  settings: Record<string, unknown> = {},
  { live, turns = TURNS }: { live?: string; turns?: number } = {},
): Promise<Assistant> {
  const assistant = await makeAssistant(stack, { ...QUICK, ...settings });
  if (live) {
    await steer(stack, assistant, { action: "write", content: live, activate: true });
  }
  await hold(stack, assistant, turns);
  return assistant;
}

/** Turns of the live version, two days old; or as old as said, and with thumbs of which such a share, evenly, is up. */
export async function hold(
  stack: Stack,
  assistant: Assistant,
  turns: number,
  { hours = 48, up }: { hours?: number; up?: number } = {},
): Promise<void> {
  await stack.database.query(HOLD, [assistant.id, turns, hours, up ?? null]);
}

const HOLD = `
  with held as (
    select gen_random_uuid() as session_id, gen_random_uuid() as user_id, gen_random_uuid() as question_id,
           gen_random_uuid() as answer_id, a.id as assistant_id, a.organization_id, p.id as prompt_id, p.version, n,
           now() - $3::numeric * interval '1 hour'
             - ($2::integer - n) * least($3::numeric, 1) * interval '1 second' as at
    from pawl.assistants a join pawl.system_prompts p on p.assistant_id = a.id and p.is_active
    cross join generate_series(1, $2::integer) n
    where a.id = $1
  ), users as (
    insert into pawl.users (id) select user_id from held
  ), sessions as (
    insert into pawl.sessions (id, organization_id, assistant_id, user_id, created_at)
    select session_id, organization_id, assistant_id, user_id, at from held
  ), messages as (
    insert into pawl.messages (id, session_id, role, content, created_at, model_used, prompt_id, prompt_version)
    select question_id, session_id, 'user', 'How do I repot orchid ' || n || ', and what does it need?', at, null,
           prompt_id, version
    from held
    union all
    select answer_id, session_id, 'assistant', 'Begin with the pot.', at, 'simulated/model', prompt_id, version
    from held
    order by 5, 3 desc
  ), turns as (
    insert into pawl.turns (
      session_id, organization_id, user_id, prompt_id, user_message_id, answer_message_id, status, created_at,
      lease_expires_at, finished_at)
    select session_id, organization_id, user_id, prompt_id, question_id, answer_id, 'completed', at, at, at
    from held order by at
  ), exchanges as (
    insert into pawl.exchanges (
      message_id, organization_id, assistant_id, session_id, user_id, prompt_id, prompt_version, model, question_type,
      response_format, length_class, answer_characters, answered_at)
    select answer_id, organization_id, assistant_id, session_id, user_id, prompt_id, version, 'simulated/model',
           'how_to', 'prose', 'short', 19, at
    from held
  )
  insert into pawl.response_feedback (message_id, organization_id, assistant_id, user_id, signal, created_at)
  select answer_id, organization_id, assistant_id, user_id,
         case when n * 37 % 100 < 100 * $4::numeric then 'thumbs_up' else 'thumbs_down' end, at
  from held where $4::numeric is not null order by n`;

/** Somebody who may chat with the organisation's assistants; their id. */
export async function memberOf(stack: Stack, { organization }: Assistant): Promise<string> {
  const id = crypto.randomUUID();
  await join(stack, organization, id);
  return id;
}

/** A person's decision, made by a backend with the secret key. */
export async function steer(
  stack: Stack,
  { organization, slug }: Assistant,
  order: Record<string, unknown>,
  // deno-lint-ignore no-explicit-any -- each decision has an answer of its own
): Promise<any> {
  const body = { organization_id: organization, assistant: slug, ...order };
  const reply = await post(stack, "prompt-updater", body, service(stack));
  assert.equal(reply.status, 200, JSON.stringify(reply.body));
  return reply.body;
}

/** A draft of this text, put into test; its number. */
export async function tryOut(stack: Stack, assistant: Assistant, content: string): Promise<number> {
  await steer(stack, assistant, { action: "write", content });
  const version = (await statesOf(stack, assistant)).at(-1)!.version;
  await steer(stack, assistant, { action: "test", version });
  return version;
}

export interface Proof {
  did: string;
  version?: number;
  reason?: string;
  receipt_id?: string;
  pairs?: number;
  units?: number;
  words?: string;
}

/** One call of prompt-updater for this assistant: all that it did. */
export async function prove(stack: Stack, assistant: Assistant, more: Record<string, unknown> = {}): Promise<Proof[]> {
  const { proofs } = await steer(stack, assistant, { action: "prove", ...more });
  for (const { assistant_id } of proofs) assert.equal(assistant_id, assistant.id);
  return proofs;
}

/** Calls until the test ends or something is in its way; what was done last. */
export async function proveThrough(stack: Stack, assistant: Assistant): Promise<Proof> {
  for (let calls = 0; calls < 20; calls++) {
    const last = (await prove(stack, assistant)).at(-1);
    assert.notEqual(last?.did, "failed", JSON.stringify(last));
    if (last && !["screening", "proving"].includes(last.did)) return last;
  }
  assert.fail("the test neither ended nor was held up");
}

/** Until the screening is behind it: what the canary then waits for are people. */
export async function proveToCanary(stack: Stack, assistant: Assistant): Promise<void> {
  for (let calls = 0; calls < 10; calls++) {
    const { state } = await testOf(stack, assistant);
    if (state === "proving") return;
    assert.equal(state, "screening");
    await prove(stack, assistant);
  }
  assert.fail("the screening never ended");
}

export async function statesOf(stack: Stack, { id }: Assistant): Promise<{ version: number; state: string }[]> {
  return await stack.database.query(
    "select version, state from pawl.system_prompts where assistant_id = $1 order by version",
    [id],
  );
}

/** The states that each version went through, in order; since `watchStates`. */
export async function pathOf(stack: Stack, { id }: Assistant, version: number): Promise<string[]> {
  const rows = await stack.database.query(
    "select state from public.state_path where assistant_id = $1 and version = $2 order by seq",
    [id, version],
  );
  return rows.map(({ state }) => state);
}

export async function watchStates(stack: Stack): Promise<void> {
  await stack.database.exec(`
    create table public.state_path (
      seq bigint generated always as identity, assistant_id uuid, version integer, state text);
    create function public.note_state() returns trigger language plpgsql security definer set search_path = '' as $$
    begin
      if tg_op = 'INSERT' or new.state is distinct from old.state then
        insert into public.state_path (assistant_id, version, state) values (new.assistant_id, new.version, new.state);
      end if;
      return null;
    end $$;
    create trigger note_state after insert or update on pawl.system_prompts
      for each row execute function public.note_state()`);
}

/** The assistant's last test. */
// deno-lint-ignore no-explicit-any -- a row
export async function testOf(stack: Stack, { id }: Assistant): Promise<any> {
  const [test] = await stack.database.query(
    "select * from pawl.prompt_tests where assistant_id = $1 order by created_at desc limit 1",
    [id],
  );
  return test;
}

/** Oldest first. */
// deno-lint-ignore no-explicit-any -- rows
export async function receiptsOf(stack: Stack, { id }: Assistant): Promise<any[]> {
  return await stack.database.query(
    "select * from pawl.promotion_receipts where assistant_id = $1 order by at",
    [id],
  );
}

// deno-lint-ignore no-explicit-any -- the answer
export async function verify(stack: Stack, receipt_id: string): Promise<any> {
  const reply = await post(stack, "prompt-updater", { action: "verify_receipt", receipt_id }, service(stack));
  assert.equal(reply.status, 200, JSON.stringify(reply.body));
  return reply.body;
}

export async function escalationsOf(stack: Stack, { id }: Assistant): Promise<string[]> {
  const rows = await stack.database.query(
    `select priority from pawl.suggestions
     where assistant_id = $1 and suggestion_type = 'escalation' and status = 'pending' order by created_at`,
    [id],
  );
  return rows.map(({ priority }) => priority);
}

/** So many hours pass for all that happened to this assistant. */
export async function letPass(stack: Stack, { id }: Assistant, hours: number): Promise<void> {
  const back = `- ${hours} * interval '1 hour'`;
  const ofSession = `where session_id in (select s.id from pawl.sessions s where s.assistant_id = '${id}')`;
  await stack.database.exec(`
    update pawl.prompt_tests set created_at = created_at ${back}, proof_started_at = proof_started_at ${back}
      where assistant_id = '${id}';
    update pawl.canary_units set assigned_at = assigned_at ${back}, observed_at = observed_at ${back}
      where test_id in (select t.id from pawl.prompt_tests t where t.assistant_id = '${id}');
    update pawl.exchanges set answered_at = answered_at ${back} where assistant_id = '${id}';
    update pawl.response_feedback set created_at = created_at ${back} where assistant_id = '${id}';
    update pawl.messages set created_at = created_at ${back} ${ofSession};
    update pawl.turns set created_at = created_at ${back}, finished_at = finished_at ${back} ${ofSession};
    update pawl.sessions set created_at = created_at ${back}, updated_at = updated_at ${back}
      where assistant_id = '${id}'`);
}

/** The lease of a worker that died is held until it runs out. */
export async function endLeases(stack: Stack, { id }: Assistant): Promise<void> {
  await stack.database.query(
    "update pawl.leases set expires_at = now() where assistant_id = $1 and holder is not null",
    [id],
  );
}

/** Of the stand-in: what it does from now on. */
export async function setModel(stack: Stack, what: "gullible" | "noise", value: unknown): Promise<void> {
  const url = `${stack.model.url}/_standin/${what}`;
  const response = await fetch(url, { method: "PUT", body: JSON.stringify(value) });
  assert.deepEqual([response.status, await response.json()], [200, value]);
}
