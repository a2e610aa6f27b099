/** Brings a database up to date: roles, migrations in name order, and the seed once. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Database, Statements } from "./database.ts";

/** The roles that a Supabase project has and a bare Postgres has not. */
const ROLES = { anon: "nologin", authenticated: "nologin", service_role: "nologin bypassrls" };

/** The tables in which the Supabase CLI keeps the same record. */
const RECORD = `
  create schema if not exists supabase_migrations;
  create table if not exists supabase_migrations.schema_migrations (
    version text primary key, statements text[], name text);
  create table if not exists supabase_migrations.seed_files (path text primary key, hash text not null);`;

export async function createRoles(database: Database): Promise<void> {
  for (const [role, attributes] of Object.entries(ROLES)) {
    const [known] = await database.query("select 1 from pg_roles where rolname = $1", [role]);
    if (!known) await database.exec(`create role ${role} ${attributes}`);
  }
  await database.exec("grant usage on schema public to anon, authenticated, service_role");
}

/** Returns the names of the files it applied. */
export async function applyMigrations(database: Database, folder: string, seedFile: string): Promise<string[]> {
  await database.exec(RECORD);
  const rows = await database.query("select version, statements from supabase_migrations.schema_migrations");
  const applied = new Map(rows.map((row) => [row.version as string, (row.statements as string[] | null)?.join("\n")]));
  const done: string[] = [];
  for (const file of sqlFilesIn(folder)) {
    const sql = readFileSync(join(folder, file), "utf8");
    const [, version, name] = /^(\d+)_(.*)\.sql$/u.exec(file)!;
    if (applied.has(version)) {
      refuseChange(file, applied.get(version), sql);
      continue;
    }
    await applyFile(database, file, sql, (statements) =>
      statements.query(
        "insert into supabase_migrations.schema_migrations (version, name, statements) values ($1, $2, array[$3::text])",
        [version, name, sql],
      ));
    done.push(file);
  }
  return [...done, ...await applySeed(database, seedFile)];
}

async function applySeed(database: Database, file: string): Promise<string[]> {
  if (!existsSync(file)) return [];
  const path = `supabase/${basename(file)}`;
  const [seeded] = await database.query("select 1 from supabase_migrations.seed_files where path = $1", [path]);
  if (seeded) return [];
  const sql = readFileSync(file, "utf8");
  await applyFile(database, path, sql, (statements) =>
    statements.query(
      "insert into supabase_migrations.seed_files (path, hash) values ($1, encode(sha256($2::text::bytea), 'hex'))",
      [path, sql],
    ));
  return [path];
}

async function applyFile(
  database: Database,
  file: string,
  sql: string,
  record: (statements: Statements) => Promise<unknown>,
): Promise<void> {
  try {
    await database.transaction(async (statements) => {
      await statements.exec(sql);
      await record(statements);
    });
  } catch (error) {
    throw new Error(`${file} could not be applied: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
}

/** Before the first release migrations may be rewritten; data made under the old text no longer fits. */
function refuseChange(file: string, applied: string | undefined, sql: string): void {
  if (applied === undefined || applied === sql) return;
  throw new Error(`${file} has changed since it was applied to this database. Start over with --fresh.`);
}

function sqlFilesIn(folder: string): string[] {
  return readdirSync(folder).filter((file) => /^\d+_.*\.sql$/u.test(file)).sort();
}
