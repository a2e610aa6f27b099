/** Requests that are wrong: each is refused with a word about what is wrong, before anything is stored or paid for. */
import assert from "node:assert/strict";
import type { Stack } from "../../scripts/local/stack.ts";
import { assertError, assertReadableByPages, leavesNoTrace, onStack, post, send, service, signUp } from "./scene.ts";

const FUNCTIONS = ["chat-handler", "reflection-loop", "prompt-updater", "feedback-collector", "retrain-trigger"];
/** A body that each of them takes; feedback-collector, once there is an answer to react to. */
const TAKEN: Record<string, Record<string, unknown>> = {
  "chat-handler": { message: "How do I repot an orchid?" },
  "reflection-loop": { dry_run: true },
  "prompt-updater": { action: "rollback", version: 1 },
  "retrain-trigger": { action: "analyze" },
};
const MAX_MESSAGE_BYTES = 32 * 1024;
const MAX_BODY_BYTES = 256 * 1024;
const UNKNOWN_ID = "5f0c1b4e-7c0b-4b5e-9a55-0d0e8e2d9a11";
/** Nobody gets as far as to see that it is unknown. */
const COPY = { message_id: UNKNOWN_ID, signal: "copy" };
const RATING = { message_id: UNKNOWN_ID, signal: "rating" };
const DWELL = { message_id: UNKNOWN_ID, signal: "dwell_time" };

/** What is wrong with the body, the body, and what the message must name. */
type Case = [string, unknown, RegExp];

