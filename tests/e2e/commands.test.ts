/** The commands as people type them; scripts/demo has a file of its own. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { openDatabase } from "../../scripts/local/database.ts";
import { ROOT, run, simulated } from "./commands.ts";
import { clientOf, read, send } from "./scene.ts";
import { assertNothingTold, hear, keepKeys, keepStored } from "./watch.ts";

/** The stack is up in seconds; the build before it has nothing to do. */
const WITHIN_MS = 60_000;

Deno.test("every command explains itself, and what it does not know", () => {
  for (const name of ["dev", "demo"]) {
    for (const flag of ["--help", "-h"]) {
      const { code, stdout } = run(name, [flag]);
      assert.equal(code, 0);
      assert.match(stdout, new RegExp(`^Usage: scripts/${name}`, "u"));
    }
    const { code, stderr } = run(name, ["--no-such-option"]);
    assert.equal(code, 2);
    assert.match(stderr, /--no-such-option/u);
  }
});

Deno.test("scripts/dev", async (test) => {
  const folder = mkdtempSync(join(tmpdir(), "pawl-dev-"));
  const port = freePort();
  const environment = { PORT: String(port), PAWL_LOCAL: folder };
  const credentials = { email: "ada@example.com", password: "a-password" };
  const running: Running[] = [];
  const start = async (args: string[] = []) => {
    const dev = await startDev(environment, args);
    running.push(dev);
    return dev;
  };
  let session: string;
  try {
    const first = await start();
    const { url, publishableKey, secretKey } = first;

    const functions = ["chat-handler", "reflection-loop", "prompt-updater", "feedback-collector", "retrain-trigger"];
    await test.step("prints where it is, its keys, and that the model is simulated [catches: passing for Claude]", () => {
      assert.equal(url, `http://127.0.0.1:${port}`);
      assert.match(first.output(), /Model +SIMULATED/u);
      for (const name of functions) {
        assert.ok(first.output().includes(`${url}/functions/v1/${name}`), name);
      }
    });

    await test.step("serves an app that knows nothing but the printed address and key", async () => {
      const client = clientOf(first, publishableKey);
      assert.equal((await client.auth.signUp(credentials)).error, null);
      const { data, error } = await client.functions.invoke("chat-handler", { body: { message: "Hello there!" } });
      assert.equal(error, null);
      assert.match(data.answer, /^\[simulated\] /u);
      session = data.session_id;
      const headers = { apikey: secretKey, "content-type": "application/json" };
      const reply = await send(first, "reflection-loop", { method: "POST", headers, body: '{"force":true}' });
      assert.equal(reply.body.results[0].reason, "insufficient_data");
    });

    const curl = isInstalled("curl");
    if (!curl) console.warn("SKIPPED: the commands that scripts/dev prints (no curl here)");
    await test.step({
      name: `${curl ? "" : "SKIPPED, no curl: "}what it prints to be copied works [catches: examples that have rotted]`,
      ignore: !curl,
      fn: async () => {
        const commands = /\n( {2}TOKEN=[\s\S]*?)\n\nJudge[^\n]*\n\n([\s\S]*?)\n\nCtrl-C/u.exec(first.output())!;
        const bash = async (script: string) => {
          const output = await new Deno.Command("bash", { args: ["-euc", script] }).output();
          return JSON.parse(new TextDecoder().decode(output.stdout));
        };
        assert.match((await bash(commands[1])).answer, /orchid|repot/u);
        assert.equal((await bash(commands[2])).results.length, 1);
      },
    });

    await test.step("a port in use is named, and so is data in use [catches: a stack trace, two on one folder]", () => {
      const samePort = run("dev", [], { ...environment, PAWL_LOCAL: join(folder, "other") });
      assert.equal(samePort.code, 1);
      assert.match(samePort.stderr, new RegExp(`port ${port} is in use.*PORT=`, "u"));
      for (const flags of [[], ["--fresh"]]) {
        const sameData = run("dev", flags, { ...environment, PORT: String(freePort()) });
        assert.equal(sameData.code, 1);
        assert.match(sameData.stderr, /data.*PAWL_LOCAL/u);
      }
      const noPort = run("dev", [], { ...environment, PORT: "many" });
      assert.equal(noPort.code, 1);
      assert.match(noPort.stderr, /PORT.*"many"/u);
    });

    await test.step("Ctrl-C ends it and all its processes [catches: functions left behind]", () =>
      endsWhole(first, "SIGINT"));

    await test.step("the next run has the data, the keys and the people; SIGTERM ends it as well", async () => {
      const second = await start();
      assert.deepEqual([second.publishableKey, second.secretKey], [publishableKey, secretKey]);
      const client = clientOf(second, publishableKey);
      assert.equal((await client.auth.signInWithPassword(credentials)).error, null);
      const body = { message: "Still there?", session_id: session };
      const { data, error } = await client.functions.invoke("chat-handler", { body });
      assert.equal(error, null);
      assert.equal(data.session_id, session);
      await endsWhole(second, "SIGTERM");
    });

    await test.step("no line of its log tells a key, a prompt or a message [catches: logging bodies]", async () => {
      // Those that it prints to be copied stand in lines of its own.
      const logged = running.flatMap((dev) => dev.output().split("\n")).filter((line) => line.startsWith("["));
      assert.ok(logged.some((line) => line.includes("turn_completed")), "nothing was logged");
      for (const line of logged) hear("scripts/dev", line);
      keepKeys(JSON.parse(readFileSync(join(folder, "keys.json"), "utf8")));
      const database = await openDatabase({ folder: join(folder, "data") });
      await keepStored(database).finally(database.close);
      assertNothingTold();
    });

    await test.step("--fresh starts over: other keys, nobody known [catches: data that survives]", async () => {
      const fresh = await start(["--fresh"]);
      assert.notEqual(fresh.secretKey, secretKey);
      const client = clientOf(fresh, fresh.publishableKey);
      assert.notEqual((await client.auth.signInWithPassword(credentials)).error, null);
      await endsWhole(fresh, "SIGTERM");
    });
  } finally {
    for (const dev of running) {
      dev.kill("SIGTERM");
      await dev.status;
    }
    rmSync(folder, { recursive: true, force: true });
  }
});

