/** The local stack with a schema and a function of its own: what a hosted project promises, it keeps. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { type Stack, type StackOptions, startStack } from "./stack.ts";

const MIGRATION = `
  create table public.notes (id int primary key, content text);
  alter table public.notes enable row level security;
  create policy all_notes on public.notes using (true);
  revoke all on public.notes from public, anon, authenticated, service_role;
  create function public.caller() returns jsonb language sql as
    $$ select jsonb_build_object('id', current_setting('request.jwt.claim.sub', true), 'role', current_user) $$;
  revoke execute on function public.caller() from public;
  grant execute on function public.caller() to authenticated, service_role;
  create function public.number(p_text text) returns int language sql as $$ select p_text::int $$;`;

const PROBE = `
  export default {
    async fetch(request) {
      const { pathname, searchParams } = new URL(request.url);
      if (searchParams.has("die")) Deno.exit(3);
      let readsFiles = true;
      try { Deno.readTextFileSync("/etc/hosts"); } catch { readsFiles = false; }
      return Response.json({ pathname, readsFiles, environment: Deno.env.toObject(), body: await request.text() });
    },
  };`;

Deno.test("the local stack", async (test) => {
  const { folder, options } = makeProject();
  const lines: string[] = [];
  const stack = await startStack({ ...options, log: (line) => lines.push(line) });
  try {
    await test.step("applies migrations, then the seed", async () => {
      assert.deepEqual(stack.applied, ["20260101_notes.sql", "supabase/seed.sql"]);
      assert.deepEqual(await stack.database.query("select id from public.notes where id = $1", [1]), [{ id: 1 }]);
    });

    await test.step("runs every request as its own user, many at once too", async () => {
      const users = await Promise.all([1, 2, 3, 4].map((number) => signUp(stack, number)));
      const calls = Array.from({ length: 15 }, () => users).flat().map(async ({ client, id }) => {
        assert.deepEqual((await client.rpc("caller")).data, { id, role: "authenticated" });
      });
      await Promise.all(calls);
    });

    await test.step("knows the secret key, and nobody without a key", async () => {
      const service = createClient(stack.url, stack.secretKey, { auth: { persistSession: false, storageKey: "s" } });
      assert.equal((await service.rpc("caller")).data.role, "service_role");
      const anonymous = createClient(stack.url, stack.publishableKey, {
        auth: { persistSession: false, storageKey: "a" },
      });
      assert.equal((await anonymous.rpc("caller")).error?.code, "42501");
      const keyless = await fetch(`${stack.url}/rest/v1/rpc/caller`, { method: "POST", body: "{}" });
      await keyless.body?.cancel();
      assert.equal(keyless.status, 401);
    });

    await test.step("grants what the migrations grant, and no more", async () => {
      const { client } = await signUp(stack, 5);
      assert.equal((await client.from("notes").select()).error?.code, "42501");
    });

    await test.step("logs a database error without the words in it", async () => {
      const { client } = await signUp(stack, 6);
      assert.equal((await client.rpc("number", { p_text: "a secret" })).error?.code, "22P02");
      assert.ok(lines.some((line) => line.includes("22P02")), lines.join("\n"));
      assert.ok(!lines.some((line) => line.includes("secret")), lines.join("\n"));
    });

    await test.step("gives a function what the platform gives it, and no files", async () => {
      const answer = await (await callProbe(stack, "?x=1", "hello")).json();
      assert.equal(answer.pathname, "/probe");
      assert.equal(answer.body, "hello");
      assert.equal(answer.readsFiles, false);
      assert.equal(answer.environment.SUPABASE_URL, stack.url);
      assert.deepEqual(JSON.parse(answer.environment.SUPABASE_SECRET_KEYS), { default: stack.secretKey });
      assert.equal(answer.environment.ANTHROPIC_BASE_URL, stack.model.url);
      assert.equal(answer.environment.EXTRA, "1");
      assert.ok(!("HOME" in answer.environment) && !("ANTHROPIC_API_KEY" in answer.environment));
    });

    await test.step("starts a function that died again", async () => {
      const died = await callProbe(stack, "?die=1");
      assert.equal(died.status, 502);
      assert.equal((await died.json()).code, "function_unreachable");
      while (stack.functions.process("probe").restarts === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      const answered = await callProbe(stack, "");
      await answered.body?.cancel();
      assert.equal(answered.status, 200);
      assert.ok(lines.some((line) => line.includes("starting it again")), lines.join("\n"));
    });

    await test.step("knows no other function", async () => {
      const response = await fetch(`${stack.url}/functions/v1/other`);
      assert.equal(response.status, 404);
      assert.equal((await response.json()).code, "not_found");
    });
  } finally {
    await stack.stop();
    rmSync(folder, { recursive: true });
  }
});

Deno.test("a migration that changed after it was applied is refused", async () => {
  const { folder, options } = makeProject();
  const kept: StackOptions = { ...options, storage: { folder: join(folder, "data") }, log: () => {} };
  await (await startStack(kept)).stop();
  const again = await startStack(kept);
  assert.deepEqual(again.applied, []);
  await again.stop();
  writeFileSync(join(folder, "migrations/20260101_notes.sql"), `${MIGRATION} -- changed`);
  await assert.rejects(startStack(kept), /20260101_notes.sql has changed/);
  rmSync(folder, { recursive: true });
});

function makeProject(): { folder: string; options: StackOptions } {
  const folder = mkdtempSync(join(tmpdir(), "pawl-stack-"));
  const [migrationsFolder, functionsFolder] = [join(folder, "migrations"), join(folder, "functions")];
  mkdirSync(migrationsFolder);
  mkdirSync(join(functionsFolder, "probe"), { recursive: true });
  mkdirSync(join(functionsFolder, "_shared"));
  writeFileSync(join(migrationsFolder, "20260101_notes.sql"), MIGRATION);
  writeFileSync(join(functionsFolder, "probe/index.ts"), PROBE);
  const seedFile = join(folder, "seed.sql");
  writeFileSync(seedFile, "insert into public.notes values (1, 'seeded');");
  const functionEnvironment = { EXTRA: "1", ANTHROPIC_API_KEY: null };
  return { folder, options: { migrationsFolder, functionsFolder, seedFile, functionEnvironment } };
}

async function signUp(stack: Stack, number: number): Promise<{ client: SupabaseClient; id: string }> {
  const auth = { persistSession: false, autoRefreshToken: false, storageKey: `user-${number}` };
  const client = createClient(stack.url, stack.publishableKey, { auth });
  const { data, error } = await client.auth.signUp({ email: `user${number}@example.com`, password: "a-password" });
  assert.equal(error, null);
  return { client, id: data.user!.id };
}

function callProbe(stack: Stack, search: string, body = ""): Promise<Response> {
  return fetch(`${stack.url}/functions/v1/probe${search}`, { method: "POST", body });
}
