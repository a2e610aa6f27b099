/**
 * What a token is worth, at the functions and at the database's own functions over REST.
 *
 * Signatures and times are the gateway's to check (here @supabase/lite does as PostgREST), so the codes REST gives for
 * them are its own; that a function makes 401 of each, before anything is stored or paid for, is Pawl's.
 */
import assert from "node:assert/strict";
import type { Stack } from "../../scripts/local/stack.ts";
import { type Assistant, configure, converse, join, makeAssistant, makeOrganization, reflect } from "./assistants.ts";
import {
  assertError,
  base64url,
  bearing,
  leavesNoTrace,
  mint,
  onStack,
  post,
  read,
  type Reply,
  service,
  signUp,
} from "./scene.ts";

type Credentials = Record<string, string>;

const QUESTION = "How do I repot an orchid?";
const HOUR = 3600;
const NOW = Math.floor(Date.now() / 1000);

Deno.test("tokens", (test) =>
  onStack({}, async ({ stack }) => {
    const { assistant, reflection_id } = await owedUpdate(stack);
    const owner = await personIn(stack, assistant.organization, "owner");
    const token = (claims: Record<string, unknown> = {}) => mint(stack.jwtSecret, { sub: owner, ...claims });
    const { answer_id } = (await ask(stack, bearing(stack, token()))).body;
    const doors = doorsOf(stack, assistant, { reflection_id, answer_id });
    const forged = (claims: Record<string, unknown> = {}) =>
      mint("not the project's secret", { sub: owner, ...claims });
    const signed = (claims: Record<string, unknown>) => bearing(stack, token(claims));

    // All of them claim to be the owner, for whom every door below but the secret key's is open.
    const worthless: [string, Credentials, string][] = [
      ["nothing", {}, "401 No API key found in request"],
      ["the publishable key alone", { apikey: stack.publishableKey }, "401 42501"],
      ["the publishable key as a token", bearing(stack, stack.publishableKey), "401 42501"],
      ["no token at all", bearing(stack, "not a token"), "401 42501"],
      ["a secret key of another project", { apikey: "sb_secret_of_another_project" }, "401 Invalid API key"],
      ["one that has expired", signed({ iat: NOW - 2 * HOUR, exp: NOW - HOUR }), "401 PGRST303"],
      ["one that is not valid yet", signed({ nbf: NOW + HOUR }), "401 PGRST301"],
      ["one issued in the future", signed({ iat: NOW + HOUR, exp: NOW + 2 * HOUR }), "401 PGRST303"],
      ["one of another key", bearing(stack, forged()), "401 PGRST301"],
      ["one of another key, as its own apikey", { apikey: forged() }, "401 Invalid API key"],
      ["one without a signature", bearing(stack, unsigned({ sub: owner, role: "authenticated" })), "401 42501"],
      ["one whose signature was cut off", bearing(stack, cut(token())), "401 42501"],
      ["one whose subject was altered", bearing(stack, altered(mint(stack.jwtSecret), { sub: owner })), "401 PGRST301"],
      ["one whose expiry was altered", bearing(stack, altered(token(), { exp: NOW + 9 * HOUR })), "401 PGRST301"],
      ["one whose role was altered", bearing(stack, altered(token(), { role: "service_role" })), "401 PGRST301"],
      ["a service_role of another key", bearing(stack, forged({ role: "service_role" })), "401 PGRST301"],
      ["a service_role of another key as apikey", { apikey: forged({ role: "service_role" }) }, "401 Invalid API key"],
      ["a service_role without a signature", bearing(stack, unsigned({ role: "service_role" })), "401 42501"],
      ["a role anon", signed({ role: "anon" }), "401 42501"],
    ];
    for (const [what, credentials, atRest] of worthless) {
      await test.step(`401, nothing stored, nothing paid: ${what} [catches: asking the model first]`, async () => {
        for (const [name, knock] of Object.entries(doors)) {
          const reply = await leavesNoTrace(stack, () => knock(credentials));
          if (name.startsWith("pawl_")) assert.equal(told(reply), atRest, name);
          else assertError(reply, 401, "unauthorized");
        }
      });
    }

    const anonymous = signed({ sub: crypto.randomUUID(), is_anonymous: true });
    const outsider = signed({ sub: await personIn(stack, await makeOrganization(stack, "theirs"), "owner") });
    const member = await personIn(stack, assistant.organization, "member");
    const refused: [string, Credentials, Record<string, string>][] = [
      ["a token that names nobody", signed({ sub: undefined }), NOBODY],
      ["a subject that is no id, as other issuers have", signed({ sub: "auth0|1" }), NOBODY],
      ["a person of another organisation", outsider, STRANGER],
      ["an anonymous sign-in in an organisation it does not belong to", anonymous, STRANGER],
    ];
    for (const [what, credentials, expected] of refused) {
      await test.step(`nothing stored, nothing paid: ${what} [catches: a signature for a right]`, async () => {
        assert.deepEqual(await leavesNoTrace(stack, () => toldAt(doors, credentials)), expected);
      });
    }

    await test.step("claims make nobody more than they are [catches: reading roles out of tokens]", async () => {
      const claims = { user_role: "owner", app_metadata: { role: "admin", claims_admin: true }, is_super_admin: true };
      for (const [sub, answers] of [[member, MEMBER], [owner, BACKENDS_ONLY]] as const) {
        for (const [name, expected] of Object.entries(answers)) {
          const reply = await leavesNoTrace(stack, () => doors[name](signed({ sub, ...claims })));
          assert.equal(told(reply), expected, name);
        }
      }
    });

    await test.step("an anonymous sign-in chats, for itself alone [catches: refusing tokens without an e-mail]", async () => {
      const sub = crypto.randomUUID();
      const credentials = signed({ sub, is_anonymous: true });
      const { body: { session_id } } = await ask(stack, credentials);
      const rows = await stack.database.query(
        `select u.id, u.email, m.role from pawl.sessions s join pawl.users u on u.id = s.user_id
         join pawl.organization_members m on m.user_id = u.id where s.id = $1`,
        [session_id],
      );
      assert.deepEqual(rows, [{ id: sub, email: null, role: "member" }]);
      assert.deepEqual(await sessionsOf(stack, credentials), [session_id]);
      assert.deepEqual(await sessionsOf(stack, anonymous), []);
      for (const other of [anonymous, signed({})]) {
        assertError(await leavesNoTrace(stack, () => ask(stack, other, { session_id })), 404, "session_not_found");
      }
      const asOwner = await leavesNoTrace(stack, () => ask(stack, credentials, { user_id: owner }));
      assertError(asOwner, 403, "forbidden");
      const rollback = { action: "rollback", version: 1 };
      const reply = await leavesNoTrace(stack, () => post(stack, "prompt-updater", rollback, credentials));
      assertError(reply, 403, "forbidden");
    });

    await test.step("a deleted person's token is a newcomer's: what was theirs is gone, their rights too [catches: rights that outlive a person]", async () => {
      // Auth does not know them; nothing that Pawl reads does, once their row has gone.
      const sub = await personIn(stack, assistant.organization, "owner");
      const credentials = signed({ sub });
      const { body: { session_id } } = await knock(doors, "chat", credentials, "200 ok");
      await knock(doors, "pawl_rollback_prompt", credentials, "200 ok");
      await backToTheFirst(stack, assistant);
      await stack.database.query("delete from pawl.users where id = $1", [sub]);

      assert.equal((await stack.database.query("select from pawl.sessions where id = $1", [session_id])).length, 0);
      assert.deepEqual(await leavesNoTrace(stack, () => toldAt(doors, credentials)), STRANGER);
      const again = await leavesNoTrace(stack, () => ask(stack, credentials, { session_id }));
      assertError(again, 404, "session_not_found");

      // Where everybody may join they come back as anybody, for as long as the token lasts.
      await ask(stack, credentials);
      const roles = await stack.database.query(
        `select m.role, o.slug from pawl.organization_members m join pawl.organizations o on o.id = m.organization_id
         where m.user_id = $1`,
        [sub],
      );
      assert.deepEqual(roles, [{ role: "member", slug: "default" }]);
      assert.equal((await sessionsOf(stack, credentials)).length, 1);
      assert.equal(told(await leavesNoTrace(stack, () => doors.rollback(credentials))), STRANGER.rollback);
    });

    await test.step("an account deleted from auth alone keeps what is stored, until its token expires [catches: taking one deletion for the other]", async () => {
      const person = await signUp(stack);
      const { body: { session_id } } = await ask(stack, person.credentials);
      await stack.database.query("delete from auth.users where id = $1", [person.id]);
      const { error } = await person.client.auth.refreshSession();
      assert.ok(error, "it has a new token");
      assert.deepEqual(await sessionsOf(stack, person.credentials), [session_id]);
      const expired = signed({ sub: person.id, iat: NOW - 2 * HOUR, exp: NOW - HOUR });
      assertError(await leavesNoTrace(stack, () => ask(stack, expired, { session_id })), 401, "unauthorized");
    });

    // Last, for it changes the live prompt: what was refused above would have been done.
    await test.step("the doors were open [catches: refusals for another reason]", async () => {
      // Whom the project's key signed for, it signed for: audience and issuer are the gateway's to tell apart.
      for (const claims of [{}, { aud: "elsewhere" }, { iss: "https://elsewhere.example.com/auth/v1" }]) {
        assert.deepEqual(await toldAt(doors, signed(claims)), OWNER);
        await backToTheFirst(stack, assistant);
      }
      const reflected = await knock(doors, "reflect", service(stack), "200 ok");
      assert.equal(reflected.body.results[0].update?.version, 3, JSON.stringify(reflected.body));
      const submitted = await knock(doors, "improve", service(stack), "200 ok");
      assert.deepEqual([submitted.body.submitted, submitted.body.version], [true, 3]);
    });
  }));

