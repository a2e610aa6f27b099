/** Reads the audit log as a history: what each row found must be what the row before it left. */
import assert from "node:assert/strict";
import type { Project } from "./ground.ts";
import { one, type Place } from "./places.ts";

/** What can change, by name: `live_version`, `locked 3`, `state 3`, `approved 3`, `status <suggestion>`, … */
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

/** What the rows do not say again, because it never changes. */
interface Known {
  /** The suggestions about a version, by its number. */
  about: Map<number, string[]>;
  /** Those that asked for a version without being about one, by the number of what was written. */
  mended: Map<number, string[]>;
  versionOf: Map<string, number>;
  placebos: Set<number>;
  byLoop: Set<number>;
}

const IN_TEST = ["screening", "proving"];

export async function remember(project: Project, place: Place): Promise<Before> {
  return { state: await stateOf(project, place), lastId: await lastId(project, place) };
}

/**
 * One row an action that changed something; read in their order, the rows lead without a break from the state before to
 * the state now. So whatever was done at once has the same result as if it had been done one after the other.
 */
// deno-lint-ignore no-explicit-any -- what people were answered, and what writers were
export async function assertTellsWhatHappened(project: Project, place: Place, before: Before, answers: any[]) {
  const rows = await rowsSince(project, place, before.lastId);
  assertOneRowAnAction(rows, answers);
  const told = follow(approvalsFirst(rows), before.state, await knownOf(project, place));
  const now = await stateOf(project, place);
  // Escalations are opened by what no row is about.
  for (const name of Object.keys(now)) if (name.startsWith("status ") && !(name in told)) delete now[name];
  assert.deepEqual(now, told, "the state is not what the record ends with");
  await assertTestsAgree(project, place);
}

/** The versions in test are those that a test runs of, at most one; whatever was decided has its one receipt. */
export async function assertTestsAgree(project: Project, place: Place): Promise<void> {
  const wrong = await project.database.query(
    `select p.version, p.state as version_is, t.state as test_is, t.reason, r.decision
     from pawl.system_prompts p
     left join lateral (
       select * from pawl.prompt_tests x where x.candidate_id = p.id order by x.created_at desc, x.decided_at desc
       nulls first limit 1
     ) t on true
     left join pawl.promotion_receipts r on r.test_id = t.id
     where p.assistant_id = $1 and (
       case when p.state in ('screening', 'proving') then t.state is distinct from p.state
            else t.state in ('screening', 'proving') end
       or coalesce(t.state, '') = 'promoted' and r.decision is distinct from 'promote'
       or coalesce(t.state, '') = 'rejected' and r.decision is distinct from 'reject'
       or coalesce(t.state, '') = 'closed' and r.decision is not null)`,
    [place.id],
  );
  assert.deepEqual(wrong, [], "versions, their tests and the receipts");
  const [{ running, receipts, decided }] = await project.database.query(
    `select count(*) filter (where t.state in ('screening', 'proving'))::integer as running,
       count(*) filter (where t.state in ('promoted', 'rejected'))::integer as decided,
       (select count(*)::integer from pawl.promotion_receipts r where r.assistant_id = $1 and r.test_id is not null)
         as receipts
     from pawl.prompt_tests t where t.assistant_id = $1`,
    [place.id],
  );
  assert.ok(running <= 1, `${running} versions in test`);
  assert.equal(receipts, decided, "receipts, and tests that were decided");
}

// deno-lint-ignore no-explicit-any -- as above
function assertOneRowAnAction(rows: Row[], answers: any[]): void {
  const ids = answers.flatMap((answer) => answer?.audit_id ?? []);
  const byPeople = rows.filter(({ actor }) => actor !== "loop").map(({ id }) => id);
  assert.deepEqual(ids.toSorted(inOrder), byPeople, "rows of people, and calls that changed something");
  const made = new Set<number>(
    answers.flatMap(({ outcome, new_version }) => outcome === "submitted" ? [new_version] : []),
  );
  const submitted = rows.filter(({ action }) => action === "submit").map(({ detail }) => detail.version);
  assert.deepEqual(submitted.toSorted(inOrder), [...made].toSorted(inOrder), "rows of the loop, and versions it made");
  const decided = rows.filter(({ actor, action }) => actor === "loop" && action !== "submit" && action !== "close");
  const receipts = decided.map(({ detail }) => detail.receipt_id ?? detail.test_id);
  assert.equal(new Set(receipts).size, receipts.length, "decisions that are recorded twice");
}

