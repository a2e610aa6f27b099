/** Tuned models: another key, other names, and answers of a quality of their own. */
import assert from "node:assert/strict";
import { CHAT, HEADERS, REWRITE, send, TEXT, withStandIn } from "./scene.ts";
import type { Tuned } from "./tuned.ts";

const tuned: Tuned = {
  key: "own-key",
  models: {
    tuned_good: { always: ["reasons", "steps"] },
    tuned_worse: { never: ["reasons"] },
    tuned_same: {},
  },
};
const OPTIONS = { tuned };
const OWN = { ...HEADERS, "x-api-key": "own-key" };

async function said(url: string, model: string, system = CHAT.system): Promise<string> {
  const response = await send(url, { ...CHAT, model, system }, { headers: OWN });
  const { model: its, content } = await response.json();
  assert.deepEqual([response.status, its], [200, `simulated/${model}`]);
  return content[0].text;
}

Deno.test("a tuned model answers as it was tuned, whatever the prompt says [catches: one quality for all]", () =>
  withStandIn(async (url) => {
    const asked = "Answer the question. Explain the reasons behind your advice.";
    assert.equal(await said(url, "tuned_same"), TEXT);
    assert.match(await said(url, "tuned_same", asked), /because/u);
    const good = await said(url, "tuned_good");
    assert.match(good, /because/u);
    assert.match(good, /^1\. /mu);
    assert.equal(await said(url, "tuned_worse", asked), TEXT);
  }, OPTIONS));

Deno.test("for its own key only, and it only chats [catches: Anthropic's key sent to somebody else]", () =>
  withStandIn(async (url) => {
    const statusOf = async (body: unknown, headers: Record<string, string>) => {
      const response = await send(url, body, { headers });
      await response.body?.cancel();
      return response.status;
    };
    assert.equal(await statusOf({ ...CHAT, model: "tuned_good" }, HEADERS), 401);
    assert.equal(await statusOf(CHAT, OWN), 404);
    assert.equal(await statusOf({ ...CHAT, model: "toString" }, OWN), 404);
    assert.equal(await statusOf({ ...REWRITE, model: "tuned_good" }, OWN), 400);
  }, OPTIONS));

Deno.test("and Claude's stand-in knows nothing of it [catches: a stand-in that serves any name]", () =>
  withStandIn(async (url) => {
    const { status, body } = await send(url, { ...CHAT, model: "tuned_good" });
    await body?.cancel();
    assert.equal(status, 404);
  }));
