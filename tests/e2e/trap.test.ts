/**
 * A panic in one request: the wasm instance is lost, and nobody else is to notice. Runs on the build of
 * `scripts/build --fault-injection`, whose chat-handler panics when a header asks it to.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { assertError, assertReadableByPages, onStack, post, type Reply, signUp } from "./scene.ts";
import { openStream, release, setFaults } from "./streams.ts";

const FOLDER = fileURLToPath(new URL("../../target/fault-injection/functions", import.meta.url));
const ROUNDS = 200;
const KINDS = ["panic", "panic-after-wait"];
/** A request that hangs would hang for good; one that works takes a fraction of this. */
const WITHIN_MS = 5_000;

Deno.test("a panic", async (test) => {
  assert.ok(existsSync(`${FOLDER}/chat-handler/pkg/wasm.js`), "first run: scripts/build --fault-injection");
  await onStack({ functionsFolder: FOLDER }, async ({ stack, lines }) => {
    const { credentials } = await signUp(stack);
    const ask = async (fault?: string) => {
      const headers = { ...credentials, ...fault && { "x-pawl-fault": fault } };
      return await within(WITHIN_MS, post(stack, "chat-handler", { message: "How do I repot an orchid?" }, headers));
    };
    assertAnswered(await ask());
    const { pid } = stack.functions.process("chat-handler");
    const memory = memoryOf(pid);

    await test.step(`leaves the next request working, ${ROUNDS} times in a row [catches: a dead instance served on]`, async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const kind = KINDS[round % KINDS.length];
        assertError(await ask(kind), 500, "internal");
        assertAnswered(await ask(), `after ${round + 1} panics`);
      }
    });

    for (const kind of KINDS) {
      await test.step(`${kind}: every request in flight gets a 500, and none hangs [catches: promises never settled]`, async () => {
        let struck = 0;
        for (let round = 0; round < 5; round++) {
          const slow = Array.from({ length: 5 }, () => ask("slow"));
          await new Promise((resolve) => setTimeout(resolve, 60));
          const [own, ...others] = await Promise.all([ask(kind), ...slow]);
          assertError(own, 500, "internal");
          for (const reply of others) {
            reply.status === 200 ? assertAnswered(reply) : assertError(reply, 500, "internal");
          }
          struck += others.filter(({ status }) => status === 500).length;
          assertAnswered(await ask());
        }
        // A machine that is busy may let one in only after the panic.
        assert.ok(struck >= 12, `only ${struck} of 25 slow requests were in flight`);
      });

      await test.step(`${kind}: several at once are no worse than one [catches: a fresh instance that dies with the old one]`, async () => {
        const replies = await Promise.all(Array.from({ length: 10 }, () => ask(kind)));
        for (const reply of replies) assertError(reply, 500, "internal");
        for (const reply of await Promise.all(Array.from({ length: 5 }, () => ask()))) assertAnswered(reply);
      });
    }

    await test.step("a stream that is open ends with an error, and its turn is tried again by its key [catches: streams that hang]", async () => {
      for (const kind of KINDS) {
        await setFaults(stack, [{ fault: "hold", after: 1 }]);
        const key = { ...credentials, "idempotency-key": crypto.randomUUID() };
        const stream = await openStream(stack, { message: "How do I repot an orchid?" }, key);
        assert.deepEqual([(await stream.next())!.event, (await stream.next())!.event], ["start", "delta"]);
        assertError(await ask(kind), 500, "internal");
        const [{ event, data }, ...others] = await within(WITHIN_MS, stream.rest());
        assert.deepEqual([event, data.code, others.length], ["error", "internal", 0]);
        await release(stack);
        await stack.database.exec("update pawl.turns set lease_expires_at = now() where status = 'open'");
        const again = await openStream(stack, { message: "How do I repot an orchid?" }, key);
        assert.equal((await again.rest()).at(-1)!.event, "done");
      }
    });

    await test.step("good and bad ones in a heap all get an answer [catches: a death that reaches the next instance]", async () => {
      const kinds = [undefined, "panic", "slow", "panic-after-wait", undefined];
      const replies = await Promise.all(Array.from({ length: 40 }, (_, index) => ask(kinds[index % kinds.length])));
      for (const reply of replies) reply.status === 200 ? assertAnswered(reply) : assertError(reply, 500, "internal");
      assertAnswered(await ask());
    });

    await test.step("requests slow but alone are answered [catches: the fault build failing them all]", async () => {
      for (const reply of await Promise.all([ask("slow"), ask("slow"), ask()])) assertAnswered(reply);
    });

    await test.step("nothing of it was a restart of the process [catches: a crash hidden by starting again]", () => {
      assert.deepEqual(stack.functions.process("chat-handler"), { pid, restarts: 0 });
      console.log(`  memory of the process: ${memory} before, ${memoryOf(pid)} after`);
    });

    await test.step("each panic is logged with its place and without its message [catches: silence, leaking values]", () => {
      const panics = lines.filter((line) => line.includes('"event":"panic"'));
      assert.ok(panics.length >= ROUNDS, `${panics.length} lines`);
      assert.ok(panics.every((line) => /"at":"[^"]+\.rs:\d+"/u.test(line)), panics[0]);
      assert.ok(!lines.some((line) => line.includes("asked to") || line.includes("orchid")));
    });
  });
});

function assertAnswered({ status, headers, body }: Reply, when?: string): void {
  assert.equal(status, 200, `${when}: ${JSON.stringify(body)}`);
  assert.equal(body.prompt_version, 1);
  // The prompts the dead instance had read are read again: nobody is served an older one.
  assert.ok(!("stale_prompt" in body));
  assertReadableByPages(headers);
}

async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer in ${milliseconds} ms`)), milliseconds);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function memoryOf(pid: number): string {
  try {
    return /VmRSS:\s*(.*)/u.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1];
  } catch {
    return "unknown";
  }
}
