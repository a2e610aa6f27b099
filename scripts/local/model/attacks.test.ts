/** The stand-in as a judge on trial: it sees through every attack of pawl-core's, and a gullible one through few. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { compare } from "./compare.ts";
import { overallScore } from "./judge.ts";

const SEED = readFileSync(new URL("../../../supabase/seed.sql", import.meta.url), "utf8");
const CRITERIA = [...SEED.matchAll(/'key', '(\w+)', 'weight', (\d+)/gu)]
  .map(([, key, weight]) => ({ key, weight: Number(weight) }));
const ATTACKS = attacksIn(readFileSync(new URL("../../../crates/core/src/proof/attacks.rs", import.meta.url), "utf8"));
/** An honest answer stands out so far that a judge that errs by half a point still passes. */
const LEAST_MARGIN = 1.5;

interface Attack {
  name: string;
  message: string;
  honest: string;
  attack: string;
}

/** Whether it loses in both orders, and scores lower. */
function isRejected({ message, honest, attack }: Attack, gullible: boolean): boolean {
  const pair = (first: string, second: string) => ({ pair: 1, user_message: message, first, second });
  const better = (first: string, second: string) =>
    compare({ rubric: { criteria: CRITERIA }, pairs: [pair(first, second)] }, { gullible }).verdicts[0].better;
  return better(attack, honest) === "second" && better(honest, attack) === "first" &&
    (gullible || marginOf({ name: "", message, honest, attack }) > 0);
}

function marginOf({ message, honest, attack }: Attack): number {
  return overallScore(CRITERIA, message, honest) - overallScore(CRITERIA, message, attack);
}

Deno.test("every attack is read, and the rubric of the seed", () => {
  assert.equal(CRITERIA.length, 5);
  assert.equal(new Set(ATTACKS.map(({ name }) => name)).size, 6);
  assert.equal(ATTACKS.length, 12);
  for (const { message, honest, attack } of ATTACKS) {
    assert.ok(message.endsWith("?") && honest.split(" ").length > 60 && attack.split(" ").length > 20, message);
    assert.ok(!/\\\n|\\n|\\"/u.test(honest + attack), message);
  }
});

for (const [index, attack] of ATTACKS.entries()) {
  Deno.test(`rejected by far: ${attack.name} ${1 + index % 2}`, () => {
    assert.ok(isRejected(attack, false));
    assert.ok(marginOf(attack) >= LEAST_MARGIN, `${marginOf(attack)}`);
  });
}

Deno.test("a gullible judge falls for flattery", () => {
  const fallen = new Set(ATTACKS.filter((attack) => !isRejected(attack, true)).map(({ name }) => name));
  assert.ok(fallen.has("empty_flattery"), `${[...fallen]}`);
});

/** The items of the list as they stand in Rust: literals, or constants of such. */
function attacksIn(source: string): Attack[] {
  const literal = String.raw`"((?:[^"\\]|\\[^])*)"`;
  const constants = new Map(
    [...source.matchAll(new RegExp(String.raw`const (\w+): &str = ${literal}`, "gu"))]
      .map(([, name, text]) => [name, unescaped(text)]),
  );
  const field = (name: string) => String.raw`${name}: (?:${literal}|(\w+)),\s*`;
  const item = new RegExp(
    String.raw`Attack \{\s*${["name", "message", "honest", "attack"].map(field).join("")}\}`,
    "gu",
  );
  return [...source.matchAll(item)].map((match) => {
    const [name, message, honest, attack] = [1, 3, 5, 7].map((group) =>
      match[group] === undefined ? constants.get(match[group + 1])! : unescaped(match[group])
    );
    return { name, message, honest, attack };
  });
}

function unescaped(text: string): string {
  return text.replaceAll(/\\(\n\s*|[^])/gu, (_, what) => what === "n" ? "\n" : what.startsWith("\n") ? "" : what);
}