interface Running {
  url: string;
  publishableKey: string;
  secretKey: string;
  pid: number;
  output(): string;
  status: Promise<Deno.CommandStatus>;
  kill(signal: Deno.Signal): void;
}

/** Runs scripts/dev until it has printed all it prints. */
async function startDev(environment: Record<string, string>, args: string[] = []): Promise<Running> {
  const child = new Deno.Command(join(ROOT, "scripts/dev"), {
    args,
    env: simulated(environment),
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let output = "";
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error(`scripts/dev is not up:\n${output}`)), WITHIN_MS);
  const reading = (async () => {
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      output += text;
      if (output.includes("Ctrl-C stops everything.\n")) resolve();
    }
    reject(new Error(`scripts/dev ended:\n${output}`));
  })();
  const status = reading.then(() => child.status);
  try {
    await ready;
  } catch (error) {
    killQuietly(child, "SIGKILL");
    throw error;
  } finally {
    clearTimeout(timer);
  }
  const printed = (name: string) => new RegExp(`${name} +(\\S+)`, "u").exec(output)![1];
  return {
    url: printed("API URL"),
    publishableKey: printed("Publishable key"),
    secretKey: printed("Secret key"),
    pid: child.pid,
    output: () => output,
    status,
    kill: (signal) => killQuietly(child, signal),
  };
}

function killQuietly(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // it has ended by itself
  }
}

/** That a signal ends it in good order, and with it everything it had started. */
async function endsWhole(dev: Running, signal: Deno.Signal): Promise<void> {
  const children = childrenOf(dev.pid);
  assert.ok(children.length >= 3, `${children.length} processes for three functions`);
  dev.kill(signal);
  const { code } = await dev.status;
  assert.equal(code, 0, dev.output());
  for (const pid of children) assert.ok(!isAlive(pid), `process ${pid} was left behind`);
  await assert.rejects(async () => read(await fetch(dev.url)), "the port is still served");
}

function childrenOf(pid: number): number[] {
  if (!existsSync("/proc/self/stat")) {
    return execFileSync("pgrep", ["-P", String(pid)], { encoding: "utf8" }).trim().split("\n").map(Number);
  }
  return readdirSync("/proc").filter((name) => /^\d+$/u.test(name)).map(Number).filter((one) => parentOf(one) === pid);
}

function parentOf(pid: number): number | undefined {
  try {
    // After the command's name, which may hold anything: the state, and the parent.
    return Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ")[1]);
  } catch {
    return undefined; // it has ended
  }
}

function isInstalled(command: string): boolean {
  try {
    execFileSync(command, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function freePort(): number {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  listener.close();
  return listener.addr.port;
}
