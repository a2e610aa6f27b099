/**
 * Assistants whose feedback becomes a model: rated exchanges written straight into the tables, a trainer, and a provider
 * that serves what was trained.
 */
import assert from "node:assert/strict";
import type { BlockName } from "../../scripts/local/model/rules.ts";
import { type StandIn, startStandIn } from "../../scripts/local/model/server.ts";
import type { Tuned } from "../../scripts/local/model/tuned.ts";
import type { Stack } from "../../scripts/local/stack.ts";
import type { Assistant } from "./assistants.ts";
import { furnish, letPass } from "./promotion_ground.ts";
import { onStack, post, type Reply, type Scene, service } from "./scene.ts";
import { type Outcome, signatureOf, startTrainer, type Trainer, type Training } from "./trainer.ts";

/** What the stand-in's judge likes, as promotion_ground.ts has it. */
const LIKED: BlockName[] = ["reasons", "steps", "examples", "followUp"];

export interface School extends Scene {
  trainer: Trainer;
  /** Serves `tuned_good` and `tuned_worse`, and nobody who has not its key. */
  provider: StandIn;
  /** ML_WEBHOOK_SECRET. */
  secret: string;
}

/** `environment` is added to the functions'; the least number of samples is the default's unless it says otherwise. */
export async function onSchool(
  environment: Record<string, string>,
  act: (school: School) => Promise<void>,
): Promise<void> {
  const secret = `whsec_${crypto.getRandomValues(new Uint8Array(32)).toBase64()}`;
  const models: Tuned["models"] = { tuned_good: { always: LIKED }, tuned_worse: { never: LIKED } };
  const tuned: Tuned = { key: `own-${crypto.randomUUID()}`, models };
  const provider = stoppable(startStandIn({ tuned, keep: 5_000 }));
  const trainer = startTrainer({ secret, training: makes(provider, "tuned_good", { eval_loss: 0.6, win_rate: 0.7 }) });
  const functionEnvironment = {
    ML_WEBHOOK_URL: trainer.url,
    ML_WEBHOOK_SECRET: secret,
    ML_MODEL_HOSTS: "127.0.0.1",
    ML_MODEL_API_KEY: tuned.key,
    ...environment,
  };
  try {
    await onStack({ functionEnvironment, model: { keep: 5_000 } }, async (scene) => {
      await act({ ...scene, trainer, provider, secret });
    });
  } finally {
    await trainer.stop();
    await provider.stop();
  }
}

/** Stopped once, whoever stops it first. */
function stoppable({ url, stop }: StandIn): StandIn {
  let stopped: Promise<void> | null = null;
  return { url, stop: () => stopped ??= stop() };
}

/** A training that ends well, says the trainer. */
export function makes(provider: StandIn, model: string, metrics: Record<string, number>): Training {
  return (): Outcome[] => [{ status: "succeeded", metrics, base_url: provider.url, model }];
}

/** Exchanges that people have said something about. */
export interface Rated {
  count: number;
  /** The share of thumbs that are up, spread evenly. */
  up: number;
  /** How long ago, in hours: the last one, and the first. */
  age: [from: number, to: number];
  /** Those who said so, in turns; made where there are none. */
  people: string[];
}

/** Of few there is enough for a drift, and for a least number of a hundred. */
export const SMALL = { before: 120, lately: 60, upBefore: 0.95, upLately: 0.4 };
export const FEW = { ML_MIN_SAMPLES_FOR_RETRAIN: "100" };

/** A month of contentment, and a week of less. */
export const LATELY: [number, number] = [30, 150];
export const BEFORE: [number, number] = [200, 800];

/**
 * An assistant with questions to test versions on, and rated exchanges of its live version, about ferns: no question and
 * no answer twice. Some hold an address and a number.
 */
export async function teach(
  stack: Stack,
  rated: { before: number; lately: number; upBefore: number; upLately: number },
  { live, settings = {} }: { live?: string; settings?: Record<string, unknown> } = {},
): Promise<Assistant & { people: string[] }> {
  const assistant = await furnish(stack, settings, { live });
  const people = Array.from({ length: Math.ceil((rated.before + rated.lately) / 3) }, () => crypto.randomUUID());
  await stack.database.query("insert into pawl.users (id) select unnest($1::uuid[])", [people]);
  await rate(stack, assistant, { count: rated.before, up: rated.upBefore, age: BEFORE, people });
  await rate(stack, assistant, { count: rated.lately, up: rated.upLately, age: LATELY, people });
  return { ...assistant, people };
}

