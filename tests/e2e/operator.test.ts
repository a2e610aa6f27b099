/** scripts/pawl, the operators' command, through a day on the whole stack. */
import assert from "node:assert/strict";
import type { Piece } from "../../scripts/operator/difference.ts";
import type { Stack } from "../../scripts/local/stack.ts";
import {
  type Assistant,
  chat,
  configure,
  converse,
  join,
  liveVersion,
  makeAssistant,
  makeOrganization,
  makePattern,
  reflect,
  versionsOf,
} from "./assistants.ts";
import { operator } from "./operating.ts";
import { leavesNoTrace, onStack, service } from "./scene.ts";

Deno.test("an operator's day", (test) =>
  onStack({}, async ({ stack }) => {
    const pawl = operator({ PAWL_URL: stack.url, PAWL_KEY: stack.secretKey });
    const assistant = await theDefault(stack);
    await configure(stack, assistant, { cooldown_hours: 0 });

    await test.step("a fresh stack: one version, nothing judged, nothing held [catches: a page that needs data]", async () => {
      const page = await pawl.done("status");
      assert.match(page, /^default {2}Default assistant · organisation default\n {2}live +version 1, by a person/u);
      assert.match(page, /score +none: no answer of this version/u);
      assert.match(page, /updates +may go on, 0 of 3 in 24 h/u);
      assert.match(page, /approval +off/u);
      assert.match(page, /waiting +no answer waits/u);
      assert.match(page, /reflection +none yet\n {2}suggestions +none\n$/u);
      assert.doesNotMatch(page, /→|owed/u);
      assert.equal(await pawl.done("logs"), "Nothing has happened.\n");
      assert.equal(await pawl.done("suggestions"), "No suggestion waits for you.\n");
      const nothing = "No learning run has come to its end yet.\n\nNo pattern has been found yet.\n";
      assert.equal(await pawl.done("patterns"), nothing);
      assert.equal(await pawl.done("models"), "No model has been tuned yet.\n");
      assert.match(await pawl.done("drift"), /^Nothing was measured yet/u);
      assert.equal(await pawl.done("runs"), "No call of a function is on record.\n");
      assert.match(await pawl.done("analyze"), /^No feedback was collected from /u);
      const { code, stderr } = await pawl("diff");
      assert.equal(code, 1);
      assert.match(stderr, /Version 1 is the first one/u);
    });

    await test.step("what the loop writes waits for a person [catches: a status that hides what waits]", async () => {
      const page = await pawl.done("approval", "on", "--reason", "we are in an audit");
      assert.match(
        page,
        /^Done: require approval · assistant default\n {2}changed +approval required no → yes\n {2}record +#1\n/u,
      );
      assert.match(page, /undo +→ \S*pawl approval off\n$/u);
      await converse(stack, assistant, 5);
      assert.match(await pawl.done("status"), /waiting +5 answers from 5 conversations, enough to judge\n/u);
      assert.equal((await reflect(stack, assistant)).action, "prompt_update");
      const status = await pawl.done("status");
      assert.match(status, /updates +held: a version is in test\n/u);
      assert.match(status, /in test +version 2: screening; in test since \S+ \S+ \(just now\)\n +→ \S*pawl queue\n/u);
      assert.match(status, /approval +on/u);
      assert.match(status, /version 1 scored 1\.60 over 5 answers: version 2 was\s+written, and has to prove itself/u);
      assert.match(status, /suggestions +1 waits for you\n +→ \S*pawl suggestions\n$/u);
    });

    const pattern = await makePattern(stack, assistant);

    await test.step("--json is the server's answer to the letter [catches: an answer made over]", async () => {
      const rpcs = {
        status: "pawl_status",
        versions: "pawl_list_versions",
        show: "pawl_get_version",
        suggestions: "pawl_list_suggestions",
        queue: "pawl_list_queue",
        receipts: "pawl_list_receipts",
        patterns: "pawl_list_patterns",
        models: "pawl_list_models",
        drift: "pawl_list_drift",
        runs: "pawl_list_runs",
        logs: "pawl_list_events",
      };
      for (const [command, rpc] of Object.entries(rpcs)) {
        assert.equal(await pawl.done(command, "--json"), `${await textOf(stack, rpc)}\n`, command);
      }
    });

    const [, second] = await versionsOf(stack, assistant);

    await test.step("the list says what to type next, and it works [catches: a hint that is wrong]", async () => {
      const page = await pawl.done("suggestions");
      const commands = [...page.matchAll(/→ \S*pawl (.*)$/gmu)].map((match) => match[1].split(" "));
      const id = /^[\da-f]{8}/u.exec(page)![0];
      assert.deepEqual(commands, [["diff", "1", "2"], ["approve", id], ["reject", id]]);
      assert.match(page, /version 2 in place of 1, which scored 1\.60/u);
      const [first] = await versionsOf(stack, assistant);
      const diff = await pawl.done(...commands[0]);
      const added = [...diff.matchAll(/^\+ (.*(?:\n {2}.*)*)$/gmu)].map((match) => match[1].replace(/\n {2}/gu, " "));
      assert.ok(added.length > 0 && !/^- /mu.test(diff), diff);
      assert.deepEqual(added, second.content.slice(first.content.length).trim().split("\n"));
      assert.match(diff, /^version 1 \(live\) → version 2 \(screening\) /u);
      const queue = await pawl.done("queue");
      assert.match(queue, /^version 2 · in place of version 1\n/u);
      for (const sentence of added) assert.ok(queue.replace(/\s+/gu, " ").includes(`+ ${sentence}`), queue);
      assert.match(queue, /approval +wanted[^]*→ \S*pawl approve 2\n[^]*Placebos: none yet\.\n$/u);
      const { json } = await pawl("diff", "1", "2", "--json");
      assert.deepEqual([json.from.version, json.to.version], [1, 2]);
      const kinds: Piece[] = json.difference;
      assert.deepEqual(kinds.filter((one) => one.kind === "added").flatMap((one) => one.sentences), added);
      const approved = await pawl.done(...commands[1], "--reason", "reads well");
      assert.match(approved, /changed +approved no → yes\n +status pending → approved\n/u);
      assert.match(
        approved,
        /undo +→ \S*pawl reject 2\n +Version 2 goes live when it has proved itself: see queue\.\n/u,
      );
      assert.equal(await liveVersion(stack, assistant), 1);
      const { code, stderr } = await leavesNoTrace(stack, () => pawl("activate", "2"));
      assert.equal(code, 1);
      assert.match(stderr, /not_proved/u);
      assert.equal((await pawl("force", "2")).code, 2);
      const forced = await pawl.done("force", "2", "--reason", "cannot wait");
      assert.match(forced, /changed +.*live version 1 → 2/su);
      assert.match(forced, /undo +→ \S*pawl activate 1\n +It has not proved itself, and the record says so\.\n/u);
      assert.match(await pawl.done("queue"), /^No version is in test, and none waits\.\n/u);
      assert.equal(await pawl.done("receipts"), "Nothing has been decided by proof yet.\n");
      assert.equal(await liveVersion(stack, assistant), 2);
      assert.equal(await servedBy(stack, assistant), 2);
    });

    await test.step("taken back, and once more for nothing [catches: a change that did not happen, told as one]", async () => {
      const page = await pawl.done("rollback", "--reason", "too chatty");
      assert.match(
        page,
        /^Done: rollback · assistant default\n {2}changed +live version 2 → 1\n {2}record +#\d+\n {2}undo +→ \S*pawl activate 2\n$/u,
      );
      assert.equal(await servedBy(stack, assistant), 1);
      const again = await pawl.done("activate", "1");
      assert.equal(again, "Nothing had to change: it was so already.\n");
      const { code, stderr } = await pawl("rollback");
      assert.equal(code, 1);
      assert.match(stderr, /took over from.*\(no_earlier_version, request [\da-f-]{36}\)/u);
    });

    await test.step("paused for two hours, until a day, resumed [catches: a span misread, a zone lost]", async () => {
      const before = Date.now();
      const { json } = await pawl("pause", "--for", "2h", "--json");
      const until = new Date(json.changed.paused_until.to).getTime() - 2 * 3_600_000;
      assert.ok(until >= before && until <= Date.now(), JSON.stringify(json));
      assert.match(
        await pawl.done("status"),
        /updates +held: paused until .* \(for (2 h|1 h 59 min)\)\n +→ \S*pawl resume\n/u,
      );
      const east = operator({ PAWL_URL: stack.url, PAWL_KEY: stack.secretKey, TZ: "Asia/Tokyo" });
      const zoned = await east("pause", "--until", "2040-01-31 18:00", "--json");
      assert.equal(new Date(zoned.json.changed.paused_until.to).toISOString(), "2040-01-31T09:00:00.000Z");
      assert.match(await east.done("status"), /paused until 2040-01-31 18:00/u);
      const resumed = await pawl.done("resume");
      const undo = /undo +→ \S*pawl (.*)\n$/u.exec(resumed)![1].split(" ");
      assert.match(await pawl.done(...undo), /paused until none → 2040-01-31 09:00/u);
      await pawl.done("resume");
      const past = await pawl("pause", "--until", "2020-01-01");
      assert.equal(past.code, 1);
      assert.match(past.stderr, /must be in the future/u);
    });

    await test.step("each decision leaves one row in the record, with its reason [catches: a second write, a lost reason]", async () => {
      const decisions: [string, string[], string?][] = [
        ["write", ["write", "-"], "You are the assistant of a garden shop. Give reasons.\n\n"],
        ["write", ["write", "-", "--activate", "--yes"], "You are the assistant of a garden shop. Be kind."],
        ["activate", ["activate", "3"]],
        ["revert_pattern", ["revert-pattern", pattern]],
        ["rollback", ["rollback", "2"]],
        ["lock", ["lock"]],
        ["unlock", ["unlock", "2"]],
        ["protect", ["protect", "-"], "Be kind.\n\n  Give reasons. \n"],
        ["protect", ["protect", "--clear"]],
        ["waive_approval", ["approval", "off"]],
        ["pause", ["pause"]],
        ["resume", ["resume"]],
      ];
      const known = (await recordOf(stack)).length;
      for (const [index, [action, args, input]] of decisions.entries()) {
        const reason = `because of ${index}`;
        const { code, stderr, json } = await pawl.reading(input ?? "", ...args, "--reason", reason, "--json");
        assert.equal(code, 0, stderr);
        const rows = (await recordOf(stack)).slice(known);
        assert.equal(rows.length, index + 1, args.join(" "));
        assert.deepEqual([rows.at(-1)!.action, rows.at(-1)!.reason, rows.at(-1)!.actor], [action, reason, "service"]);
        assert.equal(rows.at(-1)!.id, json.audit_id);
        assert.deepEqual(rows.at(-1)!.detail.changed, json.changed);
      }
      const versions = await versionsOf(stack, assistant);
      assert.equal(versions[2].content, "You are the assistant of a garden shop. Give reasons.");
      const protect = (await recordOf(stack)).findLast((row) => row.reason === "because of 7")!;
      assert.deepEqual(protect.detail.changed.protected_clauses.to, ["Be kind.", "Give reasons."]);
    });

    await test.step("logs tell it all, newest first [catches: an actor or a reason left out]", async () => {
      const lines = (await pawl.done("logs", "--limit", "100")).split("\n");
      const actions = lines.map((line) => /^\S+ \S+ +(?:#\d+ +)?(\w+)/u.exec(line)?.[1]).filter(Boolean);
      assert.deepEqual(actions.slice(0, 3), ["resume", "pause", "waive"]);
      assert.equal(actions.at(-1), "require");
      assert.ok(actions.includes("reflection") && actions.includes("submit"), actions.join());
      const page = lines.join("\n");
      assert.match(page, /rollback +live version 2 → 1, by the secret key\n +“too chatty”/u);
      assert.match(page, /submit +version 2 has to prove itself, by the loop/u);
      assert.match(
        page,
        /force +version 2 live without proof, [^#]*live version 1 → 2, by the secret key\n +“cannot wait”/u,
      );
      assert.equal((await pawl("logs", "--limit", "2", "--json")).json.events.length, 2);
      assert.equal((await pawl("logs", "--since", "2040-01-01", "--json")).json.events.length, 0);
      assert.equal((await pawl("logs", "--since", "7d", "--json")).json.events.length, actions.length);
    });

    await test.step("a long record is read to its end, also where many share a moment [catches: what falls between two pages]", async () => {
      const known = (await pawl("logs", "--limit", "1000", "--json")).json.events.length;
      await stack.database.exec(`
        insert into pawl.audit_log (at, organization_id, assistant_id, actor, action, reason)
        select now() - interval '1 hour' + (n / 7) * interval '1 second', a.organization_id, a.id, 'operator', 'lock', 'row ' || n
        from generate_series(1, 250) n, pawl.assistants a`);
      const { json } = await pawl("logs", "--limit", "1000", "--json");
      // deno-lint-ignore no-explicit-any -- as --json has it
      const ids = json.events.filter((one: any) => one.kind === "change").map((one: any) => one.audit_id);
      assert.equal(json.events.length, known + 250);
      assert.equal(new Set(ids).size, ids.length);
      assert.equal((await pawl("logs", "--limit", "150", "--json")).json.events.length, 150);
    });

    await test.step("texts cannot steer the terminal [catches: an escape sequence in a prompt or a reason]", async () => {
      const evil = "\u001b[2J\u001b]0;owned\u0007 \u202eteg";
      await pawl.reading(`Be kind. ${evil}`, "write", "-", "--reason", `reason ${evil}`);
      // Every run is looked at for escapes by operator(); these show the texts.
      assert.match(await pawl.done("versions"), /reason \ufffd\[2J/u);
      assert.match(await pawl.done("logs"), /reason \ufffd\[2J/u);
      assert.match(await pawl.done("diff", "live", "5"), /^\+ \ufffd\[2J/mu);
    });

    await test.step("an owed update and a finding that people approve [catches: an approval told as done]", async () => {
      const other = await makeAssistant(stack, {
        auto_update_threshold: 1,
        suggestion_threshold: 5,
        acceptable_threshold: 5,
        cooldown_hours: 0,
      });
      await converse(stack, other, 5);
      const { suggestion_id } = await reflect(stack, other, { force: true });
      // Found by the beginning of its id, whichever assistant it is about.
      const page = await pawl.done("approve", suggestion_id.slice(0, 8));
      assert.match(page, /changed +status pending → approved\n/u);
      assert.match(page, new RegExp(`undo +→ \\S*pawl reject ${suggestion_id}\n`, "u"));
      assert.match(page, /The loop writes a version at the next reflection\./u);
      const status = await pawl.done("status", "--assistant", other.slug);
      assert.match(status, new RegExp(`^${other.slug} `, "u"));
      assert.match(status, /owed +a better prompt: the next reflection writes it/u);
      assert.match(await pawl.done("suggestions", "--all", "--assistant", other.slug), /· approved ·/u);
      await pawl.done("reject", suggestion_id);
      assert.doesNotMatch(await pawl.done("status", "--assistant", other.slug), /owed/u);
      const strange = await leavesNoTrace(stack, () => pawl("approve", "00000000"));
      assert.equal(strange.code, 1);
      assert.match(strange.stderr, /No suggestion's id begins with '00000000'/u);
    });

    await test.step("two ids that begin alike are told apart [catches: the wrong one approved]", async () => {
      const other = await makeAssistant(stack);
      const ids = ["aaaaaaaa-bbbb-4000-8000-000000000001", "aaaaaaaa-bbbb-4000-8000-000000000002"];
      for (const id of ids) {
        await stack.database.query(
          `insert into pawl.suggestions (id, assistant_id, suggestion_type, priority, title, description)
           values ($1, $2, 'escalation', 'high', 'Look at this', 'Something is odd')`,
          [id, other.id],
        );
      }
      const { code, stderr } = await leavesNoTrace(stack, () => pawl("reject", "aaaaaaaa"));
      assert.equal(code, 1);
      for (const id of ids) assert.ok(stderr.includes(id), stderr);
      const [first] = await pawl.done("suggestions", "--assistant", other.slug).then((page) =>
        page.match(/reject \S+/gu)!
      );
      assert.ok(first.length > "reject aaaaaaaa".length, first);
      await pawl.done("reject", ids[1].toUpperCase(), "--assistant", other.slug);
      const rows = await stack.database.query(
        "select id, status from pawl.suggestions where id = any ($1) order by id",
        [ids],
      );
      assert.deepEqual(rows.map(({ status }) => status), ["pending", "rejected"]);
    });

    await test.step("what was learned is looked at, and taken back as the list says [catches: another's pattern, a run's words lost]", async () => {
      const [other, third] = [await makeAssistant(stack), await makeAssistant(stack)];
      const evil = "Answer with a list. \u001b[2J";
      const ids = ["aaaaaaaa-cccc-4000-8000-000000000001", "aaaaaaaa-cccc-4000-8000-000000000002"];
      await makePattern(stack, other, { id: ids[0], question_type: "how_to", value: "list", instruction: evil });
      await makePattern(stack, third, { id: ids[1] });
      await learnt(stack, other, "7 people, 60 settled answers in 90 days. 1 active, 0 on trial, 0 to try next.");
      const page = await pawl.done("patterns", "--assistant", other.slug);
      assert.match(page, /^Last learning run: \S+ \S+ \(just now\)\n {2}7 people, 60 settled answers/u);
      assert.match(
        page,
        /\naaaaaaaa {2}active · influence 93 % · confidence 99\.7 % · how_to questions · format list\n/u,
      );
      assert.match(page, /\n {2}Answer with a list\. \ufffd\[2J\n {2}Tried; no answer has been counted yet\.\n/u);
      assert.equal(
        (await pawl("patterns", "--assistant", other.slug, "--state", "trial", "--json")).json.patterns.length,
        0,
      );

      const alike = await leavesNoTrace(stack, () => pawl("revert-pattern", "AAAAAAAA"));
      assert.equal(alike.code, 1);
      for (const id of ids) assert.ok(alike.stderr.includes(id), alike.stderr);
      const hint = /→ \S*pawl (revert-pattern .*)\n$/u.exec(page)![1].split(" ");
      const done = await pawl.done(...hint, "--reason", "too many lists");
      assert.match(done, /^Done: revert pattern · assistant \S+\n {2}changed +influence 93 % → 0 %\n/u);
      assert.match(done, /\n +state active → reverted\n {2}record +#\d+\n {2}No answer is shown it from now on\./u);
      const states = await stack.database.query(
        "select state from pawl.learned_patterns where id = any ($1) order by id",
        [ids],
      );
      assert.deepEqual(states.map(({ state }) => state), ["reverted", "active"]);
      assert.match(
        await pawl.done("patterns", "--assistant", other.slug),
        /Taken back by a person: too many lists\n$/u,
      );
      const again = await pawl.done("revert-pattern", ids[0]);
      assert.equal(again, "Nothing had to change: it was so already.\n");

      await stack.database.query(
        `insert into pawl.learned_patterns (
           organization_id, assistant_id, pattern_type, question_type, dimension, value, instruction, state, prior_mean,
           prior_sd, created_at)
         select $2, $1, 'response_format', 'q' || n, 'format', 'list', 'Answer with a list.', 'pruned', 0, 1,
                now() - interval '1 hour' + (n / 7) * interval '1 second' from generate_series(1, 250) n`,
        [other.id, other.organization],
      );
      const { json } = await pawl("patterns", "--assistant", other.slug, "--limit", "1000", "--json");
      // deno-lint-ignore no-explicit-any -- as --json has it
      assert.equal(new Set(json.patterns.map((one: any) => one.pattern_id)).size, 251);
      assert.deepEqual([json.patterns.length, json.last_run.people], [251, 7]);
      const strange = await leavesNoTrace(stack, () => pawl("revert-pattern", "00000000"));
      assert.match(strange.stderr, /No pattern's id begins with '00000000'/u);
    });

    await test.step("several assistants and organisations are told apart [catches: a decision about another's]", async () => {
      const organization = await makeOrganization(stack, "second");
      const there = await makeAssistant(stack, {}, { slug: "sql-helper", organization });
      for (const args of [["versions"], ["pause"], ["rollback"]]) {
        const { code, stderr } = await leavesNoTrace(stack, () => pawl(...args));
        assert.equal(code, 1);
        assert.ok(
          stderr.includes(`second  ${organization}`) && stderr.includes(`default  ${assistant.organization}`),
          stderr,
        );
      }
      const told = JSON.parse((await pawl("versions", "--json")).stderr);
      assert.equal(told.code, "organization_required");
      assert.deepEqual(told.organizations.at(-1), { slug: "second", id: organization });
      const page = await pawl.done("pause", "--organization", "second");
      assert.match(page, /undo +→ \S*pawl resume --organization second\n/u);
      const [{ paused }] = await stack.database.query(
        "select updates_paused as paused from pawl.loop_settings where assistant_id = $1",
        [there.id],
      );
      assert.equal(paused, true);
      assert.match(await pawl.done("status"), /→ \S*pawl resume --assistant sql-helper --organization second\n/u);
      const nobody = await pawl("versions", "--organization", "third");
      assert.match(nobody.stderr, /no organisation 'third'[\s\S]*second/u);
      const unknown = await pawl("versions", "--organization", organization, "--assistant", "sql");
      assert.match(unknown.stderr, /no assistant of this name[\s\S]*sql-helper/u);
    });
  }));

async function theDefault(stack: Stack): Promise<Assistant> {
  const [{ id, slug, organization_id }] = await stack.database.query("select * from pawl.assistants");
  return { id, slug, organization: organization_id };
}

/** A learning run that came to its end just now. */
async function learnt(stack: Stack, { id, organization }: Assistant, message: string): Promise<void> {
  await stack.database.query(
    `insert into pawl.learning_runs (organization_id, assistant_id, finished_at, people, answers, message)
     values ($1, $2, now(), 7, 60, $3)`,
    [organization, id, message],
  );
}

async function textOf(stack: Stack, rpc: string): Promise<string> {
  const headers = { ...service(stack), "content-type": "application/json" };
  return await (await fetch(`${stack.url}/rest/v1/rpc/${rpc}`, { method: "POST", headers, body: "{}" })).text();
}

async function servedBy(stack: Stack, assistant: Assistant): Promise<number> {
  const user = crypto.randomUUID();
  await join(stack, assistant.organization, user);
  const reply = await chat(stack, assistant, "How do I repot an orchid?", user);
  return reply.body.prompt_version;
}

// deno-lint-ignore no-explicit-any -- rows of pawl.audit_log
async function recordOf(stack: Stack): Promise<any[]> {
  return await stack.database.query("select * from pawl.audit_log order by id");
}
