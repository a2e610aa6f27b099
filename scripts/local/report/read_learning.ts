/** Reads out of the database what an organisation's people taught its assistant. */
import type { Statements } from "../database.ts";
import type {
  LearningRunReport,
  OrganizationReport,
  PatternReport,
  SatisfactionReport,
  TransitionReport,
} from "./data.ts";
import { timeOf } from "./read.ts";

/** What the demo itself knows of an organisation. */
export interface Known {
  id: string;
  slug: string;
  name: string;
  people: unknown[];
  interests: { question_type: string; liked: string | null }[];
}

/** `days` of satisfaction, the last ones: before them there were no reactions. */
export async function readOrganization(database: Statements, known: Known, days: number): Promise<OrganizationReport> {
  const { id, slug, name, people, interests } = known;
  const runs = await runsOf(database, id);
  const life = await lifeOf(database, id, runs.map((run) => run.id));
  const satisfaction = await satisfactionOf(database, id);
  const dates = [...new Set(satisfaction.map(({ date }) => date))].slice(-days);
  return {
    slug,
    name,
    people: people.length,
    tastes: interests.map(({ question_type, liked }) => ({ question_type, liked })),
    patterns: (await patternsOf(database, id)).map((pattern) => ({ ...pattern, life: life.get(pattern.id) ?? [] })),
    runs: runs.map(({ id: _, ...run }) => run),
    satisfaction: satisfaction.filter(({ date }) => dates.includes(date)),
  };
}

async function patternsOf(database: Statements, organization: string): Promise<Omit<PatternReport, "life">[]> {
  return await database.query(
    `select p.id, p.pattern_type, p.question_type, p.dimension, p.value, p.instruction, p.state,
       p.influence::float8, p.confidence::float8, p.model,
       json_build_object(
         'people', count(distinct e.user_id),
         'shown', count(e.signal) filter (where x.shown),
         'held_back', count(e.signal) filter (where not x.shown),
         'mean_shown', avg(e.signal / 100.0) filter (where x.shown),
         'mean_held_back', avg(e.signal / 100.0) filter (where not x.shown),
         'log_e', p.log_e) as evidence
     from pawl.learned_patterns p
     left join pawl.pattern_exposures x on x.pattern_id = p.id
     left join pawl.exchanges e on e.message_id = x.message_id and e.signal is not null
     where p.organization_id = $1 group by p.id
     order by array_position(array['active', 'warmdown', 'trial', 'candidate'], p.state), p.created_at, p.id`,
    [organization],
  );
}

async function runsOf(database: Statements, organization: string): Promise<(LearningRunReport & { id: string })[]> {
  const rows = await database.query(
    `select id, started_at as at, settled, patterns_found, patterns_active, message from pawl.learning_runs
     where organization_id = $1 order by started_at, id`,
    [organization],
  );
  return rows.map((row) => ({ ...row, at: timeOf(row.at) }));
}

/** By pattern. */
async function lifeOf(
  database: Statements,
  organization: string,
  runs: string[],
): Promise<Map<string, TransitionReport[]>> {
  const rows = await database.query(
    `select t.pattern_id, t.created_at as at, t.run_id, t.from_state, t.to_state, t.to_influence::float8,
       t.confidence::float8, t.reason
     from pawl.pattern_transitions t join pawl.learned_patterns p on p.id = t.pattern_id
     where p.organization_id = $1 order by t.seq`,
    [organization],
  );
  const grouped = Map.groupBy(rows, ({ pattern_id }): string => pattern_id);
  return new Map([...grouped].map(([pattern, steps]) => [
    pattern,
    steps.map(({ pattern_id: _, run_id, ...step }): TransitionReport => ({
      ...step,
      at: timeOf(step.at),
      run: runs.indexOf(run_id) + 1 || null,
    })),
  ]));
}

async function satisfactionOf(database: Statements, organization: string): Promise<SatisfactionReport[]> {
  return await database.query(
    `select to_char(day, 'YYYY-MM-DD') as date, with_patterns, answers::int, thumbs_up::int,
       thumbs_down::int, thumbs_up_rate::float8, satisfaction::float8
     from pawl.satisfaction_by_day where organization_id = $1 order by day, with_patterns`,
    [organization],
  );
}
