/** docs/operations.md: each line of its tables, by the command, over HTTP and in SQL, comes to the same. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Stack } from "../../scripts/local/stack.ts";
import { type Assistant, configure, converse, join as joinOrganization, makePattern, reflect } from "./assistants.ts";
import { operator } from "./operating.ts";
import { onStack, post, read, service } from "./scene.ts";

const PAGE = readFileSync(new URL("../../docs/operations.md", import.meta.url), "utf8");
const [LOOKS, DECISIONS] = ["## Look", "## Stop, choose, undo"].map(tableBelow);
/** Files that the commands of the page name. */
const FILES = { "prompt.txt": "You are kind.\n", "clauses.txt": "Be kind.\nGive reasons.\n" };
const REJECTED = "00000000-0000-4000-8000-000000000001";
const PATTERN = "00000000-0000-4000-8000-000000000002";
const RECEIPT = "00000000-0000-4000-8000-000000000003";

interface Row {
  what: string;
  command: string[];
  http: string[];
  sql: string;
}

Deno.test("docs/operations.md: what is looked at", () =>
  onPreparedStack(async (stack, folder) => {
    const pawl = operator({ PAWL_URL: stack.url, PAWL_KEY: stack.secretKey }, folder);
    assert.equal(LOOKS.length, 13);
    for (const row of LOOKS) {
      const { what, command, http: [rpc, parameters], sql } = named(row, RECEIPT);
      const { json } = await pawl(...command, "--json");
      assert.equal(json.outcome, "ok", what);
      const init = {
        method: "POST",
        headers: { ...service(stack), "content-type": "application/json" },
        body: parameters,
      };
      const overHttp = await read(await fetch(`${stack.url}/rest/v1/rpc/${rpc}`, init));
      assert.deepEqual(overHttp.body, json, what);
      assert.deepEqual(JSON.parse(JSON.stringify(await valueOf(stack, sql))), json, what);
    }
  }));

Deno.test("docs/operations.md: what is decided", async () => {
  assert.equal(DECISIONS.length, 22);
  const ways: Record<string, (stack: Stack, folder: string, row: Row) => Promise<unknown>> = {
    command: async (stack, folder, { command }) => {
      const pawl = operator({ PAWL_URL: stack.url, PAWL_KEY: stack.secretKey }, folder);
      const { json, stderr } = await pawl(...command, "--json");
      assert.ok(json, stderr);
      return json;
    },
    HTTP: async (stack, _, { http: [body] }) =>
      (await post(stack, "prompt-updater", JSON.parse(body), service(stack))).body,
    SQL: async (stack, _, { sql }) => await valueOf(stack, sql),
  };
  const told: Record<string, unknown[]> = {};
  for (const [name, decide] of Object.entries(ways)) {
    told[name] = [];
    await onPreparedStack(async (stack, folder) => {
      const [{ id }] = await stack.database.query("select id from pawl.suggestions where prompt_id is not null");
      for (const row of DECISIONS) {
        // deno-lint-ignore no-explicit-any -- what each of the three answers
        const { action, changed, audit_id }: any = await decide(stack, folder, named(row, id));
        assert.ok(Number.isInteger(audit_id), `${row.what}, ${name}: nothing was changed`);
        told[name].push({ what: row.what, action, changed });
      }
    });
  }
  assert.deepEqual(told.HTTP, told.command);
  assert.deepEqual(told.SQL, told.command);
});

