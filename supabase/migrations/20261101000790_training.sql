-- Training data: what was asked and answered, masked, with what people made of it; the datasets that models are tuned
-- on; whether what people make of answers has drifted; and what passes between Pawl and a trainer.

-- The revision that an exchange was last collected at. What has feedback, and was not collected as that stands, waits.
alter table pawl.exchanges add column collected_revision integer check (collected_revision >= 0);
create index exchanges_uncollected_idx on pawl.exchanges (assistant_id, answered_at, message_id)
  where revision > 0 and collected_revision is distinct from revision;

-- One row a content, however many conversations had it. Its text is the first one's.
create table pawl.training_data (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references pawl.organizations (id) on delete cascade,
  assistant_id uuid not null references pawl.assistants (id) on delete cascade,
  -- The assistant's slug.
  model_name text not null,
  -- The model that answered.
  answered_by text,
  -- {"messages": [{role, content}, …]}: what was said before, then the question; masked.
  input jsonb not null check (jsonb_typeof(input) = 'object'),
  -- {"content": text}, masked.
  output jsonb not null check (jsonb_typeof(output) = 'object'),
  question_type text,
  -- SHA-256 of the normalised texts: of all, and of what the model was given.
  content_hash bytea not null check (octet_length(content_hash) = 32),
  input_hash bytea not null check (octet_length(input_hash) = 32),
  -- How often something was masked, by kind: {"email": 1}.
  masked jsonb not null default '{}' check (jsonb_typeof(masked) = 'object'),
  -- Counted from its sources, in whole numbers: sums that come out the same in any order. Scores in millionths.
  votes integer not null default 0 check (votes >= 0),
  validated_votes integer not null default 0 check (validated_votes >= 0),
  user_votes integer not null default 0 check (user_votes >= 0),
  judge_votes integer not null default 0 check (judge_votes >= 0),
  score_sum bigint not null default 0 check (score_sum >= 0),
  -- Mean of its sources' scores, 0 to 1.
  feedback_score double precision
    generated always as (case when votes > 0 then score_sum / (1e6 * votes) end) stored,
  -- A person gave the feedback, of one source at least.
  is_validated boolean not null generated always as (validated_votes > 0) stored,
  source text not null generated always as (
    case when user_votes > 0 then 'user' when judge_votes > 0 then 'llm-judge' else 'automated' end) stored,
  created_at timestamptz not null default now(),
  -- When the newest of its feedback was given.
  updated_at timestamptz not null default now(),
  -- The exchange whose text it is, where that has another row now, or none, and a dataset was made of this one: kept so
  -- that the dataset can be built again, and gone with the exchange.
  kept_for uuid references pawl.exchanges (message_id) on delete cascade,
  unique (assistant_id, content_hash)
);
create index training_data_rows_idx on pawl.training_data (assistant_id, id);
create index training_data_score_idx on pawl.training_data (assistant_id, is_validated, feedback_score);
-- What else was answered to the same, and how well.
create index training_data_input_idx on pawl.training_data (assistant_id, input_hash, feedback_score, votes)
  where is_validated;
create index training_data_updated_at_idx on pawl.training_data (assistant_id, updated_at);
create index training_data_organization_id_idx on pawl.training_data (organization_id);
create index training_data_kept_for_idx on pawl.training_data (kept_for) where kept_for is not null;

-- Datasets are built again from these rows, byte by byte.
create function pawl.keep_training_text() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  raise exception 'the text of training data never changes' using errcode = 'restrict_violation';
end
$$;
revoke execute on function pawl.keep_training_text() from public, anon, authenticated, service_role;
create trigger keep_training_text before update on pawl.training_data
  for each row when (
    new.input is distinct from old.input or new.output is distinct from old.output
    or new.content_hash is distinct from old.content_hash or new.input_hash is distinct from old.input_hash
    or new.question_type is distinct from old.question_type or new.assistant_id is distinct from old.assistant_id)
  execute function pawl.keep_training_text();

-- The exchanges that had a content, and what each says of it.
create table pawl.training_sources (
  message_id uuid primary key references pawl.exchanges (message_id) on delete cascade,
  assistant_id uuid not null,
  -- Null: the row went with the person whose text it was, and this exchange is to be collected anew.
  training_id uuid references pawl.training_data (id) on delete set null,
  user_id uuid not null references pawl.users (id) on delete cascade,
  score double precision not null check (score between 0 and 1),
  -- A person said so outright.
  validated boolean not null,
  source text not null check (source in ('user', 'automated', 'llm-judge')),
  -- When the newest of its feedback was given.
  given_at timestamptz not null default now(),
  -- The row's text is this exchange's, and goes with it.
  is_origin boolean not null default false
);
create unique index training_sources_origin_idx on pawl.training_sources (training_id) where is_origin;
create index training_sources_training_id_idx on pawl.training_sources (training_id);
create index training_sources_user_id_idx on pawl.training_sources (user_id);
create index training_sources_orphans_idx on pawl.training_sources (assistant_id, message_id)
  where training_id is null;