/** What is for the secret key, to anybody with a token. */
const BACKENDS_ONLY = { improve: "403 forbidden", reflect: "403 forbidden", pawl_claim_reflection: "403 42501" };
const NOBODY = {
  ...BACKENDS_ONLY,
  chat: "401 unauthorized",
  react: "401 unauthorized",
  rollback: "401 unauthorized",
  pawl_begin_turn: "200 unauthorized",
  pawl_collect_feedback: "200 unauthorized",
  pawl_list_sessions: "200 unauthorized",
  pawl_rollback_prompt: "200 unauthorized",
};
const STRANGER = {
  ...BACKENDS_ONLY,
  chat: "404 organization_not_found",
  react: "404 message_not_found",
  rollback: "404 organization_not_found",
  pawl_begin_turn: "200 organization_not_found",
  // And says of each reaction that there is no such answer.
  pawl_collect_feedback: "200 ok",
  pawl_list_sessions: "200 ok",
  pawl_rollback_prompt: "200 organization_not_found",
};
/** Of what changes things. */
const MEMBER = {
  ...BACKENDS_ONLY,
  react: "404 message_not_found",
  rollback: "403 forbidden",
  pawl_rollback_prompt: "200 forbidden",
};
const OWNER = {
  ...BACKENDS_ONLY,
  chat: "200 ok",
  react: "200 ok",
  rollback: "200 ok",
  pawl_begin_turn: "200 ok",
  pawl_collect_feedback: "200 ok",
  pawl_list_sessions: "200 ok",
  pawl_rollback_prompt: "200 ok",
};

