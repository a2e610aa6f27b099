/** The list of faults: who takes which, what is refused, and what becomes of hanging requests at the end. */
import assert from "node:assert/strict";
import {
  CHAT,
  control,
  eventsIn,
  keptRequests,
  readStream,
  REWRITE,
  send,
  sendStream,
  setFaults,
  TEXT,
  untilKept,
  withStandIn,
} from "./scene.ts";
import { startStandIn } from "./server.ts";

Deno.test("faults are taken in order, each as often as it says", async () => {
  await withStandIn(async (url) => {
    await setFaults(url, { fault: "overloaded", times: 2 }, { fault: "ok" }, { fault: "server_error" });
    assert.deepEqual(await statuses(url, 5), [529, 529, 200, 500, 200]);
    const taken = (await keptRequests(url)).map(({ fault }) => fault);
    assert.deepEqual(taken, ["overloaded", "overloaded", "ok", "server_error", null]);
  });
});

Deno.test("a fault for always stays", async () => {
  await withStandIn(async (url) => {
    await setFaults(url, { fault: "ok" }, { fault: "overloaded", times: "always" });
    assert.deepEqual(await statuses(url, 4), [200, 529, 529, 529]);
    assert.deepEqual(await control(url, "GET", "faults"), [{ fault: "overloaded", of: "chat", times: "always" }]);
  });
});

Deno.test("what is left can be looked at, replaced and forgotten", async () => {
  await withStandIn(async (url) => {
    await setFaults(url, { fault: "overloaded", times: 3 }, { fault: "cut", of: "any" });
    await statuses(url, 1);
    const left = [{ fault: "overloaded", of: "chat", times: 2 }, { fault: "cut", of: "any", times: 1, after: 1 }];
    assert.deepEqual(await control(url, "GET", "faults"), left);
    await setFaults(url, { fault: "server_error" });
    assert.deepEqual(await control(url, "GET", "faults"), [{ fault: "server_error", of: "chat", times: 1 }]);
    assert.deepEqual(await control(url, "DELETE", "faults"), []);
    assert.deepEqual(await statuses(url, 1), [200]);
  });
});

Deno.test("a fault is for chats unless it says otherwise", async () => {
  await withStandIn(async (url) => {
    await setFaults(
      url,
      { fault: "overloaded" },
      { fault: "server_error", of: "structured" },
      { fault: "rate_limit", of: "any", times: 2 },
    );
    assert.deepEqual(await statuses(url, 3, REWRITE), [500, 429, 429]);
    assert.deepEqual(await statuses(url, 2), [529, 200]);
  });
});

Deno.test("a structured answer can be cut, streamed or not", async () => {
  await withStandIn(async (url) => {
    await setFaults(url, { fault: "cut", of: "structured", times: 2 });
    await assert.rejects((await send(url, REWRITE)).text(), TypeError);
    assert.equal((await readStream(await sendStream(url, REWRITE))).broken, true);
  });
});

Deno.test("of many at once each takes one fault", async () => {
  await withStandIn(async (url) => {
    await setFaults(url, { fault: "overloaded", times: 7 }, { fault: "rate_limit", times: 5 });
    const all = (await Promise.all(Array.from({ length: 20 }, () => statuses(url, 1)))).flat();
    const count = (status: number) => all.filter((other) => other === status).length;
    assert.deepEqual([count(529), count(429), count(200)], [7, 5, 8]);
    assert.deepEqual(await control(url, "GET", "faults"), []);
  });
});

Deno.test("a request that is refused takes no fault", async () => {
  await withStandIn(async (url) => {
    await setFaults(url, { fault: "overloaded" });
    assert.deepEqual(await statuses(url, 1, { ...CHAT, top_k: 1 }), [400]);
    assert.deepEqual(await statuses(url, 1), [529]);
    assert.deepEqual((await keptRequests(url)).map(({ fault }) => fault), [null, "overloaded"]);
  });
});