let batches = 0;

export async function rate(stack: Stack, { id }: Assistant, { count, up, age, people }: Rated): Promise<void> {
  await stack.database.query(RATE, [id, count, up, ...age, people, ++batches]);
}

export const RATE = `
  with rated as (
    select gen_random_uuid() as session_id, gen_random_uuid() as question_id, gen_random_uuid() as answer_id,
           ($6::uuid[])[1 + n % cardinality($6::uuid[])] as user_id, a.id as assistant_id, a.organization_id,
           p.id as prompt_id, p.version, n, $7::integer || '.' || n as name,
           now() - ($4::numeric + ($5::numeric - $4::numeric) * (n - 1) / $2::integer) * interval '1 hour' as at
    from pawl.assistants a join pawl.system_prompts p on p.assistant_id = a.id and p.is_active
    cross join generate_series(1, $2::integer) n
    where a.id = $1
  ), sessions as (
    insert into pawl.sessions (id, organization_id, assistant_id, user_id, created_at)
    select session_id, organization_id, assistant_id, user_id, at from rated
  ), messages as (
    insert into pawl.messages (id, session_id, role, content, created_at, model_used, prompt_id, prompt_version)
    select question_id, session_id, 'user', 'How do I divide fern ' || name || ', and when?'
             || case when n % 50 = 0 then ' Write to fern' || n || '@example.com or +1 415 555 0132.' else '' end,
           at, null, prompt_id, version
    from rated
    union all
    select answer_id, session_id, 'assistant', 'Divide fern ' || name || ' in spring, when new fronds show.', at,
           'simulated/model', prompt_id, version
    from rated
    order by 5, 3 desc
  ), turns as (
    insert into pawl.turns (
      session_id, organization_id, user_id, prompt_id, user_message_id, answer_message_id, status, created_at,
      lease_expires_at, finished_at)
    select session_id, organization_id, user_id, prompt_id, question_id, answer_id, 'completed', at, at, at
    from rated order by at
  ), exchanges as (
    insert into pawl.exchanges (
      message_id, organization_id, assistant_id, session_id, user_id, prompt_id, prompt_version, model, question_type,
      response_format, length_class, answer_characters, answered_at, revision)
    select answer_id, organization_id, assistant_id, session_id, user_id, prompt_id, version, 'simulated/model',
           (array['how_to', 'explanation', 'advice', 'fact'])[1 + n % 4], 'prose', 'short', 50, at, 1
    from rated
  )
  insert into pawl.response_feedback (message_id, organization_id, assistant_id, user_id, signal, created_at)
  select answer_id, organization_id, assistant_id, user_id,
         case when n * 37 % 100 < 100 * $3::numeric then 'thumbs_up' else 'thumbs_down' end, at
  from rated order by n`;

/** A question that was answered and liked so often: once for each person, with the same words or with words of their own. */
export async function ask(
  stack: Stack,
  assistant: Assistant & { people: string[] },
  question: string,
  answers: string[],
): Promise<void> {
  const people = assistant.people.slice(0, answers.length);
  await rate(stack, assistant, { count: answers.length, up: 1, age: BEFORE, people });
  await stack.database.query(
    `with those as (
       select t.user_message_id, t.answer_message_id, row_number() over (order by q.content)::integer as n
       from pawl.turns t join pawl.messages q on q.id = t.user_message_id join pawl.sessions s on s.id = t.session_id
       where s.assistant_id = $1 and q.content like 'How do I divide fern ' || $2::integer || '.%'
     ), asked as (
       update pawl.messages m set content = $3 from those where m.id = user_message_id
     )
     update pawl.messages m set content = ($4::text[])[n] from those where m.id = answer_message_id`,
    [assistant.id, batches, question, answers],
  );
}

/** Of one assistant, one call or as many as there is more to do in. */
export interface Retrained {
  triggered: boolean;
  reason?: string;
  version?: string;
  // deno-lint-ignore no-explicit-any -- each test knows what it looks at
  results: any[];
}

