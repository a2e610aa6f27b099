/** docs/operations.md: each line of its tables, by the command, over HTTP and in SQL, comes to the same. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Stack } from "../../scripts/local/stack.ts";
import { configure, converse, reflect } from "./assistants.ts";
import { operator } from "./operating.ts";
import { onStack, post, read, service } from "./scene.ts";

const PAGE = readFileSync(new URL("../../docs/operations.md", import.meta.url), "utf8");
const [LOOKS, DECISIONS] = ["## Look", "## Stop, choose, undo"].map(tableBelow);
/** Files that the commands of the page name. */
const FILES = { "prompt.txt": "You are kind.\n", "clauses.txt": "Be kind.\nGive reasons.\n" };
const REJECTED = "00000000-0000-4000-8000-000000000001";

interface Row {
  what: string;
  command: string[];
  http: string[];
  sql: string;
}

Deno.test("docs/operations.md: what is looked at", () =>
  onPreparedStack(async (stack, folder) => {
    const pawl = operator({ PAWL_URL: stack.url, PAWL_KEY: stack.secretKey }, folder);
    assert.equal(LOOKS.length, 6);
    for (const { what, command, http: [rpc, parameters], sql } of LOOKS) {
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
  assert.equal(DECISIONS.length, 16);
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
    const [block, promotion] = blocks("sql");
    await stack.database.query(promotion);
    const [resume, record] = block.trim().split("\n");
    // deno-lint-ignore no-explicit-any -- what the function answers
    const answer: any = await valueOf(stack, resume);
    assert.equal(answer.action, "resume");
    const rows = await stack.database.query(record);
    assert.deepEqual([rows[0].action, rows[0].reason, rows[0].changed], [
      "resume",
      "it was something else",
      answer.changed,
    ]);
  }));

/** A version waits for approval, and another suggestion is there to be rejected. */
async function onPreparedStack(act: (stack: Stack, folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "pawl-operations-"));
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text);
  try {
    await onStack({}, async ({ stack }) => {
      const [{ id, slug, organization_id }] = await stack.database.query("select * from pawl.assistants");
      const assistant = { id, slug, organization: organization_id };
      await configure(stack, assistant, { approval_required: true });
      await converse(stack, assistant, 5);
      await reflect(stack, assistant);
      await configure(stack, assistant, { approval_required: false });
      await stack.database.query(
        `insert into pawl.suggestions (id, assistant_id, suggestion_type, priority, title, description)
         values ($1, $2, 'escalation', 'high', 'Look at this', 'Something is odd')`,
        [REJECTED, id],
      );
      await act(stack, folder);
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** With ids in place of what stands for them. */
function named({ command, http, sql, ...row }: Row, suggestion: string): Row {
  const id = sql.includes("reject") ? REJECTED : suggestion;
  const fill = (text: string) => text.replace(/\bID\b/u, id);
  return { ...row, command: command.map(fill), http: http.map(fill), sql: fill(sql) };
}

async function valueOf(stack: Stack, sql: string): Promise<unknown> {
  const [row] = await stack.database.query(sql);
  return Object.values(row)[0];
}

function tableBelow(heading: string): Row[] {
  const section = PAGE.split(`${heading}\n`)[1].split("\n## ")[0];
  return section.split("\n").filter((line) => /^\| .*`/u.test(line)).map((line) => {
    const [, what, command, http, sql] = line.split("|").map((cell) => cell.trim());
    const [words, inHttp, inSql] = [command, http, sql].map(codeOf);
    assert.ok(words[0].startsWith("pawl "), line);
    return { what, command: words[0].split(" ").slice(1), http: inHttp, sql: inSql[0] };
  });
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
