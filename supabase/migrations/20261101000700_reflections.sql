-- What the judge found: an evaluation an answer, a log row a reflection, suggestions for people.

create table pawl.reflection_logs (
  id uuid primary key default gen_random_uuid(),
  assistant_id uuid not null references pawl.assistants (id) on delete cascade,
  created_at timestamptz not null default now(),
  messages_analyzed integer not null check (messages_analyzed >= 0),
  -- Answers the judge gave too little valid evidence for, twice.
  messages_discarded integer not null default 0 check (messages_discarded >= 0),
  time_window_start timestamptz not null,
  time_window_end timestamptz not null,
  prompt_id uuid not null references pawl.system_prompts (id) deferrable initially deferred,
  prompt_version_evaluated integer not null,
  rubric_id uuid references pawl.rubrics (id) deferrable initially deferred,
  -- Means over the answers judged, 1 to 5: {"criterion": mean}. Custom rubrics exist, so no column a criterion.
  criterion_scores jsonb not null default '{}' check (jsonb_typeof(criterion_scores) = 'object'),
  overall_score numeric(6, 4) check (overall_score between 1 and 5),
  strengths text[] not null default '{}',
  weaknesses text[] not null default '{}',
  patterns_noticed text[] not null default '{}',
  action_taken text not null check (action_taken in ('none', 'log_only', 'suggestion', 'prompt_update', 'rollback')),
  suggestion_id uuid,
  new_prompt_version integer,
  -- What came of a prompt that this called for: null while it is still owed; submitted: written and put to the test.
  update_outcome text check (update_outcome in ('submitted', 'refused')),
  -- How often a writer was set to it.
  update_attempts integer not null default 0 check (update_attempts >= 0),
  judge_model text,
  raw_analysis jsonb,
  check (time_window_start <= time_window_end)
);
create index reflection_logs_created_at_idx on pawl.reflection_logs (assistant_id, created_at desc);
create index reflection_logs_overall_score_idx on pawl.reflection_logs (overall_score);
create index reflection_logs_prompt_id_idx on pawl.reflection_logs (prompt_id);
create index reflection_logs_rubric_id_idx on pawl.reflection_logs (rubric_id);

alter table pawl.system_prompts
  add foreign key (reflection_log_id) references pawl.reflection_logs (id) on delete set null;

-- Each answer is judged once.
create table pawl.message_evaluations (
  message_id uuid primary key references pawl.messages (id) on delete cascade,
  reflection_log_id uuid not null references pawl.reflection_logs (id) on delete cascade,
  prompt_id uuid not null references pawl.system_prompts (id) deferrable initially deferred,
  created_at timestamptz not null default now(),
  -- Weighted mean of the valid scores, 1 to 5; null when the judgement was discarded.
  overall numeric(6, 4) check (overall between 1 and 5),
  discarded boolean not null default false,
  -- {"criterion": {"score": 1..5, "evidence": "…", "valid": true}}.
  scores jsonb not null default '{}' check (jsonb_typeof(scores) = 'object'),
  constraint scored_or_discarded check (discarded = (overall is null))
);
create index message_evaluations_reflection_idx on pawl.message_evaluations (reflection_log_id);
create index message_evaluations_prompt_id_idx on pawl.message_evaluations (prompt_id);

create table pawl.suggestions (
  id uuid primary key default gen_random_uuid(),
  assistant_id uuid not null references pawl.assistants (id) on delete cascade,
  created_at timestamptz not null default now(),
  reflection_log_id uuid references pawl.reflection_logs (id) on delete cascade,
  suggestion_type text not null check (suggestion_type in ('prompt_change', 'behavior_note', 'escalation')),
  priority text not null check (priority in ('low', 'medium', 'high', 'critical')),
  title text not null,
  description text not null,
  proposed_change text,
  -- The version it asks to approve, where one has been written.
  prompt_id uuid references pawl.system_prompts (id) deferrable initially deferred,
  status text not null default 'pending' check (status in ('pending', 'approved', 'rejected', 'implemented')),
  reviewed_by uuid references pawl.users (id) on delete set null,
  reviewed_at timestamptz,
  review_notes text,
  implemented_in_version integer
);
create index suggestions_status_idx on pawl.suggestions (assistant_id, status);
create index suggestions_created_at_idx on pawl.suggestions (assistant_id, created_at desc);
create index suggestions_priority_idx on pawl.suggestions (priority);
create index suggestions_reflection_idx on pawl.suggestions (reflection_log_id);
create index suggestions_prompt_id_idx on pawl.suggestions (prompt_id);
create index suggestions_reviewed_by_idx on pawl.suggestions (reviewed_by);

alter table pawl.reflection_logs
  add foreign key (suggestion_id) references pawl.suggestions (id) on delete set null;

alter table pawl.reflection_logs enable row level security;
alter table pawl.message_evaluations enable row level security;
alter table pawl.suggestions enable row level security;
revoke all on pawl.reflection_logs, pawl.message_evaluations, pawl.suggestions
  from public, anon, authenticated, service_role;
grant select on pawl.reflection_logs, pawl.message_evaluations, pawl.suggestions to authenticated;
grant select, insert, update, delete on pawl.reflection_logs, pawl.message_evaluations, pawl.suggestions to service_role;

create policy reflection_logs_read on pawl.reflection_logs for select to authenticated
  using (exists (select from pawl.assistants a where a.id = assistant_id and pawl.is_admin(a.organization_id)));
create policy suggestions_read on pawl.suggestions for select to authenticated
  using (exists (select from pawl.assistants a where a.id = assistant_id and pawl.is_admin(a.organization_id)));
-- Through reflection_logs and its policy.
create policy message_evaluations_read on pawl.message_evaluations for select to authenticated
  using (exists (select from pawl.reflection_logs r where r.id = reflection_log_id));
