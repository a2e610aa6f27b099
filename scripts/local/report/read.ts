/** Reads out of the database what the demo reports. */
import type { Statements } from "../database.ts";
import type {
  ChangeReport,
  ConversationReport,
  CriterionReport,
  Decision,
  DemoReport,
  Evaluation,
  ReflectionReport,
  RoundReport,
  Scores,
  TurnReport,
  VersionReport,
} from "./data.ts";
import { judgedAnswers, scoresOf } from "./scores.ts";

/** What the demo itself knows of a round. */
export interface Round {
  round: number;
  version: number;
  answerIds: string[];
}

type Read = Pick<
  DemoReport,
  "rubric" | "settings" | "versions" | "rounds" | "decisions" | "conversations" | "prompts"
>;

export const DEFAULT_ASSISTANT = `
  select a.id from pawl.assistants a join pawl.organizations o on o.id = a.organization_id
  where a.slug = 'default' and o.slug = 'default'`;

export async function readReport(database: Statements, rounds: Round[]): Promise<Read> {
  const rubric = await rubricOf(database);
  const roundOf = new Map(rounds.flatMap(({ round, answerIds }) => answerIds.map((id) => [id, round])));
  // What was asked before the first round is there to be replayed, and belongs to none.
  const answers = (await answersOf(database)).filter(({ answer_id }) => roundOf.has(answer_id));
  const conversations = conversationsFrom(answers, roundOf);
  const criteria = rubric.map(({ key }) => key);
  const scores = (which: (turn: TurnReport, round: number | null) => boolean): Scores =>
    scoresOf(judgedAnswers(turnsWhere(conversations, which)), criteria);
  const versions = (await versionsOf(database)).map((version): VersionReport => ({
    ...version,
    ...scores((turn) => turn.version === version.version),
  }));
  return {
    rubric,
    settings: await settingsOf(database),
    versions,
    rounds: rounds.map(({ round, version }): RoundReport => ({
      round,
      version,
      ...scores((_, held) => held === round),
    })),
    decisions: await decisionsOf(database, (id) => ({
      ...scores(({ evaluation }) => evaluation?.reflection_id === id),
      round: latestRound(turnsWhere(conversations, ({ evaluation }) => evaluation?.reflection_id === id)),
    })),
    conversations,
    prompts: {
      first: versions[0].content,
      last: (versions.find(({ is_live }) => is_live) ?? versions[0]).content,
    },
  };
}

/** Every conversation, with those of its turns alone that are asked for. */
function turnsWhere(
  conversations: ConversationReport[],
  which: (turn: TurnReport, round: number | null) => boolean,
): ConversationReport[] {
  return conversations.map(({ round, turns }) => ({ round, turns: turns.filter((turn) => which(turn, round)) }));
}

function latestRound(conversations: ConversationReport[]): number | null {
  return Math.max(...conversations.flatMap(({ round, turns }) => turns.length > 0 ? round ?? 0 : 0), 0) || null;
}

async function rubricOf(database: Statements): Promise<CriterionReport[]> {
  return await database.query(
    `select c ->> 'key' as key, c ->> 'description' as description, coalesce((c ->> 'weight')::float8, 1) as weight
     from pawl.rubrics r, jsonb_array_elements(r.criteria) with ordinality as listed(c, place)
     where r.is_active and r.assistant_id = (${DEFAULT_ASSISTANT}) order by place`,
  );
}

async function settingsOf(database: Statements): Promise<DemoReport["settings"]> {
  const [settings] = await database.query(
    `select auto_update_threshold::float8, suggestion_threshold::float8, acceptable_threshold::float8,
       cooldown_hours::float8, max_updates_per_day, min_conversations, updates_paused
     from pawl.loop_settings where assistant_id = (${DEFAULT_ASSISTANT})`,
  );
  return settings;
}

async function versionsOf(database: Statements): Promise<Omit<VersionReport, keyof Scores>[]> {
  const rows = await database.query(
    `select p.version, previous.version as previous_version, p.content, p.created_by, p.metadata ->> 'model' as model,
       p.change_reason, p.state, p.is_active as is_live, p.activated_at
     from pawl.system_prompts p left join pawl.system_prompts previous on previous.id = p.previous_version_id
     where p.assistant_id = (${DEFAULT_ASSISTANT}) order by p.version`,
  );
  return rows.map((row) => ({ ...row, activated_at: row.activated_at && timeOf(row.activated_at) }));
}

interface AnswerRow extends Omit<TurnReport, "evaluation"> {
  answer_id: string;
  session_id: string;
  reflection_id: string | null;
  overall: number | null;
  scores: Evaluation["scores"] | null;
}

async function answersOf(database: Statements): Promise<AnswerRow[]> {
  return await database.query<AnswerRow>(
    `select t.session_id, a.id as answer_id, q.content as question, a.content as answer, a.prompt_version as version,
       a.model_used as model, e.reflection_log_id as reflection_id, e.overall::float8, e.scores
     from pawl.turns t
     join pawl.sessions s on s.id = t.session_id
     join pawl.messages q on q.id = t.user_message_id
     join pawl.messages a on a.id = t.answer_message_id
     left join pawl.message_evaluations e on e.message_id = a.id
     where s.assistant_id = (${DEFAULT_ASSISTANT}) order by s.created_at, s.id, t.seq`,
  );
}

function conversationsFrom(rows: AnswerRow[], roundOf: Map<string, number>): ConversationReport[] {
  return [...Map.groupBy(rows, ({ session_id }) => session_id).values()].map((turns) => ({
    round: roundOf.get(turns[0].answer_id) ?? null,
    turns: turns.map(({ question, answer, version, model, reflection_id, overall, scores }) => ({
      question,
      answer,
      version,
      model,
      evaluation: reflection_id && { reflection_id, overall, scores: scores ?? {} } || null,
    })),
  }));
}

type ScoresAndRound = Scores & Pick<ReflectionReport, "round">;

/** A rollback has a reflection row of its own; what is told of it is its entry in the audit log. */
async function decisionsOf(database: Statements, scores: (id: string) => ScoresAndRound): Promise<Decision[]> {
  const reflections = await database.query(
    `select r.id, r.created_at as at, r.prompt_version_evaluated as version, r.messages_discarded as discarded,
       r.strengths, r.weaknesses, r.action_taken as action, r.update_outcome as outcome,
       r.new_prompt_version as new_version,
       case when s.id is not null then json_build_object('title', s.title, 'description', s.description) end as suggestion
     from pawl.reflection_logs r left join pawl.suggestions s on s.id = r.suggestion_id
     where r.assistant_id = (${DEFAULT_ASSISTANT}) and r.action_taken <> 'rollback' order by r.created_at`,
  );
  const changes = await database.query(
    `select at, actor, action, detail, reason from pawl.audit_log
     where assistant_id = (${DEFAULT_ASSISTANT}) order by id`,
  );
  return [
    ...reflections.map((row): Decision => ({ kind: "reflection", ...row, at: timeOf(row.at), ...scores(row.id) })),
    ...changes.map((row): ChangeReport => ({ kind: "change", ...row, at: timeOf(row.at) })),
  ].sort((one, other) => Date.parse(one.at) - Date.parse(other.at));
}

export function timeOf(value: Date | string): string {
  return new Date(value).toISOString();
}
