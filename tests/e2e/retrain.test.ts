/**
 * From feedback to a model: what people liked becomes a dataset, a trainer makes a model of it, and that model serves when
 * it has proved itself, and no longer than it is liked and answers.
 */
import assert from "node:assert/strict";
import { chat, liveVersion } from "./assistants.ts";
import {
  escalationsOf,
  GOOD,
  hold,
  memberOf,
  prove,
  proveThrough,
  receiptsOf,
  statesOf,
  testOf,
  verify,
} from "./promotion_ground.ts";
import {
  ask,
  FEW,
  makes,
  modelsOf,
  onSchool,
  retrain,
  settle,
  shownModels,
  SMALL,
  stored,
  teach,
  train,
} from "./retrain_ground.ts";
import { asked, forgetAsked, post, service } from "./scene.ts";

/** 1,500 exchanges; people liked nine of ten, and lately half. */
const DRIFTED = { before: 1_200, lately: 300, upBefore: 0.92, upLately: 0.5 };

Deno.test("1,500 exchanges with feedback become a model that serves", (test) =>
  onSchool({}, async (school) => {
    const { stack, trainer, provider } = school;
    const assistant = await teach(stack, DRIFTED);
    const liked = Math.round(1_200 * 0.92 + 300 * 0.5);

    await test.step("not with too few, nor without a drift, and it is said why [catches: a training for every wish]", async () => {
      const few = await teach(stack, { before: 440, lately: 100, upBefore: 0.9, upLately: 0.16 });
      const { triggered, reason } = await retrain(stack, few);
      assert.deepEqual([triggered, reason], [false, "Insufficient samples: 412/1000"]);
      const content = await teach(stack, { before: 1_000, lately: 200, upBefore: 0.92, upLately: 0.92 });
      const calm = await retrain(stack, content);
      assert.deepEqual([calm.triggered, calm.reason], [false, "No drift, and no schedule is due"]);
      assert.deepEqual([await modelsOf(stack, few), await modelsOf(stack, content)], [[], []]);
      assert.deepEqual([(await escalationsOf(stack, few)).length, await escalationsOf(stack, content)], [1, []]);
    });

    await test.step("what people say is told in numbers [catches: an analysis of rows in the function]", async () => {
      // What contradicts itself teaches nothing; what is said twice teaches once.
      await ask(stack, assistant, "May I eat fiddleheads?", ["Yes, all of them.", "No, none of them."]);
      await ask(stack, assistant, "Do ferns flower?", ["Never.", "never", "Never!"]);
      const { triggered, results } = await retrain(stack, assistant);
      assert.ok(triggered, JSON.stringify(results));
      const order = { action: "analyze", organization_id: assistant.organization, assistant: assistant.slug, days: 60 };
      const { status, body } = await post(stack, "retrain-trigger", order, service(stack));
      assert.equal(status, 200, JSON.stringify(body));
      assert.deepEqual(
        [body.total_samples, body.score_distribution["1.0"], body.score_distribution["0.0"]],
        [1_503, liked + 3, 1_500 - liked],
      );
      assert.ok(Math.abs(body.average_score - (liked + 3) / 1_503) < 0.001, `${body.average_score}`);
    });

    await test.step("a drift is measured, on record, and people are told [catches: a drift nobody hears of]", async () => {
      const [metric] = await stack.database.query(
        "select * from pawl.drift_metrics where assistant_id = $1 and metric_type = 'feedback_score'",
        [assistant.id],
      );
      assert.equal(metric.alert_triggered, true);
      assert.ok(Number(metric.drift_score) >= 0.3, `${metric.drift_score}`);
      assert.ok(Number(metric.details.p_value) < 0.01, JSON.stringify(metric.details));
      assert.ok(Number(metric.details.psi) > Number(metric.drift_score), "less the mean of chance");
      assert.ok(Number(metric.current_value) < Number(metric.baseline_value));
      assert.equal((await escalationsOf(stack, assistant)).length, 1);
    });

    await test.step("the dataset is in Storage, in parts, as its manifest says; nobody's address is in it [catches: a leak into training]", async () => {
      assert.deepEqual([...stack.storage.buckets.values()].map((bucket) => [bucket.id, bucket.public]), [
        ["pawl-training", false],
      ]);
      await settle(school, assistant);
      const [{ order, dataset }, ...others] = trainer.datasets;
      assert.equal(others.length, 0);
      const { manifest, train: taught, heldOut } = dataset;
      // All that was liked; of the contradictory pair neither, of the repetition one.
      assert.equal(taught.length + heldOut.length, liked + 1);
      assert.deepEqual([order.samples, order.version, order.model_name], [liked + 1, "v1", assistant.slug]);
      assert.deepEqual([manifest.counts.train, manifest.counts.held_out], [taught.length, heldOut.length]);
      assert.ok(heldOut.length > 0.05 * taught.length, `${heldOut.length} held out`);
      const [prompt] = await stack.database.query(
        "select content from pawl.system_prompts where assistant_id = $1 and is_active",
        [assistant.id],
      );
      for (const { messages } of [...taught, ...heldOut]) {
        assert.deepEqual(messages.map(({ role }) => role), ["system", "user", "assistant"]);
        assert.equal(messages[0].content, prompt.content);
        assert.doesNotMatch(messages[1].content, /example\.com|555 0132|fiddleheads/u);
      }
      const questions = [...taught, ...heldOut].map(({ messages }) => messages[1].content);
      assert.ok(questions.some((question) => question.includes("[email] or [phone]")), "masked");
      assert.deepEqual([manifest.counts.masked.email, manifest.counts.masked.phone], [
        questions.filter((question) => question.includes("[email]")).length,
        questions.filter((question) => question.includes("[phone]")).length,
      ]);
      assert.equal(questions.filter((question) => question === "Do ferns flower?").length, 1);
      assert.equal(new Set(questions).size, questions.length);
      const lines = [...stored(stack, assistant, "v1", "train"), ...stored(stack, assistant, "v1", "held-out")];
      assert.deepEqual(lines.map((line) => JSON.parse(line)), [...taught, ...heldOut]);
    });

    await test.step("one webhook, one training, and what it says is kept [catches: a second bill]", async () => {
      assert.deepEqual(trainer.deliveries.map(({ status }) => status), [202]);
      assert.deepEqual(trainer.callbacks.map(({ status }) => status), [200]);
      const results = await stack.database.query(
        "select eval_type, score from pawl.eval_results where assistant_id = $1 order by eval_type",
        [assistant.id],
      );
      assert.deepEqual(results, [{ eval_type: "eval_loss", score: 0.6 }, { eval_type: "win_rate", score: 0.7 }]);
      const again = await retrain(stack, assistant);
      assert.deepEqual([again.triggered, again.reason], [false, "Version v1 is in its test"]);
      assert.equal(trainer.deliveries.length, 1);
    });

    await test.step("it goes through the gates of a prompt, is served, and its receipt verifies [catches: live because it says so]", async () => {
      assert.equal((await modelsOf(stack, assistant))[0].status, "testing");
      assert.equal(await liveVersion(stack, assistant), 1);
      const last = await proveThrough(stack, assistant);
      assert.deepEqual([last.did, last.version], ["promoted", 2], JSON.stringify(last));
      const [model] = await modelsOf(stack, assistant);
      assert.deepEqual([model.status, model.model, model.base_url], ["deployed", "tuned_good", provider.url]);
      assert.ok(model.deployed_at);
      const [shown] = await shownModels(stack, assistant);
      assert.deepEqual([shown.version, shown.status, shown.delivery.state], ["v1", "deployed", "delivered"]);
      const [receipt] = await receiptsOf(stack, assistant);
      assert.deepEqual([receipt.decision, receipt.id], ["promote", last.receipt_id]);
      assert.equal((await verify(stack, receipt.id)).matches, true);
      const member = await memberOf(stack, assistant);
      await forgetAsked(stack);
      const { body, status } = await chat(stack, assistant, "How do I divide a fern?", member);
      assert.deepEqual([status, body.prompt_version], [200, 2], JSON.stringify(body));
      assert.match(body.answer, /because/u);
      assert.deepEqual(await asked(stack), [], "answered by the base model");
    });

    await test.step("it was tested on no question that it was trained on [catches: a test on the examples]", async () => {
      const [{ drawn, known }] = await stack.database.query(
        `select count(*)::integer as drawn, count(*) filter (where exists (
           select from pawl.training_sources s
           join pawl.training_data d on d.id = s.training_id
           join pawl.training_data same on same.assistant_id = d.assistant_id and same.input_hash = d.input_hash
           join pawl.dataset_rows r on r.training_id = same.id
           where s.message_id = u.answer_message_id and r.split = 'train'))::integer as known
         from pawl.replay_pairs p join pawl.prompt_tests t on t.id = p.test_id join pawl.turns u on u.id = p.turn_id
         where t.assistant_id = $1`,
        [assistant.id],
      );
      // Of two out of three questions of the last days it knows the answer.
      assert.ok(drawn >= 30, `${drawn} pairs`);
      assert.equal(known, 0);
    });

    await test.step("the dataset is rebuilt byte by byte, and a change would show [catches: a dataset nobody can check]", async () => {
      const rebuild = async () => {
        const [{ id }] = await modelsOf(stack, assistant);
        // deno-lint-ignore no-explicit-any -- as it is answered
        const parts: any[] = [];
        for (let part: number | null = 1; part !== null;) {
          const order = { action: "rebuild", model_version_id: id, part };
          const { status, body } = await post(stack, "retrain-trigger", order, service(stack));
          assert.equal(status, 200, JSON.stringify(body));
          parts.push(...body.parts);
          part = body.next_part;
        }
        return parts.map(({ identical, missing }) => [identical, missing]);
      };
      assert.deepEqual(await rebuild(), [[true, 0], [true, 0]]);
      await stack.database.exec(`
        alter table pawl.training_data disable trigger keep_training_text;
        update pawl.training_data set output = jsonb_set(output, '{content}', '"Another."')
          where id = (select r.training_id from pawl.dataset_rows r join pawl.model_versions m on m.id = r.model_version_id
                      where m.assistant_id = '${assistant.id}' and r.split = 'train' limit 1);
        alter table pawl.training_data enable trigger keep_training_text`);
      assert.deepEqual((await rebuild()).filter(([identical]) => !identical).length, 1);
    });
  }));

