/** Reads the audit log as a history: what each row found must be what the row before it left. */
import assert from "node:assert/strict";
import type { Project } from "./ground.ts";
import { one, type Place } from "./places.ts";

/** What can change, by name: `live_version`, `locked 3`, `status <suggestion>`, … */
type State = Record<string, unknown>;

export interface Before {
  state: State;
  lastId: number;
}

interface Row {
  id: number;
  actor: string;
  action: string;
  // deno-lint-ignore no-explicit-any -- what an action is about
  detail: any;
}

export async function remember(project: Project, place: Place): Promise<Before> {
  return { state: await stateOf(project, place), lastId: await lastId(project, place) };
}

/**
 * One row an action that changed something; read in their order, the rows lead without a break from the state before to
 * the state now. So whatever was done at once has the same result as if it had been done one after the other.
 */
// deno-lint-ignore no-explicit-any -- what people were answered, and what publishers were
export async function assertTellsWhatHappened(project: Project, place: Place, before: Before, answers: any[]) {
  const rows = await rowsSince(project, place, before.lastId);
  assertOneRowAnAction(rows, answers);
  const told = await follow(project, rows, before.state);
  assert.deepEqual(await stateOf(project, place), told, "the state is not what the record ends with");
}

// deno-lint-ignore no-explicit-any -- as above
function assertOneRowAnAction(rows: Row[], answers: any[]): void {
  const ids = answers.flatMap(({ audit_id }) => audit_id ?? []);
  const byPeople = rows.filter(({ actor }) => actor !== "loop").map(({ id }) => id);
  assert.deepEqual(ids.toSorted(inOrder), byPeople, "rows of people, and calls that changed something");
  const made = answers.filter(({ outcome }) => ["published", "proposed"].includes(outcome));
  const versions = new Set<number>(made.map(({ new_version }) => new_version));
  const byLoop = rows.filter(({ actor }) => actor === "loop").map(versionOf);
  assert.deepEqual(byLoop.toSorted(inOrder), [...versions].toSorted(inOrder), "rows of the loop, and versions it made");
}

async function follow(project: Project, rows: Row[], start: State): Promise<State> {
  const state = { ...start };
  for (const row of rows) {
    if (row.actor === "loop") assertMayPublish(row, state);
    for (const [key, { from, to }] of Object.entries<{ from: unknown; to: unknown }>(row.detail.changed)) {
      const name = nameOf(key, row);
      const found = `row ${row.id} (${row.action}) changed ${name} from ${JSON.stringify(from)}`;
      assert.deepEqual(state[name] ?? null, from, `${found}, which was ${JSON.stringify(state[name])}`);
      state[name] = to;
    }
    await addWhatFollows(project, row, state);
  }
  return state;
}

/** The loop makes no version while people have stopped it; none goes live by itself that they want to see first. */
function assertMayPublish({ id, action }: Row, state: State): void {
  const { updates_paused, paused_until, approval_required, protected_clauses, live_version } = state;
  const found = { paused: updates_paused || paused_until !== null, locked: state[`locked ${live_version}`] };
  const expected = { paused: false, locked: false };
  assert.deepEqual(found, expected, `row ${id} publishes against what people decided`);
  assert.equal(approval_required, action === "propose", `row ${id} publishes against what people decided`);
  // What publishers write here holds no clause.
  assert.deepEqual(protected_clauses, [], `row ${id} publishes against what people decided`);
}

function nameOf(key: string, { detail }: Row): string {
  if (key === "locked") return `locked ${detail.version}`;
  if (key === "status") return `status ${detail.suggestion_id}`;
  return key;
}

/** A new version is not locked and is the latest; one that mends what was approved implements it. */
async function addWhatFollows(project: Project, row: Row, state: State): Promise<void> {
  if (!["publish", "propose", "write"].includes(row.action)) return;
  // The text of the newest version again is that version.
  if (row.action === "write" && !row.detail.changed.latest_version) return;
  const version = versionOf(row);
  const latest = state.latest_version as number;
  assert.equal(version, row.action === "write" ? latest : latest + 1, `row ${row.id} (${row.action}) skips a version`);
  Object.assign(state, { latest_version: version, [`locked ${version}`]: false });
  if (row.action !== "publish") return;
  const mended = await project.database.query("select id from pawl.suggestions where reflection_log_id = $1", [
    row.detail.reflection_id,
  ]);
  for (const { id } of mended) {
    if (state[`status ${id}`] === "approved") state[`status ${id}`] = "implemented";
  }
}

function versionOf({ action, detail }: Row): number {
  return action === "publish" ? detail.changed.live_version.to : detail.version;
}

async function stateOf(project: Project, { id }: Place): Promise<State> {
  const versions = await project.database.query(
    "select version, is_active, locked from pawl.system_prompts where assistant_id = $1 order by version",
    [id],
  );
  const live = versions.filter(({ is_active }) => is_active);
  assert.equal(live.length, 1, `${live.length} live versions`);
  const suggestions = await project.database.query(
    "select id, status from pawl.suggestions where assistant_id = $1",
    [id],
  );
  const settings = await one(
    project,
    "select to_jsonb(s) - 'updated_at' from pawl.loop_settings s where assistant_id = $1",
    [id],
  );
  return {
    ...settings,
    live_version: live[0].version,
    latest_version: versions.at(-1).version,
    ...Object.fromEntries(versions.map(({ version, locked }) => [`locked ${version}`, locked])),
    ...Object.fromEntries(suggestions.map(({ id, status }) => [`status ${id}`, status])),
  };
}

async function rowsSince(project: Project, { id }: Place, since: number): Promise<Row[]> {
  return await project.database.query<Row>(
    "select id::integer, actor, action, detail from pawl.audit_log where assistant_id = $1 and id > $2 order by id",
    [id, since],
  );
}

async function lastId(project: Project, { id }: Place): Promise<number> {
  return await one(project, "select coalesce(max(id), 0)::integer from pawl.audit_log where assistant_id = $1", [id]);
}

function inOrder(a: number, b: number): number {
  return a - b;
}
