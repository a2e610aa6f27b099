/** The built functions on the same database: fifty calls of reflection-loop at once. */
import assert from "node:assert/strict";
import { converse, makeAssistant } from "../e2e/assistants.ts";
import { controlOf } from "../e2e/doors.ts";
import { onStack, post, service, tasks } from "../e2e/scene.ts";
import type { Project } from "./ground.ts";
import { times } from "./places.ts";

const CALLS = 50;
/** As many as the stack has connections: the first claims all begin in the same moment. */
const CLAIMS = 10;

/** One call judges and has a version written; all the others are answered while the judge still thinks. */
export async function oneOfManyCallsJudges({ url, migrations, crowd }: Project): Promise<void> {
  await onStack({ storage: { databaseUrl: url }, migrationsFolder: migrations }, async ({ stack, lines }) => {
    const assistant = await makeAssistant(stack, { placebo_share: 0 });
    const messages = await converse(stack, assistant, 5);
    const model = controlOf(stack.model.url);
    await model.orders([{ fault: "hold", of: "structured" }]);
    let answered = 0;
    const call = async () => {
      const about = { assistant: assistant.slug, organization_id: assistant.organization, only: "reflection" };
      const { status, body } = await post(stack, "reflection-loop", about, service(stack));
      assert.equal(status, 200, JSON.stringify(body));
      if (++answered === CALLS - 1) assert.equal(await model.release(), 1, "judges held");
      return body.results;
    };
    const claiming = "lock table pawl.leases in access exclusive mode";
    const results = (await crowd.holding(claiming, CLAIMS, () => Promise.all(times(CALLS, call)))).flat();

    assert.equal((await tasks(stack, "evaluate")).length, 1, "times the judge was asked");
    assert.equal((await tasks(stack, "rewrite")).length, 1, "times the writer was asked");
    const judged = results.filter(({ skipped }) => !skipped).map(({ action }) => action);
    assert.deepEqual(judged, ["prompt_update"], lines.join("\n"));
    // Who finds that another has just been through says nothing of the assistant.
    const reasons = new Set(results.filter(({ skipped }) => skipped).map(({ reason }) => reason));
    assert.deepEqual([...reasons], ["in_progress"], lines.join("\n"));
    const stored = await stack.database.query(
      `select array_agg(e.message_id::text order by e.message_id::text) as judged
       from pawl.reflection_logs l join pawl.message_evaluations e on e.reflection_log_id = l.id
       where l.assistant_id = $1 group by l.id`,
      [assistant.id],
    );
    assert.deepEqual(
      stored.map(({ judged }) => judged),
      [messages.toSorted()],
      "one reflection, each answer judged once",
    );
    const states = await stack.database.query(
      "select version, state from pawl.system_prompts where assistant_id = $1 order by version",
      [assistant.id],
    );
    assert.deepEqual(states, [{ version: 1, state: "active" }, { version: 2, state: "screening" }]);
  });
}
