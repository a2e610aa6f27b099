/** Days that pass, and what is read of tests, on a database of its own. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readProof } from "../report/read_proof.ts";
import { startStack } from "../stack.ts";
import { configure, foundWorkshop, letDaysPass, repeatConversations, TIMES } from "./world.ts";

Deno.test("tests in the demo's database", async (test) => {
  const functionsFolder = mkdtempSync(join(tmpdir(), "pawl-no-functions-"));
  const stack = await startStack({ functionsFolder, log: () => {} });
  const { database } = stack;
  try {
    const organization = await foundWorkshop(database, { proof_pairs: 200, placebo_share: 0 });
    const [{ id: assistant }] = await database.query("select id from pawl.assistants where organization_id = $1", [
      organization,
    ]);

    await test.step("the workshop is founded once, with a live prompt, a rubric and its settings", async () => {
      assert.equal(await foundWorkshop(database, { proof_pairs: 200 }), organization);
      const [counted] = await database.query(
        `select (select count(*)::integer from pawl.system_prompts where assistant_id = $1 and is_active) as live,
           (select count(*)::integer from pawl.rubrics where assistant_id = $1 and is_active) as rubrics`,
        [assistant],
      );
      assert.deepEqual(counted, { live: 1, rubrics: 1 });
      await configure(database, organization, { proof_method: "canary", canary_share: 0.5 });
      const settings = await database.query(
        "select proof_pairs, proof_method from pawl.loop_settings order by assistant_id = $1",
        [assistant],
      );
      assert.deepEqual(settings, [{ proof_pairs: 1000, proof_method: "auto" }, {
        proof_pairs: 200,
        proof_method: "canary",
      }]);
    });

    await test.step("every time of a conversation and of a test is moved [catches: a column that stays behind]", async () => {
      const columns = await database.query(
        `select table_name as table, array_agg(column_name::text order by column_name::text) as names
         from information_schema.columns
         where table_schema = 'pawl' and data_type like 'timestamp%' and table_name = any ($1) group by 1`,
        [Object.keys(TIMES)],
      );
      assert.deepEqual(
        Object.fromEntries(columns.map(({ table, names }) => [table, names])),
        Object.fromEntries(Object.entries(TIMES).map(([table, { columns }]) => [table, columns.toSorted()])),
      );
    });

    await test.step("days pass for one organisation, and only for what is still in test", async () => {
      const user = crypto.randomUUID();
      await database.query("insert into pawl.users (id) values ($1)", [user]);
      await database.query(
        `insert into pawl.sessions (organization_id, assistant_id, user_id)
         select organization_id, id, $1 from pawl.assistants`,
        [user],
      );
      const [candidate] = await writeDraft(stack, assistant, 2);
      await beginTest(stack, candidate, "rejected");
      await beginTest(stack, candidate, "screening");
      await database.query(
        `insert into pawl.canary_units (test_id, user_id, session_id, candidate, propensity, person)
         select t.id, $1, null, true, 0.5, 1 from pawl.prompt_tests t where t.state = 'screening'`,
        [user],
      );
      await letDaysPass(database, organization, 8);
      const days = async (sql: string) => {
        const rows = await database.query(
          `select round(extract(epoch from now() - at) / 86400)::integer as d from (${sql}) t`,
        );
        return rows.map(({ d }) => d);
      };
      assert.deepEqual(
        await days(
          "select s.created_at as at from pawl.sessions s join pawl.organizations o on o.id = s.organization_id order by o.slug",
        ),
        [0, 8],
      );
      assert.deepEqual(await days("select created_at as at from pawl.prompt_tests order by state"), [0, 8]);
      assert.deepEqual(await days("select assigned_at as at from pawl.canary_units"), [8]);
    });

    await test.step("conversations are repeated as they were, one organisation's alone [catches: an answer to another's question]", async () => {
      await holdConversation(stack, organization);
      const count = async (table: string, where: string) =>
        (await database.query(`select count(*)::integer as n from pawl.${table} where ${where}`))[0].n;
      const others = await count("sessions", `organization_id <> '${organization}'`);
      const own = await count("sessions", `organization_id = '${organization}'`);
      await repeatConversations(database, organization, 2);
      assert.equal(await count("sessions", `organization_id <> '${organization}'`), others);
      assert.equal(await count("sessions", `organization_id = '${organization}'`), 3 * own);
      const turns = await database.query(
        `select q.content as question, a.content as answer, q.seq < a.seq as in_order, t.status, e.question_type
         from pawl.turns t join pawl.messages q on q.id = t.user_message_id and q.session_id = t.session_id
         join pawl.messages a on a.id = t.answer_message_id and a.session_id = t.session_id
         join pawl.exchanges e on e.message_id = a.id and e.session_id = t.session_id order by t.seq`,
      );
      const two = ["1", "2"].map((n) => ({ question: `Why ${n}?`, answer: `So ${n}.` }))
        .map((turn) => ({ ...turn, in_order: true, status: "completed", question_type: "explanation" }));
      assert.deepEqual(turns.toSorted((one, other) => one.question.localeCompare(other.question)), [
        ...[two[0], two[0], two[0]],
        ...[two[1], two[1], two[1]],
      ]);
      assert.equal(await count("messages", "true"), 12);
    });

    await test.step("receipts and closed tests are read, oldest first, each receipt verified", async () => {
      const asked: unknown[] = [];
      const server = Deno.serve({ port: 0, onListen: () => {} }, async (request) => {
        asked.push(await request.json());
        return Response.json({ matches: asked.length === 1, differences: asked.length === 1 ? [] : ["at: 3, 4"] });
      });
      const ids = ["00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"];
      for (const [index, id] of ids.entries()) await writeReceipt(stack, assistant, id, index + 1);
      await database.query(
        "update pawl.prompt_tests set state = 'closed', reason = 'forced', decided_at = now() where state = 'screening'",
      );
      try {
        const elsewhere = { ...stack, url: `http://localhost:${server.addr.port}` };
        const read = await readProof(elsewhere, { organization, assistant: "default", name: "It" });
        assert.deepEqual(asked, ids.map((receipt_id) => ({ action: "verify_receipt", receipt_id })));
        const told = read.tests.map((
          { verdict, version, reason, stage, receipt },
        ) => [verdict, version, reason, stage, receipt?.verified]);
        assert.deepEqual(told, [
          ["rejected", 2, "not_more_wins", "screening", true],
          ["rejected", 2, "not_more_wins", "screening", false],
          ["closed", 2, "forced", "screening", undefined],
        ]);
        const [{ curve, wins, losses, level, words, receipt, change_reason }, other] = read.tests;
        assert.equal(change_reason, "Shallow.");
        assert.deepEqual(curve, { kind: "wins", values: [1, 0, -1], threshold: 0 });
        assert.deepEqual([wins, losses, level, words, receipt!.differences], [1, 2, null, "Lost.", []]);
        assert.deepEqual(other.receipt!.differences, ["at: 3, 4"]);
        assert.equal(read.budget.on, true);
        assert.equal(read.placebos.tests, 0);
      } finally {
        await server.shutdown();
      }
    });
  } finally {
    await stack.stop();
    rmSync(functionsFolder, { recursive: true });
  }
});

type Stored = Pick<Awaited<ReturnType<typeof startStack>>, "database">;

/** Two turns in one session of somebody's. */
async function holdConversation({ database }: Stored, organization: string): Promise<void> {
  const [{ id: session }] = await database.query(
    `insert into pawl.sessions (organization_id, assistant_id, user_id)
     select organization_id, id, (select id from pawl.users limit 1) from pawl.assistants where organization_id = $1
     returning id`,
    [organization],
  );
  for (const n of [1, 2]) {
    await database.query(
      `with said as (
         insert into pawl.messages (id, session_id, role, content)
         values ($2, $1, 'user', 'Why ' || $4 || '?'), ($3, $1, 'assistant', 'So ' || $4 || '.')
       ), turn as (
         insert into pawl.turns (session_id, organization_id, user_id, prompt_id, user_message_id, answer_message_id, status)
         select s.id, s.organization_id, s.user_id, p.id, $2, $3, 'completed' from pawl.sessions s
         join pawl.system_prompts p on p.assistant_id = s.assistant_id and p.is_active where s.id = $1
       )
       insert into pawl.exchanges (message_id, organization_id, assistant_id, session_id, user_id, prompt_id,
         prompt_version, model, question_type)
       select $3, s.organization_id, s.assistant_id, s.id, s.user_id, p.id, p.version, 'simulated/model', 'explanation'
       from pawl.sessions s join pawl.system_prompts p on p.assistant_id = s.assistant_id and p.is_active
       where s.id = $1`,
      [session, crypto.randomUUID(), crypto.randomUUID(), `${n}`],
    );
  }
}