const WRONG_BODIES: Record<string, Case[]> = {
  "chat-handler": [
    ["no message", {}, /`message`.*required/u],
    ["a message of another type", { message: 7 }, /`message`/u],
    ["a message that is null", { message: null }, /`message`/u],
    ["a message that is a list", { message: ["a"] }, /`message`/u],
    ["an empty message", { message: "" }, /`message`.*empty/u],
    ["a blank message", { message: " \t\r\n" }, /`message`.*empty/u],
    ["a message of blanks that Postgres' \\s leaves out", { message: "\u00a0\ufeff" }, /`message`.*empty/u],
    ["a message over 32 KiB", { message: "a".repeat(MAX_MESSAGE_BYTES + 1) }, /`message`.*32 KiB/u],
    ["over 32 KiB in bytes only", { message: "é".repeat(MAX_MESSAGE_BYTES / 2) + "a" }, /`message`.*32 KiB/u],
    ["U+0000 in a message", { message: "a\0b" }, /`message`.*U\+0000/u],
    ["U+0000 in an assistant", { message: "a", assistant: "\0" }, /`assistant`.*U\+0000/u],
    ["a session that is no UUID", { message: "a", session_id: "7" }, /`session_id`.*UUID/u],
    ["a session of another type", { message: "a", session_id: 7 }, /`session_id`/u],
    ["an organisation that is no UUID", { message: "a", organization_id: "default" }, /`organization_id`.*UUID/u],
    ["a user that is no UUID", { message: "a", user_id: "me" }, /`user_id`.*UUID/u],
    ["an assistant of another type", { message: "a", assistant: {} }, /`assistant`/u],
    ["an unknown field", { message: "a", sesion_id: UNKNOWN_ID }, /`sesion_id`/u],
    ["a field of the answer", { message: "a", prompt_version: 1 }, /`prompt_version`/u],
  ],
  "reflection-loop": [
    ["a force of another type", { force: "yes" }, /`force`/u],
    ["a force that is a number", { force: 1 }, /`force`/u],
    ["a dry run of another type", { dry_run: "true" }, /`dry_run`/u],
    ["an organisation that is no UUID", { organization_id: "default" }, /`organization_id`.*UUID/u],
    ["an assistant of another type", { assistant: ["default"] }, /`assistant`/u],
    ["U+0000 in an assistant", { assistant: "a\0" }, /`assistant`.*U\+0000/u],
    ["an unknown field", { dryrun: true }, /`dryrun`/u],
  ],
  "prompt-updater": [
    ["nothing", {}, /`reflection_id`.*required/u],
    ["a reflection that is no UUID", { reflection_id: "7" }, /`reflection_id`.*UUID/u],
    ["an action nobody knows", { action: "delete" }, /`action`/u],
    ["an action of another type", { action: 7 }, /`action`/u],
    ["no version to activate", { action: "activate" }, /`version`.*required/u],
    ["no text to write", { action: "write" }, /`content`.*required/u],
    ["a blank text", { action: "write", content: " \n" }, /`content`/u],
    ["a text without end", { action: "write", content: "a".repeat(100_001) }, /`content`.*100000/u],
    ["U+0000 in a text", { action: "write", content: "\0" }, /`content`.*U\+0000/u],
    ["no suggestion to approve", { action: "approve" }, /`suggestion_id`.*required/u],
    [
      "an assistant beside a suggestion",
      { action: "reject", suggestion_id: UNKNOWN_ID, assistant: "a" },
      /`assistant`/u,
    ],
    ["no pattern to take back", { action: "revert_pattern" }, /`pattern_id`.*required/u],
    ["a pattern that is no UUID", { action: "revert_pattern", pattern_id: "7" }, /`pattern_id`.*UUID/u],
    [
      "an assistant beside a pattern",
      { action: "revert_pattern", pattern_id: UNKNOWN_ID, assistant: "a" },
      /`assistant`/u,
    ],
    ["clauses of another type", { action: "protect", clauses: "a" }, /`clauses`/u],
    ["a blank clause", { action: "protect", clauses: ["a", ""] }, /`clauses`/u],
    ["too many clauses", { action: "protect", clauses: Array(51).fill("a") }, /`clauses`.*50/u],
    ["a pause until no time", { action: "pause", until: "after lunch" }, /`until`.*time/u],
    ["a pause until a day there is not", { action: "pause", until: "2031-02-30" }, /`until`.*time/u],
    ["a pause until a time of no zone", { action: "pause", until: "2031-01-01 00:00 Mars/Phobos" }, /`until`.*time/u],
    ["a pause until a time of a zone beyond all", { action: "pause", until: "2031-01-01T00:00:00+99:00" }, /`until`/u],
    ["a pause until yesterday", { action: "pause", until: "2020-01-01T00:00:00Z" }, /`until`.*future/u],
    ["a version to resume", { action: "resume", version: 1 }, /`version`/u],
    ["half a version", { action: "rollback", version: 1.5 }, /`version`/u],
    ["a version beyond all", { action: "rollback", version: 2 ** 31 }, /`version`/u],
    ["a version of another type", { action: "rollback", version: "1" }, /`version`/u],
    ["a reason too long", { action: "rollback", version: 1, reason: "a".repeat(1001) }, /`reason`.*1000/u],
    ["U+0000 in a reason", { action: "rollback", version: 1, reason: "\0" }, /`reason`.*U\+0000/u],
    ["a version for an improvement", { reflection_id: UNKNOWN_ID, version: 1 }, /`version`/u],
    ["a reason for an improvement", { reflection_id: UNKNOWN_ID, reason: "a" }, /`reason`/u],
    ["a reflection for a rollback", { action: "rollback", version: 1, reflection_id: UNKNOWN_ID }, /`reflection_id`/u],
    ["an unknown field", { reflection_id: UNKNOWN_ID, force: true }, /`force`/u],
  ],
  "feedback-collector": [
    ["nothing", {}, /`message_id`.*required/u],
    ["a message that is no UUID", { ...COPY, message_id: "7" }, /`message_id`.*UUID/u],
    ["a message of another type", { ...COPY, message_id: 7 }, /`message_id`/u],
    ["no signal", { message_id: UNKNOWN_ID }, /`signal`.*required/u],
    ["a signal nobody knows", { ...COPY, signal: "applause" }, /`signal`.*thumbs_up/u],
    ["a signal of another type", { ...COPY, signal: 1 }, /`signal`/u],
    ["a value for a copy", { ...COPY, value: 1 }, /`value`.*belong/u],
    ["stars for a copy", { ...COPY, stars: 1 }, /`stars`.*belong/u],
    ["a rating without a value", RATING, /`value`.*required/u],
    ["a rating above 1", { ...RATING, value: 1.001 }, /`value`.*0 to 1/u],
    ["a rating below 0", { ...RATING, value: -1 }, /`value`.*0 to 1/u],
    ["a rating of another type", { ...RATING, value: "1" }, /`value`/u],
    ["a rating twice", { ...RATING, value: 1, stars: 5 }, /`stars`/u],
    ["six stars", { ...RATING, stars: 6 }, /`stars`.*5/u],
    ["half a star", { ...RATING, stars: 1.5 }, /`stars`/u],
    ["a rating by whom nobody knows", { ...RATING, value: 1, source: "me" }, /`source`/u],
    ["an automated copy", { ...COPY, source: "automated" }, /`source`/u],
    ["a dwell time without seconds", DWELL, /`value`.*required/u],
    ["a dwell time below 0", { ...DWELL, value: -1 }, /`value`.*86400/u],
    ["a dwell time of more than a day", { ...DWELL, value: 86_401 }, /`value`.*86400/u],
    ["a comment without end", { ...COPY, comment: "é".repeat(2001) }, /`comment`.*2000/u],
    ["a comment of another type", { ...COPY, comment: ["a"] }, /`comment`/u],
    ["U+0000 in a comment", { ...COPY, comment: "a\0" }, /`comment`.*U\+0000/u],
    ["metadata that is a list", { ...COPY, metadata: [] }, /`metadata`.*object/u],
    ["metadata that is a text", { ...COPY, metadata: "{}" }, /`metadata`.*object/u],
    ["metadata without end", { ...COPY, metadata: { a: "b".repeat(4096) } }, /`metadata`.*4096/u],
    ["U+0000 in metadata", { ...COPY, metadata: { a: ["\0"] } }, /`metadata.a.0`.*U\+0000/u],
    ["U+0000 in the name of metadata", { ...COPY, metadata: { "\0": 1 } }, /`metadata`.*U\+0000/u],
    ["a user that is no UUID", { ...COPY, user_id: "me" }, /`user_id`.*UUID/u],
    ["an unknown field", { ...COPY, thumb: "up" }, /`thumb`/u],
    ["no list of signals", { signals: COPY }, /`signals`.*list/u],
    ["an empty list of signals", { signals: [] }, /`signals`.*1 to 100/u],
    ["too many signals", { signals: Array(101).fill(COPY) }, /`signals`.*1 to 100/u],
    ["a signal beside signals", { signals: [COPY], signal: "copy" }, /`signal`/u],
  ],
  // What a trainer may send is in retrain_refused.test.ts: it is signed.
  "retrain-trigger": [
    ["an action nobody knows", { action: "train" }, /`action`/u],
    ["an action of another type", { action: 7 }, /`action`/u],
    ["a force of another type", { force: "yes" }, /`force`/u],
    ["an organisation that is no UUID", { organization_id: "default" }, /`organization_id`.*UUID/u],
    ["an assistant of another type", { assistant: ["default"] }, /`assistant`/u],
    ["U+0000 in an assistant", { assistant: "a\0" }, /`assistant`.*U\+0000/u],
    ["days for a run", { days: 7 }, /`days`.*belong/u],
    ["no days at all", { action: "analyze", days: 0 }, /`days`.*365/u],
    ["days of another type", { action: "analyze", days: "7" }, /`days`/u],
    ["a force for an analysis", { action: "analyze", force: true }, /`force`.*belong/u],
    ["nothing to rebuild", { action: "rebuild" }, /`model_version_id`.*required/u],
    ["a version that is no UUID", { action: "rebuild", model_version_id: "v1" }, /`model_version_id`.*UUID/u],
    ["part 0", { action: "rebuild", model_version_id: UNKNOWN_ID, part: 0 }, /`part`/u],
    ["an unknown field", { dry_run: true }, /`dry_run`/u],
  ],
};

