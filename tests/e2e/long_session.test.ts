/** A session of ten thousand turns costs no more than one of fifty. */
import assert from "node:assert/strict";
import { asked, forgetAsked, onStack, post, signUp } from "./scene.ts";

const TURNS = 10_000;
/** What pawl_begin_turn reads at the most, 50 turns with two messages each, and the few rows around them. */
const MAX_ROWS = 400;

Deno.test(`a session of ${TURNS} turns`, (test) =>
  onStack({}, async ({ stack }) => {
    const { credentials, client } = await signUp(stack);
    const ask = (session_id?: string) => post(stack, "chat-handler", { message: "And now?", session_id }, credentials);
    const { session_id } = (await ask()).body;
    await stack.database.query(
      `with numbered as (
         select n, gen_random_uuid() as question, gen_random_uuid() as answer from generate_series(1, ${TURNS}) n
       ), of_session as (select t.* from pawl.turns t where t.session_id = $1), said as (
         insert into pawl.messages (id, session_id, role, content, prompt_id, prompt_version)
         select u.id, $1, u.role, u.role || ' ' || n, o.prompt_id, 1
         from numbered, of_session o, lateral (values (question, 'user'), (answer, 'assistant')) u (id, role)
         order by n, u.role desc returning id
       )
       insert into pawl.turns (session_id, organization_id, user_id, prompt_id, user_message_id, answer_message_id,
                               status)
       select $1, o.organization_id, o.user_id, o.prompt_id, question, answer, 'completed'
       from numbered, of_session o order by n`,
      [session_id],
    );
    await stack.database.exec("analyze pawl.turns; analyze pawl.messages");

    await test.step("the model is sent a bounded request that ends with the newest turns [catches: the whole history]", async () => {
      await forgetAsked(stack);
      assert.equal((await ask(session_id)).status, 200);
      const [{ messages }] = await asked(stack);
      assert.ok(messages.length <= 101, `${messages.length} messages`);
      const newest = Array.from({ length: 10 }, (_, index) => TURNS - 9 + index);
      assert.deepEqual(
        messages.slice(-21).map(({ content }: { content: string }) => content),
        [...newest.flatMap((n) => [`user ${n}`, `assistant ${n}`]), "And now?"],
      );
      console.log(`  ${messages.length} messages, ${JSON.stringify(messages).length} bytes`);
    });

    await test.step("the database reads a bounded number of rows [catches: a lost index, a history counted in full]", async () => {
      const before = await rowsRead();
      assert.equal((await ask(session_id)).status, 200);
      const read = await rowsRead() - before;
      assert.ok(read > 0 && read <= MAX_ROWS, `${read} rows`);
      console.log(`  ${read} rows for a turn`);
    });

    await test.step("reading it takes a page at a time, all of it in the end [catches: a page of everything, gaps]", async () => {
      const before = await rowsRead();
      const first = await client.rpc("pawl_get_session", { p_session_id: session_id });
      assert.equal(first.data.messages.length, 100);
      const read = await rowsRead() - before;
      assert.ok(read > 0 && read <= MAX_ROWS, `${read} rows`);
      let seen = 0;
      let next: number | null | undefined;
      while (next !== null) {
        // deno-lint-ignore no-explicit-any -- the page it is
        const { data }: { data: any } = await client.rpc("pawl_get_session", {
          p_session_id: session_id,
          p_before_turn: next,
          p_limit: 200,
        });
        seen += data.messages.length;
        next = data.next;
      }
      assert.equal(seen, 2 * (TURNS + 3));
    });

    /** Of the tables that grow with a conversation, by index or not, since the server began. */
    async function rowsRead(): Promise<number> {
      await stack.database.exec("select pg_stat_force_next_flush()");
      const [{ rows }] = await stack.database.query(
        `select sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) as rows from pg_stat_user_tables
         where schemaname = 'pawl' and relname in ('turns', 'turn_attempts', 'messages', 'sessions')`,
      );
      return Number(rows);
    }
  }));
