-- How a version proves itself: its judge's trial, its test, what was observed, and the receipt of what was decided.

-- Whether a judge may be believed: a model with one revision of its instructions, judging by one rubric, had to tell
-- answers that only look good from honest ones.
create table pawl.judge_trials (
  id uuid primary key default gen_random_uuid(),
  assistant_id uuid not null references pawl.assistants (id) on delete cascade,
  judge_model text not null,
  rubric_id uuid not null references pawl.rubrics (id) on delete cascade,
  judge_revision integer not null check (judge_revision > 0),
  passed boolean not null,
  -- [{attack, rejected, verdict (-1, 0, 1: of the attack against the honest answer), honest, attacked (overall
  -- scores)}].
  attacks jsonb not null check (jsonb_typeof(attacks) = 'array'),
  created_at timestamptz not null default now(),
  unique (assistant_id, judge_model, rubric_id, judge_revision)
);
create index judge_trials_rubric_id_idx on pawl.judge_trials (rubric_id);

-- A version's way from screening to its end. What it is tested by is written down when it begins and does not change.
create table pawl.prompt_tests (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references pawl.organizations (id) on delete cascade,
  assistant_id uuid not null references pawl.assistants (id) on delete cascade,
  candidate_id uuid not null references pawl.system_prompts (id) deferrable initially deferred,
  -- The version that was live when it began, and is what it has to beat.
  baseline_id uuid not null references pawl.system_prompts (id) deferrable initially deferred,
  -- The candidate is the baseline's text again: whatever is promoted here is promoted by mistake.
  placebo boolean not null default false,
  state text not null default 'screening'
    check (state in ('screening', 'proving', 'promoted', 'rejected', 'closed')),
  judge_model text not null,
  rubric_id uuid not null references pawl.rubrics (id) deferrable initially deferred,
  -- Of the judge's instructions; known at the first look.
  judge_revision integer check (judge_revision > 0),
  -- What served the baseline when it began; and the candidate, where that is another.
  chat_model text not null,
  candidate_model text,
  -- The columns of loop_settings that a test goes by, as they were.
  settings jsonb not null check (jsonb_typeof(settings) = 'object'),
  method text check (method in ('canary', 'replay')),
  -- The chance of a false promotion that its proof may have.
  level numeric check (level > 0 and level <= 0.05),
  -- Its place among the year's tests; none of a placebo, or where the yearly budget is off.
  ledger_year integer,
  ledger_position integer check (ledger_position between 1 and 60),
  -- What was said when the proof began: {method, expected_days, expected_units, words}.
  plan jsonb,
  screening_pool uuid[],
  proof_pool uuid[],
  created_at timestamptz not null default now(),
  proof_started_at timestamptz,
  decided_at timestamptz,
  reason text,
  -- Of the screening that it passed: {case (without observations), ruling, observation_ids, observations_digest}.
  screening jsonb,
  -- Of a proof that is done and held up: {decision, reason, case, ruling, observations: how many it was decided from}.
  verdict jsonb,
  -- Why nothing goes on: awaiting_approval, paused, locked, clauses_missing, insufficient_data, tokens, money.
  held text,
  -- The last ruling, for who looks.
  progress jsonb not null default '{}',
  -- People observed so far: who is next gets the number after.
  people integer not null default 0 check (people >= 0),
  -- What its judge's trial may cost at the most while that is held, and of which day's share.
  trial_tokens bigint not null default 0 check (trial_tokens >= 0),
  trial_usd numeric not null default 0 check (trial_usd >= 0),
  trial_reserved_on date,
  -- What models cost it.
  tokens bigint not null default 0,
  usd numeric not null default 0,
  constraint proof_has_level check (state <> 'proving' or (method is not null and level is not null)),
  constraint proof_has_begun check ((proof_started_at is null) = (method is null)),
  constraint ended_has_time check ((state in ('screening', 'proving')) = (decided_at is null)),
  constraint ledger_is_whole check ((ledger_year is null) = (ledger_position is null)),
  constraint placebo_takes_no_place check (not placebo or ledger_position is null)
);
-- At most one version of an assistant is in test.
create unique index prompt_tests_running_idx on pawl.prompt_tests (assistant_id)
  where state in ('screening', 'proving');
-- What every turn asks for.
create unique index prompt_tests_canary_idx on pawl.prompt_tests (assistant_id)
  where state = 'proving' and method = 'canary';