/** Well formed, but about something that is not there. */
const UNKNOWN: [string, string, Record<string, unknown>, string, RegExp][] = [
  ["chat-handler", "session", { message: "a", session_id: UNKNOWN_ID }, "session_not_found", /`session_id`/u],
  ["chat-handler", "assistant", { message: "a", assistant: "nobody" }, "assistant_not_found", /`assistant`/u],
  [
    "chat-handler",
    "organisation",
    { message: "a", organization_id: UNKNOWN_ID },
    "organization_not_found",
    /organisation/u,
  ],
  ["reflection-loop", "assistant", { assistant: "nobody" }, "assistant_not_found", /`assistant`/u],
  ["reflection-loop", "organisation", { organization_id: UNKNOWN_ID }, "assistant_not_found", /assistant/u],
  ["feedback-collector", "answer", COPY, "message_not_found", /`message_id`/u],
  ["retrain-trigger", "assistant", { assistant: "nobody" }, "assistant_not_found", /`assistant`/u],
  [
    "retrain-trigger",
    "assistant to analyse",
    { action: "analyze", assistant: "nobody" },
    "assistant_not_found",
    /`assistant`/u,
  ],
  [
    "retrain-trigger",
    "version",
    { action: "rebuild", model_version_id: UNKNOWN_ID },
    "model_version_not_found",
    /`model_version_id`/u,
  ],
  ["prompt-updater", "reflection", { reflection_id: UNKNOWN_ID }, "reflection_not_found", /`reflection_id`/u],
  ["prompt-updater", "version", { action: "rollback", version: 9 }, "version_not_found", /`version`/u],
  ["prompt-updater", "version 0", { action: "activate", version: 0 }, "version_not_found", /`version`/u],
  [
    "prompt-updater",
    "suggestion",
    { action: "approve", suggestion_id: UNKNOWN_ID },
    "suggestion_not_found",
    /`suggestion_id`/u,
  ],
  [
    "prompt-updater",
    "pattern",
    { action: "revert_pattern", pattern_id: UNKNOWN_ID },
    "pattern_not_found",
    /`pattern_id`/u,
  ],
  [
    "prompt-updater",
    "assistant",
    { action: "rollback", version: 1, assistant: "x" },
    "assistant_not_found",
    /`assistant`/u,
  ],
];

