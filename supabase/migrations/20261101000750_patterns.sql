-- Learned patterns: instructions that people's reactions speak for, what they rest on, and the runs that found them.

create table pawl.learned_patterns (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references pawl.organizations (id) on delete cascade,
  assistant_id uuid not null references pawl.assistants (id) on delete cascade,
  pattern_type text not null check (pattern_type in (
    'prompt_strategy', 'query_style', 'tool_preference', 'response_format', 'domain_knowledge', 'insight_threshold',
    'followup_style', 'visualization_preference')),
  -- When it applies: to questions of this type, and of this data source where one is named.
  question_type text not null,
  data_source text,
  -- What answers had in common that people liked.
  dimension text not null check (dimension in ('format', 'length', 'tool')),
  value text not null,
  -- What the model is told; null once it was withdrawn.
  instruction text check (instruction ~ '\S' and char_length(instruction) <= 400),
  -- Who worded it.
  model text,
  state text not null default 'candidate' check (state in (
    'candidate', 'trial', 'active', 'warmdown', 'pruned', 'reverted', 'withdrawn')),
  -- Share of the answers it applies to that it is shown for; a coin each.
  influence numeric not null default 0 check (influence between 0 and 1),
  -- Posterior probability that it beats doing without.
  confidence numeric not null default 0.5 check (confidence between 0 and 1),
  -- Moving average of the signals of answers it was shown for: to look at and rank by, never to decide.
  score numeric check (score between -1 and 1),
  use_count bigint not null default 0 check (use_count >= 0),
  -- Settled signals of answers like it, silent ones too.
  signal_count integer not null default 0 check (signal_count >= 0),
  last_used_at timestamptz,
  -- The signal, in hundredths, that answers are measured against; fixed when its trial begins.
  baseline smallint check (baseline between -100 and 100),
  -- What was expected of it before the trial: mean and standard deviation of its effect on a signal of −1 to 1.
  prior_mean double precision not null,
  prior_sd double precision not null check (prior_sd > 0),
  -- Logarithm of the evidence against "it does not help", an e-value; stays as it is once adopted or given up.
  log_e double precision,
  -- The family of tries it is held against: an organisation's, of a year.
  trial_year integer,
  trial_started_at timestamptz,
  activated_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint tried_has_baseline check (state not in ('trial', 'active', 'warmdown') or (
    baseline is not null and trial_year is not null and trial_started_at is not null)),
  constraint withdrawn_has_no_text check ((state = 'withdrawn') = (instruction is null)),
  constraint only_live_ones_are_shown check (influence = 0 or state in ('trial', 'active', 'warmdown'))
);
-- One live pattern for one choice: nobody is told to write tables and lists at once.
create unique index learned_patterns_slot_idx on pawl.learned_patterns (assistant_id, question_type, dimension)
  where state in ('trial', 'active', 'warmdown');
create index learned_patterns_assistant_id_idx on pawl.learned_patterns (assistant_id, state);
create index learned_patterns_family_idx on pawl.learned_patterns (organization_id, trial_year);

-- The feedback of the examples that an instruction was worded from, and whose it is. The feedback may go, with the
-- conversation; whose it was is known for as long as that person is, for only then is the instruction withdrawn.
create table pawl.pattern_sources (
  pattern_id uuid not null references pawl.learned_patterns (id) on delete cascade,
  feedback_id uuid not null,
  user_id uuid not null references pawl.users (id) on delete cascade,
  primary key (pattern_id, feedback_id)
);
create index pattern_sources_user_id_idx on pawl.pattern_sources (user_id);

-- Answers a live pattern applied to: shown by the coin, or held back by it. Without those held back nobody could tell
-- whether it helps.
create table pawl.pattern_exposures (
  pattern_id uuid not null references pawl.learned_patterns (id) on delete cascade,
  message_id uuid not null references pawl.exchanges (message_id) on delete cascade,
  user_id uuid not null references pawl.users (id) on delete cascade,
  shown boolean not null,
  -- Of being shown, when the coin was thrown.
  propensity real not null check (propensity between 0 and 1),
  -- The exchange's; what the answer was worth stands there alone.
  answered_at timestamptz not null default now(),
  primary key (pattern_id, message_id)
);
create index pattern_exposures_message_id_idx on pawl.pattern_exposures (message_id);
create index pattern_exposures_user_id_idx on pawl.pattern_exposures (user_id);
create index pattern_exposures_recent_idx on pawl.pattern_exposures (pattern_id, answered_at desc, message_id desc)
  where shown;

-- What a person's answers say of a pattern, in whole numbers: sums that come out the same in any order, and from which
-- what a person, or an answer, added can be taken away again to the last digit.
create table pawl.pattern_evidence (
  pattern_id uuid not null references pawl.learned_patterns (id) on delete cascade,
  user_id uuid not null references pawl.users (id) on delete cascade,
  -- 30 days of the answers' time, counted from 1970.
  period integer not null,
  n bigint not null,
  shown bigint not null,
  -- Hundredths.
  shown_sum bigint not null,
  -- Millionths.
  info bigint not null,
  z bigint not null,
  zz bigint not null,
  -- Billionths of a nat: a bet's fortune, for each of four stakes.
  wealth_1 bigint not null,
  wealth_2 bigint not null,
  wealth_3 bigint not null,
  wealth_4 bigint not null,
  primary key (pattern_id, user_id, period)
);
create index pattern_evidence_user_id_idx on pawl.pattern_evidence (user_id);