type Doors = Record<string, (credentials: Credentials) => Promise<Reply>>;

/** What a caller may ask of this assistant: of the functions, and of the database directly. */
function doorsOf(
  stack: Stack,
  { slug, organization }: Assistant,
  { reflection_id, answer_id }: { reflection_id: string; answer_id: string },
): Doors {
  const place = { assistant: slug, organization_id: organization };
  const p_place = { p_assistant: slug, p_organization_id: organization };
  const rpc = (name: string, body: Record<string, unknown>) => (credentials: Credentials) =>
    callRpc(stack, name, body, credentials);
  const call = (name: string, body: Record<string, unknown>) => (credentials: Credentials) =>
    post(stack, name, body, credentials);
  return {
    chat: call("chat-handler", { message: QUESTION, ...place }),
    react: call("feedback-collector", { message_id: answer_id, signal: "thumbs_up" }),
    rollback: call("prompt-updater", { action: "rollback", version: 2, ...place }),
    improve: call("prompt-updater", { reflection_id }),
    reflect: call("reflection-loop", place),
    pawl_begin_turn: rpc("pawl_begin_turn", { p_message: QUESTION, ...p_place }),
    pawl_collect_feedback: rpc("pawl_collect_feedback", {
      p_entries: [{ index: 0, message_id: answer_id, signal: "thumbs_down" }],
    }),
    pawl_list_sessions: rpc("pawl_list_sessions", p_place),
    pawl_rollback_prompt: rpc("pawl_rollback_prompt", { p_version: 2, ...p_place }),
    pawl_claim_reflection: rpc("pawl_claim_reflection", { p_holder: crypto.randomUUID(), ...p_place }),
  };
}