-- Takes what some sources said out of the counts of their rows, and adds what others say.
create function pawl.recount(p_gone pawl.training_sources[], p_come pawl.training_sources[]) returns void
language sql
set search_path = ''
as $$
  update pawl.training_data t
    set votes = t.votes + c.votes, score_sum = t.score_sum + c.score_sum,
        validated_votes = t.validated_votes + c.validated, user_votes = t.user_votes + c.by_users,
        judge_votes = t.judge_votes + c.by_judges, updated_at = greatest(t.updated_at, c.given_at)
    from (
      select s.training_id, sum(s.sign)::integer as votes, sum(s.sign * round(s.score * 1e6))::bigint as score_sum,
             sum(s.sign * s.validated::integer)::integer as validated,
             sum(s.sign * (s.source = 'user')::integer)::integer as by_users,
             sum(s.sign * (s.source = 'llm-judge')::integer)::integer as by_judges,
             max(s.given_at) filter (where s.sign = 1) as given_at
      from (select -1 as sign, g.* from unnest(p_gone) g union all select 1, c.* from unnest(p_come) c) s
      group by s.training_id
    ) c
    where t.id = c.training_id
$$;

-- Keeps the rows' counts as their sources come, change and go; and deletes a row with the source whose text it is, but
-- for those that are kept.
create function pawl.count_sources() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    perform pawl.recount('{}', array(select row(c.*)::pawl.training_sources from come c));
  elsif tg_op = 'DELETE' then
    delete from pawl.training_data t
      where t.id = any (array(select g.training_id from gone g where g.is_origin)) and t.kept_for is null;
    perform pawl.recount(array(select row(g.*)::pawl.training_sources from gone g), '{}');
  else
    delete from pawl.training_data t
      where t.id = any (array(
        select g.training_id from gone g join come c using (message_id)
        where g.is_origin and g.training_id is distinct from c.training_id)) and t.kept_for is null;
    perform pawl.recount(
      array(select row(g.*)::pawl.training_sources from gone g),
      array(select row(c.*)::pawl.training_sources from come c));
  end if;
  return null;
end
$$;
revoke execute on function
  pawl.recount(pawl.training_sources[], pawl.training_sources[]),
  pawl.count_sources()
from public, anon, authenticated, service_role;
create trigger count_new_sources after insert on pawl.training_sources referencing new table as come
  for each statement execute function pawl.count_sources();
create trigger count_changed_sources after update on pawl.training_sources
  referencing old table as gone new table as come
  for each statement execute function pawl.count_sources();
create trigger count_deleted_sources after delete on pawl.training_sources referencing old table as gone
  for each statement execute function pawl.count_sources();

-- What was said in a conversation that its person deletes teaches nobody from then on: at once, not when its rows go.
create function pawl.drop_sources() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  -- In the order in which feedback takes them.
  perform from pawl.exchanges where session_id = new.id order by message_id for no key update;
  update pawl.exchanges set collected_revision = revision
    where session_id = new.id and revision > 0 and collected_revision is distinct from revision;
  -- Rows before their sources, as collecting and forgetting take them.
  perform from pawl.training_data t
    where t.id in (
      select s.training_id from pawl.exchanges e join pawl.training_sources s using (message_id)
      where e.session_id = new.id)
      or t.kept_for in (select e.message_id from pawl.exchanges e where e.session_id = new.id)
    order by t.id for update;
  delete from pawl.training_data t
    where t.kept_for in (select e.message_id from pawl.exchanges e where e.session_id = new.id);
  delete from pawl.training_sources s using pawl.exchanges e
    where e.session_id = new.id and s.message_id = e.message_id;
  return null;
end
$$;
revoke execute on function pawl.drop_sources() from public, anon, authenticated, service_role;
create trigger drop_sources after update of deleted_at on pawl.sessions
  for each row when (old.deleted_at is null and new.deleted_at is not null) execute function pawl.drop_sources();

-- What of a dataset lies in storage: a file a number and split.
create table pawl.dataset_parts (
  model_version_id uuid not null references pawl.model_versions (id) on delete cascade,
  number integer not null check (number > 0),
  split text not null check (split in ('train', 'held_out')),
  path text not null check (path ~ '\S'),
  rows integer not null check (rows >= 0),
  bytes bigint not null check (bytes >= 0),
  sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  -- The row of training data that was looked at last: the next part goes on after it.
  cursor uuid not null,
  primary key (model_version_id, number, split)
);

create table pawl.dataset_rows (
  model_version_id uuid not null,
  part integer not null,
  split text not null,
  position integer not null check (position > 0),
  training_id uuid not null references pawl.training_data (id) on delete cascade,
  primary key (model_version_id, part, split, position),
  foreign key (model_version_id, part, split) references pawl.dataset_parts (model_version_id, number, split)
    on delete cascade
);
create index dataset_rows_training_id_idx on pawl.dataset_rows (training_id);

