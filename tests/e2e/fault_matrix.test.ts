/**
 * Every fault on every way to an answer: what the caller is told, what is stored, what was paid; and that the same
 * request with the same Idempotency-Key then ends with one message and one answer, and a third one gets it for nothing.
 * The table is ARCHITECTURE.md's "When something fails", taken apart. How a cell is played: cells.ts.
 */
import assert from "node:assert/strict";
import { startAll, WAYS } from "./asking.ts";
import {
  askHealthy,
  type BackendCell,
  begun,
  type ChatCell,
  COST,
  COST_TOKENS,
  DEADLINE_SECONDS,
  NOTHING,
  playBackend,
  playChat,
  type World,
} from "./cells.ts";
import { type Disturbance, openDatabaseDoor, openModels, type Order } from "./doors.ts";
import { assertError, onStack } from "./scene.ts";

interface Row {
  fault: string;
  catches: string;
  /** For both, a JSON answer and a stream. */
  chat: ChatCell[];
  /** Why the fault itself cannot occur in Pawl where the model is the backend's own; the cells show what can. */
  elsewhere?: string;
  backend: BackendCell[];
}

type Refusal = [status: number, code: string, retryAfter?: string];
const NO_DATABASE: [number, string] = [503, "database_unavailable"];
const OWN_MODEL = "the model is asked by the backend, which says `fail`";

/** With pauses of 0.5 to 1 s, 1 to 2 s and 2 to 4 s. */
const FOUR_TIMES = { paid: 4, lasts: 3500 };
/** Words had left, so it is not asked again; and what it had counted is. */
const SAID = { said: true, counted: 1 } as const;
/** A third of the deadline. Three of them, with the pauses between, are longer than it: the last one is cut short. */
const SILENCE = 6000;
const ANSWERED = { told: 200, stored: "completed", paid: 1 } as const;

