/** The simulated people, and the look at what the model was given. */
import assert from "node:assert/strict";
import { FORMATS } from "../model/formats.ts";
import { exampleReport } from "../report/example.ts";
import { missingOf } from "../report/scores.ts";
import { check, promptsFrom } from "./checks.ts";
import { COMMUNITIES, formatSeen, type Interest, PEOPLE, questionOf, reactionsTo } from "./people.ts";
import type { LearnedPattern, StoredExchange } from "./world.ts";

/** The most that one day asks for. */
const QUESTIONS_A_DAY = PEOPLE * 4;

Deno.test("nobody asks the same twice a day, nor what people of another organisation ask", () => {
  const texts = COMMUNITIES.flatMap(({ interests }) =>
    interests.flatMap((interest) => {
      const count = interest.liked === null ? PEOPLE : QUESTIONS_A_DAY;
      return Array.from({ length: count }, (_, number) => questionOf(interest, 5_000 + number));
    })
  );
  assert.equal(new Set(texts).size, texts.length);
});

Deno.test("organisations differ in what they like, and each minds two kinds of questions", () => {
  const [one, other] = COMMUNITIES.map(({ interests }) =>
    new Map(interests.map(({ question_type, liked }) => [question_type, liked]))
  );
  for (const [question_type, liked] of one) {
    if (liked !== null) assert.notEqual(liked, other.get(question_type));
  }
  for (const tastes of [one, other]) assert.equal([...tastes.values()].filter((liked) => liked !== null).length, 2);
});

const ANSWERS = {
  prose: "[simulated] One. Two - three.",
  list: "[simulated] So:\n\n- one\n- two",
  table: "[simulated] So:\n\n| a | b |\n| --- | --- |\n| 1 | 2 |",
  code: "[simulated] So:\n\n```text\n# - one\n```",
};

Deno.test("people react to what they see, mostly and the same way each time", () => {
  const interest: Interest = { question_type: "database", liked: "table", parts: [] };
  const upShare = (of: Interest, answer: string) => {
    const signals = Array.from({ length: 1_000 }, (_, which) => reactionsTo(answer, of, `${which}`));
    assert.deepEqual(signals, Array.from({ length: 1_000 }, (_, which) => reactionsTo(answer, of, `${which}`)));
    const thumbs = signals.flat().filter(({ signal }) => signal.startsWith("thumbs"));
    assert.ok(Math.abs(thumbs.length / 1_000 - 0.9) < 0.03);
    assert.ok(signals.every((own) => new Set(own.map(({ signal }) => signal)).size === own.length));
    return thumbs.filter(({ signal }) => signal === "thumbs_up").length / thumbs.length;
  };
  for (const format of FORMATS) {
    assert.equal(formatSeen(ANSWERS[format]), format);
    const expected = format === "table" ? 0.95 : 0.15;
    assert.ok(Math.abs(upShare(interest, ANSWERS[format]) - expected) < 0.05, format);
    assert.ok(Math.abs(upShare({ ...interest, liked: null }, ANSWERS[format]) - 0.6) < 0.05, format);
  }
});

const OWN: LearnedPattern = { id: "p1", organization_id: "a", instruction: "Use tables.", state: "active" };
const OTHER: LearnedPattern = { id: "p2", organization_id: "b", instruction: "Use prose.", state: "trial" };
const GONE: LearnedPattern = { id: "p3", organization_id: "a", instruction: null, state: "withdrawn" };
const EXCHANGE: StoredExchange = {
  question: "Why?",
  organization_id: "a",
  question_type: "explanation",
  response_format: "prose",
  patterns_shown: ["p1"],
  exposed: ["p1"],
};
const checkOne = (system: string, stored: Partial<StoredExchange> = {}, patterns = [OWN, OTHER, GONE]) =>
  check([{ question: "Why?", system }], [{ ...EXCHANGE, ...stored }], patterns);

Deno.test("a foreign instruction is found, and so is one that was not stored [catches: a check that finds nothing]", () => {
  const fine = { answers: 1, prompts: 1, instructed: 1, foreign: 0, unlike_stored: 0 };
  assert.deepEqual(checkOne("Be kind.\n- Use tables."), fine);
  assert.deepEqual(checkOne("- Use tables.\n- Use prose."), { ...fine, foreign: 1 });
  assert.deepEqual(checkOne("Be kind.", { patterns_shown: [], exposed: [] }), { ...fine, instructed: 0 });
  assert.deepEqual(checkOne("Be kind."), { ...fine, instructed: 0, unlike_stored: 1 });
  assert.deepEqual(checkOne("- Use tables.", { exposed: [] }), { ...fine, unlike_stored: 1 });
  assert.deepEqual(checkOne("- Use tables.", { patterns_shown: [] }), { ...fine, unlike_stored: 1 });
  // The same words, found by both.
  const alike = { ...OTHER, instruction: "Use tables." };
  assert.deepEqual(checkOne("- Use tables.", {}, [OWN, alike]), fine);
  assert.deepEqual(check([{ question: "Who?", system: "" }], [EXCHANGE], [OWN]), {
    ...fine,
    prompts: 0,
    instructed: 0,
  });
});

Deno.test("prompts are read as they came, chats alone", () => {
  const chat = {
    system: [{ type: "text", text: "Be kind." }, { type: "text", text: "- Use tables." }],
    messages: [{ role: "user", content: "How?" }, { role: "assistant", content: "So." }, {
      role: "user",
      content: "Why?",
    }],
  };
  const bodies = [chat, { ...chat, output_config: {} }].map((body) => ({ body: JSON.stringify(body) }));
  assert.deepEqual(promptsFrom(bodies), [{ question: "Why?", system: "Be kind.\n- Use tables." }]);
});

Deno.test("the verdict names what is missing", () => {
  const learning = exampleReport().learning!;
  const [organization] = learning.organizations;
  const active = organization.patterns.filter(({ state }) => state === "active");
  const two = { ...organization, patterns: [...active, ...active] };
  assert.deepEqual(missingOf({ ...learning, organizations: [two] }), []);
  assert.match(missingOf(learning)[0], /No organisation has 2 active patterns \(1 at "plain words", 0 at/u);
  const wrong = { answers: 40, prompts: 39, instructed: 0, foreign: 1, unlike_stored: 2 };
  assert.equal(missingOf({ ...learning, organizations: [two], checks: wrong, failed_runs: 1 }).length, 5);
});
