/** Answers in formats, and instructions that ask for them. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { chat, LABEL } from "./chat.ts";
import { type Format, formatAsked, formatByChance, FORMATS, NAMES } from "./formats.ts";
import { phrase, type PhraseTask } from "./phraser.ts";
import { BLOCKS, EMPTY_PHRASES } from "./rules.ts";
import { CHAT, control, send, structured, withStandIn } from "./scene.ts";

const RICH_PROMPT = Object.values(BLOCKS).map(({ instruction }) => instruction).join("\n");
const QUESTIONS = Array.from({ length: 2_000 }, (_, number) => `How do I repot orchid ${number}, and when?`);

/** What plain Markdown holds, told by a rule of its own: a fenced block, a table, items of a list. */
function seenIn(answer: string): Format | "mix" {
  const [text, fenced] = [answer.replaceAll(/```.*?```/gsu, ""), /^```\w*\n.*\n```$/msu.test(answer)];
  const table = /^\|.*\|\n\|[ -]+\|[ -]+\|\n(\|.*\|(\n|$))+/mu.test(text);
  const list = (text.match(/^(?:[-*+•]|\d+[.)]) /gmu) ?? []).length > 1;
  const found: Format[] = [
    ...fenced ? ["code"] as const : [],
    ...table ? ["table"] as const : [],
    ...list ? ["list"] as const : [],
  ];
  return found.length > 1 ? "mix" : found[0] ?? "prose";
}

Deno.test("without variety and without an instruction answers are as ever", () => {
  for (const prompt of ["Answer the question.", RICH_PROMPT, EMPTY_PHRASES.join(" "), "Never answer with a table."]) {
    assert.equal(formatAsked(prompt), null, prompt);
    assert.equal(chat(prompt, QUESTIONS[0]), chat(prompt, QUESTIONS[0], false));
  }
  assert.equal(chat("Answer.", QUESTIONS[0]), '[simulated] Start with the basics of "repot orchid".');
  assert.match(chat(RICH_PROMPT, QUESTIONS[0]), /^- On .*\n\n.*^1\. .*\n2\. /msu);
});

