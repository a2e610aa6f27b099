/**
 * Runs supabase/tests/database on PGlite, as `supabase test db` would on a Supabase project, once for each of the
 * default privileges projects are found with. Name parts of file names to run only those.
 *
 * The database has the roles and the auth schema of a project, and no request of the REST gateway ever reaches it:
 * what a role may do here is what the migrations gave it.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pgtap } from "@electric-sql/pglite/pgtap";
import type { PgliteConnection } from "@supabase/lite/pglite";
import { type Database, openDatabase } from "../../scripts/local/database.ts";
import { applyMigrations, createRoles } from "../../scripts/local/migrations.ts";
import { makeKeys, startSupabase } from "../../scripts/local/supabase.ts";
import { type FileResult, readTap } from "./tap.ts";

const MIGRATIONS = "supabase/migrations";
const SEED = "supabase/seed.sql";
const TESTS = "supabase/tests/database";
/** Makes what the other files use, and so runs before any of them. */
const HELPERS = "00000-helpers.test.sql";

/** The two extremes: what an object gets unless its migration says otherwise. */
const REGIMES = {
  // Projects of some years ago, wherever the schema is; PUBLIC may execute functions, as Postgres has it.
  permissive: `
    alter default privileges grant all on tables to anon, authenticated, service_role;
    alter default privileges grant all on functions to anon, authenticated, service_role;
    alter default privileges grant all on sequences to anon, authenticated, service_role;`,
  // Nobody gets anything, not even PUBLIC its EXECUTE.
  empty: "alter default privileges revoke execute on functions from public;",
};

const [flag, regime, ...parts] = Deno.args[0] === "--regime" ? Deno.args : ["", "", ...Deno.args];
const files = testFiles(parts);
Deno.exit(flag ? await underOne(regime as keyof typeof REGIMES) : await underAll());

/** Each regime in a process of its own, for a PGlite uses one core; told one after the other. */
async function underAll(): Promise<number> {
  if (files.length === 0) {
    console.log(`No test file in ${TESTS}${parts.length ? ` is named like ${parts.join(" or ")}` : ""}`);
    return 1;
  }
  const running = Object.keys(REGIMES).map((regime) =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-all", import.meta.filename!, "--regime", regime, ...parts],
      stderr: "inherit",
    }).output()
  );
  const decoder = new TextDecoder();
  const codes: number[] = [];
  for (const output of running) {
    const { code, stdout } = await output;
    console.log(decoder.decode(stdout).trimEnd());
    codes.push(code);
  }
  return Math.max(...codes);
}

async function underOne(regime: keyof typeof REGIMES): Promise<number> {
  let [passed, failed] = [0, 0];
  const database = await projectWith(REGIMES[regime]);
  for (const file of files) {
    const result = await run(database, file);
    passed += result.passed;
    failed += result.problems.length;
    report(regime, file, result);
  }
  await database.close();
  console.log(`${regime}: ${passed} passed, ${failed} failed`);
  return failed > 0 || passed === 0 ? 1 : 0;
}

function testFiles(parts: string[]): string[] {
  const all = readdirSync(inRepository(TESTS)).filter((name) => name.endsWith(".test.sql")).sort();
  const wanted = all.filter((name) => name !== HELPERS && (!parts.length || parts.some((part) => name.includes(part))));
  return wanted.length > 0 ? [HELPERS, ...wanted] : [];
}

async function projectWith(defaultPrivileges: string): Promise<Database> {
  const database = await openDatabase("memory", { pgtap });
  await startSupabase(database, makeKeys(), async () => {
    await createRoles(database);
    // As on every Supabase project; policies read auth.uid() with the caller's rights.
    await database.exec(`
      grant usage on schema auth to anon, authenticated, service_role;
      create schema extensions;
      create extension pgtap with schema extensions;
      set search_path = "$user", public, extensions;`);
    await database.exec(defaultPrivileges);
    await applyMigrations(database, inRepository(MIGRATIONS), inRepository(SEED));
  });
  return database;
}

/** Each file is a transaction of its own that it takes back itself; one that failed halfway is taken back here. */
async function run(database: Database, file: string): Promise<FileResult> {
  const sql = readFileSync(join(inRepository(TESTS), file), "utf8");
  const { driver } = database.connection as PgliteConnection;
  try {
    const results = await database.inTurn(() => driver.exec(sql));
    return readTap(results.flatMap(({ rows }) => rows.flatMap((row) => Object.values(row))));
  } catch (error) {
    return { passed: 0, problems: [describe(error, sql)] };
  } finally {
    await database.exec("rollback");
  }
}

function describe(error: unknown, sql: string): string {
  if (!(error instanceof Error)) return String(error);
  const { position, where } = error as Error & { position?: string; where?: string };
  const line = position ? ` (line ${sql.slice(0, Number(position)).split("\n").length})` : "";
  return [`${error.message}${line}`, where].filter(Boolean).join("\n");
}

function report(regime: string, file: string, { passed, problems }: FileResult): void {
  const count = `${passed} passed${problems.length ? `, ${problems.length} failed` : ""}`;
  console.log(`${problems.length ? "FAIL" : "ok  "} ${regime.padEnd(10)} ${file.padEnd(36)} ${count}`);
  for (const problem of problems) console.log(problem.replace(/^/gm, "       "));
}

function inRepository(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}
