/** `scripts/dev`: the local stack, kept between runs, until Ctrl-C. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Stack, startStack } from "./stack.ts";
import type { Storage } from "./database.ts";
import { type Keys, makeKeys } from "./supabase.ts";

const DEFAULT_PORT = 54321;
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const LOCAL = resolve(Deno.env.get("PAWL_LOCAL") || join(ROOT, ".local"));
const DATA = join(LOCAL, "data");
const KEYS = join(LOCAL, "keys.json");

if (import.meta.main) await main(Deno.args.includes("--fresh"));

async function main(fresh: boolean): Promise<void> {
  const port = portFrom(Deno.env.get("PORT"));
  const databaseUrl = Deno.env.get("DATABASE_URL") || undefined;
  refusePortInUse(port);
  mkdirSync(LOCAL, { recursive: true });
  if (!databaseUrl) refuseDataInUse();
  if (fresh) startOver(databaseUrl);
  const storage: Storage = databaseUrl ? { databaseUrl } : { folder: DATA };
  const apiKey = Deno.env.get("ANTHROPIC_API_KEY") || undefined;
  const model = apiKey ? { apiKey, baseUrl: Deno.env.get("ANTHROPIC_BASE_URL") || undefined } : {};
  try {
    const interruption = interrupted();
    const stack = await startStack({ port, storage, model, keys: keptKeys() });
    console.log(banner(stack, storage));
    await interruption;
    console.log("\nstopping");
    await stack.stop();
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error));
  }
  Deno.exit(0);
}

function portFrom(text: string | undefined): number {
  if (!text) return DEFAULT_PORT;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65535) fail(`PORT wants a number from 1 to 65535, not "${text}"`);
  return port;
}

/** Looked at before anything is touched. */
function refusePortInUse(port: number): void {
  try {
    Deno.listen({ port, hostname: "127.0.0.1" }).close();
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    fail(`port ${port} is in use. Stop what listens there, or choose another: PORT=54421 scripts/dev`);
  }
}

/** Two processes on one folder would ruin the data. The lock lasts as long as this process. */
function refuseDataInUse(): void {
  const lock = Deno.openSync(join(LOCAL, "lock"), { create: true, write: true });
  if (lock.tryLockSync(true)) return;
  fail(`another scripts/dev uses the data in ${shown(LOCAL)}. Stop it, or keep this one's elsewhere: set PAWL_LOCAL`);
}

function startOver(databaseUrl: string | undefined): void {
  if (databaseUrl) {
    fail(`--fresh deletes the data in ${shown(LOCAL)} and never touches DATABASE_URL: drop that database yourself`);
  }
  rmSync(DATA, { recursive: true, force: true });
  rmSync(KEYS, { force: true });
}

/** The same keys from run to run, so that an app needs its configuration once and sessions stay valid. */
function keptKeys(): Keys {
  if (existsSync(KEYS)) return JSON.parse(readFileSync(KEYS, "utf8"));
  const keys = makeKeys();
  writeFileSync(KEYS, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 });
  return keys;
}

/** What scripts/pawl has to be told to find this stack. */
function sameStack(): string {
  const set = ["PORT", "PAWL_LOCAL"].filter((name) => Deno.env.get(name));
  return set.map((name) => `${name}=${Deno.env.get(name)} `).join("");
}

function banner(stack: Stack, storage: Storage): string {
  const functions = stack.functions.names.map((name) => `    ${stack.url}/functions/v1/${name}`);
  return `
Pawl runs locally.

  API URL          ${stack.url}
  Publishable key  ${stack.publishableKey}
  Secret key       ${stack.secretKey}
  Data             ${
    storage === "memory" || "databaseUrl" in storage
      ? "the Postgres of DATABASE_URL"
      : `${shown(DATA)} (scripts/dev --fresh starts over)`
  }
  Model            ${modelLine(stack)}
  Storage          a stand-in, in memory: what functions store in it is gone when this ends
  Functions
${functions.join("\n")}

Sign up and chat (any e-mail address will do; it stays here):

  TOKEN=$(curl -s ${stack.url}/auth/v1/signup -H "apikey: ${stack.publishableKey}" \\
    -H "content-type: application/json" -d '{"email":"me'$RANDOM'@example.com","password":"a-password"}' |
    sed -E 's/.*"access_token":"([^"]+)".*/\\1/')
  curl -s ${stack.url}/functions/v1/chat-handler -H "apikey: ${stack.publishableKey}" \\
    -H "authorization: Bearer $TOKEN" -H "content-type: application/json" \\
    -d '{"message":"How do I repot an orchid?"}'

Judge recent answers now (the schedule would, in time; it takes answers from five conversations):

  curl -s ${stack.url}/functions/v1/reflection-loop -H "apikey: ${stack.secretKey}" \\
    -H "content-type: application/json" -d '{"force":true}'

Look and steer (docs/operations.md):

  ${sameStack()}scripts/pawl status

Ctrl-C stops everything.
`;
}

/** A path as people read it: short where it is in the repository. */
function shown(path: string): string {
  const within = relative(ROOT, path);
  return within.startsWith("..") ? path : within;
}

function modelLine({ model }: Stack): string {
  if (!model.simulated) return `Claude, at ${model.url} (ANTHROPIC_API_KEY is set: requests cost money)`;
  return `SIMULATED, at ${model.url}: set ANTHROPIC_API_KEY to use Claude`;
}

function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, resolve);
  });
}

function fail(message: string): never {
  console.error(`dev: ${message}`);
  Deno.exit(1);
}
