-- Assistants: the unit that improves. Each has its own line of prompt versions, rubric, settings and lease.

create table pawl.assistants (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references pawl.organizations (id) on delete cascade,
  slug text not null check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  name text not null,
  created_at timestamptz not null default now(),
  metadata jsonb not null default '{}',
  -- Which set of learned patterns is served: raised by whatever changes it. Isolates keep a set under its number.
  patterns_revision bigint not null default 0 check (patterns_revision >= 0),
  unique (organization_id, slug)
);

create table pawl.loop_settings (
  assistant_id uuid primary key references pawl.assistants (id) on delete cascade,
  -- When to judge.
  window_hours numeric not null default 24 check (window_hours > 0),
  -- Sessions that unjudged answers must come from; and answers judged at a time.
  min_conversations integer not null default 5 check (min_conversations between 1 and 20),
  max_conversations integer not null default 20 check (max_conversations between 1 and 20),
  reflect_every_hours numeric not null default 6 check (reflect_every_hours >= 0),
  reflect_every_messages integer not null default 50 check (reflect_every_messages > 0),
  -- What a score calls for, on the rubric's scale of 1 to 5.
  auto_update_threshold numeric not null default 2.5,
  suggestion_threshold numeric not null default 3.5,
  acceptable_threshold numeric not null default 4.0,
  -- How often a prompt may change by itself.
  cooldown_hours numeric not null default 6 check (cooldown_hours >= 0),
  max_updates_per_day integer not null default 3 check (max_updates_per_day >= 0),
  -- Paused for good, or until a time.
  updates_paused boolean not null default false,
  paused_until timestamptz,
  -- Nothing the loop writes is shown to people, or goes live, before a person has approved it.
  approval_required boolean not null default false,
  -- Clauses that every later version must hold word for word.
  protected_clauses text[] not null default '{}',
  -- Models and what they may cost a call.
  chat_model text not null default 'claude-sonnet-5-5',
  judge_model text not null default 'claude-sonnet-5-5',
  rewriter_model text not null default 'claude-sonnet-5-5',
  pattern_model text not null default 'claude-haiku-5-5',
  max_answer_tokens integer not null default 4096 check (max_answer_tokens between 1 and 32000),
  history_token_budget integer not null default 8000 check (history_token_budget >= 0),
  -- Learning from what people make of the answers.
  learning_enabled boolean not null default true,
  learn_every_hours numeric not null default 6 check (learn_every_hours >= 0),
  -- Reactions come over time: an answer's are taken together after so long.
  feedback_maturity_hours numeric not null default 24 check (feedback_maturity_hours >= 0),
  -- Share of the answers an active pattern applies to that go without it, so that it goes on being measured.
  holdout_share numeric not null default 0.07 check (holdout_share between 0.05 and 0.10),
  -- The most of a pattern's evidence that one person may be.
  user_weight_cap numeric not null default 0.10 check (user_weight_cap between 0.05 and 1),
  -- How a new version proves itself. First it answers so many earlier questions beside the live one.
  screening_pairs integer not null default 60 check (screening_pairs between 20 and 200),
  -- Then by a canary (part of the conversations) or by replay (many more earlier questions); auto takes whichever is
  -- decided sooner at today's traffic.
  proof_method text not null default 'auto' check (proof_method in ('auto', 'canary', 'replay')),
  -- The most pairs of a proof by replay: undecided after them is rejected.
  proof_pairs integer not null default 1000 check (proof_pairs between 100 and 2000),
  -- Of a canary: the share that gets the new version, whether conversations or people are sent to one of the two, and
  -- how long it runs at least and at most.
  canary_share numeric not null default 0.2 check (canary_share between 0.05 and 0.5),
  canary_unit text not null default 'conversation' check (canary_unit in ('conversation', 'user')),
  canary_min_days numeric not null default 7 check (canary_min_days >= 7),
  canary_max_days numeric not null default 28,
  -- Promotions spend from one budget a year; without it each test may go wrong by this chance.
  yearly_budget boolean not null default true,
  fixed_level numeric not null default 0.01 check (fixed_level > 0 and fixed_level <= 0.05),
  -- Share of updates that are preceded by a test of the live text against itself, to see what the tests let through.
  placebo_share numeric not null default 0.05 check (placebo_share between 0 and 1),
  -- What tests may cost in a day of UTC.
  test_tokens_per_day bigint not null default 3000000 check (test_tokens_per_day > 0),
  test_usd_per_day numeric not null default 10 check (test_usd_per_day > 0),
  -- A judge that agrees with people's ratings less than this (quadratic weighted kappa) lets nothing through.
  judge_floor numeric not null default 0.2 check (judge_floor between -1 and 1),
  updated_at timestamptz not null default now(),
  constraint thresholds_ascend check (
    1 <= auto_update_threshold and auto_update_threshold <= suggestion_threshold
    and suggestion_threshold <= acceptable_threshold and acceptable_threshold <= 5
  ),
  constraint conversations_ascend check (min_conversations <= max_conversations),
  constraint canary_days_ascend check (canary_min_days <= canary_max_days)
);

