/** Where to, and as whom: from the command line, the environment, or this repository's local stack. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { misuse } from "./problem.ts";

export interface Place {
  url: string;
  headers: Record<string, string>;
  /** It was not named: scripts/dev keeps its keys here. */
  local: boolean;
}

type Variables = (name: string) => string | undefined;

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const DEFAULT_PORT = "54321";

/** An address and a key are taken from one source, so that no project's key is sent to another. */
export function findPlace(options: { url?: string; key?: string }, variable: Variables): Place {
  const token = variable("PAWL_TOKEN");
  const url = options.url ?? variable("PAWL_URL");
  const key = options.key ?? variable("PAWL_KEY");
  if (url && key) return at(url, key, token);
  if (url) throw misuse(`no key for ${url}: set PAWL_KEY`);
  if (key) throw misuse("a key, and no address it is for: set PAWL_URL");
  const project = variable("SUPABASE_URL");
  if (project) {
    const names = token
      ? ["SUPABASE_PUBLISHABLE_KEY", "SUPABASE_ANON_KEY"]
      : ["SUPABASE_SECRET_KEY", "SUPABASE_SERVICE_ROLE_KEY"];
    const found = names.map(variable).find(Boolean);
    if (!found) {
      throw misuse(`SUPABASE_URL is set, and neither ${names.join(" nor ")}; or set PAWL_URL and PAWL_KEY`);
    }
    return at(project, found, token);
  }
  return atLocalStack(variable, token);
}

function atLocalStack(variable: Variables, token: string | undefined): Place {
  const file = join(resolve(variable("PAWL_LOCAL") ?? join(ROOT, ".local")), "keys.json");
  if (!existsSync(file)) {
    throw misuse(
      "nothing to talk to: set PAWL_URL and PAWL_KEY, or start the local stack with scripts/dev (for one on another PORT " +
        "or PAWL_LOCAL, set the same here)",
    );
  }
  const { secretKey, publishableKey } = JSON.parse(readFileSync(file, "utf8"));
  const place = at(
    `http://127.0.0.1:${variable("PORT") ?? DEFAULT_PORT}`,
    token ? publishableKey : secretKey,
    token,
  );
  return { ...place, local: true };
}

function at(address: string, key: string, token: string | undefined): Place {
  const headers: Record<string, string> = { apikey: sendable(key, "key") };
  if (token) headers.authorization = `Bearer ${sendable(token, "token")}`;
  // A legacy key is a JWT, and gateways read the role from `authorization`. A new one is none and belongs only in `apikey`.
  else if (key.startsWith("eyJ")) {
    headers.authorization = `Bearer ${headers.apikey}`;
  } else if (key.startsWith("sb_publishable_")) {
    throw misuse("a publishable key steers nothing: use the secret key, or add PAWL_TOKEN, an admin's access token");
  }
  return { url: readUrl(address), headers, local: false };
}

function readUrl(text: string): string {
  const url = URL.parse(text.trim());
  if (
    !url || !["http:", "https:"].includes(url.protocol) || url.pathname !== "/" || url.username || url.search ||
    url.hash
  ) {
    throw misuse("the URL must look like https://project.supabase.co, without a path");
  }
  if (url.protocol === "http:" && !LOOPBACK.includes(url.hostname)) {
    throw misuse("http:// would send the key for all to read: use https:// (http:// is for this machine alone)");
  }
  return url.href.replace(/\/+$/u, "");
}

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

/** It is never shown, not even when it is wrong. */
function sendable(text: string, name: string): string {
  const trimmed = text.trim();
  if (!/^[\x21-\x7e]+$/u.test(trimmed)) {
    throw misuse(`the ${name} holds characters that no ${name} has`);
  }
  return trimmed;
}