Deno.test("docs/operations.md: its other examples", () =>
  onPreparedStack(async (stack) => {
    const curls = blocks("sh").filter((block) => block.includes("curl"));
    assert.equal(curls.length, 1);
    if (isInstalled("curl")) {
      const env = { SUPABASE_URL: stack.url, SUPABASE_SECRET_KEY: stack.secretKey };
      const { code, stdout } = await new Deno.Command("bash", { args: ["-euc", curls[0]], env, stderr: "null" })
        .output();
      const answers = new TextDecoder().decode(stdout);
      assert.equal(code, 0);
      assert.match(answers, /"action":"pause".*"audit_id":\d.*"outcome":"ok","assistants":\[.*"paused":true/su);
    } else console.warn("SKIPPED: the curl examples of docs/operations.md (no curl here)");
    await stack.database.query("select pawl_pause_updates()");
    const sql = (part: string) => blocks("sql").find((block) => block.includes(part))!;
    await stack.database.query(sql("set role"));
    const [resume, record] = sql("resume").trim().split("\n");
    // deno-lint-ignore no-explicit-any -- what the function answers
    const answer: any = await valueOf(stack, resume);
    assert.equal(answer.action, "resume");
    const rows = await stack.database.query(record);
    assert.deepEqual([rows[0].action, rows[0].reason, rows[0].changed], [
      "resume",
      "it was something else",
      answer.changed,
    ]);

    const set = await assertSetSo(stack, "## How a version proves itself", 13);
    await stack.database.exec(`update pawl.loop_settings set ${set.map((one) => `${one} = default`).join(", ")}`);
    await assertReceiptsAreVerified(stack);
    const placebos = await stack.database.query(sql("placebo_results"));
    assert.deepEqual(placebos.map(({ placebos, promoted }) => [Number(placebos), Number(promoted)]), [[1, 0]]);
    await assertLearningIsSetSo(stack, sql("learned_patterns"));
    await assertCrashIsPutAway(stack);
    await assertPeopleAreForgotten(stack);
  }));

async function assertLearningIsSetSo(stack: Stack, takeAllBack: string): Promise<void> {
  await assertSetSo(stack, "## Learning", 6);
  const shown = () => stack.database.query("select id from pawl.learned_patterns where influence > 0");
  assert.equal((await shown()).length, 1, "without learning, what was learned goes on being shown");
  await stack.database.exec(takeAllBack);
  assert.deepEqual(await shown(), []);
}

/** Each setting is what the page says, may be what it says, and changes by the line it gives; returns them. */
async function assertSetSo(stack: Stack, heading: string, count: number): Promise<string[]> {
  const plain = (value: unknown) => Number(`${value}`) || `${value}`;
  const valueIn = async (column: string) => plain(await valueOf(stack, `select ${column} from pawl.loop_settings`));
  const refused = async (column: string, value: number) => {
    const sql = `update pawl.loop_settings set ${column} = ${value}`;
    await assert.rejects(stack.database.exec(sql), /check/u, `${column} may be ${value}`);
  };
  const rows = rowsBelow(heading).filter((cells) => cells.length === 5);
  assert.equal(rows.length, count);
  for (const [what, setting, usual, range, sql] of rows) {
    const [column, before] = [setting, usual].map((cell) => codeOf(cell)[0]);
    assert.equal(await valueIn(column), plain(before), what);
    await stack.database.exec(codeOf(sql)[0]);
    assert.ok(codeOf(sql)[0].includes(` ${column} = `), what);
    assert.notEqual(await valueIn(column), plain(before), what);
    for (const [, word] of range.matchAll(/`([^`]+)`/gu)) {
      await stack.database.exec(`update pawl.loop_settings set ${column} = '${word}'`);
    }
    const [least, most] = [/^-?[\d.]+/u, /to ([\d.]+)$/u].map((pattern) => pattern.exec(range)?.at(-1));
    for (const edge of [least, most].filter((one) => one !== undefined)) {
      await stack.database.exec(`update pawl.loop_settings set ${column} = ${edge}`);
    }
    // A whole number would be rounded back to the edge.
    const [{ data_type }] = await stack.database.query(
      "select data_type from information_schema.columns where table_name = 'loop_settings' and column_name = $1",
      [column],
    );
    const beyond = data_type === "numeric" ? 0.001 : 1;
    if (least !== undefined) await refused(column, Number(least) - beyond);
    if (most !== undefined) await refused(column, Number(most) + beyond);
    if (range.startsWith("over 0")) await refused(column, 0);
  }
  return rows.map(([, setting]) => codeOf(setting)[0]);
}

/** A placebo goes through the gates, and leaves a receipt that the command and HTTP verify alike. */
async function assertReceiptsAreVerified(stack: Stack): Promise<void> {
  const assistant = await theDefault(stack);
  await stack.database.query("select pawl_resume_updates()");
  await configure(stack, assistant, { screening_pairs: 20 });
  await converse(stack, assistant, 30);
  const pawl = operator({ PAWL_URL: stack.url, PAWL_KEY: stack.secretKey });
  // What onPreparedStack left in test makes room.
  const [{ version }] = (await pawl("queue", "--json")).json.queue;
  await pawl.done("reject", String(version));
  await pawl.done("test", "--placebo");
  for (let more = true, call = 0; more; call++) {
    assert.ok(call < 20, "the placebo's test does not end");
    more = (await post(stack, "prompt-updater", { action: "prove" }, service(stack))).body.more;
  }
  const { receipts: [receipt] } = (await pawl("receipts", "--json")).json;
  assert.deepEqual([receipt.decision, receipt.reason, receipt.placebo], ["reject", "not_more_wins", true]);
  const rows = rowsBelow("## How a version proves itself").filter(([, command]) => command.includes("verify"));
  assert.equal(rows.length, 1);
  const [, command, body] = rows[0].map((cell) => codeOf(cell)[0]);
  const fill = (text: string) => text.replace("ID", receipt.receipt_id);
  const { json, stderr } = await pawl(...fill(command).split(" ").slice(1), "--json");
  assert.ok(json?.matches, stderr);
  const overHttp = (await post(stack, "prompt-updater", JSON.parse(fill(body)), service(stack))).body;
  delete json.request_id;
  delete overHttp.request_id;
  assert.deepEqual(overHttp, json);
  await configure(stack, assistant, { screening_pairs: 60 });
}

/** As the alert is written, found and put away. */
async function assertCrashIsPutAway(stack: Stack): Promise<void> {
  const [, title] = /^### "(.*)"$/mu.exec(PAGE)!;
  const fall = JSON.stringify({ fell_from: 0.8, fell_to: 0.5, votes: 240 });
  await stack.database.query("select pawl.alert_crash(id, $1::jsonb, 1) from pawl.assistants", [fall]);
  const pawl = operator({ PAWL_URL: stack.url, PAWL_KEY: stack.secretKey });
  const page = await pawl.done("suggestions");
  assert.match(page, new RegExp(`^[\\da-f]{8}  escalation · critical priority · just now\n {2}${title}\n`, "u"));
  assert.match(await pawl.done("approve", page.slice(0, 8)), /changed +status pending → approved\n/u);
  assert.doesNotMatch(await pawl.done("suggestions"), new RegExp(title, "u"));
  assert.match(await pawl.done("patterns", "--state", "reverted"), /Answer with a table/u);
}

/** Each way deletes a person, and nobody else. */
async function assertPeopleAreForgotten(stack: Stack): Promise<void> {
  const [find, [, http, sql]] = rowsBelow("## Forget a person");
  const { organization } = await theDefault(stack);
  const [rpc, parameters] = codeOf(http);
  const ways: ((id: string) => Promise<unknown>)[] = [
    async (id) => {
      const headers = { ...service(stack), "content-type": "application/json" };
      const init = { method: "POST", headers, body: parameters.replace("ID", id) };
      return (await read(await fetch(`${stack.url}/rest/v1/rpc/${rpc}`, init))).body;
    },
    (id) => valueOf(stack, codeOf(sql)[0].replace("ID", id)),
  ];
  for (const forget of ways) {
    const [known] = await stack.database.query("select count(*)::integer as people from pawl.users");
    const user = crypto.randomUUID();
    await joinOrganization(stack, organization, user);
    await stack.database.query("update pawl.users set email = 'ann@example.com' where id = $1", [user]);
    const id = await valueOf(stack, codeOf(find[2])[0]);
    assert.equal(id, user);
    assert.deepEqual(await forget(user), { outcome: "ok", patterns_withdrawn: 0, patterns_recomputed: 0 });
    assert.deepEqual(await forget(user), { outcome: "user_not_found" });
    assert.deepEqual(await stack.database.query("select count(*)::integer as people from pawl.users"), [known]);
  }
}

/** A version waits for approval, another suggestion is there to be rejected, a pattern to be taken back, a receipt. */
async function onPreparedStack(act: (stack: Stack, folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "pawl-operations-"));
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text);
  try {
    await onStack({}, async ({ stack }) => {
      const assistant = await theDefault(stack);
      await configure(stack, assistant, { approval_required: true });
      await converse(stack, assistant, 5);
      await reflect(stack, assistant);
      await configure(stack, assistant, { approval_required: false });
      await stack.database.query(
        `insert into pawl.suggestions (id, assistant_id, suggestion_type, priority, title, description)
         values ($1, $2, 'escalation', 'high', 'Look at this', 'Something is odd')`,
        [REJECTED, assistant.id],
      );
      await makePattern(stack, assistant, { id: PATTERN });
      const named = { version: 1, sha256: "0".repeat(64) };
      await stack.database.query(
        `insert into pawl.promotion_receipts (id, organization_id, assistant_id, decision, reason, document,
           observation_ids, observations_digest)
         values ($1, $2, $3, 'reject', 'not_more_wins', $4::jsonb, '{}', '\\x')`,
        [
          RECEIPT,
          assistant.organization,
          assistant.id,
          JSON.stringify({
            ...{ candidate: named, baseline: named, placebo: false, judge: null, chat_model: null, method: null },
            ...{ level: null, ledger: null, settings: {}, screening: null, case: {}, ruling: {} },
          }),
        ],
      );
      // Where no update is begun any more, and no coin thrown, the defaults may stand as the page says.
      await stack.database.query("update pawl.loop_settings set placebo_share = default");
      await act(stack, folder);
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** With ids in place of what stands for them: `other`, where it is not one of those that are known. */
function named({ command, http, sql, ...row }: Row, other: string): Row {
  const id = sql.includes("reject") ? REJECTED : sql.includes("pattern") ? PATTERN : other;
  const fill = (text: string) => text.replace(/\bID\b/u, id);
  return { ...row, command: command.map(fill), http: http.map(fill), sql: fill(sql) };
}

async function theDefault(stack: Stack): Promise<Assistant> {
  const [{ id, slug, organization_id }] = await stack.database.query("select * from pawl.assistants");
  return { id, slug, organization: organization_id };
}

async function valueOf(stack: Stack, sql: string): Promise<unknown> {
  const [row] = await stack.database.query(sql);
  return Object.values(row)[0];
}

function tableBelow(heading: string): Row[] {
  return rowsBelow(heading).map(([what, ...cells]) => {
    const [words, http, sql] = cells.map(codeOf);
    assert.ok(words[0].startsWith("pawl "), what);
    return { what, command: words[0].split(" ").slice(1), http, sql: sql[0] };
  });
}

/** The cells of a section's tables, of the lines that hold code. */
function rowsBelow(heading: string): string[][] {
  const section = PAGE.split(`${heading}\n`)[1].split("\n## ")[0];
  const lines = section.split("\n").filter((line) => /^\| .*`/u.test(line));
  return lines.map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

function codeOf(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/gu)].map((match) => match[1]);
}

function blocks(language: string): string[] {
  return [...PAGE.matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, "gu"))].map((match) => match[1]);
}

function isInstalled(command: string): boolean {
  try {
    return new Deno.Command(command, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}