const MATRIX: Row[] = [
  {
    fault: "429",
    catches: "giving up at once, asking sooner than told, asking on after the deadline, waiting for a spending limit",
    chat: [
      once("once", { fault: "rate_limit" }),
      once("once, come again in a second", { fault: "rate_limit", retry_after: 1 }, { lasts: 1000 }),
      fails("always", { fault: "rate_limit" }, [503, "model_rate_limited", "10"], FOUR_TIMES),
      fails("come again too late", { fault: "rate_limit", retry_after: 30 }, [503, "model_rate_limited", "30"]),
      fails("do not retry", { fault: "rate_limit", should_retry: false }, [503, "model_rate_limited", "10"]),
      fails("spending limit", { fault: "spend_limit" }, [503, "model_spend_limit"]),
    ],
    elsewhere: OWN_MODEL,
    backend: [failing("their_rate_limit")],
  },
  {
    fault: "529",
    catches: "giving up at once, a caller not told when to come again",
    chat: [
      once("once", { fault: "overloaded" }),
      fails("always", { fault: "overloaded" }, [503, "model_overloaded", "10"], FOUR_TIMES),
      fails("come again too late", { fault: "overloaded", retry_after: 30 }, [503, "model_overloaded", "30"]),
    ],
    elsewhere: OWN_MODEL,
    backend: [failing("their_overload")],
  },
  {
    fault: "500",
    catches: "giving up at once, a 500 of the model's told as ours",
    chat: [
      once("once", { fault: "server_error" }),
      fails("always", { fault: "server_error" }, [502, "model_server_error"], FOUR_TIMES),
    ],
    elsewhere: OWN_MODEL,
    backend: [failing("their_fault")],
  },
  {
    fault: "timeout",
    catches: "waiting for ever, a silence that leaves no time for another try, asking again after words have left",
    chat: [
      once("never a byte, once", { fault: "timeout" }, { lasts: SILENCE }),
      fails("never a byte", { fault: "timeout" }, [504, "model_timeout"], { paid: 3 }),
      once("silence before a word, once", { fault: "stall", after: 0 }, { lasts: SILENCE, counted: 2 }),
      fails("silence before a word", { fault: "stall", after: 0 }, [504, "model_timeout"], { paid: 3, counted: 3 }),
      fails("silence after a word", { fault: "stall", after: 1 }, [504, "model_timeout"], { ...SAID, lasts: SILENCE }),
      // Four of them take longer than there is time, and none as long as a silence may last.
      fails("words too slow for the time there is", { fault: "slow", ms: 5200 }, [504, "model_timeout"], SAID),
    ],
    elsewhere: OWN_MODEL,
    backend: [failing("their_timeout")],
  },
  {
    fault: "cut stream",
    catches: "half an answer stored, a second answer begun after the first, a break taken for an end",
    chat: [
      once("before a byte, once", { fault: "disconnect" }),
      fails("before a byte", { fault: "disconnect" }, [502, "model_unreachable"], FOUR_TIMES),
      once("before a word, once", { fault: "cut", after: 0 }, { counted: 2 }),
      fails("before a word", { fault: "cut", after: 0 }, [502, "model_broken_off"], { ...FOUR_TIMES, counted: 4 }),
      {
        what: "before a word, then 529",
        model: [{ fault: "cut", after: 0 }, { fault: "overloaded", times: "always" }],
        told: [503, "model_overloaded"],
        retryAfter: "10",
        stored: "failed",
        ...FOUR_TIMES,
        counted: 1,
      },
      fails("after a word", { fault: "cut", after: 1 }, [502, "model_broken_off"], SAID),
      once("ended before a word, once", { fault: "end_early", after: 0 }, { counted: 2 }),
      fails("ended after two words", { fault: "end_early", after: 2 }, [502, "model_broken_off"], SAID),
    ],
    elsewhere: OWN_MODEL,
    backend: [failing("their_stream_broke")],
  },
  {
    fault: "error event",
    catches: "an error after the headers passed over, half an answer stored",
    chat: [
      once("as the first event, once", { fault: "error_event", after: 0 }),
      fails(
        "as the first event",
        { fault: "error_event", after: 0 },
        [503, "model_overloaded", "10"],
        FOUR_TIMES,
      ),
      fails("after a word", { fault: "error_event", after: 1 }, [503, "model_overloaded", "10"], SAID),
    ],
    elsewhere: OWN_MODEL,
    backend: [failing("their_error_event")],
  },
  {
    fault: "malformed",
    catches: "a panic, asking again for what will not mend, half an answer stored",
    chat: [
      fails("before a word", { fault: "malformed", after: 0 }, [502, "model_malformed_answer"], { counted: 1 }),
      fails("after a word", { fault: "malformed", after: 1 }, [502, "model_malformed_answer"], SAID),
    ],
    elsewhere: OWN_MODEL,
    backend: [failing("their_nonsense")],
  },
  {
    fault: "refusal",
    catches: "a refusal stored as an answer, asking again, its tokens forgotten",
    chat: [
      fails("at once", { fault: "refusal" }, [422, "model_refused"], { counted: 1 }),
      fails("after some text", { fault: "refusal", after: 2 }, [422, "model_refused"], { ...SAID, ended: true }),
    ],
    elsewhere: OWN_MODEL,
    backend: [failing("their_refusal")],
  },
  {
    fault: "empty",
    catches: "a blank answer stored",
    chat: [
      fails("no content", { fault: "empty" }, [502, "model_empty_answer"], { counted: 1 }),
      fails("white space", { fault: "blank" }, [502, "model_empty_answer"], SAID),
    ],
    backend: ["", " \n"].map((answer) => ({
      what: `complete with ${JSON.stringify(answer)}: 400, and the turn stays open`,
      attempts: [1, 0],
      act: async (backend) => {
        await backend.prepared();
        assertError(await backend.complete({ answer }), 400, "invalid_request", /`answer`/u);
        assert.deepEqual(await backend.stored(), begun("open"));
        assert.equal((await backend.complete()).status, 200);
      },
    })),
  },
  {
    fault: "max_tokens",
    catches: "an answer lost because it is cut, a cut answer told as a whole one",
    chat: [{ what: "half an answer", model: [{ fault: "max_tokens" }], ...ANSWERED, stopReason: "max_tokens" }],
    backend: [{
      what: "stored with its stop_reason",
      attempts: [1, 0],
      act: async (backend) => {
        await backend.prepared();
        assert.equal((await backend.complete({ stop_reason: "max_tokens" })).status, 200);
        assert.equal((await backend.prepare()).body.stop_reason, "max_tokens");
      },
    }],
  },
  {
    fault: "blocks nobody asked for",
    catches: "content[0].text, thinking shown to a user, failing at what is new",
    chat: [
      { what: "of unknown types, and events", model: [{ fault: "unknown_blocks" }], ...ANSWERED },
      { what: "a tool call after the text", model: [{ fault: "tool_use" }], ...ANSWERED, stopReason: "tool_use" },
    ],
    elsewhere: "the backend hands over text, and the names of its tools",
    backend: [{
      what: "tools are stored by name",
      attempts: [1, 0],
      act: async (backend) => {
        await backend.prepared();
        assert.equal((await backend.complete({ tools: ["search"], stop_reason: "tool_use" })).status, 200);
        assert.equal((await backend.prepare()).body.stop_reason, "tool_use");
      },
    }],
  },
  {
    fault: "client gone",
    catches: "an answer that ends with its connection and is paid for again, a late answer beside the next one",
    chat: [
      { what: "before a word", model: [{ fault: "hold", after: 0 }], leaves: true, ...ANSWERED },
      { what: "after a word", model: [{ fault: "hold", after: 1 }], leaves: true, ...ANSWERED },
    ],
    backend: [{
      what: "the backend dies after prepare, and comes back late: 409",
      attempts: [2, 1],
      act: async (backend) => {
        const { attempt } = await backend.prepared();
        assertError(await backend.prepare(), 409, "turn_in_progress");
        await backend.expireLease();
        assert.equal((await backend.prepared()).attempt, attempt + 1);
        assertError(await backend.complete({ attempt, answer: "Too late." }), 409, "turn_superseded");
        assertError(await backend.fail("too_late", { attempt }), 409, "turn_not_open");
        assert.deepEqual(await backend.stored(), begun("open", { attempts: 2, lost_attempts: 1 }));
        assert.equal((await backend.complete()).status, 200);
      },
    }],
  },
  {
    fault: "database refused before begin_turn",
    catches: "a model paid for a message that is not stored, a 500",
    chat: (["broken", "refused"] as const).map((how) => ({
      what: `the call is ${how}`,
      database: [["pawl_begin_turn", how]],
      told: NO_DATABASE,
      unstreamed: true,
      stored: "nothing",
      paid: 0,
    })),
    backend: (["broken", "refused"] as const).map((how) => ({
      what: `the call is ${how}: 503, and nothing is stored`,
      attempts: [1, 0],
      act: async (backend) => {
        backend.database.disturb("pawl_prepare_turn", how);
        assertError(await backend.prepare(), ...NO_DATABASE);
        assert.deepEqual(await backend.stored(), NOTHING);
      },
    })),
  },
  {
    fault: "database refused after begin_turn",
    catches:
      "a paid answer thrown away at the first hiccup, a turn that failed though it may be answered, or never ends",
    chat: [
      {
        what: "no prompt to be read, and none held",
        database: always("pawl_serving_context", "refused"),
        told: NO_DATABASE,
        stored: "failed",
        paid: 0,
      },
      {
        what: "no prompt to be read, and an earlier version held",
        earlierVersion: true,
        database: always("pawl_serving_context", "broken"),
        ...ANSWERED,
      },
      { what: "complete_turn is broken once", database: [["pawl_complete_turn", "broken"]], ...ANSWERED },
      { what: "complete_turn is refused three times", database: [["pawl_complete_turn", "refused", 3]], ...ANSWERED },
      {
        what: "complete_turn is refused",
        database: always("pawl_complete_turn", "refused"),
        told: NO_DATABASE,
        said: true,
        stored: "open",
        paid: 1,
      },
      {
        what: "fail_turn is broken once",
        model: [{ fault: "refusal" }],
        database: [["pawl_fail_turn", "broken"]],
        told: [422, "model_refused"],
        stored: "failed",
        paid: 1,
        counted: 1,
      },
      {
        what: "fail_turn is broken",
        model: [{ fault: "refusal" }],
        database: always("pawl_fail_turn", "broken"),
        told: [422, "model_refused"],
        stored: "open",
        paid: 1,
      },
    ],
    backend: [
      {
        what: "complete is refused, and sent again: one answer",
        attempts: [1, 0],
        act: async (backend) => {
          await backend.prepared();
          backend.database.disturb("pawl_complete_turn", "refused");
          assertError(await backend.complete(), ...NO_DATABASE);
          assert.deepEqual(await backend.stored(), begun("open"));
          assert.equal((await backend.complete()).status, 200);
        },
      },
      {
        what: "fail is broken, and sent again",
        attempts: [2, 0],
        act: async (backend) => {
          await backend.prepared();
          backend.database.disturb("pawl_fail_turn", "broken");
          assertError(await backend.fail("their_fault"), ...NO_DATABASE);
          assert.deepEqual(await backend.stored(), begun("open"));
          assert.equal((await backend.fail("their_fault")).status, 200);
          assert.deepEqual(await backend.stored(), begun("failed", { error_code: "their_fault" }));
        },
      },
    ],
  },
  {
    fault: "connection cut after commit",
    catches: "a message or an answer stored twice, an answer paid for twice, a lost attempt not counted",
    chat: [
      {
        what: "of begin_turn",
        database: [["pawl_begin_turn", "reply lost"]],
        told: NO_DATABASE,
        unstreamed: true,
        stored: "open",
        paid: 0,
      },
      { what: "of complete_turn, once", database: [["pawl_complete_turn", "reply lost"]], ...ANSWERED },
      {
        what: "of complete_turn",
        database: always("pawl_complete_turn", "reply lost"),
        told: NO_DATABASE,
        said: true,
        stored: "completed",
        paid: 1,
      },
      {
        what: "of fail_turn",
        model: [{ fault: "refusal" }],
        database: [["pawl_fail_turn", "reply lost"]],
        told: [422, "model_refused"],
        stored: "failed",
        paid: 1,
        counted: 1,
      },
    ],
    backend: [
      {
        what: "of prepare: 503, then 409 until the lease runs out",
        attempts: [2, 1],
        act: async (backend) => {
          backend.database.disturb("pawl_prepare_turn", "reply lost");
          assertError(await backend.prepare(), ...NO_DATABASE);
          assert.deepEqual(await backend.stored(), begun("open"));
          assertError(await backend.prepare(), 409, "turn_in_progress");
          await backend.expireLease();
        },
      },
      {
        what: "of complete, and sent again: the same answer_id",
        attempts: [1, 0],
        act: async (backend) => {
          await backend.prepared();
          backend.database.disturb("pawl_complete_turn", "reply lost");
          assertError(await backend.complete(COST), ...NO_DATABASE);
          const stored = await backend.stored();
          assert.deepEqual([stored.turns[0].status, stored.messages.length, stored.tokens], [
            "completed",
            2,
            COST_TOKENS,
          ]);
          const { status, body } = await backend.complete(COST);
          assert.deepEqual([status, body.answer_id], [200, (await backend.prepare()).body.answer_id]);
          assert.deepEqual(await backend.stored(), stored, "stored, or counted, once more");
        },
      },
      {
        what: "of fail, and sent again: 409",
        attempts: [2, 0],
        act: async (backend) => {
          await backend.prepared();
          backend.database.disturb("pawl_fail_turn", "reply lost");
          assertError(await backend.fail("their_fault", COST), ...NO_DATABASE);
          const stored = await backend.stored();
          assert.deepEqual(stored, begun("failed", { error_code: "their_fault", tokens: COST_TOKENS }));
          assertError(await backend.fail("their_fault", COST), 409, "turn_not_open");
          assert.deepEqual(await backend.stored(), stored, "counted once more");
        },
      },
    ],
  },
];