/** A version goes live by an approval that it waited for: what the approval changed comes first, whatever was written first. */
function approvalsFirst(rows: Row[]): Row[] {
  const approvals = new Map(
    rows.flatMap((row) => row.action === "approve" && row.detail.receipt_id ? [[row.detail.receipt_id, row]] : []),
  );
  return rows.flatMap((row) => {
    if (row.action === "approve" && row.detail.receipt_id) return [];
    const approval = row.action === "promote" && approvals.get(row.detail.receipt_id);
    return approval ? [approval, row] : [row];
  });
}

function follow(rows: Row[], start: State, known: Known): State {
  const state = { ...start };
  for (const row of rows) {
    if (row.action === "submit") assertMaySubmit(row, state);
    if (row.action === "promote") assertMayPromote(row, state);
    addNewVersion(row, state, known);
    for (const [key, { from, to }] of Object.entries<{ from: unknown; to: unknown }>(row.detail.changed)) {
      const name = nameOf(key, row);
      const found = `row ${row.id} (${row.action}) changed ${name} from ${JSON.stringify(from)}`;
      assert.deepEqual(state[name] ?? null, from, `${found}, which was ${JSON.stringify(state[name])}`);
      state[name] = to;
    }
    addWhatFollows(row, state, known);
  }
  return state;
}

/** The loop writes no version while people have stopped it, or while another is in test; it asks where they want to see it. */
function assertMaySubmit({ id, detail }: Row, state: State): void {
  const rule = `row ${id} submits against what people decided`;
  assert.deepEqual(stoppedBy(state), { paused: false, locked: false }, rule);
  assert.equal(state.approval_required, Boolean(detail.suggestion_id), rule);
  // What writers write here holds no clause.
  assert.deepEqual(state.protected_clauses, [], rule);
  assert.deepEqual(inTest(state), [], `row ${id} submits while another version is in test`);
}

/** Nothing goes live by itself while people have stopped it, or want to see it first. */
function assertMayPromote({ id, detail }: Row, state: State): void {
  const rule = `row ${id} promotes against what people decided`;
  assert.deepEqual(stoppedBy(state), { paused: false, locked: false }, rule);
  assert.ok(!state.approval_required || state[`approved ${detail.version}`], rule);
  assert.deepEqual(state.protected_clauses, [], rule);
}

function stoppedBy({ updates_paused, paused_until, live_version, ...state }: State) {
  return { paused: updates_paused || paused_until !== null, locked: state[`locked ${live_version}`] };
}

function nameOf(key: string, { detail }: Row): string {
  if (["locked", "state", "approved"].includes(key)) return `${key} ${detail.version}`;
  if (key === "status") return `status ${detail.suggestion_id}`;
  return key;
}

/** It is not locked, is the latest, and is a draft until it is something else. */
function addNewVersion({ id, action, detail }: Row, state: State, { placebos }: Known): void {
  const written = action === "write" && detail.changed.latest_version;
  const tested = ["submit", "test"].includes(action) && detail.changed.state?.from === null;
  if (!written && !tested) return;
  const version = detail.version;
  assert.equal(version, state.latest_of_all as number + 1, `row ${id} (${action}) skips a version`);
  const placebo = placebos.has(version);
  state.latest_of_all = version;
  if (tested && !placebo) state.latest_version = version;
  Object.assign(state, { [`locked ${version}`]: false, [`approved ${version}`]: placebo });
  if (written) state[`state ${version}`] = "draft";
  if (detail.suggestion_id && action === "submit") state[`status ${detail.suggestion_id}`] = "pending";
}

