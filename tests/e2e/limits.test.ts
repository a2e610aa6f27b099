/** What people may use, what they used, and what it cost. */
import assert from "node:assert/strict";
import type { Stack } from "../../scripts/local/stack.ts";
import { asked, assertError, leavesNoTrace, onStack, type Person, post, signUp, systemOf } from "./scene.ts";
import { openStream } from "./streams.ts";

Deno.test("limits", (test) =>
  onStack({}, async ({ stack }) => {
    const [ada, ben] = await Promise.all([signUp(stack), signUp(stack)]);

    await test.step("are on for every new organisation [catches: opting in to protection]", async () => {
      await stack.database.exec("insert into pawl.organizations (slug, name) values ('new', 'New')");
      const [settings] = await stack.database.query(
        "select s.* from pawl.organization_settings s join pawl.organizations o on o.id = organization_id where slug = 'new'",
      );
      const { user_requests_per_minute, organization_requests_per_minute } = settings;
      assert.deepEqual([user_requests_per_minute, organization_requests_per_minute], [20, 600]);
      assert.deepEqual(
        [settings.user_tokens_per_day, settings.organization_tokens_per_day].map(Number),
        [500_000, 10_000_000],
      );
    });

    await test.step("a person past theirs is told when to come back, and nobody else is touched [catches: one bucket for all]", async () => {
      await limit(stack, { user_requests_per_minute: 3 });
      for (const _ of [1, 2, 3]) assert.equal((await ask(stack, ada)).status, 200);
      for (const stream of [false, true]) {
        const reply = await leavesNoTrace(stack, () => ask(stack, ada, { stream }));
        assertError(reply, 429, "rate_limited");
        const wait = Number(reply.headers.get("retry-after"));
        assert.ok(wait >= 1 && wait <= 60, `${wait} s`);
      }
      assert.equal((await ask(stack, ben)).status, 200);
      await stack.database.exec("update pawl.turn_attempts set begun_at = begun_at - interval '1 minute'");
      assert.equal((await ask(stack, ada)).status, 200);
    });

    await test.step("of many at once no more begin than may [catches: counting, then storing]", async () => {
      const eve = await signUp(stack);
      const replies = await Promise.all(Array.from({ length: 10 }, () => ask(stack, eve)));
      assert.deepEqual(replies.map(({ status }) => status).sort(), [...Array(3).fill(200), ...Array(7).fill(429)]);
    });

    await test.step("a budget of tokens lasts till midnight UTC", async () => {
      await limit(stack, { user_requests_per_minute: null, user_tokens_per_day: 1 });
      const reply = await leavesNoTrace(stack, () => ask(stack, ada));
      assertError(reply, 429, "token_budget_reached", /midnight UTC/);
      const left = (Math.ceil(Date.now() / 86_400_000) * 86_400_000 - Date.now()) / 1000;
      assert.ok(Math.abs(Number(reply.headers.get("retry-after")) - left) < 10);
      await limit(stack, { user_tokens_per_day: null });
      assert.equal((await ask(stack, ada)).status, 200);
    });

    await test.step("what was used is counted by day and model, with what it cost [catches: a bill nobody sees]", async () => {
      const cas = await signUp(stack);
      await stack.database.exec("truncate pawl.usage; truncate pawl.user_usage");
      await stack.database.exec(
        "insert into pawl.model_prices values ('simulated/claude-sonnet', 2, 10, 0.1, 2.5) on conflict do nothing",
      );
      const prompt = `${"Be thorough. ".repeat(600)}`;
      await stack.database.exec("update pawl.system_prompts set state = 'retired' where is_active");
      await stack.database.query(
        `insert into pawl.system_prompts (assistant_id, version, content, state)
         select assistant_id, 2, $1, 'active' from pawl.system_prompts where version = 1`,
        [prompt],
      );
      const first = (await ask(stack, cas)).body.usage;
      const stream = await openStream(stack, { message: "How do I true a wheel?" }, cas.credentials);
      const second = (await stream.rest()).at(-1)!.data.usage;
      assert.equal(systemOf((await asked(stack)).at(-1)), prompt);
      assert.ok(first.cache_creation_input_tokens > 1000 && first.cache_read_input_tokens === 0, JSON.stringify(first));
      assert.equal(
        second.cache_read_input_tokens,
        first.cache_creation_input_tokens,
        "the prompt was paid in full again",
      );

      const [row] = await stack.database.query(
        "select *, day = (now() at time zone 'utc')::date as today from pawl.daily_usage where purpose = 'chat'",
      );
      const sum = (name: string) => first[name] + second[name];
      const counted = ["input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"].map((name) =>
        Number(row[name])
      );
      assert.deepEqual(counted, [
        sum("input_tokens"),
        sum("output_tokens"),
        sum("cache_read_input_tokens"),
        sum("cache_creation_input_tokens"),
      ]);
      const [input, output, read, write] = counted;
      assert.equal(Number(row.cost_usd), (input * 2 + output * 10 + read * 0.1 + write * 2.5) / 1e6);
      assert.deepEqual([Number(row.calls), row.model, row.today], [2, "simulated/claude-sonnet-5-5", true]);
      const [{ tokens }] = await stack.database.query("select tokens from pawl.user_usage where user_id = $1", [
        cas.id,
      ]);
      assert.equal(Number(tokens), counted.reduce((all, one) => all + one));
    });
  }));

function ask(stack: Stack, { credentials }: Person, more: Record<string, unknown> = {}) {
  return post(stack, "chat-handler", { message: "How do I true a wheel?", ...more }, credentials);
}

async function limit(stack: Stack, limits: Record<string, number | null>): Promise<void> {
  const set = Object.entries(limits).map(([name, value]) => `${name} = ${value}`).join(", ");
  await stack.database.exec(`update pawl.organization_settings set ${set}`);
}