export async function retrain(
  stack: Pick<Stack, "url" | "secretKey">,
  { organization, slug }: Assistant,
  more: Record<string, unknown> = {},
): Promise<Retrained> {
  // deno-lint-ignore no-explicit-any -- as above
  const results: any[] = [];
  for (let calls = 1; calls <= 20; calls++) {
    const order = { action: "run", organization_id: organization, assistant: slug, ...more };
    const { status, body } = await post(stack, "retrain-trigger", order, { apikey: stack.secretKey });
    assert.equal(status, 200, JSON.stringify(body));
    results.push(...body.results);
    if (!body.more) return { ...body, results };
  }
  assert.fail("there is always more to do");
}

/** A version that is trained and in test: from what people said of the answers to what the trainer says. */
export async function train(school: School, assistant: Assistant, force = false): Promise<Model> {
  const { triggered, results } = await retrain(school.stack, assistant, force ? { force } : {});
  assert.ok(triggered, JSON.stringify(results));
  return await settle(school, assistant);
}

/** When the trainer has said all it has to say. Says it so while the webhook's call still holds the lease, the next one goes on. */
export async function settle({ stack, trainer }: School, assistant: Assistant): Promise<Model> {
  await trainer.idle();
  const { status, body } = trainer.callbacks.at(-1)!;
  assert.equal(status, 200, JSON.stringify(body));
  const newest = async () => (await modelsOf(stack, assistant)).at(-1)!;
  if ((await newest()).status === "trained") await retrain(stack, assistant);
  return await newest();
}

/** A row of pawl.model_versions, and its webhook's. */
// deno-lint-ignore no-explicit-any -- rows
export type Model = any;

/** Oldest first. */
export async function modelsOf(stack: Pick<Stack, "database">, { id }: Assistant): Promise<Model[]> {
  return await stack.database.query(
    `select m.*, to_jsonb(d) as delivery from pawl.model_versions m
     left join pawl.webhook_deliveries d on d.model_version_id = m.id
     where m.assistant_id = $1 order by m.number`,
    [id],
  );
}

/** What an admin sees of them, newest first. */
// deno-lint-ignore no-explicit-any -- as above
export async function shownModels(stack: Stack, { organization, slug }: Assistant): Promise<any[]> {
  const response = await fetch(`${stack.url}/rest/v1/rpc/pawl_list_models`, {
    method: "POST",
    headers: { ...service(stack), "content-type": "application/json" },
    body: JSON.stringify({ p_organization_id: organization, p_assistant: slug }),
  });
  const { outcome, models } = await response.json();
  assert.equal(outcome, "ok");
  return models;
}

/** The lines of a version's parts as they lie in Storage. */
export function stored(stack: Stack, assistant: Assistant, version: string, split: "train" | "held-out"): string[] {
  const prefix = `pawl-training/${assistant.id}/${version}/${split}-`;
  const parts = [...stack.storage.objects].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => a < b ? -1 : 1);
  return parts.flatMap(([, { bytes }]) => new TextDecoder().decode(bytes).split("\n").slice(0, -1));
}

/** So many hours pass for all that happened, its versions and webhooks too. */
export async function letHoursPass(stack: Stack, assistant: Assistant, hours: number): Promise<void> {
  await letPass(stack, assistant, hours);
  const back = `- ${hours} * interval '1 hour'`;
  await stack.database.exec(`
    update pawl.webhook_deliveries set next_at = next_at ${back}, sent_at = sent_at ${back}
      where model_version_id in (select m.id from pawl.model_versions m where m.assistant_id = '${assistant.id}');
    update pawl.drift_metrics set created_at = created_at ${back} where assistant_id = '${assistant.id}'`);
}

/** What a trainer says; signed by it unless `signed` says otherwise. */
export async function callBack(
  { stack, secret }: Pick<School, "stack" | "secret">,
  said: unknown,
  signed: { secret?: string; id?: string; at?: Date; headers?: Record<string, string> } = {},
): Promise<Reply> {
  const body = JSON.stringify(said);
  const headers = signed.headers ?? signatureOf(signed.secret ?? secret, body, signed);
  return await post(stack, "retrain-trigger", said, headers);
}