/** What a row does not say itself, because it follows from it. */
function addWhatFollows(row: Row, state: State, known: Known): void {
  const { action, actor, detail } = row;
  const live = detail.changed.live_version;
  if (live) goLive(state, live, action === "rollback" ? "rolled_back" : "retired", known);
  // A version that the loop decided on may be one that people rejected, or that is a draft for somebody else.
  if (detail.changed.state?.to === "rejected") settle(state, detail.version, "rejected", known);
  if (action === "reject" && actor !== "loop") {
    const version = detail.version ?? known.versionOf.get(detail.suggestion_id);
    if (state[`state ${version}`] === "draft" && known.byLoop.has(version)) state[`state ${version}`] = "rejected";
    if (state[`state ${version}`] === "rejected") state[`approved ${version}`] = false;
  }
  // Who approved it before it was rejected or taken back did not approve it again.
  if (action === "test" && ["rejected", "rolled_back"].includes(detail.changed.state?.from)) {
    state[`approved ${detail.version}`] = false;
  }
}

/** What was live has left; a test that ran compares with what is no more, and its version is rejected. */
function goLive(state: State, { from, to }: { from: number; to: number }, leaving: string, known: Known): void {
  state[`state ${from}`] = leaving;
  state[`state ${to}`] = "active";
  settle(state, to, "implemented", known);
  for (const version of inTest(state)) {
    state[`state ${version}`] = "rejected";
    settle(state, version, "rejected", known);
  }
}

/** Suggestions end with the version that they are about. */
function settle(state: State, version: number, status: string, { about, mended }: Known): void {
  for (const id of about.get(version) ?? []) {
    if (["pending", "approved"].includes(state[`status ${id}`] as string)) state[`status ${id}`] = status;
  }
  for (const id of status === "implemented" ? mended.get(version) ?? [] : []) {
    if (state[`status ${id}`] === "approved") state[`status ${id}`] = status;
  }
}

function inTest(state: State): number[] {
  return Object.entries(state)
    .filter(([name, value]) => name.startsWith("state ") && IN_TEST.includes(value as string))
    .map(([name]) => Number(name.slice("state ".length)));
}

async function knownOf(project: Project, { id }: Place): Promise<Known> {
  const suggestions = await project.database.query<{ id: string; version: number; written: number | null }>(
    `select g.id, p.version, case when g.suggestion_type = 'prompt_change' and g.prompt_id is null then w.version end
       as written
     from pawl.suggestions g
     left join pawl.system_prompts p on p.id = g.prompt_id
     left join pawl.system_prompts w on w.reflection_log_id = g.reflection_log_id
     where g.assistant_id = $1`,
    [id],
  );
  const versions = await project.database.query<{ version: number; placebo: boolean; created_by: string }>(
    "select version, placebo, created_by from pawl.system_prompts where assistant_id = $1",
    [id],
  );
  const about = suggestions.filter(({ version }) => version);
  const mended = suggestions.filter(({ written }) => written);
  return {
    about: byNumber(about.map(({ id, version }) => [version, id])),
    mended: byNumber(mended.map(({ id, written }) => [written!, id])),
    versionOf: new Map(about.map(({ id, version }) => [id, version])),
    placebos: new Set(versions.flatMap(({ version, placebo }) => placebo ? [version] : [])),
    byLoop: new Set(versions.flatMap(({ version, created_by }) => created_by === "system" ? [version] : [])),
  };
}

function byNumber(pairs: [number, string][]): Map<number, string[]> {
  const lists = new Map<number, string[]>();
  for (const [number, id] of pairs) lists.set(number, [...lists.get(number) ?? [], id]);
  return lists;
}

async function stateOf(project: Project, { id }: Place): Promise<State> {
  const versions = await project.database.query(
    `select version, is_active, locked, state, placebo, approved_at is not null as approved
     from pawl.system_prompts where assistant_id = $1 order by version`,
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
    // Of those that say something new; and of all.
    latest_version: versions.findLast(({ placebo }) => !placebo)!.version,
    latest_of_all: versions.at(-1)!.version,
    ...Object.fromEntries(versions.map(({ version, locked }) => [`locked ${version}`, locked])),
    ...Object.fromEntries(versions.map(({ version, state }) => [`state ${version}`, state])),
    ...Object.fromEntries(versions.map(({ version, approved }) => [`approved ${version}`, approved])),
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