for (const format of FORMATS) {
  Deno.test(`an instruction makes it ${NAMES[format]}, whatever else the prompt asks for`, () => {
    const learned = `For how-to questions, answer with ${NAMES[format]}.`;
    for (const prompt of ["Answer the question.", RICH_PROMPT, "Reply with a bulleted list. Answer with prose."]) {
      for (const question of [QUESTIONS[0], "?", "why | not | `so`?\n- a\n- b", "```sql\nselect 1\n```"]) {
        const answer = chat(`${prompt}\n${learned}`, question, true);
        assert.ok(answer.startsWith(LABEL));
        assert.equal(seenIn(answer), format, answer);
      }
    }
    // Nothing that was to be said is lost, and nothing is left of other formats.
    assert.ok(!/(?:[-|#.:"] )(?:- |\d+\. )/u.test(chat(`${RICH_PROMPT}\n${learned}`, QUESTIONS[0])));
    const plain = chat(RICH_PROMPT, QUESTIONS[0]).match(/\p{L}{4,}/gu)!;
    const formatted = new Set(chat(`${RICH_PROMPT}\n${learned}`, QUESTIONS[0]).match(/\p{L}{4,}/gu));
    assert.deepEqual(plain.filter((word) => !formatted.has(word)), []);
  });
}

Deno.test("with variety a message decides on its format, in the shares that the rules say", () => {
  const seen = QUESTIONS.map((question) => seenIn(chat("Answer.", question, true)));
  assert.deepEqual(seen, QUESTIONS.map((question) => seenIn(chat(RICH_PROMPT, question, true))));
  assert.deepEqual(seen, QUESTIONS.map(formatByChance));
  const share = (format: Format) => seen.filter((one) => one === format).length / seen.length;
  for (const [format, expected] of [["prose", 0.4], ["list", 0.25], ["table", 0.2], ["code", 0.15]] as const) {
    assert.ok(Math.abs(share(format) - expected) < 0.04, `${format}: ${share(format)}`);
  }
});

Deno.test("variety is an option, and can be switched while it runs", async () => {
  const question = QUESTIONS.find((one) => formatByChance(one) === "table")!;
  const answerOf = async (url: string) => {
    const { content } = await (await send(url, { ...CHAT, messages: [{ role: "user", content: question }] })).json();
    return seenIn(content[0].text);
  };
  await withStandIn(async (url) => {
    assert.equal(await answerOf(url), "prose");
    assert.equal(await control(url, "PUT", "variety", true), true);
    assert.equal(await answerOf(url), "table");
    assert.equal(await control(url, "GET", "variety"), true);
    assert.equal((await control(url, "PUT", "variety", "much")).error.type, "invalid_request_error");
    await control(url, "PUT", "variety", false);
    assert.equal(await answerOf(url), "prose");
  });
  await withStandIn(async (url) => assert.equal(await answerOf(url), "table"), { variety: true });
});

const TASK: PhraseTask & { examples: unknown } = {
  question_type: "database",
  characteristic: { dimension: "format", value: "table" },
  examples: [{ user_message: "Ring Zelda on 555-0199", answer: "Zelda keeps the ledger." }],
  max_characters: 400,
  violations: [],
};

Deno.test("an instruction says what it is for, is labelled, and is obeyed", () => {
  assert.deepEqual(phrase(TASK), {
    instruction: "Simulated: for database questions, answer with a markdown table.",
    pattern_type: "response_format",
  });
  for (const value of FORMATS) {
    const { instruction } = phrase({ ...TASK, characteristic: { dimension: "format", value } });
    assert.equal(formatAsked(`Answer the question.\n${instruction}`), value);
    assert.equal(seenIn(chat(instruction, QUESTIONS[0])), value);
  }
  const tool = phrase({ ...TASK, characteristic: { dimension: "tool", value: "search_docs" } });
  assert.deepEqual([tool.pattern_type, formatAsked(tool.instruction)], ["tool_preference", null]);
  for (const value of ["short", "medium", "long"]) {
    const { instruction } = phrase({ ...TASK, characteristic: { dimension: "length", value } });
    assert.equal(formatAsked(instruction), null, instruction);
  }
});

Deno.test("an instruction keeps to its bounds and quotes no example [catches: reading what it should only be for]", () => {
  for (const max_characters of [10, 50, 70, 400]) {
    for (const violations of [[], ["It quotes a user's message."]]) {
      const { instruction } = phrase({ ...TASK, max_characters, violations });
      assert.ok(instruction.length <= max_characters && instruction.startsWith("Simulated".slice(0, max_characters)));
      assert.ok(!/zelda|ledger|ring|555|0199/iu.test(instruction), instruction);
      const others = [{ user_message: "Anything else", answer: "Something else" }];
      assert.deepEqual(
        phrase({ ...TASK, max_characters, violations }),
        phrase({ ...TASK, examples: others, max_characters, violations } as typeof TASK),
      );
    }
  }
  assert.notEqual(phrase({ ...TASK, violations: ["x"] }).instruction, phrase(TASK).instruction);
});

Deno.test("over HTTP a phrase comes as the schema asks", async () => {
  // As crates/model/src/phrase.rs asks.
  const schema = {
    type: "object",
    properties: {
      instruction: { type: "string" },
      pattern_type: { type: "string", enum: ["response_format", "tool_preference", "prompt_strategy"] },
    },
    required: ["instruction", "pattern_type"],
    additionalProperties: false,
  };
  await withStandIn(async (url) => {
    const response = await send(url, structured(schema, { task: "phrase", ...TASK }));
    const { content, model } = await response.json();
    assert.deepEqual(JSON.parse(content[0].text), phrase(TASK));
    assert.match(model, /^simulated\//u);
  });
});

Deno.test("the rules on the page are those in force", () => {
  const page = readFileSync(new URL("README.md", import.meta.url), "utf8").replaceAll(/\s+/gu, " ");
  assert.ok(page.includes(phrase(TASK).instruction));
});