create unique index prompt_tests_ledger_idx on pawl.prompt_tests (assistant_id, ledger_year, ledger_position);
create index prompt_tests_assistant_idx on pawl.prompt_tests (assistant_id, created_at desc);
create index prompt_tests_organization_id_idx on pawl.prompt_tests (organization_id);
create index prompt_tests_candidate_id_idx on pawl.prompt_tests (candidate_id);
create index prompt_tests_baseline_id_idx on pawl.prompt_tests (baseline_id);
create index prompt_tests_rubric_id_idx on pawl.prompt_tests (rubric_id);

-- One question answered by both versions. The answers are kept until they are compared, and no longer.
create table pawl.replay_pairs (
  id uuid primary key default gen_random_uuid(),
  test_id uuid not null references pawl.prompt_tests (id) on delete cascade,
  stage text not null check (stage in ('screening', 'proving')),
  number integer not null check (number > 0),
  turn_id uuid references pawl.turns (id) on delete set null,
  -- Which of the two is shown first in the first order; a coin, thrown when the pair was drawn.
  candidate_first boolean not null,
  state text not null default 'drawn' check (state in ('drawn', 'answered', 'judged', 'void')),
  baseline_answer text,
  candidate_answer text,
  -- What the models it was handed out for may cost at the most, and of which day's share.
  reserved_tokens bigint not null default 0 check (reserved_tokens >= 0),
  reserved_usd numeric not null default 0 check (reserved_usd >= 0),
  reserved_on date,
  -- When it was first handed out, and when something last came of it: answers, or a comparison.
  asked_at timestamptz,
  heard_at timestamptz,
  created_at timestamptz not null default now(),
  unique (test_id, stage, number),
  constraint answers_until_judged check ((state = 'answered') = (baseline_answer is not null)),
  constraint both_or_none check ((baseline_answer is null) = (candidate_answer is null))
);
create index replay_pairs_turn_id_idx on pawl.replay_pairs (turn_id);
create index replay_pairs_open_idx on pawl.replay_pairs (test_id, stage, number) where state in ('drawn', 'answered');

-- An answer may repeat what was asked: with the question's turn it goes.
create function pawl.drop_answers() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.state := 'drawn';
  new.baseline_answer := null;
  new.candidate_answer := null;
  return new;
end
$$;
revoke execute on function pawl.drop_answers() from public, anon, authenticated, service_role;
create trigger drop_answers before update of turn_id on pawl.replay_pairs
  for each row when (new.turn_id is null and old.state = 'answered') execute function pawl.drop_answers();

-- A conversation, or a person, that a canary's coin sent to one of the two versions.
create table pawl.canary_units (
  id uuid primary key default gen_random_uuid(),
  test_id uuid not null references pawl.prompt_tests (id) on delete cascade,
  user_id uuid not null references pawl.users (id) on delete cascade,
  -- Null where people are the units.
  session_id uuid references pawl.sessions (id) on delete cascade,
  -- The person's number in this test, from 1: observations name no one. Given with their first observation.
  person integer check (person > 0),
  candidate boolean not null,
  -- With what chance the coin chose the candidate.
  propensity numeric not null check (propensity > 0 and propensity < 1),
  assigned_at timestamptz not null default now(),
  observed_at timestamptz,
  reserved_tokens bigint not null default 0 check (reserved_tokens >= 0),
  reserved_usd numeric not null default 0 check (reserved_usd >= 0),
  reserved_on date,
  constraint observed_has_person check (observed_at is null or person is not null)
);
create unique index canary_units_session_idx on pawl.canary_units (test_id, session_id) where session_id is not null;
create unique index canary_units_person_idx on pawl.canary_units (test_id, user_id) where session_id is null;
create index canary_units_user_id_idx on pawl.canary_units (user_id);
create index canary_units_session_id_idx on pawl.canary_units (session_id);
create index canary_units_waiting_idx on pawl.canary_units (test_id, assigned_at) where observed_at is null;

-- Conversations by which versions were compared: nothing is ever trained on them, long after their pairs and units are
-- gone.
create table pawl.judging_sessions (
  session_id uuid primary key references pawl.sessions (id) on delete cascade
);

-- Once they are drawn, whatever comes of it.
create function pawl.mark_judging() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  if tg_table_name = 'replay_pairs' then
    insert into pawl.judging_sessions (session_id)
      select t.session_id from drawn d join pawl.turns t on t.id = d.turn_id
      group by 1 order by 1
      on conflict do nothing;
  else
    -- Of a person those begun since then. (Those begun later: pawl.version_served.)
    insert into pawl.judging_sessions (session_id)
      select d.session_id from drawn d where d.session_id is not null
      union
      select s.id from drawn d
      join pawl.prompt_tests t on t.id = d.test_id
      join pawl.sessions s on s.user_id = d.user_id and s.assistant_id = t.assistant_id
        and s.created_at >= d.assigned_at and s.created_at < d.assigned_at + interval '7 days'
      where d.session_id is null
      order by 1
      on conflict do nothing;
  end if;
  return null;
