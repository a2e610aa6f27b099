/** Holds the absences that ARCHITECTURE.md states: who may use whom, and what stands nowhere. */
import { deepStrictEqual, ok } from "node:assert";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const read = (path: string) => Deno.readTextFileSync(root + path);
const list = (path: string) => [...Deno.readDirSync(root + path)];
const folders = (path: string) => list(path).filter((entry) => entry.isDirectory).map((entry) => entry.name).sort();

const crates = folders("crates");
const functions = folders("supabase/functions").filter((name) => !name.startsWith("_"));

/** Every Rust file below a crate's src, without tests (files called tests.rs and what follows `mod tests {`). */
function sources(crate: string): { path: string; text: string }[] {
  const found: { path: string; text: string }[] = [];
  const walk = (folder: string) => {
    for (const entry of list(folder)) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory) walk(path);
      else if (entry.name.endsWith(".rs") && entry.name !== "tests.rs") {
        found.push({ path, text: read(path).split("#[cfg(test)]\nmod tests {")[0] });
      }
    }
  };
  walk(`crates/${crate}/src`);
  ok(found.length > 0, `crates/${crate} has sources`);
  return found;
}

/** Code without comments: what a file does, not what it says. */
const code = (text: string) => text.replaceAll(/^\s*\/\/.*$/gm, "");

function filesWhere(pattern: RegExp, from: string[]): string[] {
  return from.flatMap(sources).filter(({ text }) => pattern.test(code(text))).map(({ path }) => path).sort();
}

