/** Storage or the trainer away costs time, and nothing else; and who is forgotten is in no later dataset. */
import assert from "node:assert/strict";
import type { Assistant } from "./assistants.ts";
import { endLeases, escalationsOf } from "./promotion_ground.ts";
import {
  callBack,
  FEW,
  letHoursPass,
  makes,
  type Model,
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
import { post, service } from "./scene.ts";

Deno.test("Storage or the trainer away", (test) =>
  onSchool(FEW, async (school) => {
    const { stack, trainer } = school;
    const only = async (assistant: Assistant): Promise<Model> => {
      const models = await modelsOf(stack, assistant);
      assert.equal(models.length, 1);
      return models[0];
    };
    /** Webhooks about a version. */
    const webhooks = (model: Model) => trainer.deliveries.filter(({ body }) => body.includes(model.id));

    await test.step("without Storage the version waits, is seen, and is gone on with [catches: a dataset that is lost, or two]", async () => {
      const assistant = await teach(stack, SMALL);
      const outages = [
        () => "unreachable" as const,
        () => "no_connections" as const,
        // The last of it alone: what came before is there.
        ({ path }: { path: string }) => path.endsWith("manifest.json") ? "unreachable" as const : null,
      ];
      for (const outage of outages) {
        stack.storage.outage = outage;
        const { triggered, results: [result] } = await retrain(stack, assistant);
        stack.storage.outage = null;
        assert.deepEqual([triggered, result.failed, result.code], [false, true, "storage_unavailable"]);
        const [shown] = await shownModels(stack, assistant);
        assert.deepEqual([shown.version, shown.status], ["v1", "curating"]);
      }
      assert.ok((await retrain(stack, assistant)).triggered);
      const model = await settle(school, assistant);
      assert.deepEqual([model.status, webhooks(model).length], ["testing", 1]);
      await only(assistant);
      const { dataset } = trainer.datasets.at(-1)!;
      const lines = [...stored(stack, assistant, "v1", "train"), ...stored(stack, assistant, "v1", "held-out")];
      assert.equal(lines.length, dataset.manifest.counts.train + dataset.manifest.counts.held_out);
      assert.equal(new Set(lines).size, lines.length);
    });

    await test.step("addresses that cannot be signed leave it pending [catches: a webhook without a dataset]", async () => {
      const assistant = await teach(stack, SMALL);
      stack.storage.outage = ({ path }) => path.startsWith("/object/sign/") ? "unreachable" : null;
      const { triggered } = await retrain(stack, assistant);
      stack.storage.outage = null;
      assert.equal(triggered, false);
      const model = await only(assistant);
      assert.deepEqual([model.status, webhooks(model).length], ["pending", 0]);
      await endLeases(stack, assistant);
      await letHoursPass(stack, assistant, 1);
      assert.ok((await retrain(stack, assistant)).triggered);
      await trainer.idle();
    });

    await test.step("a trainer that is away is told later, by the same webhook [catches: a trainer that is never told, or twice]", async () => {
      const assistant = await teach(stack, SMALL);
      trainer.instead = () => new Response("no", { status: 503 });
      const { triggered, results: [result] } = await retrain(stack, assistant);
      assert.deepEqual([triggered, result.status], [false, "pending"]);
      const [shown] = await shownModels(stack, assistant);
      assert.deepEqual([shown.status, shown.delivery.state, shown.delivery.attempts, shown.delivery.last_status], [
        "pending",
        "waiting",
        1,
        503,
      ]);
      const waits = (Date.parse(shown.delivery.next_at) - Date.now()) / 60_000;
      assert.ok(waits > 0 && waits < 3, `${waits} minutes`);
      trainer.instead = null;
      // Not before its time.
      assert.equal((await retrain(stack, assistant)).triggered, false);
      assert.equal(webhooks(await only(assistant)).length, 1);
      await letHoursPass(stack, assistant, 0.1);
      assert.ok((await retrain(stack, assistant)).triggered);
      const model = await settle(school, assistant);
      const [first, second, ...more] = webhooks(model);
      assert.deepEqual([more.length, first.id, first.id?.startsWith("msg_")], [0, second.id, true]);
      assert.equal(trainer.datasets.filter(({ order }) => order.model_version_id === model.id).length, 1);
      assert.equal(model.status, "testing");
    });

    await test.step("one that took it and did not say so is not told again once it has called back [catches: a second bill]", async () => {
      const assistant = await teach(stack, SMALL);
      let took: string | null = null;
      trainer.instead = ({ body }) => {
        took = body;
        return new Response("gone", { status: 502 });
      };
      await retrain(stack, assistant);
      trainer.instead = null;
      const { id, version } = await only(assistant);
      assert.equal(JSON.parse(took!).version, version);
      const reply = await callBack(school, { action: "callback", model_version_id: id, status: "accepted" });
      assert.deepEqual([reply.status, reply.body.status], [200, "training"]);
      await letHoursPass(stack, assistant, 1);
      const { triggered, reason } = await retrain(stack, assistant);
      assert.deepEqual([triggered, reason], [false, "Version v1 is in training"]);
      assert.equal(webhooks(await only(assistant)).length, 1);
    });

    await test.step("one that is gone for good, or never answers, ends the version, and people are told [catches: a webhook for ever]", async () => {
      const assistant = await teach(stack, SMALL);
      const before = (await escalationsOf(stack, assistant)).length;
      trainer.instead = () => new Response("gone", { status: 410 });
      await retrain(stack, assistant);
      const gone = await only(assistant);
      assert.deepEqual([gone.status, gone.reason, gone.delivery.state], ["failed", "webhook_given_up", "given_up"]);
      assert.ok((await escalationsOf(stack, assistant)).length > before);

      const other = await teach(stack, SMALL);
      trainer.instead = () => new Response("no", { status: 500 });
      for (let attempts = 1; attempts <= 8; attempts++) {
        assert.equal((await only(other).catch(() => null))?.status ?? "pending", "pending");
        await retrain(stack, other);
        await letHoursPass(stack, other, 25);
      }
      trainer.instead = null;
      const { status, reason, delivery } = await only(other);
      assert.deepEqual([status, reason, delivery.attempts], ["failed", "webhook_given_up", 8]);
      await retrain(stack, other);
      assert.equal(webhooks(await only(other)).length, 8);
    });
  }));

Deno.test("a person who is forgotten", (test) =>
  onSchool(FEW, async (school) => {
    const { stack, trainer, provider } = school;
    await test.step("is in no later dataset, and nothing else changes [catches: a person who is trained on]", async () => {
      const assistant = await teach(stack, SMALL);
      const training = trainer.training;
      trainer.training = () => [{ status: "failed", error: "no_capacity" }];
      await train(school, assistant);
      const first = trainer.datasets.at(-1)!.dataset;
      const [person] = assistant.people;
      const told: { content: string }[] = await stack.database.query(
        `select q.content from pawl.turns t join pawl.messages q on q.id = t.user_message_id where t.user_id = $1`,
        [person],
      );
      const theirs = (dataset: typeof first) =>
        [...dataset.train, ...dataset.heldOut].map(({ messages }) => messages[1].content)
          .filter((question) => told.some(({ content }) => content === question)).sort();
      assert.ok(theirs(first).length > 0, JSON.stringify(told));
      await stack.database.query("select public.pawl_forget_user($1)", [person]);
      const [{ left }] = await stack.database.query(
        "select count(*)::integer as left from pawl.training_data where input::text like any ($1)",
        [told.map(({ content }) => `%${content}%`)],
      );
      assert.equal(left, 0);

      trainer.training = makes(provider, "tuned_good", { eval_loss: 0.6 });
      const model = await train(school, assistant, true);
      trainer.training = training;
      assert.equal(model.version, "v2");
      const second = trainer.datasets.at(-1)!.dataset;
      const all = (dataset: typeof first) =>
        [...dataset.train, ...dataset.heldOut].map((one) => JSON.stringify(one)).sort();
      assert.deepEqual(theirs(second), []);
      assert.deepEqual(
        all(second),
        all(first).filter((line) => !told.some(({ content }) => line.includes(content))),
      );
      const [v1] = await modelsOf(stack, assistant);
      const rebuilt = await post(
        stack,
        "retrain-trigger",
        { action: "rebuild", model_version_id: v1.id },
        service(stack),
      );
      const missing = rebuilt.body.parts.reduce((sum: number, part: { missing: number }) => sum + part.missing, 0);
      assert.deepEqual([rebuilt.body.identical, missing], [false, theirs(first).length]);
    });
  }));
