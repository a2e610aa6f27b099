/** scripts/pawl: who may, where to, and what is told when it does not work. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as path } from "node:path";
import { openDoor } from "../../scripts/local/model/door.ts";
import { makeKeys } from "../../scripts/local/supabase.ts";
import type { Stack } from "../../scripts/local/stack.ts";
import { join, makePattern } from "./assistants.ts";
import { operator } from "./operating.ts";
import { leavesNoTrace, mint, onStack, signUp } from "./scene.ts";

Deno.test("an operator's credentials", (test) =>
  onStack({}, async ({ stack }) => {
    const [{ id: organization }] = await stack.database.query("select id from pawl.organizations");

    await test.step("a wrong key, and one that may not, get nowhere [catches: a refusal that looks like success]", async () => {
      const member = await signUp(stack);
      await join(stack, organization, member.id);
      const as = (key: string, token = "") => operator({ PAWL_URL: stack.url, PAWL_KEY: key, PAWL_TOKEN: token });
      const refused: [string, ReturnType<typeof operator>, string, RegExp][] = [
        ["a wrong key", as("sb_secret_wrong"), "unauthorized", /key/u],
        ["a member", as(stack.publishableKey, tokenOf(member.credentials)), "forbidden", /Only admins and owners/u],
        ["a forged token", as(stack.publishableKey, mint("another secret")), "unauthorized", /token|Sign in/u],
      ];
      for (const [name, pawl, code, message] of refused) {
        for (const args of [["status"], ["versions"], ["models"], ["runs"], ["pause"], ["rollback"]]) {
          const ran = await leavesNoTrace(stack, () => pawl(...args, "--json"));
          assert.equal(ran.code, 1, `${name}: ${args}`);
          const told = JSON.parse(ran.stderr);
          assert.equal(told.code, code, `${name}: ${ran.stderr}`);
          assert.match(told.message, message);
          assert.match((await pawl(...args)).stderr, /^pawl: /u);
        }
      }
      assert.equal((await as(stack.publishableKey)("status")).code, 2);
    });

    await test.step("an admin's token acts as that person; the secret key may act for them [catches: a record of nobody]", async () => {
      const admin = await signUp(stack);
      await join(stack, organization, admin.id, "admin");
      const pawl = operator({
        PAWL_URL: stack.url,
        PAWL_KEY: stack.publishableKey,
        PAWL_TOKEN: tokenOf(admin.credentials),
      });
      await pawl.done("pause");
      const backend = operator({ PAWL_URL: stack.url, PAWL_KEY: stack.secretKey });
      await backend.done("resume", "--as", admin.id);
      const rows = await stack.database.query("select actor, actor_id from pawl.audit_log order by id desc limit 2");
      assert.deepEqual(rows, [{ actor: "service", actor_id: admin.id }, { actor: "person", actor_id: admin.id }]);
      const page = await backend.done("logs");
      assert.match(page, new RegExp(`resume .*by the secret key, for person\\s+${admin.id.slice(0, 8)}\n`, "u"));
      assert.match(page, new RegExp(`pause .*by person ${admin.id.slice(0, 8)}\n`, "u"));
      const stranger = await backend("pause", "--as", crypto.randomUUID());
      assert.equal(stranger.code, 1);
      assert.match((await pawl("pause", "--as", admin.id)).stderr, /Only|only/u);
    });

    await test.step("a new key goes into apikey alone, a legacy one into both, and no redirect is followed [catches: a key that leaves]", async () => {
      const legacy = mint(stack.jwtSecret, { role: "service_role", sub: undefined, aud: undefined });
      const seen: Record<string, unknown>[] = [];
      const door = openDoor(0, (request, response) => {
        seen.push(request.headers);
        response.writeHead(307, { location: `${stack.url}${request.url}` }).end();
        return Promise.resolve();
      });
      for (const key of [stack.secretKey, legacy]) {
        const { code, stderr } = await operator({ PAWL_URL: door.url, PAWL_KEY: key })("status");
        assert.equal(code, 1);
        assert.match(stderr, /does not answer as a project with Pawl does \(status 307\)/u);
      }
      await door.close();
      const sent = seen.map(({ apikey, authorization }) => [apikey, authorization]);
      assert.deepEqual(sent, [[stack.secretKey, undefined], [legacy, `Bearer ${legacy}`]]);
    });

    await test.step("the address and the key come from one place [catches: one project's key sent to another]", async () => {
      const supabase = { SUPABASE_URL: stack.url, SUPABASE_SECRET_KEY: stack.secretKey };
      assert.match(await operator(supabase).done("status"), /^default/u);
      const older = { SUPABASE_URL: stack.url, SUPABASE_SERVICE_ROLE_KEY: stack.secretKey };
      assert.match(await operator(older).done("status"), /^default/u);
      const mixed = await operator({ ...supabase, PAWL_URL: "http://127.0.0.1:9" })("status");
      assert.equal(mixed.code, 2);
      assert.match(mixed.stderr, /no key for http:\/\/127\.0\.0\.1:9/u);
      assert.equal((await operator({ ...supabase, PAWL_KEY: "sb_secret_x" })("status")).code, 2);
      const flags = operator({ PAWL_URL: "http://127.0.0.1:9", PAWL_KEY: "sb_secret_x" });
      assert.match(await flags.done("status", "--url", stack.url, "--key", stack.secretKey), /^default/u);
      const nothing = await operator({})("status");
      assert.equal(nothing.code, 2);
      assert.match(nothing.stderr, /PAWL_URL and PAWL_KEY, or start the local stack with scripts\/dev/u);
    });

    await test.step("the local stack is found by its keys, and it is said so [catches: a guess in silence]", async () => {
      const folder = mkdtempSync(path(tmpdir(), "pawl-keys-"));
      const { publishableKey, secretKey, jwtSecret } = stack;
      writeFileSync(path(folder, "keys.json"), JSON.stringify({ publishableKey, secretKey, jwtSecret }));
      const local = operator({ PAWL_LOCAL: folder, PORT: new URL(stack.url).port });
      const { code, stdout, stderr } = await local("status");
      assert.deepEqual([code, stderr], [0, `pawl: the local stack at ${stack.url} (PAWL_URL is not set)\n`]);
      assert.match(stdout, /^default/u);
      assert.equal((await local("status", "--json")).stderr, "");
      const away = await operator({ PAWL_LOCAL: folder, PORT: String(freePort()) })("status");
      assert.equal(away.code, 3);
      assert.match(away.stderr, /cannot be reached\. Is scripts\/dev running\?/u);
      rmSync(folder, { recursive: true });
    });

    await test.step("called wrongly: what is wrong is named, and nothing is asked [catches: a guess at what was meant]", async () => {
      const pawl = operator({ PAWL_URL: stack.url, PAWL_KEY: stack.secretKey });
      const calls: [string[], RegExp][] = [
        [[], /say what to do/u],
        [["statsu"], /no command 'statsu'; did you mean 'status'\?/u],
        [["frobnicate"], /no command 'frobnicate'\n/u],
        [["status", "--jsno"], /no option '--jsno'; did you mean '--json'\?/u],
        [["status", "--reason", "x"], /status takes no --reason/u],
        [["pause", "--for"], /--for wants SPAN/u],
        [["pause", "--reason", "--for", "2h"], /--reason wants TEXT/u],
        [["pause", "--for", "2 hours"], /--for wants a span/u],
        [["pause", "--until", "tomorrow"], /--until wants a time/u],
        [["pause", "--until", "2040-01-01", "--for", "2h"], /not both/u],
        [["pause", "--for", "2h", "--for", "3h"], /twice/u],
        [["pause", "2h"], /pause does not take '2h'/u],
        [["activate"], /activate wants VERSION/u],
        [["activate", "0"], /a version is a number, not '0'/u],
        [["diff", "1", "2", "3"], /diff does not take '3'/u],
        [["approve", "my-idea"], /the first four characters/u],
        [["revert-pattern"], /revert-pattern wants ID/u],
        [["revert-pattern", "tables"], /the first four characters.*see pawl patterns/u],
        [["patterns", "--state", "actve"], /--state wants one of candidate, trial, active/u],
        [["patterns", "--all"], /patterns takes no --all/u],
        [["runs", "--status", "done"], /--status wants one of running, completed/u],
        [["models", "--limit", "500"], /--limit wants a number up to 100/u],
        [["analyze", "--days", "0"], /--days wants a number/u],
        [["dataset", "v1"], /dataset wants verify VERSION/u],
        [["dataset", "make", "v1"], /dataset verify VERSION, not 'make'/u],
        [["dataset", "verify", "newest"], /a model's version, as v2/u],
        [["retrain", "--as", crypto.randomUUID()], /retrain takes no --as/u],
        [["approval", "maybe"], /on or off/u],
        [["protect"], /a file, or -, or --clear/u],
        [["write", "/nowhere/prompt.txt"], /\/nowhere\/prompt\.txt cannot be read/u],
        [["logs", "--limit", "none"], /--limit wants a number/u],
        [["logs", "--since", "yesterday"], /--since wants a time/u],
        [["status", "--url", "nowhere"], /the URL must look like/u],
      ];
      for (const [args, message] of calls) {
        const ran = await leavesNoTrace(stack, () => pawl(...args));
        assert.equal(ran.code, 2, `${args}: ${ran.stderr}`);
        assert.match(ran.stderr, message);
      }
      assert.equal((await pawl.reading("\n \n", "protect", "-")).code, 2);
      const usage = JSON.parse((await pawl("status", "--json", "--all")).stderr);
      assert.deepEqual(usage, { code: "usage", message: "status takes no --all" });
    });

    await test.step("help of all, and of each, on any terminal [catches: a line that wraps]", async () => {
      const pawl = operator({});
      const all = await pawl.done("--help");
      const names = [...all.matchAll(/^ {2}([a-z][a-z-]*) /gmu)].map((match) => match[1]);
      assert.ok(names.length >= 19, all);
      for (const name of names) {
        const help = await pawl.done(name, "-h");
        assert.ok(help.startsWith(`Usage: pawl ${name}`), help);
        assert.ok(help.split("\n").every((line) => line.length <= 120), help);
      }
    });
  }));

Deno.test("a project that is away, silent, or no project of Pawl's", async (test) => {
  const silent = openDoor(0, () => new Promise(() => {}));
  const breaking = openDoor(0, async (request, response) => {
    for await (const _ of request);
    response.destroy();
  });
  const answering = (status: number, body: string) =>
    openDoor(0, async (request, response) => {
      for await (const _ of request);
      response.writeHead(status, { "content-type": "text/html" }).end(body);
    });
  const [away, elsewhere] = [answering(503, "<html>"), answering(200, "<html>")];
  const notInstalled = answering(404, '{"code":"PGRST202","message":"Could not find the function"}');
  const cases: [name: string, url: string, code: number, told: string, looks: RegExp][] = [
    ["away", `http://127.0.0.1:${freePort()}`, 3, "not_reachable", /cannot be reached/u],
    ["silent", silent.url, 3, "no_answer", /did not answer in 0\.5 s/u],
    ["breaking off", breaking.url, 3, "no_answer", /broke off/u],
    ["unavailable", away.url, 3, "unavailable", /not available now \(status 503\)/u],
    ["another site", elsewhere.url, 1, "not_pawl", /does not answer as a project with Pawl/u],
    ["not installed", notInstalled.url, 1, "not_installed", /Pawl is not installed there/u],
    ["not this machine, in the open", "http://192.0.2.1", 2, "usage", /http:\/\/ would send the key for all to read/u],
    ["no project's address", `${away.url}/rest/v1`, 2, "usage", /without a path/u],
  ];
  try {
    for (const [name, url, code, told, message] of cases) {
      await test.step(`${name} [catches: a stack trace, or waiting for good]`, async () => {
        const pawl = operator({ PAWL_URL: url, PAWL_KEY: "sb_secret_x" });
        for (const command of ["status", "rollback"]) {
          const patience = url === silent.url ? ["--timeout", "0.5"] : [];
          const ran = await pawl(command, "--json", ...patience);
          assert.equal(ran.code, code, ran.stderr);
          const problem = JSON.parse(ran.stderr);
          assert.equal(problem.code, told);
          assert.match(problem.message, message);
          const doubt = command === "rollback" && ["no_answer", "unavailable"].includes(told);
          assert.equal(/may have been carried out/u.test(problem.message), doubt, problem.message);
        }
      });
    }
  } finally {
    for (const door of [silent, breaking, away, elsewhere, notInstalled]) await door.close();
  }
});

Deno.test("a project whose key is a legacy JWT [catches: keys of another form refused]", () => {
  const keys = makeKeys();
  const secretKey = mint(keys.jwtSecret, { role: "service_role", sub: undefined, aud: undefined });
  return onStack({ keys: { ...keys, secretKey } }, async ({ stack }) => {
    const pawl = operator({ PAWL_URL: `${stack.url}/`, PAWL_KEY: secretKey });
    assert.match(await pawl.done("status"), /^default/u);
    assert.match(await pawl.done("pause"), /updates paused no → yes/u);
    const [{ actor }] = await stack.database.query("select actor from pawl.audit_log");
    assert.equal(actor, "service");
  });
});

const terminal = isInstalled();
if (!terminal) console.warn("SKIPPED: pawl on a terminal (no `script` of util-linux here)");
Deno.test({
  name: `${
    terminal ? "" : "SKIPPED, no script: "
  }on a terminal: colours, and a question before the live version changes`,
  ignore: !terminal,
  fn: () =>
    onStack({}, async ({ stack }) => {
      const pawl = operator({ PAWL_URL: stack.url, PAWL_KEY: stack.secretKey });
      await pawl.reading("You are kind.", "write", "-");
      const live = async () =>
        (await stack.database.query("select version from pawl.system_prompts where is_active"))[0].version;

      assert.ok((await onTerminal(stack, "status")).output.includes("\u001b[1mversion 1\u001b[22m"));
      assert.ok(!(await onTerminal(stack, "status", "", { NO_COLOR: "1" })).output.includes("\u001b["));
      for (const answer of ["n\n", "\n", "\u0004"]) {
        const { code, output } = await onTerminal(stack, "activate 2", answer);
        assert.match(output, /Make version 2 live in place of version 1\? \[y\/N\]/u);
        assert.match(output, /Nothing was changed/u);
        assert.deepEqual([code, await live()], [1, 1]);
      }
      assert.equal((await onTerminal(stack, "activate 2", "y\n")).code, 0);
      assert.equal(await live(), 2);
      const [{ id, organization_id: organization, slug }] = await stack.database.query("select * from pawl.assistants");
      const pattern = await makePattern(stack, { id, slug, organization });
      const state = async () => (await stack.database.query("select state from pawl.learned_patterns"))[0].state;
      const left = await onTerminal(stack, `revert-pattern ${pattern}`, "n\n");
      assert.match(left.output, /Take back “Answer with a table\.” \(shown with 93 % of the answers it applies to\)/u);
      assert.match(left.output, /for good\? \[y\/N\].*Nothing was changed/su);
      assert.deepEqual([left.code, await state()], [1, "active"]);
      assert.equal((await onTerminal(stack, `revert-pattern ${pattern.slice(0, 8)}`, "y\n")).code, 0);
      assert.equal(await state(), "reverted");
      assert.ok(
        !(await onTerminal(stack, `revert-pattern ${pattern}`)).output.includes("[y/N]"),
        "nothing would change",
      );

      const unasked = await onTerminal(stack, "rollback --yes");
      assert.ok(!unasked.output.includes("[y/N]"), unasked.output);
      assert.equal(await live(), 1);
    }),
});

/** With a terminal for input and output, 80 characters wide. */
async function onTerminal(stack: Stack, words: string, input = "", more: Record<string, string> = {}) {
  const child = new Deno.Command("script", {
    args: ["--quiet", "--return", "--command", `stty cols 80 && scripts/pawl ${words}`, "/dev/null"],
    cwd: path(import.meta.dirname!, "../.."),
    env: { PAWL_URL: stack.url, PAWL_KEY: stack.secretKey, PAWL_TOKEN: "", NO_COLOR: "", TERM: "xterm", ...more },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  await new Blob([input]).stream().pipeTo(child.stdin);
  const { code, stdout } = await child.output();
  return { code, output: new TextDecoder().decode(stdout) };
}

function isInstalled(): boolean {
  try {
    const { stdout } = new Deno.Command("script", { args: ["--version"] }).outputSync();
    return new TextDecoder().decode(stdout).includes("util-linux");
  } catch {
    return false;
  }
}

function tokenOf({ authorization }: Record<string, string>): string {
  return authorization.slice("Bearer ".length);
}

function freePort(): number {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  listener.close();
  return listener.addr.port;
}