end
$$;
revoke execute on function pawl.mark_judging() from public, anon, authenticated, service_role;
create trigger mark_judging after insert on pawl.replay_pairs referencing new table as drawn
  for each statement execute function pawl.mark_judging();
create trigger mark_judging after insert on pawl.canary_units referencing new table as drawn
  for each statement execute function pawl.mark_judging();

-- What was observed. Append-only, under ids of its own and without a word of anybody's: forgetting a person needs none
-- of it.
create table pawl.proof_observations (
  id uuid primary key default gen_random_uuid(),
  seq bigint generated always as identity,
  -- The test; of votes and turns the receipt.
  about_id uuid not null,
  kind text not null check (kind in ('pair', 'unit', 'vote', 'turn')),
  stage text not null check (stage in ('screening', 'proving', 'watch')),
  -- As core::proof reads it, without its id.
  data jsonb not null check (jsonb_typeof(data) = 'object')
);
create unique index proof_observations_about_idx on pawl.proof_observations (about_id, stage, seq);

-- What was decided and from what; append-only, and it outlives what it is about. `pawl_get_receipt` reads it back with
-- its observations.
create table pawl.promotion_receipts (
  id uuid primary key default gen_random_uuid(),
  at timestamptz not null default clock_timestamp(),
  organization_id uuid not null,
  assistant_id uuid not null,
  test_id uuid,
  decision text not null check (decision in ('promote', 'reject', 'rollback')),
  reason text not null,
  -- {candidate: {version, sha256, model, host?}, baseline: {…}, placebo, judge: {model, revision, rubric_id,
  -- rubric_version, rubric_sha256}, chat_model, method, level, ledger: {year, position}, settings, screening, plan,
  -- case, ruling}; of a rollback the candidate is the version taken back, and what belongs to a test is null.
  document jsonb not null check (jsonb_typeof(document) = 'object'),
  observation_ids uuid[] not null,
  -- As pawl.observations_digest.
  observations_digest bytea not null
);
create index promotion_receipts_assistant_idx on pawl.promotion_receipts (assistant_id, at desc);
create index promotion_receipts_organization_idx on pawl.promotion_receipts (organization_id, at desc);
create unique index promotion_receipts_test_idx on pawl.promotion_receipts (test_id);

create trigger keep_record before update or delete or truncate on pawl.proof_observations
  for each statement execute function pawl.keep_record();
create trigger keep_record before update or delete or truncate on pawl.promotion_receipts
  for each statement execute function pawl.keep_record();

-- What tests may still cost an assistant today: what is reserved for models under way counts as spent.
create table pawl.test_usage (
  assistant_id uuid not null references pawl.assistants (id) on delete cascade,
  day date not null,
  tokens bigint not null default 0,
  usd numeric not null default 0,
  primary key (assistant_id, day)
);

alter table pawl.judge_trials enable row level security;
alter table pawl.prompt_tests enable row level security;
alter table pawl.replay_pairs enable row level security;
alter table pawl.canary_units enable row level security;
alter table pawl.judging_sessions enable row level security;
alter table pawl.proof_observations enable row level security;
alter table pawl.promotion_receipts enable row level security;
alter table pawl.test_usage enable row level security;
revoke all on pawl.judge_trials, pawl.prompt_tests, pawl.replay_pairs, pawl.canary_units, pawl.judging_sessions,
  pawl.proof_observations, pawl.promotion_receipts, pawl.test_usage from public, anon, authenticated, service_role;
revoke all on sequence pawl.proof_observations_seq_seq from public, anon, authenticated, service_role;
grant select on pawl.judge_trials, pawl.prompt_tests, pawl.promotion_receipts, pawl.test_usage to authenticated;
grant select, insert, update, delete on pawl.judge_trials, pawl.prompt_tests, pawl.replay_pairs, pawl.canary_units,
  pawl.judging_sessions, pawl.test_usage to service_role;
grant select on pawl.proof_observations, pawl.promotion_receipts to service_role;

create policy judge_trials_read on pawl.judge_trials for select to authenticated
  using (exists (select from pawl.assistants a where a.id = assistant_id and pawl.is_admin(a.organization_id)));
create policy prompt_tests_read on pawl.prompt_tests for select to authenticated
  using (pawl.is_admin(organization_id));
create policy promotion_receipts_read on pawl.promotion_receipts for select to authenticated
  using (pawl.is_admin(organization_id));
create policy test_usage_read on pawl.test_usage for select to authenticated
  using (exists (select from pawl.assistants a where a.id = assistant_id and pawl.is_admin(a.organization_id)));