function localDependencies(crate: string): string[] {
  const [, dependencies] = read(`crates/${crate}/Cargo.toml`).split("\n[dependencies]\n");
  ok(dependencies, `crates/${crate} lists dependencies`);
  return [...dependencies.split(/\n\[/)[0].matchAll(/^pawl-(\w+)/gm)].map((match) => match[1]).sort();
}

Deno.test("each crate uses only those the map allows", () => {
  const allowed: Record<string, string[]> = {
    core: [],
    edge: [],
    model: ["core"],
    store: ["core"],
    simulator: ["core"],
    // Asks no model and decides nothing.
    "feedback-collector": ["edge", "store"],
  };
  for (const name of crates) {
    const expected = allowed[name] ?? ["core", "edge", "model", "store"];
    deepStrictEqual(localDependencies(name), expected, name);
  }
});

Deno.test("only edge and each function's lib.rs name JavaScript", () => {
  const found = filesWhere(/\b(wasm_bindgen|web_sys|js_sys)\b/, crates).filter((path) =>
    !path.startsWith("crates/edge/")
  );
  deepStrictEqual(found, functions.map((name) => `crates/${name}/src/lib.rs`).sort());
});

Deno.test("core performs no IO, waits for nothing, keeps nothing and reads no clock", () => {
  const forbidden =
    /std::(io|fs|net|env|process|thread|time::(SystemTime|Instant))|\basync\b|(?<!')\bstatic\b|thread_local|Cell<|Mutex|rand::/;
  deepStrictEqual(filesWhere(forbidden, ["core"]), []);
  const [, dependencies] = read("crates/core/Cargo.toml").split("\n[dependencies]\n");
  const names = [...dependencies.split("\n[")[0].matchAll(/^([\w-]+)/gm)].map((match) => match[1]);
  deepStrictEqual(names.sort(), ["base64ct", "hmac", "serde", "serde_json", "sha2", "thiserror"]);
});

Deno.test("no state lives in process memory but prompt texts and sets of patterns, which are immutable", () => {
  const found = filesWhere(/thread_local!|\bstatic\s+(mut\s+)?[A-Z_]+\s*:|OnceCell|OnceLock|LazyLock/, crates);
  deepStrictEqual(found, ["crates/chat-handler/src/lib.rs"]);
});

Deno.test("credentials are forwarded and never looked into", () => {
  // Those that name the header: most build what is forwarded, one lets browsers send it, one hands it on.
  const naming = filesWhere(/"authorization"/, crates);
  deepStrictEqual(naming, [
    "crates/chat-handler/src/config.rs",
    "crates/feedback-collector/src/config.rs",
    "crates/prompt-updater/src/config.rs",
    "crates/reflection-loop/src/config.rs",
    "crates/reflection-loop/src/lib.rs",
    "crates/retrain-trigger/src/config.rs",
    // The project's own key, to storage.
    "crates/retrain-trigger/src/storage.rs",
    "crates/store/src/postgrest.rs",
  ]);
  deepStrictEqual(filesWhere(/jsonwebtoken|base64|"sub"|"role":\s*"(anon|authenticated|service_role)"/, crates), [
    // Signatures of webhooks, which are no credentials of a caller's.
    "crates/core/src/training/webhook.rs",
  ]);
  for (const name of functions) {
    ok(read("supabase/config.toml").includes(`[functions.${name}]\nverify_jwt = false`), name);
  }
});

Deno.test("no SQL in Rust, and the store calls functions only", () => {
  deepStrictEqual(filesWhere(/"\s*(select|insert into|update|delete from)\s+\w/i, crates), []);
  deepStrictEqual(filesWhere(/\.(from|select|eq|in_|or|and|auth|schema)\("/, ["store"]), []);
});

Deno.test("a shim loads its wasm and does nothing else, and all are alike", () => {
  const shims = functions.map((name) => read(`supabase/functions/${name}/index.ts`));
  for (const [i, shim] of shims.entries()) {
    deepStrictEqual(shim, shims[0], functions[i]);
    ok(shim.trim().split("\n").length <= 6, functions[i]);
  }
});

Deno.test("a function has one name: folder, crate, entry of wasm-pack.toml, section of config.toml", () => {
  const entries = [...read("wasm-pack.toml").matchAll(/^name = "(.+)"$/gm)].map((match) => match[1]).sort();
  deepStrictEqual(entries, functions);
  for (const name of functions) {
    ok(crates.includes(name) && read(`crates/${name}/Cargo.toml`).includes(`name = "${name}"`));
  }
});

Deno.test("the SQL clock is the database's: no RPC takes the time", () => {
  const migrations = list("supabase/migrations").map((entry) => read(`supabase/migrations/${entry.name}`)).join("\n");
  // p_before marks how far a sweep got and was written by the database itself; p_until is a person's own wish; p_at,
  // p_from and p_to are times of rows, in functions that are no RPCs.
  const parameters = [...migrations.matchAll(/\b(p_\w+) timestamptz/g)].map((match) => match[1]);
  deepStrictEqual([...new Set(parameters)].sort(), ["p_at", "p_before", "p_from", "p_since", "p_to", "p_until"]);
});

Deno.test("a log line is told these things and no others: no text of a person, a prompt or the model", () => {
  const fields: Record<string, Set<string>> = {};
  for (const { text } of crates.flatMap(sources).filter(({ text }) => text.includes("log::event("))) {
    for (const [, name, source] of code(text).matchAll(/(?<!with_header)\("([a-z_]+)", ([^\n]+?)\)(?=[,\]]|$)/gm)) {
      (fields[name] ??= new Set()).add(source.replace(/\.into\(\)$/, ""));
    }
  }
  const told = Object.fromEntries(Object.entries(fields).map(([name, found]) => [name, [...found].sort()]));
  deepStrictEqual(told, LOGGED);
});

/** By field, where it comes from. `prompt_submitted` and the like are events, beside their field `detail`. */
const LOGGED: Record<string, string[]> = {
  request_id: ["request_id"],
  cause: ['"guards"', "cause", "fault.cause()", "unanswered.error.code()"],
  turn_id: ["turn.turn_id.to_string()"],
  attempt: ["delivery.attempt", "turn.attempt"],
  prompt_version: ["prompt.version"],
  stale_prompt: ["(prompt.id != turn.prompt_id)"],
  input_tokens: ["answer.usage.input_tokens"],
  output_tokens: ["answer.usage.output_tokens"],
  cache_read_tokens: ["answer.usage.cache_read_input_tokens"],
  model_ms: ["latency_ms"],
  status: ["error.status"],
  code: ["error.code"],
  at: ["place"],
  prompt_submitted: ["(*version)"],
  receipt_verified: ["verified.matches"],
  decided: ["change.action.as_str()"],
  update_skipped: ["reason.as_str()"],
  update_refused: ["reason.as_str()"],
  detail: ["detail"],
  assistant_id: ["assistant", "assistant_id.to_string()"],
  action: ["action"],
  collected: ["collected"],
  stored: ["stored"],
  unchanged: ["unchanged"],
  refused: ["errors.len()"],
};

Deno.test("every test that starts functions has them watched for leaks", () => {
  const starting = tests().filter(({ text }) => /\bstart(Stack|Functions|Alone)\(/.test(text)).map(({ path }) => path);
  deepStrictEqual(starting, [
    // Measurements, which print none of their lines.
    "tests/bench/curate.ts",
    "tests/bench/learn.ts",
    "tests/bench/placebo.ts",
    // The watch is put on in these.
    "tests/contract/world.ts",
    "tests/e2e/cells.ts",
    "tests/e2e/doors.ts",
    "tests/e2e/scene.ts",
    "tests/e2e/steps.ts",
  ]);
  // These two start them by doors.ts.
  const byDoors = ["tests/e2e/cells.ts", "tests/e2e/steps.ts"];
  const unwatched = [...byDoors, "tests/bench/curate.ts", "tests/bench/learn.ts", "tests/bench/placebo.ts"];
  for (const path of starting.filter((path) => !unwatched.includes(path))) {
    ok(/from "\.(\.\/e2e)?\/watch\.ts"/.test(read(path)), path);
  }
  // Who listens to the functions would otherwise take the watch's place.
  deepStrictEqual(
    tests().filter(({ text }) => /\bonStack\(\{[^}]*\b(log|pass)\b/.test(text)).map(({ path }) => path),
    [],
  );
});

/** What the tests run on, without the tests of that itself. */
function tests(): { path: string; text: string }[] {
  return folders("tests").flatMap((folder) =>
    list(`tests/${folder}`).filter(({ isFile, name }) => isFile && name.endsWith(".ts")).map(({ name }) => {
      const path = `tests/${folder}/${name}`;
      return { path, text: code(read(path)) };
    })
  ).sort((a, b) => a.path < b.path ? -1 : 1);
}

Deno.test("every promise in ARCHITECTURE.md's table names a test or lint that exists", () => {
  const architecture = read("ARCHITECTURE.md");
  const table = architecture.split("## Invariants")[1]?.split("\n## ")[0] ?? "";
  const named = [...table.matchAll(/`([\w./-]+\.(?:ts|rs|sql|toml))`/g)].map((match) => match[1]);
  ok(named.length >= 6, "the table names files");
  for (const path of named) ok(exists(path), `ARCHITECTURE.md names ${path}, which does not exist`);
});

function exists(path: string): boolean {
  try {
    return Deno.statSync(root + path).isFile;
  } catch {
    return false;
  }
}
