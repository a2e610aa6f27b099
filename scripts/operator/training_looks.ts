/** What operators look at of models: how they stand, drift, what feedback says, what the functions did. */
import type { Shown } from "./commands.ts";
import { walk } from "./listing.ts";
import { limitOf, sinceOf } from "./looks.ts";
import { misuse } from "./problem.ts";
import { runsPage } from "./run_page.ts";
import { given, parametersOf, type Scene } from "./scene.ts";
import type { Analysis, DriftMetric, Model, Run } from "./training_answers.ts";
import { analysisPage, driftPage, modelsPage } from "./training_page.ts";

/** What the server gives at most of lists that it gives no second page of. */
const MOST = 100;
const MOST_DAYS = 3650;
const STATUSES = ["running", "completed", "failed", "lost"];

export async function models(scene: Scene): Promise<Shown> {
  const { text, body } = await listModels(scene, onePage(scene));
  return { json: text, page: (paper) => modelsPage(body.models, paper) };
}

export async function listModels(scene: Scene, p_limit: number) {
  const parameters = { ...(await parametersOf(scene)), p_limit };
  return await scene.server.read<{ models: Model[] }>("pawl_list_models", parameters);
}

export async function drift(scene: Scene): Promise<Shown> {
  const parameters = { ...(await parametersOf(scene)), p_limit: onePage(scene) };
  const { text, body } = await scene.server.read<{ metrics: DriftMetric[] }>("pawl_list_drift", parameters);
  return { json: text, page: (paper) => driftPage(body.metrics, paper) };
}

export async function analyze(scene: Scene): Promise<Shown> {
  const parameters = { ...(await parametersOf(scene)), ...given({ p_days: daysOf(scene) }) };
  const { text, body } = await scene.server.read<Analysis>("pawl_analyze_feedback", parameters);
  return { json: text, page: (paper) => analysisPage(body, paper) };
}

export async function runs(scene: Scene): Promise<Shown> {
  const { function: p_function, status: p_status, limit } = scene.call.values;
  if (p_status !== undefined && !STATUSES.includes(p_status)) {
    throw misuse(`--status wants one of ${STATUSES.join(", ")}, not '${p_status}'`);
  }
  const since = sinceOf(scene);
  const parameters = { ...(await parametersOf(scene)), ...given({ p_function, p_status }) };
  const { text, items } = await walk<Run>("runs", {
    limit: since && !limit ? Infinity : limitOf(scene),
    place: ({ at }) => at,
    wanted: ({ at }) => !since || new Date(at) >= since,
    ask: async (p_limit, after) => {
      const page = { ...parameters, ...given({ p_limit, p_before: after?.at }) };
      const answer = await scene.server.read<{ runs: Run[] }>("pawl_list_runs", page);
      return { text: answer.text, items: answer.body.runs };
    },
  });
  return { json: text, page: (paper) => runsPage(items, paper) };
}

function onePage(scene: Scene): number {
  const limit = limitOf(scene);
  if (limit > MOST) throw misuse(`--limit wants a number up to ${MOST} here, not '${limit}'`);
  return limit;
}

function daysOf({ call }: Scene): number | undefined {
  const text = call.values.days;
  if (text === undefined) return undefined;
  const days = Number(text);
  if (!(days > 0 && days <= MOST_DAYS)) throw misuse(`--days wants a number up to ${MOST_DAYS}, not '${text}'`);
  return days;
}
