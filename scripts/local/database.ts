/** The database of the local stack: PGlite in memory or in a folder, or a real Postgres. */
import type { PGliteOptions } from "@electric-sql/pglite";
import { createPgliteConnection, type PgliteConnection } from "@supabase/lite/pglite";
import { makeQueue, type Queue } from "./queue.ts";

/** `memory` and `folder` are PGlite; `databaseUrl` is a real Postgres. */
export type Storage = "memory" | { folder: string } | { databaseUrl: string };

/** Extensions of PGlite by name. */
export type Extensions = NonNullable<PGliteOptions["extensions"]>;

export interface Statements {
  // deno-lint-ignore no-explicit-any -- the caller knows the columns
  query<T = any>(sql: string, parameters?: unknown[]): Promise<T[]>;
  /** Any number of statements, without parameters. */
  exec(sql: string): Promise<void>;
}

export interface Database extends Statements {
  /** What @supabase/lite serves. */
  connection: unknown;
  /**
   * PGlite has a single connection and @supabase/lite does not wait for its turn on it: two requests at once
   * would share a transaction, and one would run as the other's user. Everything that touches the database
   * goes through this queue; on a real Postgres, which needs none, it runs at once.
   */
  inTurn: Queue;
  transaction(work: (statements: Statements) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

/** `extensions` are PGlite's own, for `create extension`; a real Postgres has them installed or not. */
export async function openDatabase(storage: Storage, extensions: Extensions = {}): Promise<Database> {
  if (storage !== "memory" && "databaseUrl" in storage) return await postgres(storage.databaseUrl);
  const url = storage === "memory" ? "memory://" : storage.folder;
  return await keepingExitCode(async () => {
    const connection = await createPgliteConnection({ url, pgliteOptions: { extensions } });
    await connection.driver.waitReady;
    return pglite(connection);
  });
}

function pglite(connection: PgliteConnection): Database {
  const queue = makeQueue();
  const inTurn: Queue = (task) => queue(() => keepingExitCode(task));
  const { driver } = connection;
  const statementsOf = (on: Pick<typeof driver, "query" | "exec">): Statements => ({
    query: async (sql, parameters = []) => (await on.query(sql, parameters)).rows as never,
    exec: async (sql) => void await on.exec(sql),
  });
  const statements = statementsOf(driver);
  return {
    connection,
    inTurn,
    query: (sql, parameters) => inTurn(() => statements.query(sql, parameters)),
    exec: (sql) => inTurn(() => statements.exec(sql)),
    transaction: (work) => inTurn(() => driver.transaction((within) => work(statementsOf(within)))),
    close: () => inTurn(() => connection.close()),
  };
}

/** Postgres inside PGlite sets this process's exit code now and then, as if the process were its own. */
async function keepingExitCode<T>(task: () => Promise<T>): Promise<T> {
  const { exitCode } = Deno;
  try {
    return await task();
  } finally {
    Deno.exitCode = exitCode;
  }
}

/** Loaded on demand: without DATABASE_URL nobody needs the driver. */
async function postgres(url: string): Promise<Database> {
  const { createPostgresConnection } = await import("@supabase/lite/postgres");
  const connection = createPostgresConnection({ url, postgresOptions: { onnotice() {} } });
  const { driver } = connection;
  // Its REST side hands arguments of type json and jsonb over as text, which the driver would encode once more.
  for (const type of [114, 3802]) {
    driver.options.serializers[type] = (value: unknown) => typeof value === "string" ? value : JSON.stringify(value);
  }
  await driver.unsafe("select 1").catch((error: Error & { code?: string }) => {
    throw new Error(`The Postgres of the given URL cannot be used: ${error.message || error.code}`);
  });
  const statementsOf = (on: Pick<typeof driver, "unsafe">): Statements => ({
    query: async (sql, parameters = []) => [...await on.unsafe(sql, parameters as never[])] as never,
    exec: async (sql) => void await on.unsafe(sql),
  });
  return {
    connection,
    inTurn: (task) => task(),
    ...statementsOf(driver),
    transaction: async (work) =>
      void await driver.begin((within: Pick<typeof driver, "unsafe">) => work(statementsOf(within))),
    close: () => driver.end({ timeout: 5 }),
  };
}
