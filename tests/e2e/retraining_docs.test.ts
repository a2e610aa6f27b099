/** docs/retraining.md: its settings, refusals and signatures are those of the code, and its commands do what it says. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { operator } from "./operating.ts";
import { FEW, makes, modelsOf, onSchool, settle, SMALL, teach } from "./retrain_ground.ts";
import { post, service } from "./scene.ts";
import { signatureOf } from "./trainer.ts";

const REPOSITORY = new URL("../../", import.meta.url);
const PAGE = textOf("docs/retraining.md");
const MODULE = new URL("tests/e2e/.generated/retraining.ts", REPOSITORY);

/** The published vector of Standard Webhooks. */
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const [ID, AT, BODY] = ["msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, '{"test": 2432232314}'];
const SIGNED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

Deno.test("docs/retraining.md: every variable is there, with its default and range [catches: a setting nobody finds]", () => {
  const config = textOf("crates/retrain-trigger/src/config.rs").split("#[cfg(test)]")[0];
  const rows = rowsBelow("## Settings");
  const read = [config, textOf("crates/edge/src/env.rs").split("#[cfg(test)]")[0]].join("\n");
  const names = new Set([...read.matchAll(/"(ML_[A-Z_]+)"/gu)].map((match) => match[1]));
  assert.deepEqual(rows.map(([name]) => codeOf(name)[0]).sort(), [...names].sort());
  // The variable's name, its default, and what it may be.
  const numbers = [...config.matchAll(/"(ML_\w+)", ([\d._e]+), \[?([\d._e]+?)(?:\.\.=|, )([\d._e]+)/gu)];
  assert.equal(numbers.length, 6);
  for (const [, name, usual, least, most] of numbers) {
    const [, , given, range] = rows.find(([cell]) => cell.includes(name))!;
    const plain = [usual, least, most].map((text) => Number(text.replaceAll("_", "")));
    assert.deepEqual([codeOf(given)[0], ...range.split(" to ")].map(Number), plain, name);
  }
  const [, , bucket] = rows.find(([cell]) => cell.includes("ML_STORAGE_BUCKET"))!;
  assert.ok(config.includes(`"${codeOf(bucket)[0]}".to_owned()`));
});

Deno.test("docs/retraining.md: every refusal of a callback is explained, with its status [catches: a code nobody explains]", () => {
  const errors = textOf("crates/retrain-trigger/src/error.rs").split("fn refused")[0];
  const refusals = [...errors.matchAll(/=> \((4\d\d), "(\w+)"\)/gu)].map(([, status, code]) => `${status} ${code}`);
  assert.ok(refusals.length >= 9, refusals.join());
  const told = rowsBelow("### What a refusal means").map(([status, code]) => `${status} ${codeOf(code)[0]}`);
  const others = ["404 assistant_not_found"];
  assert.deepEqual(refusals.filter((one) => !told.includes(one) && !others.includes(one)), []);
  const statuses = textOf("supabase/migrations/20261101000395_models.sql").split("status in (")[1].split(")")[0];
  const known = [...statuses.matchAll(/'(\w+)'/gu)].map((match) => match[1]);
  assert.deepEqual(rowsBelow("## What becomes of it").map(([status]) => codeOf(status)[0]).sort(), known.sort());
});

Deno.test("docs/retraining.md: its signatures are those of Standard Webhooks, in both languages [catches: an example that never ran]", async () => {
  mkdirSync(new URL(".", MODULE), { recursive: true });
  writeFileSync(MODULE, block("ts"));
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--quiet", fileURLToPath(MODULE)],
    cwd: fileURLToPath(REPOSITORY),
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const { sign } = await import(MODULE.href);
  assert.equal(await sign(SECRET, ID, AT, BODY), SIGNED);
  assert.equal(signatureOf(SECRET, BODY, { id: ID, at: new Date(AT * 1000) })["webhook-signature"], SIGNED);
  const lines = [
    block("python"),
    `secret, id, at, body = ${JSON.stringify(SECRET)}, ${JSON.stringify(ID)}, ${AT}, ${JSON.stringify(BODY)}.encode()`,
    "signed = sign(secret, id, at, body)",
    'headers = {"webhook-id": id, "webhook-timestamp": str(at), "webhook-signature": "v1,AAAA " + signed}',
    "print(signed, is_believed(secret, headers, body, at + 300), is_believed(secret, headers, body, at + 301),",
    "      is_believed(secret, headers, body + b' ', at), is_believed(secret, headers, body))",
  ];
  const ran = await run("python3", ["-c", lines.join("\n")]);
  if (ran === null) return console.warn("SKIPPED: the Python of docs/retraining.md (no python3 here)");
  assert.equal(ran, `${SIGNED} True False False False\n`);
});

Deno.test("docs/retraining.md: its bodies are what is sent", () => {
  const [webhook, line, callback] = [...PAGE.matchAll(/```json\n([\s\S]*?)```/gu)].map((match) => JSON.parse(match[1]));
  const trainer = textOf("tests/e2e/trainer.ts");
  const fields = (name: string) =>
    [...trainer.split(`interface ${name} {`)[1].split("\n}")[0].matchAll(/^ {2}(\w+):/gmu)].map((match) => match[1]);
  assert.deepEqual(Object.keys(webhook), fields("Order"));
  assert.deepEqual(Object.keys(webhook.parts[0]), fields("Part"));
  assert.deepEqual(Object.keys(line), ["messages"]);
  const wire = textOf("crates/retrain-trigger/src/wire.rs");
  const taken = /Self::Callback => &\[([^\]]+)\]/u.exec(wire)![1].match(/\w+/gu)!;
  assert.deepEqual(Object.keys(callback).filter((one) => one !== "action" && !taken.includes(one)), []);
});

Deno.test("docs/retraining.md: its commands, and what they come to over HTTP", (test) =>
  onSchool(FEW, async (school) => {
    const { stack, trainer, provider } = school;
    const pawl = operator({ PAWL_URL: stack.url, PAWL_KEY: stack.secretKey, COLUMNS: "120" });
    const assistant = await teach(stack, SMALL);
    const where = ["--assistant", assistant.slug, "--organization", assistant.organization];
    const commands = rowsBelow("## What one call does").map(([, command]) => codeOf(command)[0].split(" ").slice(1));

    await test.step("each is one, and takes what it is given [catches: a command that is not]", async () => {
      assert.equal(commands.length, 7);
      for (const [name] of commands) {
        assert.match(await pawl.done(name, "--help"), new RegExp(`^Usage: pawl ${name}`, "u"));
      }
    });

    await test.step("retrain: a version is begun, the trainer told, a test opened; each look shows it [catches: a page of nothing]", async () => {
      trainer.training = () => [{ status: "accepted" }];
      const page = await pawl.done("retrain", ...where);
      assert.match(
        page,
        new RegExp(`^${assistant.slug}\n {2}the trainer was told of v1\n {2}180 answers looked at`, "u"),
      );
      assert.match(page, /an ALERT · dataset:\s+\d+\s+rows in 1 part\n$/u);
      await settle(school, assistant);
      assert.match(
        await pawl.done("models", ...where),
        /^v1 {2}in training\n[^]*because of a drift · a model, tuned from/u,
      );
      assert.match(
        await pawl.done("drift", ...where),
        /reactions \(0 to 1\): 0\.9\d → 0\.4\d · drift \d\.\d\d, an ALERT/u,
      );
      assert.match(await pawl.done("analyze", "--days", "60", ...where), /^180 examples, /u);
      const { json } = await pawl("analyze", "--days", "60", ...where, "--json");
      const order = { action: "analyze", days: 60, organization_id: assistant.organization, assistant: assistant.slug };
      const overHttp = (await post(stack, "retrain-trigger", order, service(stack))).body;
      assert.deepEqual([overHttp.total_samples, overHttp.score_distribution, overHttp.low_score_patterns], [
        json.total_samples,
        json.score_distribution,
        json.low_score_patterns,
      ]);
      const again = await pawl.done("retrain", "--force", ...where);
      assert.match(again, /Version v1 is in training\n/u);
    });

    await test.step("dataset verify: 0 where it comes out the same, 1 where a person is forgotten [catches: a check that cannot fail]", async () => {
      const same = await pawl.done("dataset", "verify", "v1", ...where);
      assert.equal(same, "The dataset of v1 comes out the same, byte for byte: 2 files.\n");
      const [{ user_id }] = await stack.database.query(
        `select s.user_id from pawl.dataset_rows r join pawl.training_sources s using (training_id)
         where r.split = 'train' order by s.message_id limit 1`,
      );
      await stack.database.query("select pawl_forget_user($1)", [user_id]);
      const { code, stdout, stderr } = await pawl("dataset", "verify", "v1", ...where);
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(stderr, /does NOT come out the same: [12] of 2 parts differ/u);
      assert.match(stderr, /v1\/train-00001\.jsonl: \d rows? (is|are) gone\n/u);
      const unknown = await pawl("dataset", "verify", "v2", ...where);
      assert.equal(unknown.code, 1);
      assert.match(unknown.stderr, /no model v2.*\n {2}versions:\n {4}v1\n/su);
    });

    await test.step("one that hangs is ended by hand, and another is begun [catches: a version that blocks for good]", async () => {
      await stack.database.exec(block("sql"));
      const [model] = await modelsOf(stack, assistant);
      assert.deepEqual([model.status, model.reason], ["failed", "given_up_by_hand"]);
      assert.match(await pawl.done("models", ...where), /^v1 {2}failed: given up by hand\n/u);
      trainer.training = makes(provider, "tuned_good", { eval_loss: 0.5 });
      assert.match(await pawl.done("retrain", "--force", ...where), /the trainer was told of v2\n/u);
      await settle(school, assistant);
      const page = await pawl.done("models", ...where);
      assert.match(page, /^v2 {2}in its test\n[^]*somebody wanted it · tuned_good, tuned\s+from [^]*eval_loss 0\.5\n/u);
      assert.match(await pawl.done("queue", ...where), /^version 2 · in place of version 1\n/u);
    });

    await test.step("Storage away is a failure that says so; the runs show it [catches: a failure that looks like success]", async () => {
      const other = await teach(stack, SMALL);
      const there = ["--assistant", other.slug, "--organization", other.organization];
      stack.storage.outage = () => "unreachable";
      const { code, stdout, stderr } = await pawl("retrain", ...there);
      stack.storage.outage = null;
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(
        stderr,
        new RegExp(`storage_unavailable.*\n {2}assistants:\n {4}${other.slug}: Storage did not`, "su"),
      );
      const runs = await pawl.done("runs", "--function", "retrain-trigger", ...where);
      assert.match(runs, /retrain-trigger {5}completed[^\n]* · run · /u);
      const { json } = await pawl("runs", "--function", "retrain-trigger", "--limit", "2", ...where, "--json");
      assert.equal(json.runs.length, 2);
    });

    await test.step("the example for the schedule [catches: a curl that never ran]", async () => {
      const env = { SUPABASE_URL: stack.url, SUPABASE_SECRET_KEY: stack.secretKey };
      const ran = await run("bash", ["-euc", block("sh")], env);
      if (ran === null) return console.warn("SKIPPED: the curl of docs/retraining.md");
      assert.ok(Array.isArray(JSON.parse(ran).results), ran);
      await trainer.idle();
    });
  }));

function textOf(path: string): string {
  return readFileSync(new URL(path, REPOSITORY), "utf8");
}

/** The first of a language. */
function block(language: string): string {
  return new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, "u").exec(PAGE)![1];
}

/** The cells of a section's table, up to the next heading. */
function rowsBelow(heading: string): string[][] {
  const section = PAGE.split(`${heading}\n`)[1].split(/\n##+ /u)[0];
  const lines = section.split("\n").filter((line) => /^\| .*`/u.test(line));
  return lines.map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

function codeOf(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/gu)].map((match) => match[1]);
}

/** What it printed; null where there is no such command. */
async function run(command: string, args: string[], env: Record<string, string> = {}): Promise<string | null> {
  try {
    const { code, stdout, stderr } = await new Deno.Command(command, { args, env }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
