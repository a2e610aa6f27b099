/** Fifty reflections at once make one. */
import assert from "node:assert/strict";
import { type Call, rpc } from "./crowd.ts";
import type { Project } from "./ground.ts";
import { answersOf, outcomesOf, tally } from "./outcomes.ts";
import { answer, at, makePlace, makePlaces, one, type Place, times } from "./places.ts";

/** 50 claims at once: one gets the assistant, and nobody does while the lease runs. */
export async function oneClaims(project: Project): Promise<void> {
  const place = await makePlace(project);
  await answer(project, place, 5);
  const claims = answersOf(await project.crowd.atOnce(times(50, () => claim(place))));
  assertOneClaim(claims);
  const late = await project.crowd.one(claim(place));
  assert.deepEqual([late.claim, reasons(late)], [null, ["in_progress"]], "a claim while another holds the lease");
}

/** 50 claims at once over 10 assistants: each is claimed once, by a holder of its own. */
export async function eachIsClaimedOnce(project: Project): Promise<void> {
  const places = await makePlaces(project, 10);
  for (const place of places) await answer(project, place, 5);
  const claims = answersOf(
    await project.crowd.atOnce(
      times(50, () => rpc("service", "pawl_claim_reflection", { p_holder: crypto.randomUUID() })),
    ),
  );
  const claimed = claims.flatMap((told) => told.claim ? [told.claim.about.assistant_id] : []);
  const ours = claimed.filter((id) => places.some((place) => place.id === id));
  assert.deepEqual(ours.sort(), places.map(({ id }) => id).sort(), "each assistant is claimed once");
}

/** 50 records at once, half of them the holder's: one reflection, one suggestion, each answer judged once. */
export async function oneIsRecorded(project: Project): Promise<void> {
  const place = await makePlace(project);
  const messages = await answer(project, place, 5);
  const holder = crypto.randomUUID();
  assert.ok((await project.crowd.one(claim(place, holder))).claim);
  const told = await project.crowd.atOnce(
    times(50, (index) => record(place, index % 2 ? holder : crypto.randomUUID(), messages)),
  );
  assert.deepEqual(outcomesOf(told), { ok: 25, lease_lost: 25 }, "the holder records, nobody else does");
  const stored = await project.database.query(
    `select l.id, l.suggestion_id, array_agg(e.message_id::text order by e.message_id::text) as judged
     from pawl.reflection_logs l left join pawl.message_evaluations e on e.reflection_log_id = l.id
     where l.assistant_id = $1 group by l.id`,
    [place.id],
  );
  assert.equal(stored.length, 1, `${stored.length} reflections`);
  assert.deepEqual(stored[0].judged, messages.toSorted(), "each answer is judged once");
  for (const told of (await suggestionsOf(project, place))) assert.equal(told, stored[0].suggestion_id);
  const ids = answersOf(told).flatMap((one) => one.outcome === "ok" ? [one.reflection_id] : []);
  assert.deepEqual(tally(ids), { [stored[0].id]: 25 }, "every repetition is told of the first");
}

/** Reflections that overlap, as when a lease is taken over late: an answer keeps its one judgement. */
export async function overlappingJudgeOnce(project: Project): Promise<void> {
  const place = await makePlace(project);
  const [shared, ...own] = await answer(project, place, 11);
  const holder = crypto.randomUUID();
  assert.ok((await project.crowd.one(claim(place, holder))).claim);
  const told = await project.crowd.atOnce(own.map((message) => record(place, holder, [shared, message])));
  assert.deepEqual(outcomesOf(told), { ok: 10 });
  const judged = await one(
    project,
    "select count(*)::integer from pawl.message_evaluations where prompt_id = $1",
    [place.prompt],
  );
  assert.equal(judged, 11, "each answer is judged once");
}

function claim(place: Place, holder = crypto.randomUUID()): Call {
  return rpc("service", "pawl_claim_reflection", { p_holder: holder, ...at(place) });
}

// deno-lint-ignore no-explicit-any -- what the function answers
function assertOneClaim(claims: any[]): void {
  const claimed = claims.filter((told) => told.claim !== null);
  assert.equal(claimed.length, 1, `${claimed.length} claims of one assistant`);
  // Who came when it was through already says nothing of it: another's walk has seen to it.
  const others = claims.filter((told) => told.claim === null).flatMap(reasons);
  assert.deepEqual([...new Set(others)].filter((reason) => reason !== "in_progress"), []);
}

// deno-lint-ignore no-explicit-any -- as above
function reasons(told: any): string[] {
  return told.skipped.map((skipped: { reason: string }) => skipped.reason);
}

function record(place: Place, holder: string, messages: string[]): Call {
  const evaluations = messages.map((message_id) => ({ message_id, overall: 3, discarded: false, scores: {} }));
  const window = { window_start: new Date(0).toISOString(), window_end: new Date().toISOString() };
  const words = { strengths: [], weaknesses: [], patterns: [], criterion_scores: {}, raw_analysis: null };
  const suggestion = { type: "behavior_note", priority: "low", title: "t", description: "d", proposed_change: null };
  return rpc("service", "pawl_record_reflection", {
    p_holder: holder,
    p_reflection: {
      assistant_id: place.id,
      prompt_id: place.prompt,
      rubric_id: null,
      ...window,
      action: "suggestion",
      overall: 3,
      ...words,
      judge_model: "a-model",
      evaluations,
      suggestion,
    },
  });
}

async function suggestionsOf(project: Project, { id }: Place): Promise<string[]> {
  const rows = await project.database.query("select id from pawl.suggestions where assistant_id = $1", [id]);
  return rows.map((row) => row.id);
}
