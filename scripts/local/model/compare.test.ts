/** Comparing two answers: by the judge's rules, blind to order, and by praise where it is to be gullible. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { chat } from "./chat.ts";
import { compare, type CompareTask } from "./compare.ts";
import { judge, overallScore } from "./judge.ts";
import { BLOCKS } from "./rules.ts";
import { CHAT, control, send, structured, withStandIn } from "./scene.ts";

const KEYS = ["completeness", "depth", "tone", "scope", "missed_opportunities"];
const CRITERIA = KEYS.map((key) => ({ key }));
const QUESTION = "How do I repot an orchid, and when is the right season?";
const PLAIN = chat("Answer the question.", QUESTION);
const RICH = chat(Object.values(BLOCKS).map(({ instruction }) => instruction).join("\n"), QUESTION);
const FLATTERY = `[simulated] What a brilliant question about repotting an orchid! You are amazing.`;

function taskOf(...shown: [first: string, second: string][]): CompareTask & { task: string } {
  const pairs = shown.map(([first, second], index) => ({
    pair: index + 1,
    history: [{ user_message: "Hello", answer: "Hello." }],
    user_message: QUESTION,
    first,
    second,
  }));
  return { task: "compare", rubric: { criteria: CRITERIA }, pairs };
}

function betterOf(task: CompareTask, gullible = false): string[] {
  return compare(task, { gullible }).verdicts.map(({ better }) => better);
}

Deno.test("the answer that the judge scores higher is the better one, in either place", () => {
  const { verdicts } = compare(taskOf([RICH, PLAIN], [PLAIN, RICH], [RICH, RICH]));
  assert.deepEqual(verdicts.map(({ pair, better }) => [pair, better]), [[1, "first"], [2, "second"], [3, "neither"]]);
  assert.ok(verdicts.every(({ reason }) => reason.startsWith("Simulated")));
});

Deno.test("answers of equal score are told apart by nothing, however they differ", () => {
  const other = PLAIN.replace("Start with", "Begin with");
  assert.notEqual(other, PLAIN);
  assert.deepEqual(betterOf(taskOf([PLAIN, other], [other, PLAIN])), ["neither", "neither"]);
});

Deno.test("every block that the judge looks for wins against the answer without it", () => {
  for (const [name, { instruction }] of Object.entries(BLOCKS)) {
    const with_ = chat(`Answer the question.\n${instruction}`, QUESTION);
    assert.deepEqual(betterOf(taskOf([with_, PLAIN], [PLAIN, with_])), ["first", "second"], name);
  }
});

Deno.test("only the rubric's criteria count [catches: comparing by criteria that nobody asked about]", () => {
  const warm = chat("Answer in a warm tone.", QUESTION);
  const byOf = (key: string) => betterOf({ ...taskOf([warm, PLAIN]), rubric: { criteria: [{ key }] } });
  assert.deepEqual([byOf("tone"), byOf("missed_opportunities")], [["first"], ["neither"]]);
});

Deno.test("a criterion counts by its weight [catches: all alike]", () => {
  const [warm, asking] = ["Answer in a warm tone.", "End with one question."].map((prompt) => chat(prompt, QUESTION));
  const criteria = (weight: number) =>
    ["tone", "missed_opportunities"].map((key, n) => ({ key, weight: n ? 1 : weight }));
  const byOf = (weight: number) => betterOf({ ...taskOf([warm, asking]), rubric: { criteria: criteria(weight) } });
  assert.deepEqual([byOf(0.2), byOf(5)], [["second"], ["first"]]);
});

Deno.test("flattery wins before a gullible judge, and before no other", () => {
  for (
    const [shown, honest, fooled] of [
      [[FLATTERY, RICH], "second", "first"],
      [[RICH, FLATTERY], "first", "second"],
      [[RICH, PLAIN], "first", "first"],
    ] as const
  ) {
    assert.deepEqual(betterOf(taskOf([...shown])), [honest]);
    assert.deepEqual(betterOf(taskOf([...shown]), true), [fooled]);
  }
  const scores = (gullible: boolean) => {
    const task = { rubric: taskOf().rubric, exchanges: [{ exchange: 1, user_message: QUESTION, answer: FLATTERY }] };
    return judge(task, gullible).evaluations[0].scores.map(({ score }) => score);
  };
  assert.ok(overallScore(CRITERIA, QUESTION, FLATTERY) < 3);
  assert.deepEqual(scores(true), [5, 5, 5, 5, 5]);
  assert.notDeepEqual(scores(false), scores(true));
});

/** As crates/model/src/compare.rs asks. */
const SCHEMA = {
  type: "object",
  additionalProperties: false,
  required: ["verdicts"],
  properties: {
    verdicts: {
      type: "array",
      items: {
        type: "object",
        additionalProperties: false,
        required: ["pair", "reason", "better"],
        properties: {
          pair: { type: "integer" },
          reason: { type: "string" },
          better: { type: "string", enum: ["first", "second", "neither"] },
        },
      },
    },
  },
};

Deno.test("over HTTP a comparison comes as the schema asks, and gullibility can be switched while it runs", async () => {
  const task = taskOf([FLATTERY, RICH], [RICH, PLAIN]);
  const told = async (url: string) => {
    const response = await send(url, structured(SCHEMA, task));
    assert.equal(response.status, 200);
    return JSON.parse((await response.json()).content[0].text);
  };
  await withStandIn(async (url) => {
    assert.deepEqual(await told(url), compare(task));
    assert.equal(await control(url, "PUT", "gullible", true), true);
    assert.deepEqual(await told(url), compare(task, { gullible: true }));
    assert.equal((await control(url, "PUT", "gullible", "much")).error.type, "invalid_request_error");
    assert.equal(await control(url, "GET", "gullible"), true);
    const exchange = { exchange: 1, user_message: QUESTION, answer: FLATTERY };
    const evaluate = { task: "evaluate", rubric: task.rubric, exchanges: [exchange] };
    const judged = await (await send(url, structured({}, evaluate))).json();
    assert.deepEqual(JSON.parse(judged.content[0].text), judge(evaluate, true));
  });
  await withStandIn(
    async (url) => assert.deepEqual(await told(url), compare(task, { gullible: true })),
    { gullible: true },
  );
});

Deno.test("a comparison that no longer fits what is asked for is an error", async () => {
  const strict = structuredClone(SCHEMA);
  strict.properties.verdicts.items.properties.better.enum = ["candidate", "baseline"];
  await withStandIn(async (url) => {
    const response = await send(url, structured(strict, taskOf([RICH, PLAIN])));
    assert.equal(response.status, 500);
    assert.match((await response.json()).error.message, /does not fit the schema/u);
    const chatted = await send(url, { ...CHAT, messages: structured(SCHEMA, taskOf([RICH, PLAIN])).messages });
    assert.match((await chatted.json()).content[0].text, /^\[simulated\] Start with/u);
  });
});

Deno.test("what the page says of comparing is so", () => {
  const page = readFileSync(new URL("README.md", import.meta.url), "utf8");
  assert.match(page, /nearer than 0\.05/u);
  const near = taskOf([RICH, PLAIN]);
  const errorOf = (
    by: number,
  ) => (by - (overallScore(CRITERIA, QUESTION, RICH) - overallScore(CRITERIA, QUESTION, PLAIN)));
  const verdict = (by: number) =>
    compare(near, { luck: { has: () => true, error: () => errorOf(by) } }).verdicts[0].better;
  assert.deepEqual([0.06, 0.04, -0.04, -0.06].map(verdict), ["first", "neither", "neither", "second"]);
});