Deno.test("a model serves no longer than it is good", (test) =>
  onSchool({ ...FEW, PAWL_CHAT_DEADLINE_SECONDS: "2" }, async (school) => {
    const { stack, trainer, provider } = school;

    await test.step("one that is worse is rejected, whatever its metrics claim [catches: a trainer that grades itself]", async () => {
      const assistant = await teach(stack, SMALL, { live: GOOD });
      const training = trainer.training;
      trainer.training = makes(provider, "tuned_worse", { eval_loss: 0.01, win_rate: 0.99 });
      const model = await train(school, assistant);
      trainer.training = training;
      assert.deepEqual([model.status, model.metrics], ["testing", { eval_loss: 0.01, win_rate: 0.99 }]);
      const last = await proveThrough(stack, assistant);
      assert.equal(last.did, "rejected", JSON.stringify(last));
      assert.equal((await modelsOf(stack, assistant))[0].status, "rejected");
      assert.equal(await liveVersion(stack, assistant), 2);
      assert.equal((await verify(stack, last.receipt_id!)).matches, true);
      const member = await memberOf(stack, assistant);
      const { body } = await chat(stack, assistant, "How do I divide a fern?", member);
      assert.deepEqual([body.prompt_version, /because/u.test(body.answer)], [2, true]);
    });

    await test.step("a training that fails is on record, and people are told [catches: a version that hangs]", async () => {
      const assistant = await teach(stack, SMALL);
      const training = trainer.training;
      trainer.training = () => [{ status: "accepted" }, { status: "failed", error: "out_of_memory" }];
      const { status, reason } = await train(school, assistant);
      trainer.training = training;
      assert.deepEqual([status, reason], ["failed", "out_of_memory"]);
      assert.ok((await escalationsOf(stack, assistant)).length >= 1);
      assert.equal(await liveVersion(stack, assistant), 1);
    });

    await test.step("one that people come to like less is taken back, and its model with it [catches: a prompt without its model]", async () => {
      const assistant = await teach(stack, SMALL);
      await hold(stack, assistant, 400, { hours: 480, up: 0.8 });
      await train(school, assistant);
      assert.equal((await proveThrough(stack, assistant)).did, "promoted");
      await hold(stack, assistant, 100, { hours: 0, up: 0.2 });
      const last = (await prove(stack, assistant)).at(-1)!;
      assert.deepEqual([last.did, last.version], ["rolled_back", 1], JSON.stringify(last));
      assert.equal((await modelsOf(stack, assistant))[0].status, "rolled_back");
      const [, receipt] = await receiptsOf(stack, assistant);
      assert.deepEqual([receipt.decision, (await verify(stack, receipt.id)).matches], ["rollback", true]);
      const member = await memberOf(stack, assistant);
      const { body } = await chat(stack, assistant, "How do I divide a fern?", member);
      assert.deepEqual([body.prompt_version, /because/u.test(body.answer)], [1, false]);
    });

    await test.step("a version written after it is served by its model, until that goes back [catches: a model that is lost on the way]", async () => {
      const assistant = await teach(stack, SMALL);
      await train(school, assistant);
      assert.equal((await proveThrough(stack, assistant)).did, "promoted");
      const order = { organization_id: assistant.organization, assistant: assistant.slug };
      const write = { action: "write", content: "Answer in short.", activate: true, ...order };
      assert.equal((await post(stack, "prompt-updater", write, service(stack))).status, 200);
      const member = await memberOf(stack, assistant);
      await forgetAsked(stack);
      const { body } = await chat(stack, assistant, "How do I divide a fern?", member);
      assert.deepEqual([body.prompt_version, /because/u.test(body.answer)], [3, true]);
      assert.deepEqual(await asked(stack), []);
      assert.equal((await modelsOf(stack, assistant))[0].status, "deployed");
      const back = { action: "activate", version: 1, ...order };
      assert.equal((await post(stack, "prompt-updater", back, service(stack))).status, 200);
      assert.equal((await modelsOf(stack, assistant))[0].status, "retired");
      const after = await chat(stack, assistant, "How do I divide a fern?", member);
      assert.deepEqual([after.body.prompt_version, /because/u.test(after.body.answer)], [1, false]);
    });

    // The last, for nobody serves after it.
    await test.step("one that does not answer is taken back after ten [catches: an endpoint that takes the assistant down]", async () => {
      const assistant = await teach(stack, SMALL);
      await train(school, assistant);
      assert.equal((await proveThrough(stack, assistant)).did, "promoted");
      await provider.stop();
      // Three people: nobody alone takes it back in a moment.
      const members = await Promise.all([1, 2, 3].map(() => memberOf(stack, assistant)));
      const codes: string[] = [];
      for (let turn = 1; turn <= 10; turn++) {
        const { body } = await chat(stack, assistant, `How do I divide fern ${turn}?`, members[turn % 3]);
        codes.push(body.code);
      }
      assert.ok(codes.every((code) => code?.startsWith("model_")), codes.join());
      const { body, status } = await chat(stack, assistant, "How do I divide a fern?", members[0]);
      assert.deepEqual([status, body.prompt_version], [200, 1], JSON.stringify(body));
      assert.deepEqual(await statesOf(stack, assistant), [
        { version: 1, state: "active" },
        { version: 2, state: "rolled_back" },
      ]);
      const [model] = await modelsOf(stack, assistant);
      assert.deepEqual([model.status, model.reason], ["rolled_back", "model_unreachable"]);
      const receipt = (await receiptsOf(stack, assistant)).at(-1);
      assert.deepEqual([receipt.decision, receipt.reason], ["rollback", "model_unreachable"]);
      assert.equal((await verify(stack, receipt.id)).matches, true);
      assert.ok((await escalationsOf(stack, assistant)).length >= 1);
      assert.equal((await testOf(stack, assistant)).state, "promoted");
    });
  }));