async function writeDraft({ database }: Stored, assistant: string, version: number): Promise<string[]> {
  const rows = await database.query(
    `insert into pawl.system_prompts (assistant_id, version, content, created_by, change_reason)
     values ($1, $2, 'Answer well.', 'human', 'Shallow.') returning id`,
    [assistant, version],
  );
  return rows.map(({ id }) => id);
}

async function beginTest({ database }: Stored, candidate: string, state: string): Promise<void> {
  await database.query(
    `insert into pawl.prompt_tests (organization_id, assistant_id, candidate_id, baseline_id, state, judge_model,
       rubric_id, chat_model, settings, decided_at)
     select a.organization_id, a.id, c.id, b.id, $2, 'judge', r.id, 'chat', '{}', case when $2 = 'rejected' then now() end
     from pawl.system_prompts c join pawl.assistants a on a.id = c.assistant_id
     join pawl.system_prompts b on b.assistant_id = a.id and b.is_active
     join pawl.rubrics r on r.assistant_id = a.id and r.is_active where c.id = $1`,
    [candidate, state],
  );
}

/** A rejection at screening: won, lost, lost. */
async function writeReceipt({ database }: Stored, assistant: string, id: string, hour: number): Promise<void> {
  const observations: string[] = [];
  for (const d of [1, -1, -1]) {
    const [row] = await database.query(
      `insert into pawl.proof_observations (about_id, kind, stage, data)
       values ($1, 'pair', 'screening', $2::jsonb) returning id`,
      [id, JSON.stringify({ d, first: d, second: d, longer: 0, question_type: "other" })],
    );
    observations.push(row.id);
  }
  const named = (version: number) => ({ version, sha256: "0".repeat(64) });
  const document = {
    ...{ candidate: named(2), baseline: named(1), placebo: false, method: null, level: null },
    case: { kind: "screening", level: null },
    ruling: {
      decision: "reject",
      reason: "not_more_wins",
      log_e: 0,
      at: 3,
      n: 3,
      wins: 1,
      losses: 2,
      ties: 0,
      words: "Lost.",
    },
  };
  await database.query(
    `insert into pawl.promotion_receipts (id, at, organization_id, assistant_id, decision, reason, document,
       observation_ids, observations_digest)
     select $1, now() - (3 - $2::integer) * interval '1 hour', organization_id, id, 'reject', 'not_more_wins', $4::jsonb,
       $5::uuid[], '\\x00'
     from pawl.assistants where id = $3`,
    [id, hour, assistant, JSON.stringify(document), `{${observations.join(",")}}`],
  );
}
