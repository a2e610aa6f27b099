/**
 * Projects on a real Postgres: databases with the roles and the auth schema of a Supabase project and Pawl's migrations,
 * as they are or with a guard taken out. No request of the REST gateway ever reaches them.
 */
import { fileURLToPath } from "node:url";
import { type Database, openDatabase } from "../../scripts/local/database.ts";
import { applyMigrations, createRoles } from "../../scripts/local/migrations.ts";
import { makeKeys, startSupabase } from "../../scripts/local/supabase.ts";
import { startPostgres } from "../postgres/server.ts";
import { type Crowd, openCrowd } from "./crowd.ts";

/** An exact text of a migration, and what stands in its place. */
export interface Edit {
  file: string;
  text: string;
  becomes: string;
}

export interface Project {
  url: string;
  /** The folder of the migrations it was made with. */
  migrations: string;
  /** As the owner. */
  database: Database;
  /** As everybody else, all at once. */
  crowd: Crowd;
  close(): Promise<void>;
}

export interface Ground {
  open(edits?: Edit[]): Promise<Project>;
  stop(): Promise<void>;
}

/** A text of a migration taken out, or with another in its place. */
export function cut(file: string, text: string, becomes = ""): Edit {
  return { file, text, becomes };
}

/** The lock of a `select … for update` between two texts. */
export function unlocked(file: string, before: string, after: string): Edit {
  return { file, text: `${before} for update;${after}`, becomes: `${before};${after}` };
}

const MIGRATIONS = inRepository("supabase/migrations");
const SEED = inRepository("supabase/seed.sql");

export async function startGround(): Promise<Ground> {
  const server = await startPostgres();
  const urlOf = (name: string) => Object.assign(new URL(server.url), { pathname: `/${name}` }).href;
  const owner = await openDatabase({ databaseUrl: server.url });
  const stop = async () => {
    await owner.close();
    await server.stop();
  };
  try {
    await owner.exec("create database bare");
    await furnish(urlOf("bare"));
  } catch (error) {
    await stop();
    throw error;
  }
  let opened = 0;
  const open = async (edits: Edit[] = []) => {
    const name = `project_${++opened}`;
    const folder = await editedMigrations(edits);
    try {
      await owner.exec(`create database ${name} template bare`);
      return await migrated(urlOf(name), folder);
    } catch (error) {
      await Deno.remove(folder, { recursive: true });
      throw error;
    }
  };
  return { open, stop };
}

/** What every Supabase project has before its first migration. */
async function furnish(url: string): Promise<void> {
  const database = await openDatabase({ databaseUrl: url });
  try {
    await startSupabase(database, makeKeys(), () => createRoles(database));
    await database.exec("grant usage on schema auth to anon, authenticated, service_role");
  } finally {
    await database.close();
  }
}

async function migrated(url: string, migrations: string): Promise<Project> {
  const database = await openDatabase({ databaseUrl: url });
  try {
    await applyMigrations(database, migrations, SEED);
    const crowd = await openCrowd(url);
    const close = async () => {
      await crowd.close();
      await database.close();
      await Deno.remove(migrations, { recursive: true });
    };
    return { url, migrations, database, crowd, close };
  } catch (error) {
    await database.close();
    throw error;
  }
}

export async function editedMigrations(edits: Edit[]): Promise<string> {
  const texts = new Map<string, string>();
  for (const { file, text, becomes } of edits) {
    const sql = texts.get(file) ?? await Deno.readTextFile(`${MIGRATIONS}/${file}`);
    const found = sql.split(text).length - 1;
    if (found !== 1) throw new Error(`${file} holds ${found} times, and should hold once:\n${text}`);
    texts.set(file, sql.replace(text, () => becomes));
  }
  const folder = await Deno.makeTempDir({ prefix: "pawl-migrations-" });
  for await (const { name } of Deno.readDir(MIGRATIONS)) {
    await Deno.writeTextFile(`${folder}/${name}`, texts.get(name) ?? await Deno.readTextFile(`${MIGRATIONS}/${name}`));
  }
  return folder;
}

function inRepository(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}
