/** The guards of how a model comes about, and goes; as mutations.ts. */
import { cut, type Edit } from "./ground.ts";
import type { Mutation } from "./mutations.ts";

const MODELS = "20261101000395_models.sql";
const TRAINING = "20261101000790_training.sql";
const LEASES = "20261101000950_leases.sql";
const TRAINING_FUNCTIONS = "20261101001160_training_functions.sql";
const DATASETS = "20261101001170_datasets.sql";
const DELIVERIES = "20261101001175_deliveries.sql";
const MODEL_TESTS = "20261101001180_model_tests.sql";
const FORGETTING = "20261101001320_forgetting.sql";

const LEASE: Edit = {
  file: LEASES,
  text: "and kind = p_kind and holder = p_holder and expires_at > now() for update;",
  becomes: "and kind = p_kind and holder = p_holder and expires_at > now();",
};
const ASSISTANT: Edit = {
  file: LEASES,
  text: "perform from pawl.assistants where id = p_assistant_id for no key update;",
  becomes: "null;",
};
const WRITTEN_MODEL: Edit = {
  file: DATASETS,
  text: "select * into m from pawl.model_versions where id = p_model_version_id for no key update;",
  becomes: "select * into m from pawl.model_versions where id = p_model_version_id;",
};
const TOLD_MODEL: Edit = {
  file: DELIVERIES,
  text: "select * into v_version from pawl.model_versions where id = p_model_version_id for no key update;",
  becomes: "select * into v_version from pawl.model_versions where id = p_model_version_id;",
};
const WEBHOOK: Edit = {
  file: DELIVERIES,
  text: "select * into v_delivery from pawl.webhook_deliveries where model_version_id = p_model_version_id for update;",
  becomes: "select * into v_delivery from pawl.webhook_deliveries where model_version_id = p_model_version_id;",
};
const RECORDED_MODEL: Edit = {
  file: DELIVERIES,
  text: "where d.webhook_id = p_webhook_id)\n    for no key update;",
  becomes: "where d.webhook_id = p_webhook_id);",
};
const RECORDED_WEBHOOK: Edit = {
  file: DELIVERIES,
  text: "select * into v_delivery from pawl.webhook_deliveries where webhook_id = p_webhook_id for update;",
  becomes: "select * into v_delivery from pawl.webhook_deliveries where webhook_id = p_webhook_id;",
};
const CALLED_MODEL: Edit = {
  file: MODEL_TESTS,
  text: "select * into v_version from pawl.model_versions where id = p_model_version_id for no key update;",
  becomes: "select * into v_version from pawl.model_versions where id = p_model_version_id;",
};
const CALLBACK: Edit = {
  file: TRAINING,
  text: "callback_id text primary key check",
  becomes: "callback_id text not null check",
};

const also = {
  lease: { ...LEASE, why: "who works on a model holds the lease" },
  writtenModel: { ...WRITTEN_MODEL, why: "and its row" },
  toldModel: { ...TOLD_MODEL, why: "and its row" },
  webhook: { ...WEBHOOK, why: "and the webhook's" },
  recordedModel: { ...RECORDED_MODEL, why: "who records an attempt holds the model" },
  recordedWebhook: { ...RECORDED_WEBHOOK, why: "who records an attempt holds the webhook" },
  calledModel: { ...CALLED_MODEL, why: "who calls back holds the model" },
  callback: { ...CALLBACK, why: "a callback is stored once" },
};

