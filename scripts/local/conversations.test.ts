import assert from "node:assert/strict";
import { readConversations } from "./conversations.ts";

const messages = (...pairs: [string, unknown][]) =>
  JSON.stringify({ messages: pairs.map(([role, content]) => ({ role, content })) });
const reply = (role: string, text: string, more: Record<string, unknown> = {}) => ({ role, text, ...more });

Deno.test("of an export only the user's messages are kept, in order", () => {
  const file = messages(["system", "s"], ["user", "one"], ["assistant", "a"], ["user", "two"]);
  assert.deepEqual(readConversations(file), { conversations: [["one", "two"]], notes: [] });
});

Deno.test("a tree is followed along its best-ranked replies", () => {
  const answers = [
    reply("assistant", "worse", { rank: 1, replies: [reply("prompter", "not this")] }),
    reply("assistant", "gone", { rank: -1, deleted: true, replies: [reply("prompter", "nor this")] }),
    reply("assistant", "better", { rank: 0, replies: [reply("prompter", "and then?", { rank: null })] }),
  ];
  const tree = JSON.stringify({ message_tree_id: "1", prompt: reply("prompter", "how?", { replies: answers }) });
  assert.deepEqual(readConversations(tree).conversations, [["how?", "and then?"]]);
});

Deno.test("malformed lines are named by number and skipped", () => {
  const bad = [
    "{",
    "[]",
    '"text"',
    "{}",
    messages(["user", 5]),
    messages(["assistant", "a"]),
    '{"prompt": {"role": "prompter"}}',
  ];
  const { conversations, notes } = readConversations([...bad, "", messages(["user", "fine"])].join("\n"));
  assert.deepEqual(conversations, [["fine"]]);
  assert.deepEqual(notes.map((note) => note.slice(0, 14)), bad.map((_, index) => `line ${index + 1} skipped`));
});

Deno.test("messages too long or empty are left out, and said", () => {
  const { conversations, notes } = readConversations(
    messages(["user", "é".repeat(16_385)], ["user", " "], ["user", "ok"]),
  );
  assert.deepEqual(conversations, [["ok"]]);
  assert.deepEqual(notes, [
    "line 1: user message 1 skipped: 32770 bytes are over 32 KiB",
    "line 1: user message 2 skipped: it is empty",
  ]);
});

Deno.test("reading ends at the limit", () => {
  const file = Array(3).fill(messages(["user", "x"])).join("\n");
  const { conversations, notes } = readConversations(file, 2);
  assert.equal(conversations.length, 2);
  assert.match(notes[0], /^stopped before line 3/);
});