const MALFORMED: [name: string, body: unknown, message: RegExp][] = [
  ["no list", { fault: "ok" }, /^faults: Input should be a list/],
  ["no object", ["ok"], /^faults\.0: Input should be an object/],
  ["no fault", [{ fault: "ok" }, {}], /^faults\.1\.fault: Input should be one of ok, rate_limit/],
  ["an unknown fault", [{ fault: "toString" }], /^faults\.0\.fault: /],
  ["of nobody", [{ fault: "ok", of: "judge" }], /^faults\.0\.of: /],
  ["times of 0", [{ fault: "ok", times: 0 }], /^faults\.0\.times: /],
  ["times as text", [{ fault: "ok", times: "twice" }], /^faults\.0\.times: /],
  ["an unknown field", [{ fault: "cut", afte: 1 }], /^faults\.0\.afte: Extra inputs are not permitted for "cut"/],
  ["a field of another fault", [{ fault: "empty", after: 1 }], /^faults\.0\.after: Extra inputs/],
  ["a negative after", [{ fault: "cut", after: -1 }], /^faults\.0\.after: Input should be a whole number/],
  ["slow without ms", [{ fault: "slow" }], /^faults\.0\.ms: Field required/],
  ["ms as text", [{ fault: "slow", ms: "1" }], /^faults\.0\.ms: Input should be/],
  ["retry_after as text", [{ fault: "overloaded", retry_after: "1" }], /^faults\.0\.retry_after: Input should be/],
  ["should_retry as text", [{ fault: "rate_limit", should_retry: "no" }], /^faults\.0\.should_retry: Input .* boolean/],
];

for (const [name, body, message] of MALFORMED) {
  Deno.test(`a malformed list changes nothing and is told so: ${name}`, async () => {
    await withStandIn(async (url) => {
      await setFaults(url, { fault: "overloaded" });
      const response = await fetch(`${url}/_standin/faults`, { method: "PUT", body: JSON.stringify(body) });
      assert.equal(response.status, 400);
      assert.match((await response.json()).error.message, message);
      assert.deepEqual(await control(url, "GET", "faults"), [{ fault: "overloaded", of: "chat", times: 1 }]);
    });
  });
}

Deno.test("faults that are no JSON and other methods are refused", async () => {
  await withStandIn(async (url) => {
    const statusOf = async (method: string, endpoint: string, body?: string) => {
      const response = await fetch(`${url}/_standin/${endpoint}`, { method, body });
      await response.body?.cancel();
      return response.status;
    };
    assert.equal(await statusOf("PUT", "faults", "["), 400);
    assert.equal(await statusOf("POST", "faults", "[]"), 405);
    assert.equal(await statusOf("GET", "release"), 405);
  });
});

Deno.test("controlling the stand-in is no request that is kept", async () => {
  await withStandIn(async (url) => {
    await setFaults(url, { fault: "ok" });
    await control(url, "POST", "release");
    assert.deepEqual(await keptRequests(url), []);
  });
});

Deno.test("stop ends while requests hang, are held, wait and stall", async () => {
  const { url, stop } = startStandIn();
  await setFaults(url, { fault: "timeout" }, { fault: "hold" }, { fault: "slow", ms: 600_000 }, { fault: "stall" });
  const unanswered: Promise<unknown>[] = [];
  for (const fault of ["timeout", "hold", "slow"]) {
    unanswered.push(assert.rejects(send(url, CHAT), TypeError));
    await untilKept(url, (kept) => kept.fault === fault);
  }
  const stalled = eventsIn(await sendStream(url));
  await stalled.next();
  await stop();
  await Promise.all(unanswered);
  await assert.rejects(async () => await Array.fromAsync(stalled), TypeError);
  await assert.rejects(send(url, CHAT), TypeError);
});

Deno.test("a slow server lets chats wait and answers structured requests at once", async () => {
  const { url, stop } = startStandIn({ slowMs: 600_000 });
  const unanswered = assert.rejects(send(url, CHAT), TypeError);
  await untilKept(url, ({ status }) => status === null);
  assert.deepEqual(await statuses(url, 1, REWRITE), [200]);
  assert.deepEqual((await keptRequests(url)).map(({ status }) => status), [null, 200]);
  await stop();
  await unanswered;
});

Deno.test("a slow server answers in the end", async () => {
  await withStandIn(async (url) => {
    assert.equal((await (await send(url, CHAT)).json()).content[0].text, TEXT);
  }, { slowMs: 1 });
});

async function statuses(url: string, count: number, body: unknown = CHAT): Promise<number[]> {
  const all: number[] = [];
  while (all.length < count) {
    const response = await send(url, body);
    await response.body?.cancel();
    all.push(response.status);
  }
  return all;
}
