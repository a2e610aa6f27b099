/** Noise: of the size that is set, the same in the same run, and in no two answers the same. */
import assert from "node:assert/strict";
import { chat } from "./chat.ts";
import { luckOf, type Noise, type Times } from "./noise.ts";
import { type BlockName, BLOCKS } from "./rules.ts";
import { CHAT, control, send, structured, withStandIn } from "./scene.ts";

const NOISE: Noise = { seed: 7, answers: 0.5, judge: 0.5 };
const NAMES = Object.keys(BLOCKS) as BlockName[];
const RICH = { ...CHAT, system: Object.values(BLOCKS).map(({ instruction }) => instruction).join("\n") };
const MANY = 4_000;

async function textOf(url: string, body: unknown): Promise<string> {
  const response = await send(url, body);
  assert.equal(response.status, 200);
  return (await response.json()).content[0].text;
}

async function several(url: string, body: unknown, count = 12): Promise<string[]> {
  const texts: string[] = [];
  while (texts.length < count) texts.push(await textOf(url, body));
  return texts;
}

Deno.test("two answers to the very same request differ, and a run comes again as it was", async () => {
  const runOf = async (noise: Noise | null) => {
    const runs: string[][] = [];
    await withStandIn(async (url) => void runs.push(await several(url, RICH)), { noise });
    return runs[0];
  };
  const [first, again, other] = [await runOf(NOISE), await runOf(NOISE), await runOf({ ...NOISE, seed: 8 })];
  assert.ok(new Set(first).size > 6, `${new Set(first).size} different answers of ${first.length}`);
  assert.deepEqual(first, again);
  assert.notDeepEqual(first, other);
  assert.equal(new Set(await runOf(null)).size, 1);
  assert.equal(new Set(await runOf({ ...NOISE, answers: 0 })).size, 1);
});

Deno.test("what came in between changes no answer [catches: one throw of dice after the other]", async () => {
  await withStandIn(async (url) => {
    const alone = await several(url, RICH, 3);
    await control(url, "PUT", "noise", NOISE);
    const [first] = await several(url, RICH, 1);
    await several(url, CHAT, 2);
    assert.deepEqual([first, ...await several(url, RICH, 2)], alone);
  }, { noise: NOISE });
});

Deno.test("a block is dropped or added by a coin at the chance that is set", () => {
  const times: Times = new Map();
  const luck = Array.from({ length: MANY }, () => luckOf({ ...NOISE, answers: 0.3 }, "a body", times));
  for (const name of NAMES) {
    const share = (asked: boolean) => luck.filter((one) => one.has(name, asked)).length / MANY;
    assert.ok(Math.abs(share(true) - 0.85) < 0.03, `${name} asked for: ${share(true)}`);
    assert.ok(Math.abs(share(false) - 0.15) < 0.03, `${name} not asked for: ${share(false)}`);
  }
  // Blocks are thrown one by one, not all together.
  const both = luck.filter((one) => one.has("steps", false) && one.has("examples", false)).length / MANY;
  assert.ok(Math.abs(both - 0.15 ** 2) < 0.01, `${both}`);
});

Deno.test("what is thrown stands in the answer, and nothing else changes", () => {
  const luck = { has: (name: BlockName, asked: boolean) => name === "steps" ? !asked : asked, error: () => 0 };
  const question = "How do I repot an orchid?";
  assert.equal(chat("Give one example.", question, false, luck), chat("Give steps, one example.", question));
  assert.equal(chat("Give steps, one example.", question, false, luck), chat("Give one example.", question));
});

Deno.test("the judge's error is normal, of the size that is set", () => {
  const times: Times = new Map();
  const errors = Array.from({ length: MANY }, (_, n) => luckOf(NOISE, `pairs ${n % 50}`, times).error(1 + n % 10));
  const mean = errors.reduce((sum, error) => sum + error, 0) / MANY;
  const sd = Math.sqrt(errors.reduce((sum, error) => sum + (error - mean) ** 2, 0) / MANY);
  assert.ok(Math.abs(mean) < 0.03 && Math.abs(sd - 0.5) < 0.02, `${mean} ± ${sd}`);
  const within = (sds: number) => errors.filter((error) => Math.abs(error) < sds * 0.5).length / MANY;
  for (const [sds, share] of [[0.5, 0.383], [1, 0.683], [2, 0.954]]) {
    assert.ok(Math.abs(within(sds) - share) < 0.025, `within ${sds}: ${within(sds)}`);
  }
  assert.deepEqual([...new Set(Array.from({ length: 9 }, (_, pair) => luckOf(null, "pairs", times).error(pair)))], [0]);
});

Deno.test("both orders of a pair err apart, of equal answers too, and one pair apart from the next", async () => {
  const schema = {
    type: "object",
    additionalProperties: false,
    required: ["verdicts"],
    properties: { verdicts: { type: "array", items: VERDICT } },
  };
  const ask = async (url: string, first: string, second: string) => {
    const pairs = Array.from({ length: MANY / 10 }, (_, n) => ({
      pair: n + 1,
      history: [],
      user_message: "How do I repot an orchid?",
      first,
      second,
    }));
    const task = { task: "compare", rubric: { criteria: [{ key: "depth" }] }, pairs };
    const { verdicts } = JSON.parse(await textOf(url, { ...structured(schema, task), max_tokens: 32_000 }));
    return verdicts.map(({ better }: { better: string }) => better === "first" ? 1 : better === "second" ? -1 : 0);
  };
  await withStandIn(async (url) => {
    for (const [one, other] of [["Use bark.", "Use bark."], ["Use bark.", "Use soil."]]) {
      const [d, e] = [await ask(url, one, other), (await ask(url, other, one)).map((sign: number) => -sign)];
      const agreed = d.filter((sign: number, n: number) => sign === e[n]).length / d.length;
      // 2 × 0.46² + 0.08²
      assert.ok(Math.abs(agreed - 0.43) < 0.09, `the orders agree in ${agreed}`);
      const won = d.filter((sign: number) => sign === 1).length / d.length;
      assert.ok(Math.abs(won - 0.46) < 0.09, `first shown wins in ${won}`);
    }
  }, { noise: NOISE });
});

const VERDICT = {
  type: "object",
  additionalProperties: false,
  required: ["pair", "reason", "better"],
  properties: {
    pair: { type: "integer" },
    reason: { type: "string" },
    better: { type: "string", enum: ["first", "second", "neither"] },
  },
};

Deno.test("noise can be set, looked at and ended while it runs, and nonsense is refused", async () => {
  await withStandIn(async (url) => {
    assert.equal(await control(url, "GET", "noise"), null);
    assert.deepEqual(await control(url, "PUT", "noise", NOISE), NOISE);
    for (
      const wrong of [
        true,
        {},
        { ...NOISE, seed: 0.5 },
        { ...NOISE, answers: 1.1 },
        { ...NOISE, judge: -1 },
        { ...NOISE, judge: "much" },
        { ...NOISE, more: 1 },
      ]
    ) {
      const { error } = await control(url, "PUT", "noise", wrong);
      assert.equal(error?.type, "invalid_request_error", JSON.stringify(wrong));
    }
    assert.deepEqual(await control(url, "GET", "noise"), NOISE);
    assert.ok(new Set(await several(url, RICH)).size > 1);
    assert.equal(await control(url, "PUT", "noise", null), null);
    assert.equal(new Set(await several(url, RICH)).size, 1);
  });
});
