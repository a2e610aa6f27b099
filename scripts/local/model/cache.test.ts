/** The prompt cache, as usage tells of it. */
import assert from "node:assert/strict";
import { CHAT, readStream, send, sendStream, setFaults, withStandIn } from "./scene.ts";

/** 1,024 tokens of four characters, and one below. */
const LONG = "Be brief. ".repeat(409) + "Begin.";
const SHORT = LONG.slice(0, 4092);

Deno.test("a long marked system prompt is written to the cache once, then read", async () => {
  await withStandIn(async (url) => {
    const body = withSystem([LONG, true], ["Say hello.", false]);
    const first = await usageOf(url, body);
    const second = await usageOf(url, body);
    assert.deepEqual(cacheOf(first), { created: 1024, read: 0 });
    assert.deepEqual(cacheOf(second), { created: 0, read: 1024 });
    assert.equal(first.input_tokens, second.input_tokens);
    const unmarked = await usageOf(url, { ...body, system: `${LONG}\nSay hello.` });
    assert.deepEqual(cacheOf(unmarked), { created: 0, read: 0 });
    assert.ok(unmarked.input_tokens > 1024 && first.input_tokens < 200);
  });
});

Deno.test("a stream tells of the cache at its start and at its end", async () => {
  await withStandIn(async (url) => {
    for (const expected of [{ created: 1024, read: 0 }, { created: 0, read: 1024 }]) {
      const { events } = await readStream(await sendStream(url, withSystem([LONG, true])));
      assert.deepEqual(cacheOf(events[0].data.message.usage), expected);
      assert.deepEqual(cacheOf(events.at(-2)!.data.usage), expected);
      assert.equal(events[0].data.message.usage.input_tokens, events.at(-2)!.data.usage.input_tokens);
    }
  });
});

Deno.test("a prefix below 1,024 tokens is not cached", async () => {
  await withStandIn(async (url) => {
    const body = withSystem([SHORT, true], [LONG, false]);
    for (const _ of [1, 2]) assert.deepEqual(cacheOf(await usageOf(url, body)), { created: 0, read: 0 });
  });
});

Deno.test("the cache is of one model, of one server, and of the whole prefix", async () => {
  await withStandIn(async (url) => {
    await usageOf(url, withSystem([LONG, true]));
    const other = withSystem([LONG, true]);
    for (const body of [{ ...other, model: "claude-haiku-5-5" }, withSystem(["You are kind.", false], [LONG, true])]) {
      assert.equal(cacheOf(await usageOf(url, body)).read, 0);
    }
    await withStandIn(async (another) => {
      assert.deepEqual(cacheOf(await usageOf(another, other)), { created: 1024, read: 0 });
    });
  });
});

Deno.test("what is known of a longer prefix is read, the rest is written", async () => {
  await withStandIn(async (url) => {
    await usageOf(url, withSystem([LONG, true]));
    const longer = withSystem([LONG, true], [LONG, true], ["Say hello.", false]);
    assert.deepEqual(cacheOf(await usageOf(url, longer)), { created: 1024, read: 1024 });
    assert.deepEqual(cacheOf(await usageOf(url, longer)), { created: 0, read: 2048 });
  });
});

Deno.test("caching in messages is accepted and counts nothing", async () => {
  await withStandIn(async (url) => {
    const content = [{ type: "text", text: LONG, cache_control: { type: "ephemeral" } }];
    const body = { ...CHAT, messages: [{ role: "user", content }] };
    for (const _ of [1, 2]) assert.deepEqual(cacheOf(await usageOf(url, body)), { created: 0, read: 0 });
  });
});

Deno.test("an error writes nothing to the cache", async () => {
  await withStandIn(async (url) => {
    await setFaults(url, { fault: "overloaded" });
    await (await send(url, withSystem([LONG, true]))).body?.cancel();
    assert.deepEqual(cacheOf(await usageOf(url, withSystem([LONG, true]))), { created: 1024, read: 0 });
  });
});

function withSystem(...blocks: [text: string, cached: boolean][]) {
  const system = blocks.map(([text, cached]) => ({
    type: "text",
    text,
    ...(cached ? { cache_control: { type: "ephemeral" } } : {}),
  }));
  return { ...CHAT, system };
}

interface Usage {
  input_tokens: number;
  cache_creation_input_tokens: number;
  cache_read_input_tokens: number;
}

async function usageOf(url: string, body: unknown): Promise<Usage> {
  return (await (await send(url, body)).json()).usage;
}

function cacheOf({ cache_creation_input_tokens, cache_read_input_tokens }: Usage) {
  return { created: cache_creation_input_tokens, read: cache_read_input_tokens };
}