-- One row a run over an assistant's answers, which may take several calls.
create table pawl.learning_runs (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references pawl.organizations (id) on delete cascade,
  assistant_id uuid not null references pawl.assistants (id) on delete cascade,
  started_at timestamptz not null default now(),
  -- Null while it goes on.
  finished_at timestamptz,
  -- Answers settled for the first time, and again.
  settled integer not null default 0 check (settled >= 0),
  corrected integer not null default 0 check (corrected >= 0),
  -- People and answers of the last 90 days that it looked at.
  people integer check (people >= 0),
  answers integer check (answers >= 0),
  patterns_found integer not null default 0 check (patterns_found >= 0),
  patterns_active integer check (patterns_active >= 0),
  -- Mean signal, −1 to 1, and thumbs, of those answers.
  satisfaction numeric check (satisfaction between -1 and 1),
  votes_up integer check (votes_up >= 0),
  votes_down integer check (votes_down >= 0),
  -- {"fell_from", "fell_to", "votes"} where satisfaction crashed.
  crash jsonb,
  -- What an owner is told.
  message text
);
create unique index learning_runs_unfinished_idx on pawl.learning_runs (assistant_id) where finished_at is null;
create index learning_runs_assistant_id_idx on pawl.learning_runs (assistant_id, started_at desc);
create index learning_runs_organization_id_idx on pawl.learning_runs (organization_id);

-- What became of a pattern, step by step.
create table pawl.pattern_transitions (
  id uuid primary key default gen_random_uuid(),
  seq bigint generated always as identity,
  pattern_id uuid not null references pawl.learned_patterns (id) on delete cascade,
  run_id uuid references pawl.learning_runs (id) on delete cascade,
  -- Null of the first: it was found.
  from_state text,
  to_state text not null,
  from_influence numeric,
  to_influence numeric not null,
  confidence numeric not null,
  log_e double precision,
  -- In words an owner reads.
  reason text not null check (reason ~ '\S'),
  created_at timestamptz not null default now()
);
create index pattern_transitions_pattern_id_idx on pawl.pattern_transitions (pattern_id, seq desc);
create index pattern_transitions_run_id_idx on pawl.pattern_transitions (run_id);

-- Written once.
create function pawl.keep_transition() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  raise exception 'what became of a pattern is never rewritten' using errcode = 'restrict_violation';
end
$$;
revoke execute on function pawl.keep_transition() from public, anon, authenticated, service_role;
create trigger keep_transition before update on pawl.pattern_transitions
  for each row execute function pawl.keep_transition();

alter table pawl.learned_patterns enable row level security;
alter table pawl.pattern_sources enable row level security;
alter table pawl.pattern_exposures enable row level security;
alter table pawl.pattern_evidence enable row level security;
alter table pawl.learning_runs enable row level security;
alter table pawl.pattern_transitions enable row level security;
revoke all on pawl.learned_patterns, pawl.pattern_sources, pawl.pattern_exposures, pawl.pattern_evidence,
  pawl.learning_runs, pawl.pattern_transitions from public, anon, authenticated, service_role;
revoke all on sequence pawl.pattern_transitions_seq_seq from public, anon, authenticated, service_role;
grant select on pawl.learned_patterns, pawl.pattern_sources, pawl.pattern_exposures, pawl.pattern_evidence,
  pawl.learning_runs, pawl.pattern_transitions to authenticated;
grant select, insert, update, delete on pawl.learned_patterns, pawl.pattern_sources, pawl.pattern_exposures,
  pawl.pattern_evidence, pawl.learning_runs to service_role;
grant select, insert, delete on pawl.pattern_transitions to service_role;

create policy learned_patterns_read on pawl.learned_patterns for select to authenticated
  using (pawl.is_admin(organization_id));
create policy learning_runs_read on pawl.learning_runs for select to authenticated
  using (pawl.is_admin(organization_id));
-- A pattern the reader may see (the policy above) makes what belongs to it readable.
create policy pattern_sources_read on pawl.pattern_sources for select to authenticated
  using ((select true from pawl.learned_patterns p where p.id = pattern_id));
create policy pattern_exposures_read on pawl.pattern_exposures for select to authenticated
  using ((select true from pawl.learned_patterns p where p.id = pattern_id));
create policy pattern_evidence_read on pawl.pattern_evidence for select to authenticated
  using ((select true from pawl.learned_patterns p where p.id = pattern_id));
create policy pattern_transitions_read on pawl.pattern_transitions for select to authenticated
  using ((select true from pawl.learned_patterns p where p.id = pattern_id));