/** The model fails once and is asked again, after half a second at least. */
function once(what: string, fault: Order, more: Partial<ChatCell> = {}): ChatCell {
  return { what, model: [fault], told: 200, stored: "completed", paid: 2, lasts: 500, ...more };
}

/** The model fails as often as it is asked, and the turn with it. */
function fails(
  what: string,
  fault: Order,
  [status, code, retryAfter]: Refusal,
  more: Partial<ChatCell> = {},
): ChatCell {
  const model: Order[] = [{ ...fault, times: "always" }];
  return { what, model, told: [status, code], retryAfter, stored: "failed", paid: 1, ...more };
}

function always(rpc: string, how: Disturbance): ChatCell["database"] {
  return [[rpc, how, Infinity]];
}

function failing(code: string): BackendCell {
  return {
    what: `fail with ${code}`,
    attempts: [2, 0],
    act: async (backend) => {
      await backend.prepared();
      assert.equal((await backend.fail(code, COST)).status, 200);
      assert.deepEqual(await backend.stored(), begun("failed", { error_code: code, tokens: COST_TOKENS }));
      assertError(await backend.complete(), 409, "turn_failed");
    },
  };
}

Deno.test("the fault matrix", async (test) => {
  const [database, models] = [openDatabaseDoor(), openModels()];
  const functionEnvironment = { SUPABASE_URL: database.url, PAWL_CHAT_DEADLINE_SECONDS: `${DEADLINE_SECONDS}` };
  await onStack({ functionEnvironment, model: { baseUrl: models.url } }, async ({ stack }) => {
    database.target = stack.url;
    const world: World = { stack, database, models, functionEnvironment, healthy: await askHealthy(stack, models) };
    // Each has a person, a prompt and a model of its own: they are played at once. (A client that leaves has a process
    // of its own, whose start is work.)
    const together = MATRIX.flatMap(({ chat }) => chat).filter(({ leaves }) => !leaves);
    const played = startAll(together.flatMap((cell) => WAYS.map((way) => () => playChat(world, cell, way))));

    for (const { fault, catches, chat, elsewhere, backend } of MATRIX) {
      await test.step(`${fault} [catches: ${catches}]`, async (test) => {
        for (const cell of chat) {
          for (const [index, way] of WAYS.entries()) {
            const place = together.indexOf(cell);
            if (place === -1) await Promise.allSettled(played);
            const play = () => place === -1 ? playChat(world, cell, way) : played[place * WAYS.length + index];
            await test.step(`${way}, ${cell.what}: ${outcomeOf(cell)}`, play);
          }
        }
        for (const cell of backend) {
          const why = elsewhere ? ` (not the fault itself: ${elsewhere})` : "";
          await test.step(`prepare/complete, ${cell.what}${why}`, () => playBackend(world, cell));
        }
      });
    }

    await test.step("there is no empty cell", () => {
      for (const { fault, chat, backend } of MATRIX) assert.ok(chat.length > 0 && backend.length > 0, fault);
    });
    await test.step("no request reached a model but those that were counted", () =>
      assert.deepEqual(models.strays, []));
  });
  await models.close();
  await database.close();
});

function outcomeOf({ told, stored, paid, leaves }: ChatCell): string {
  const answer = leaves ? "nobody to tell" : [told].flat().join(" ");
  return `${answer}, stored: ${stored}, asked: ${paid}`;
}
