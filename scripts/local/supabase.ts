/** REST and auth as a Supabase project has them, from @supabase/lite inside this process. */
import { App } from "@supabase/lite";
import type { Database } from "./database.ts";

export interface Keys {
  publishableKey: string;
  secretKey: string;
  /** Signs the sessions of users (HS256). */
  jwtSecret: string;
}

export function makeKeys(): Keys {
  return {
    publishableKey: `sb_publishable_${randomText(24)}`,
    secretKey: `sb_secret_${randomText(24)}`,
    jwtSecret: randomText(48),
  };
}

export interface Supabase {
  fetch(request: Request, peerAddress: string): Promise<Response>;
}

/**
 * `prepare` changes the schema before the app looks at it: whether any table has row-level security, and
 * which functions there are, is read once.
 */
export async function startSupabase(database: Database, keys: Keys, prepare: () => Promise<void>): Promise<Supabase> {
  const app = new App({
    connection: database.connection,
    auth: {
      enabled: true,
      jwt_secret: keys.jwtSecret,
      publishable_key: keys.publishableKey,
      secret_key: keys.secretKey,
    },
    // deno-lint-ignore no-explicit-any -- its config type wants every default spelled out
  } as any);
  await app.ensureSystemSchema();
  await prepare();
  keepGrantsAsMigrated(database.connection);
  await app.init();
  return { fetch: (request, peerAddress) => database.inTurn(() => app.fetch(request, { peerAddress })) };
}

/**
 * At its first request @supabase/lite would create the API roles and grant them everything on every table of
 * a schema with row-level security, which no hosted project does (and on a real Postgres, several first
 * requests at once collide in it). The roles exist and the migrations granted what they meant to grant, so it
 * is told that this has happened. From then on it switches to the caller's role for every request.
 */
function keepGrantsAsMigrated(connection: unknown): void {
  const state = connection as { rlsState?: string };
  if (state.rlsState !== "unknown") {
    throw new Error("This version of @supabase/lite handles row-level security differently");
  }
  state.rlsState = "active";
}

/**
 * @supabase/lite prints every error of the database as a stack dump with the statement's parameters, which
 * may be what people wrote. Left of it is a line with the error's code. Returns what undoes this.
 */
export function quietDatabaseErrors(log: (line: string) => void): () => void {
  const original = console.error;
  console.error = (...values: unknown[]) => {
    const error = values.find(isDatabaseError);
    if (!error) return original(...values);
    const place = [error.schema, error.table, error.constraint, error.routine].filter(Boolean).join(" ");
    log(`[database] error ${error.code}${place ? ` (${place})` : ""}`);
  };
  return () => void (console.error = original);
}

interface DatabaseError extends Error {
  code: string;
  schema?: string;
  table?: string;
  constraint?: string;
  routine?: string;
}

function isDatabaseError(value: unknown): value is DatabaseError {
  return value instanceof Error && "severity" in value && "code" in value;
}

function randomText(bytes: number): string {
  return crypto.getRandomValues(new Uint8Array(bytes)).toBase64({ alphabet: "base64url", omitPadding: true });
}