-- One row an assistant and kind of work. A row is taken with FOR UPDATE SKIP LOCKED, so two workers never hold one
-- lease, and it runs out by itself when its holder dies. `checked_at` orders the work: longest unseen first.
create table pawl.leases (
  assistant_id uuid not null references pawl.assistants (id) on delete cascade,
  kind text not null check (kind in ('reflection', 'learning', 'proof', 'training')),
  holder uuid,
  expires_at timestamptz,
  checked_at timestamptz not null default '-infinity',
  -- Holders that died: what a model told them may have been paid for and never stored.
  lost_holders integer not null default 0 check (lost_holders >= 0),
  primary key (assistant_id, kind)
);
create index leases_checked_at_idx on pawl.leases (kind, checked_at);

-- An assistant comes with its settings and its leases: no code ever meets one without.
create function pawl.equip_assistant() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  insert into pawl.loop_settings (assistant_id) values (new.id);
  insert into pawl.leases (assistant_id, kind)
    values (new.id, 'reflection'), (new.id, 'learning'), (new.id, 'proof'), (new.id, 'training');
  return null;
end
$$;
revoke execute on function pawl.equip_assistant() from public, anon, authenticated, service_role;
create trigger equip_assistant after insert on pawl.assistants
  for each row execute function pawl.equip_assistant();

-- True while automatic updates are paused, for good or until a time.
create function pawl.is_paused(s pawl.loop_settings) returns boolean
language sql stable
set search_path = ''
as $$ select s.updates_paused or coalesce(s.paused_until > now(), false) $$;
revoke execute on function pawl.is_paused(pawl.loop_settings) from public, anon, authenticated, service_role;

alter table pawl.assistants enable row level security;
alter table pawl.loop_settings enable row level security;
alter table pawl.leases enable row level security;
revoke all on pawl.assistants, pawl.loop_settings, pawl.leases from public, anon, authenticated, service_role;
grant select on pawl.assistants, pawl.loop_settings to authenticated;
grant select, insert, update, delete on pawl.assistants, pawl.loop_settings, pawl.leases to service_role;

create policy assistants_read on pawl.assistants for select to authenticated
  using (pawl.is_member(organization_id));
create policy loop_settings_read on pawl.loop_settings for select to authenticated
  using (exists (select from pawl.assistants a where a.id = assistant_id and pawl.is_admin(a.organization_id)));

-- An organisation's assistant by its slug; without one its only assistant, or of several the one called `default`.
-- Null when there is none.
create function pawl.find_assistant(p_organization_id uuid, p_slug text) returns uuid
language sql stable
set search_path = ''
as $$
  select a.id from pawl.assistants a
  where a.organization_id = p_organization_id
    and (a.slug = p_slug or (p_slug is null and (a.slug = 'default' or not exists (
      select from pawl.assistants b where b.organization_id = p_organization_id and b.id <> a.id))))
$$;
revoke execute on function pawl.find_assistant(uuid, text) from public, anon, authenticated, service_role;
