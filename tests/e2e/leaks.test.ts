/** The watch over secrets is watched: what leaks on purpose is found, in each of its forms and on the real ways out. */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Stack } from "../../scripts/local/stack.ts";
import { bearing, mint, onStack, post, signUp } from "./scene.ts";
import { LONGEST_UNSEEN, makeSecrets } from "./secrets.ts";
import { openStream } from "./streams.ts";

const SECRETS: Record<string, string> = {
  key: "sb_secret_mrLE0cWmGvQjqPzR3hN8yXkT",
  token: mint("a secret to sign with"),
  prompt: 'You are the assistant of "Café Noir".\n\n- Never name the supplier.\n\t- Say \\o/ when all is well.',
  /** Nothing of it stands as it is when it is escaped. */
  quotes: '"Я"\n"ты"\n"он"\n"мы"\n"вы"\n"они"',
  message: "Mein Geheimnis heißt 山田; ask for 100 % of it & more?",
};

const FORMS: Record<string, (secret: string) => string> = {
  "as it is": (secret) => secret,
  "cut at both ends": (secret) => secret.slice(5, 5 + LONGEST_UNSEEN + 1),
  "in JSON": (secret) => JSON.stringify({ secret }),
  "in JSON in JSON": (secret) => JSON.stringify(JSON.stringify({ secret })),
  "as Rust shows a text": (secret) => rustDebug(secret),
  "as Rust shows bytes": (secret) => `[${new TextEncoder().encode(secret).join(", ")}]`,
  "percent-encoded": encodeURIComponent,
  "as a form": (secret) => `${new URLSearchParams({ secret })}`,
  "as base64": (secret) => new TextEncoder().encode(secret).toBase64(),
  "as base64url, right behind a word": (secret) =>
    "k_" + new TextEncoder().encode(secret).toBase64({ alphabet: "base64url", omitPadding: true }),
  "as hex": (secret) => new TextEncoder().encode(secret).toHex(),
  "on another line's indentation": (secret) => secret.replaceAll(/\s+/gu, "\n        "),
};

Deno.test("the search", async (test) => {
  for (const [form, shape] of Object.entries(FORMS)) {
    await test.step(`finds a secret ${form}`, () => {
      for (const [what, secret] of Object.entries(SECRETS)) {
        const secrets = makeSecrets();
        secrets.keep(what, secret);
        const told = `{"level":"info","event":"told","detail":${shape(secret)}}`;
        const finding = secrets.find(told);
        assert.equal(finding?.what, what, told);
        assert.ok(finding.shown.includes("█") && secrets.find(finding.shown) === null, "the finding tells it again");
      }
    });
  }

  await test.step("finds every part of a secret that is long enough", () => {
    const { prompt } = SECRETS;
    const secrets = makeSecrets();
    secrets.keep("prompt", prompt);
    const oneLine = prompt.replaceAll(/\s+/gu, " ");
    for (let start = 0; start + LONGEST_UNSEEN < oneLine.length; start++) {
      const whole = start + LONGEST_UNSEEN + 1;
      assert.ok(secrets.find(`<${oneLine.slice(start, whole)}>`), `from ${start}`);
      const other = makeSecrets();
      other.keep("prompt", oneLine.slice(0, whole));
      assert.ok(other.find(`<${oneLine.slice(start, whole)}>`), `at the end of ${whole} characters`);
    }
  });

  await test.step("finds a short one whole, and one among many", () => {
    const secrets = makeSecrets();
    for (let number = 0; number < 1000; number++) secrets.keep("message", `Before ${number}?`);
    assert.ok(secrets.find("[chat-handler] Before 7?"));
    assert.equal(secrets.find("[chat-handler] Before"), null);
  });

  await test.step("finds nothing where there is nothing", () => {
    const secrets = makeSecrets();
    for (const [what, secret] of Object.entries(SECRETS)) secrets.keep(what, secret);
    for (const name of ["message", "secret", "%", "\\", "prompt_version", '{"code":"internal"}']) {
      assert.equal(secrets.find(`{"level":"info","event":"turn_completed","detail":${name}}`), null);
    }
  });
});

/** What the leaking function gives away, as this request wishes. */
interface Leak {
  secret: string;
  place: "log" | "error" | "event";
  form?: "escaped" | "percent" | "base64" | "cut";
}

/** As what each is found. */
const KEPT: Record<string, RegExp> = {
  secretKey: /secretKey/u,
  modelKey: /modelKey/u,
  token: /authorization/u,
  message: /request\.message/u,
  answer: /request\.p_answer/u,
  prompt: /response\.content/u,
};

const LEAKS: Leak[] = [
  ...Object.keys(KEPT).flatMap((secret) => (["log", "error"] as const).map((place) => ({ secret, place }))),
  { secret: "message", place: "event" },
  ...["secretKey", "token", "prompt", "message"].flatMap((secret) =>
    (["escaped", "percent", "base64", "cut"] as const).map((form) => ({ secret, place: "log", form }) as const)
  ),
];