-- Keeps the rows whose text is that of one of these exchanges, and that a dataset was made of, for when the exchange is
-- collected as something else, or as nothing. (Without what it says of them, they teach nothing.)
create function pawl.keep_rows(p_message_ids uuid[]) returns void
language sql
set search_path = ''
as $$
  update pawl.training_data t set kept_for = s.message_id
    from pawl.training_sources s
    where s.message_id = any (p_message_ids) and s.is_origin and t.id = s.training_id and t.kept_for is null
      and exists (select from pawl.dataset_rows r where r.training_id = t.id)
$$;
revoke execute on function pawl.keep_rows(uuid[]) from public, anon, authenticated, service_role;

-- What a trainer measured.
create table pawl.eval_results (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references pawl.organizations (id) on delete cascade,
  assistant_id uuid not null references pawl.assistants (id) on delete cascade,
  model_version_id uuid not null references pawl.model_versions (id) on delete cascade,
  eval_type text not null check (eval_type ~ '\S'),
  score double precision not null,
  details jsonb not null default '{}' check (jsonb_typeof(details) = 'object'),
  created_at timestamptz not null default now()
);
create index eval_results_model_version_id_idx on pawl.eval_results (model_version_id, created_at);
create index eval_results_assistant_id_idx on pawl.eval_results (assistant_id, created_at desc);
create index eval_results_organization_id_idx on pawl.eval_results (organization_id);

-- Looks at whether what people, or the judge, make of the answers has drifted: a row a look and measure.
create table pawl.drift_metrics (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references pawl.organizations (id) on delete cascade,
  assistant_id uuid not null references pawl.assistants (id) on delete cascade,
  -- The assistant's slug.
  model_name text not null,
  metric_type text not null check (metric_type in ('feedback_score', 'judge_score')),
  -- Means: 0 to 1 of feedback, 1 to 5 of the judge; null where there was too little.
  baseline_value double precision,
  current_value double precision,
  -- Population stability index less its mean where nothing has changed.
  drift_score double precision,
  alert_triggered boolean not null default false,
  -- {psi, null_mean, wasserstein, p_value, n_baseline, n_current, people_baseline, people_current, windows}.
  details jsonb not null default '{}' check (jsonb_typeof(details) = 'object'),
  created_at timestamptz not null default now(),
  constraint alert_has_score check (not alert_triggered or drift_score is not null)
);
create index drift_metrics_assistant_id_idx on pawl.drift_metrics (assistant_id, created_at desc);
create index drift_metrics_organization_id_idx on pawl.drift_metrics (organization_id);

-- The one webhook of a model version, however often it has to be sent.
create table pawl.webhook_deliveries (
  model_version_id uuid primary key references pawl.model_versions (id) on delete cascade,
  webhook_id text not null unique,
  -- waiting: until next_at; sending: somebody does, until next_at at the latest.
  state text not null default 'waiting' check (state in ('waiting', 'sending', 'delivered', 'given_up')),
  attempts integer not null default 0 check (attempts >= 0),
  next_at timestamptz not null default now(),
  sent_at timestamptz,
  delivered_at timestamptz,
  last_status integer,
  -- A code, never text of a trainer's.
  last_error text check (last_error ~ '^[a-z0-9_]{1,40}$')
);

-- What trainers answered, so that nothing counts twice.
create table pawl.training_callbacks (
  callback_id text primary key check (char_length(callback_id) between 1 and 255),
  model_version_id uuid not null references pawl.model_versions (id) on delete cascade,
  at timestamptz not null default now()
);
create index training_callbacks_model_version_id_idx on pawl.training_callbacks (model_version_id);

alter table pawl.training_data enable row level security;
alter table pawl.training_sources enable row level security;
alter table pawl.dataset_parts enable row level security;
alter table pawl.dataset_rows enable row level security;
alter table pawl.eval_results enable row level security;
alter table pawl.drift_metrics enable row level security;
alter table pawl.webhook_deliveries enable row level security;
alter table pawl.training_callbacks enable row level security;
revoke all on pawl.training_data, pawl.training_sources, pawl.dataset_parts, pawl.dataset_rows, pawl.eval_results,
  pawl.drift_metrics, pawl.webhook_deliveries, pawl.training_callbacks
  from public, anon, authenticated, service_role;
grant select on pawl.training_data, pawl.dataset_parts, pawl.eval_results, pawl.drift_metrics to authenticated;
grant select, insert, update, delete on pawl.training_data, pawl.training_sources, pawl.dataset_parts,
  pawl.dataset_rows, pawl.eval_results, pawl.drift_metrics, pawl.webhook_deliveries, pawl.training_callbacks
  to service_role;

create policy training_data_read on pawl.training_data for select to authenticated
  using (pawl.is_admin(organization_id));
create policy dataset_parts_read on pawl.dataset_parts for select to authenticated
  using (exists (
    select from pawl.model_versions m where m.id = model_version_id and pawl.is_admin(m.organization_id)));
create policy eval_results_read on pawl.eval_results for select to authenticated
  using (pawl.is_admin(organization_id));
create policy drift_metrics_read on pawl.drift_metrics for select to authenticated
  using (pawl.is_admin(organization_id));
