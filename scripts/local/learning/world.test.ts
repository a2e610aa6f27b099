/** A day that passes, on a database of its own. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readOrganization } from "../report/read_learning.ts";
import { startStack } from "../stack.ts";
import { COMMUNITIES } from "./people.ts";
import { foundOrganization, HOURS_AGED, letADayPass, TIMES } from "./world.ts";

Deno.test("a day that passes", async (test) => {
  const functionsFolder = mkdtempSync(join(tmpdir(), "pawl-no-functions-"));
  const stack = await startStack({ functionsFolder, log: () => {} });
  const { database } = stack;
  try {
    const [, community] = COMMUNITIES;
    const organization = await foundOrganization(database, community);

    await test.step("an organisation is founded once, with an assistant that has a live prompt", async () => {
      assert.equal(await foundOrganization(database, community), organization);
      const prompts = await database.query(
        `select p.version, p.is_active, p.content from pawl.system_prompts p
         join pawl.assistants a on a.id = p.assistant_id order by a.organization_id = $1`,
        [organization],
      );
      assert.equal(prompts.length, 2);
      assert.deepEqual(prompts[0], prompts[1]);
    });

    await test.step("moves every time that learning knows [catches: a column that stays behind]", async () => {
      const tables = Object.keys(TIMES);
      const columns = await database.query(
        `select table_name as table, array_agg(column_name::text order by column_name::text) as names
         from information_schema.columns
         where table_schema = 'pawl' and data_type like 'timestamp%' and table_name = any ($1) group by 1`,
        [tables],
      );
      assert.deepEqual(
        Object.fromEntries(columns.map(({ table, names }) => [table, names])),
        Object.fromEntries(Object.entries(TIMES).map(([table, names]) => [table, names.toSorted()])),
      );
    });

    await test.step("and leaves what is written once as it is for everybody else", async () => {
      await database.query(
        `insert into pawl.learned_patterns (organization_id, assistant_id, pattern_type, question_type, dimension,
           value, instruction, prior_mean, prior_sd)
         select $1, id, 'response_format', 'database', 'format', 'table', 'Use tables.', 0.1, 0.1
         from pawl.assistants where organization_id = $1`,
        [organization],
      );
      await database.query(
        `insert into pawl.pattern_transitions (pattern_id, to_state, to_influence, confidence, reason)
         select id, 'candidate', 0, 0.6, 'It was found.' from pawl.learned_patterns`,
      );
      await letADayPass(database);
      const known = { ...community, id: organization, people: [1, 2] };
      const { patterns, people } = await readOrganization(database, known, 1);
      assert.equal(people, 2);
      const [{ evidence, life: [{ at, ...found }] }] = patterns;
      const hours = (Date.now() - Date.parse(at)) / 3_600_000;
      assert.ok(hours >= HOURS_AGED && hours < HOURS_AGED + 0.1, `${hours}`);
      assert.deepEqual(found, {
        run: null,
        from_state: null,
        to_state: "candidate",
        to_influence: 0,
        confidence: 0.6,
        reason: "It was found.",
      });
      assert.deepEqual([evidence.people, evidence.shown, evidence.mean_shown], [0, 0, null]);
      await assert.rejects(database.query("update pawl.pattern_transitions set reason = 'x'"), /never rewritten/u);
    });
  } finally {
    await stack.stop();
    rmSync(functionsFolder, { recursive: true });
  }
});