Deno.test("a function that leaks", async (test) => {
  const folder = leakingFunctions();
  const talk = async (stack: Stack, leaks: Leak[]) => {
    const credentials = bearing(stack, mint(stack.jwtSecret));
    const message = "How do I repot my grandmother's orchid?";
    assert.equal((await post(stack, "chat-handler", { message }, credentials)).status, 200);
    for (const leak of leaks) {
      const headers = { ...credentials, "x-leak": JSON.stringify(leak) };
      if (leak.place === "event") await (await openStream(stack, { message }, headers)).rest();
      else await post(stack, "chat-handler", { message }, headers);
    }
  };

  await test.step("is found for each secret, in a log and in an error, in the open and encoded", async () => {
    const { message } = await rejection(onStack({ functionsFolder: folder }, ({ stack }) => talk(stack, LEAKS)));
    // Of what is percent-encoded a key is found as it stands, and the rest is shown so.
    const found = message.replaceAll("%20", " ").replaceAll("%3A", ":").split("\n").slice(1);
    for (const { secret, place, form } of LEAKS) {
      const name = `leak ${[secret, place, form].join(" ")}:`;
      const line = found.find((line) => line.includes(name));
      assert.ok(line, `${name} was not found:\n${message}`);
      assert.match(line, { log: /^a log line/u, error: /^the error of/u, event: /^the event error of/u }[place]);
      assert.match(line, KEPT[secret]);
    }
    assert.equal(found.length, LEAKS.length, message);
    assert.ok(!/grandmother|sb_secret_|eyJ/u.test(message), message);
  });

  await test.step("is not, as long as it keeps them [catches: finding what is none]", () =>
    onStack({ functionsFolder: folder }, ({ stack }) => talk(stack, [])));

  await test.step("is not alone: errors of the database and what this process prints are heard too", async () => {
    const words = "the words of somebody else";
    const { message } = await rejection(onStack({ functionsFolder: folder }, async ({ stack }) => {
      const { client } = await signUp(stack);
      assert.equal((await client.rpc("pawl_get_session", { p_session_id: words })).error?.code, "22P02");
      await stack.database.query("insert into pawl.organizations (slug, name) values ('x', $1)", ["Stored by a test"]);
      console.debug("  leaks on purpose: Stored by a test");
    }));
    assert.match(message, /the error of \/rest\/v1\/rpc\/pawl_get_session tells request\.p_session_id/u);
    assert.match(message, /console\.debug tells organizations\.name/u);
  });

  rmSync(folder, { recursive: true });
});

/** chat-handler as it is, with a shim around it that gives away what it is asked for. */
function leakingFunctions(): string {
  const folder = mkdtempSync(join(tmpdir(), "pawl-leaks-"));
  const functions = fileURLToPath(new URL("../../supabase/functions", import.meta.url));
  for (const name of ["_shared", "chat-handler"]) {
    cpSync(join(functions, name), join(folder, name), { recursive: true });
  }
  renameSync(join(folder, "_shared/serve.ts"), join(folder, "_shared/silent.ts"));
  writeFileSync(join(folder, "_shared/serve.ts"), LEAKING_SHIM);
  return folder;
}

const LEAKING_SHIM = `
  import { serve as silent } from "./silent.ts";
  const known = {
    secretKey: JSON.parse(Deno.env.get("SUPABASE_SECRET_KEYS")).default,
    modelKey: Deno.env.get("ANTHROPIC_API_KEY"),
  };
  const { fetch } = globalThis;
  globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const sent = await request.clone().text();
    const response = await fetch(request);
    if (request.url.endsWith("pawl_complete_turn")) known.answer = JSON.parse(sent).p_answer;
    if (request.url.endsWith("pawl_serving_context")) known.prompt = (await response.clone().json()).content;
    return response;
  };
  const forms = {
    escaped: (text) => JSON.stringify(JSON.stringify(text)),
    percent: encodeURIComponent,
    base64: (text) => new TextEncoder().encode(text).toBase64(),
    cut: (text) => text.slice(0, -5),
  };
  export function serve(glue, wasm) {
    const whole = silent(glue, wasm);
    return {
      async fetch(request) {
        if (!request.headers.has("x-leak")) return await whole.fetch(request);
        const { secret, place, form } = JSON.parse(request.headers.get("x-leak"));
        known.token = request.headers.get("authorization").split(" ")[1];
        known.message = (await request.json()).message;
        const told = "leak " + [secret, place, form].join(" ") + ": " + known[secret];
        const text = forms[form]?.(told) ?? told;
        const error = { code: "internal", message: text };
        if (place === "log") return (console.log(text), Response.json({}));
        if (place === "error") return Response.json(error, { status: 500 });
        const events = "event: start\\nid: 1\\ndata: {}\\n\\nevent: error\\nid: 2\\ndata: " + JSON.stringify(error) + "\\n\\n";
        return new Response(events, { headers: { "content-type": "text/event-stream" } });
      },
    };
  }`;

async function rejection(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was found");
}

function rustDebug(text: string): string {
  const escaped = text.replaceAll(/["\\]/gu, "\\$&").replaceAll("\n", "\\n").replaceAll("\t", "\\t");
  return `Some("${escaped.replaceAll(/[^\x20-\x7e]/gu, (other) => `\\u{${other.codePointAt(0)!.toString(16)}}`)}")`;
}