async function callRpc(stack: Stack, name: string, body: unknown, credentials: Credentials): Promise<Reply> {
  const headers = { "content-type": "application/json", ...credentials };
  const init = { method: "POST", headers, body: JSON.stringify(body) };
  return await read(await fetch(`${stack.url}/rest/v1/rpc/${name}`, init));
}

async function toldAt(doors: Doors, credentials: Credentials): Promise<Record<string, string>> {
  const answers: Record<string, string> = {};
  for (const [name, knock] of Object.entries(doors)) answers[name] = told(await knock(credentials));
  return answers;
}

async function knock(doors: Doors, name: string, credentials: Credentials, expected: string): Promise<Reply> {
  const reply = await doors[name](credentials);
  assert.equal(told(reply), expected, JSON.stringify(reply.body));
  return reply;
}

/** A status with the error's code (a gateway's own have only words), or the outcome of a function of the database. */
function told({ status, body }: Reply): string {
  return `${status} ${body.code ?? body.outcome ?? body.message ?? "ok"}`;
}

/** A chat in the organisation that everybody may join, or in the session given. */
async function ask(stack: Stack, credentials: Credentials, more: Record<string, unknown> = {}): Promise<Reply> {
  return await post(stack, "chat-handler", { message: QUESTION, ...more }, credentials);
}

async function sessionsOf(stack: Stack, credentials: Credentials): Promise<string[]> {
  const { status, body } = await callRpc(stack, "pawl_list_sessions", {}, credentials);
  assert.equal(status, 200, JSON.stringify(body));
  return body.sessions.map((session: { session_id: string }) => session.session_id);
}

async function personIn(stack: Stack, organization: string, role: string): Promise<string> {
  const id = crypto.randomUUID();
  await join(stack, organization, id, role);
  return id;
}

/** An assistant with a version 2 to go back to, and a reflection whose update has not been made. */
async function owedUpdate(stack: Stack): Promise<{ assistant: Assistant; reflection_id: string }> {
  const organization = await makeOrganization(stack, "ours");
  const assistant = await makeAssistant(stack, { updates_paused: true }, { organization });
  await converse(stack, assistant, 5);
  const { reflection_id } = await reflect(stack, assistant, { force: true });
  await configure(stack, assistant, { updates_paused: false });
  await stack.database.query(
    "insert into pawl.system_prompts (assistant_id, version, content, created_by) values ($1, 2, 'Be brief.', 'human')",
    [assistant.id],
  );
  return { assistant, reflection_id };
}

/** As if version 1 had never been replaced. */
async function backToTheFirst(stack: Stack, { id }: Assistant): Promise<void> {
  // One after the other: of two live ones there may never be a moment.
  for (const change of ["state = 'retired' where version <> 1 and is_active", "state = 'active' where version = 1"]) {
    await stack.database.query(`update pawl.system_prompts set ${change} and assistant_id = $1`, [id]);
  }
  await stack.database.query("update pawl.system_prompts set activated_at = null where assistant_id = $1", [id]);
}

function unsigned(claims: Record<string, unknown>): string {
  return `${base64url({ alg: "none", typ: "JWT" })}.${base64url({ exp: NOW + HOUR, ...claims })}.`;
}

function cut(token: string): string {
  return token.slice(0, token.lastIndexOf(".") + 1);
}

/** Other claims under the signature of these. */
function altered(token: string, claims: Record<string, unknown>): string {
  const [header, payload, signature] = token.split(".");
  const before = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
  return [header, base64url({ ...before, ...claims }), signature].join(".");
}
