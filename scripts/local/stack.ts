/** The whole local stack in one call: what `scripts/dev`, `scripts/demo` and the end-to-end tests run on. */
import { fileURLToPath } from "node:url";
import { type Database, openDatabase, type Statements, type Storage as DatabaseStorage } from "./database.ts";
import { type Functions, startFunctions } from "./functions.ts";
import { type Gateway, type Passage, startGateway } from "./gateway.ts";
import { applyMigrations, createRoles } from "./migrations.ts";
import type { Noise } from "./model/noise.ts";
import type { Rewriter } from "./model/rewriter.ts";
import { type StandIn, startStandIn } from "./model/server.ts";
import { makeStorage, type Storage } from "./storage.ts";
import { type Keys, makeKeys, quietDatabaseErrors, startSupabase } from "./supabase.ts";

export interface StackOptions {
  /** "memory" (default), `{ folder }` or `{ databaseUrl }`. */
  storage?: DatabaseStorage;
  /** Of the gateway; 0, the default, picks a free one. */
  port?: number;
  model?: ModelOptions;
  /** Made anew unless given. */
  keys?: Keys;
  /** Added to what every function sees; null takes a variable away. */
  functionEnvironment?: Record<string, string | null>;
  functionsFolder?: string;
  migrationsFolder?: string;
  seedFile?: string;
  /** Lines from functions and the database; console.log by default. */
  log?: (line: string) => void;
  /** What every request to the gateway, the functions' own too, and its answer go through. */
  pass?: Passage;
}

export interface ModelOptions {
  /** Claude answers where this is given; without it, and without a baseUrl, the stand-in does. */
  apiKey?: string;
  /** Another server that speaks the Anthropic Messages API. */
  baseUrl?: string;
  /** How the stand-in rewrites prompts. */
  rewriter?: Rewriter;
  /** Milliseconds that pass before each of the stand-in's answers to a chat. */
  slowMs?: number;
  /** The stand-in's answers come as prose, lists, tables or code also where no format is asked for. */
  variety?: boolean;
  /** Two of the stand-in's answers to one request differ, and its comparisons err. */
  noise?: Noise | null;
  /** The stand-in's judge falls for praise. */
  gullible?: boolean;
  /** How many requests the stand-in keeps for looking at. */
  keep?: number;
}

export interface Stack extends Keys {
  url: string;
  model: { url: string; simulated: boolean };
  database: Statements;
  /** A stand-in, in memory. */
  storage: Omit<Storage, "fetch">;
  functions: Pick<Functions, "names" | "process">;
  /** What was applied to the database at this start: migrations, then the seed. */
  applied: string[];
  stop(): Promise<void>;
}

export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const undo: (() => unknown)[] = [];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    return { ...await build(options, undo), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Each thing started puts on `undo` what stops it, so that a failure halfway leaves nothing running. */
async function build(options: StackOptions, undo: (() => unknown)[]): Promise<Omit<Stack, "stop">> {
  const { log = console.log, keys = makeKeys() } = options;
  // First of all, so that a port in use is found before anything is touched.
  const gateway: Gateway = startGateway(options.port ?? 0, options.pass);
  undo.push(gateway.stop);
  undo.push(quietDatabaseErrors(log));
  const database: Database = await openDatabase(options.storage ?? "memory");
  // Closed last: requests that the gateway is still answering use it.
  undo.unshift(database.close);
  let applied: string[] = [];
  const supabase = await startSupabase(database, keys, async () => {
    await createRoles(database);
    applied = await applyMigrations(
      database,
      options.migrationsFolder ?? inRepository("supabase/migrations"),
      options.seedFile ?? inRepository("supabase/seed.sql"),
    );
  });
  const model = startModel(options.model ?? {}, undo);
  const functions = await startFunctions({
    folder: options.functionsFolder ?? inRepository("supabase/functions"),
    environment: environmentOf(gateway.url, keys, model, options.functionEnvironment ?? {}),
    log,
  });
  undo.push(functions.stop);
  const storage = makeStorage(keys);
  gateway.open({ functions, storage, supabase: supabase.fetch });
  const { url, simulated } = model;
  return { url: gateway.url, ...keys, model: { url, simulated }, database, storage, functions, applied };
}

interface Model {
  url: string;
  apiKey: string;
  simulated: boolean;
}

/** Well formed, and worth nothing anywhere else. */
export const STAND_IN_KEY = "sk-ant-stand-in";

function startModel({ apiKey, baseUrl, ...options }: ModelOptions, undo: (() => unknown)[]): Model {
  if (apiKey) return { url: baseUrl ?? "https://api.anthropic.com", apiKey, simulated: false };
  if (baseUrl) return { url: baseUrl, apiKey: STAND_IN_KEY, simulated: true };
  const standIn: StandIn = startStandIn(options);
  undo.push(standIn.stop);
  return { url: standIn.url, apiKey: STAND_IN_KEY, simulated: true };
}

/** What the hosted platform injects, and the project's own secrets. */
function environmentOf(
  url: string,
  keys: Keys,
  model: Model,
  changes: Record<string, string | null>,
): Record<string, string> {
  const environment: Record<string, string | null> = {
    SUPABASE_URL: url,
    SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: keys.publishableKey }),
    SUPABASE_SECRET_KEYS: JSON.stringify({ default: keys.secretKey }),
    ANTHROPIC_API_KEY: model.apiKey,
    ANTHROPIC_BASE_URL: model.url,
    ...changes,
  };
  return Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== null),
  );
}

function inRepository(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}