/** Bytes that are no request at all. */
const NO_JSON: [string, BodyInit][] = [
  ["nothing", ""],
  ["half an object", '{"message": "secret'],
  ["words", "secret"],
  ["an object and more", '{"message": "secret"} {}'],
  ["a lone surrogate", '{"message": "\\ud800"}'],
  ["bytes that are no UTF-8", new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
  ["nesting without end", "[".repeat(10_000)],
  ["an object nested without end", '{"message":'.repeat(10_000)],
];

Deno.test("bad input", (test) =>
  onStack({}, async ({ stack, lines }) => {
    const user = (await signUp(stack)).credentials;
    const forPeople = ["chat-handler", "feedback-collector"];
    const credentialsOf = (name: string) => forPeople.includes(name) ? user : service(stack);
    const { answer_id } = (await post(stack, "chat-handler", TAKEN["chat-handler"], user)).body;
    TAKEN["feedback-collector"] = { message_id: answer_id, signal: "copy" };
    const call = (name: string, init: RequestInit) =>
      send(stack, name, {
        method: "POST",
        ...init,
        headers: { "content-type": "application/json", ...credentialsOf(name), ...init.headers as object },
      });
    const refused = (name: string, init: RequestInit) => leavesNoTrace(stack, () => call(name, init));

    for (const name of FUNCTIONS) {
      await test.step(`${name} names the field that is wrong [catches: serde's words, or none]`, async () => {
        for (const [what, body, named] of WRONG_BODIES[name]) {
          const reply = await refused(name, { body: JSON.stringify(body) });
          explained(what, () => assertError(reply, 400, "invalid_request", named));
        }
      });

      await test.step(`${name} takes JSON objects only [catches: a 500 from the decoder]`, async () => {
        for (const [what, body] of NO_JSON) {
          // A schedule that has nothing to say may say nothing.
          if (["reflection-loop", "retrain-trigger"].includes(name) && body === "") continue;
          const reply = await refused(name, { body });
          explained(what, () => assertError(reply, 400, "invalid_json", /not JSON/u));
          assert.ok(!reply.body.message.includes("secret"), "the message repeats the body");
        }
        for (const body of ["null", "7", '"secret"', "[]", `[${JSON.stringify(TAKEN[name])}]`]) {
          const reply = await refused(name, { body });
          explained(body, () => assertError(reply, 400, "invalid_request", /JSON object/u));
        }
      });

      await test.step(`${name} takes one content type [catches: reading forms of other sites]`, async () => {
        const body = JSON.stringify(TAKEN[name]);
        for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""]) {
          const reply = await refused(name, { body, headers: { "content-type": type } });
          explained(type, () => assertError(reply, 415, "unsupported_media_type", /content-type/u));
        }
        for (const type of ["application/json; charset=utf-8", "Application/JSON"]) {
          const reply = await post(stack, name, TAKEN[name], { ...credentialsOf(name), "content-type": type });
          assert.equal(reply.status, 200, `${type}: ${JSON.stringify(reply.body)}`);
        }
      });

      await test.step(`${name} takes POST only, and says so [catches: acting on GET]`, async () => {
        for (const method of ["GET", "PUT", "PATCH", "DELETE"]) {
          const body = method === "GET" ? undefined : JSON.stringify(TAKEN[name]);
          const reply = await refused(name, { method, body });
          explained(method, () => assertError(reply, 405, "method_not_allowed", /POST/u));
          assert.equal(reply.headers.get("allow"), "POST, OPTIONS");
        }
      });

      await test.step(`${name} bounds the whole body [catches: reading without end]`, async () => {
        const reply = await refused(name, { body: bodyOf(name, MAX_BODY_BYTES + 1) });
        assertError(reply, 413, "body_too_large", /262144/u);
        const largest = await call(name, { body: bodyOf(name, MAX_BODY_BYTES) });
        assert.equal(largest.status, 200, JSON.stringify(largest.body));
      });

      await test.step(`${name} answers a page's preflight [catches: a header of supabase-js not allowed]`, async () => {
        const response = await leavesNoTrace(stack, () => preflight(stack, name));
        await response.body?.cancel();
        assert.equal(response.status, 204);
        assertReadableByPages(response.headers);
        const allowed = response.headers.get("access-control-allow-headers")!.split(/,\s*/u);
        for (const header of ["authorization", "apikey", "content-type", "x-client-info", "idempotency-key"]) {
          assert.ok(allowed.includes(header), header);
        }
        assert.match(response.headers.get("access-control-allow-methods")!, /POST/u);
      });
    }

    for (const [name, what, body, code, named] of UNKNOWN) {
      await test.step(`${name}: an unknown ${what} is a 404 [catches: making or guessing one]`, async () => {
        const reply = await refused(name, { body: JSON.stringify(body) });
        assertError(reply, 404, code, named);
      });
    }

    await test.step("exactly 32 KiB pass, however they are escaped [catches: bounding what is not the message]", async () => {
      for (const message of ["a".repeat(MAX_MESSAGE_BYTES), "é".repeat(MAX_MESSAGE_BYTES / 2)]) {
        assert.equal((await post(stack, "chat-handler", { message }, user)).status, 200);
      }
      const escaped = `{"message":"${"\\u0061".repeat(MAX_MESSAGE_BYTES)}"}`;
      assert.equal((await call("chat-handler", { body: escaped })).status, 200);
    });

    await test.step("text of any kind comes back as it went [catches: escaping twice, cutting at bytes]", async () => {
      const message = '\u0001 \\u0000 %00 \'; drop table x; -- $1 {"a":1} 👩‍👩‍👧 \u202e \ufffd 中文\r\n\t</script>';
      const reply = await post(stack, "chat-handler", { message }, user);
      assert.equal(reply.status, 200, JSON.stringify(reply.body));
      const [row] = await stack.database.query("select content from pawl.messages where id = $1", [
        reply.body.message_id,
      ]);
      assert.equal(row.content, message);
    });

    await test.step("no request made a function fail, and no log repeats one [catches: a panic, logging bodies]", () => {
      for (const line of lines) {
        assert.ok(!/panic|"level":"error"|its process ended/u.test(line), line);
        assert.ok(!/secret|drop table|orchid/u.test(line), line);
      }
    });
  }));

/** A body that is taken, with spaces up to a size. */
function bodyOf(name: string, bytes: number): string {
  return JSON.stringify(TAKEN[name]).padEnd(bytes, " ");
}

function preflight(stack: Stack, name: string): Promise<Response> {
  return fetch(`${stack.url}/functions/v1/${name}`, {
    method: "OPTIONS",
    headers: {
      origin: "https://app.example.com",
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization, apikey, content-type, x-client-info, idempotency-key",
    },
  });
}

function explained(what: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
  }
}