export const TRAINING_MUTATIONS: Mutation[] = [
  {
    name: "a claim locks the lease",
    without: cut(LEASES, " for update skip locked"),
    scenario: "oneTrains",
    fails: /claims of one training/,
  },
  {
    name: "a claim heeds the lease",
    without: { file: LEASES, text: "if v_lease.expires_at > now() then", becomes: "if false then" },
    scenario: "oneTrains",
    fails: /claims of one training|while another holds the lease/,
  },
  {
    name: "one model in the making",
    without: cut(
      MODELS,
      "create unique index model_versions_unfinished_idx on pawl.model_versions (assistant_id) where finished_at is null;",
    ),
    scenario: "oneModelIsInTheMaking",
    fails: /of 50 at once/,
  },
  { name: "who begins a model holds the lease", without: LEASE, scenario: "oneModelIsBegun", fails: /23505/ },
  {
    name: "who has no lease begins no model",
    without: cut(LEASES, "and kind = p_kind and holder = p_holder and expires_at > now()"),
    scenario: "oneModelIsBegun",
    fails: /who has no lease/,
  },
  ...[
    { name: "who writes a dataset holds the lease", without: LEASE, spares: [also.writtenModel] },
    { name: "who writes a dataset holds the model", without: WRITTEN_MODEL, spares: [also.lease] },
  ].map((guard): Mutation => ({ ...guard, scenario: "aDatasetIsWrittenOnce", fails: /23505|parts|seals|webhooks/ })),
  ...[
    { name: "who tells a trainer holds the lease", without: LEASE, spares: [also.toldModel, also.webhook] },
    { name: "who tells a trainer holds the model", without: TOLD_MODEL, spares: [also.lease, also.webhook] },
    { name: "who tells a trainer holds the webhook", without: WEBHOOK, spares: [also.lease, also.toldModel] },
  ].map((guard): Mutation => ({ ...guard, scenario: "oneTellsTheTrainer", fails: /webhooks/ })),
  {
    name: "a webhook that is under way is waited for",
    without: { file: DELIVERIES, text: "elsif v_delivery.next_at > now() then", becomes: "elsif false then" },
    scenario: "oneTellsTheTrainer",
    fails: /webhooks/,
  },
  ...[
    { name: "who records an attempt holds the model", without: RECORDED_MODEL, spares: [also.recordedWebhook] },
    { name: "who records an attempt holds the webhook", without: RECORDED_WEBHOOK, spares: [also.recordedModel] },
  ].map((guard): Mutation => ({ ...guard, scenario: "heardOrToldAgain", fails: /40P01|what became of it/ })),
  ...[
    { name: "who calls back holds the model", without: CALLED_MODEL, spares: [also.callback] },
    { name: "a callback is stored once", without: CALLBACK, spares: [also.calledModel] },
  ].map((guard): Mutation => ({ ...guard, scenario: "aCallbackCountsOnce", fails: /callbacks|results/ })),
  { name: "a callback is of one version", without: CALLBACK, scenario: "aCallbackIsOfOneVersion", fails: /callbacks/ },
  {
    name: "a model ends once",
    without: CALLED_MODEL,
    scenario: "succeededOrFailed",
    fails: /23001|ends|results and escalations/,
  },
  ...[
    { name: "who tests a model holds the assistant", without: ASSISTANT, spares: [also.lease] },
    { name: "who tests a model holds the lease", without: LEASE, spares: [{ ...ASSISTANT, why: "and the assistant" }] },
  ].map((guard): Mutation => ({ ...guard, scenario: "oneTestOfAModel", fails: /23505|23001|versions told of/ })),
  {
    name: "who tests a model waits for people",
    without: ASSISTANT,
    scenario: "testedOrOverruled",
    fails: /23505|23001|40P01|not live|what the model is/,
  },
  {
    name: "who takes a silent model back holds the assistant",
    without: cut(
      MODEL_TESTS,
      `  perform from pawl.assistants where id = v_live.assistant_id for no key update skip locked;
  if not found then
    return;
  end if;
`,
    ),
    scenario: "takenBackOnceWhenSilent",
    fails: /23505|23001|40P01|receipts|rolled_back/,
  },
  {
    name: "who is forgotten is not collected meanwhile",
    without: cut(
      FORGETTING,
      `  perform from pawl.leases l
    where l.kind = 'training' and l.assistant_id in (
      select e.assistant_id from pawl.exchanges e where e.user_id = p_user_id)
    order by l.assistant_id for update;
  update pawl.leases l set holder = null, expires_at = null
    where l.kind = 'training' and l.holder is not null and l.assistant_id in (
      select e.assistant_id from pawl.exchanges e where e.user_id = p_user_id);
`,
    ),
    scenario: "collectedOrForgotten",
    fails: /40P01|sources that are left/,
  },
  {
    name: "a deleted conversation's rows are taken in order",
    without: cut(
      TRAINING,
      `  perform from pawl.training_data t
    where t.id in (
      select s.training_id from pawl.exchanges e join pawl.training_sources s using (message_id)
      where e.session_id = new.id)
      or t.kept_for in (select e.message_id from pawl.exchanges e where e.session_id = new.id)
    order by t.id for update;
`,
    ),
    scenario: "collectedOrForgotten",
    fails: /40P01/,
  },
  {
    name: "who collects waits for no answer",
    without: {
      file: TRAINING_FUNCTIONS,
      text: "    for no key update of e skip locked\n",
      becomes: "    for no key update of e\n",
    },
    scenario: "collectedOrForgotten",
    fails: /40P01/,
  },
];
