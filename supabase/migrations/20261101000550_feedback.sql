-- Exchanges: what was asked and answered, by its characteristics; and what people made of the answers.

-- One row an answered turn. An answer waits here until what people made of it is settled into one signal; what comes
-- later puts it back into the queue. A queue and no cursor: a row that is committed late is found all the same.
create table pawl.exchanges (
  -- The answer's.
  message_id uuid primary key references pawl.messages (id) on delete cascade,
  organization_id uuid not null references pawl.organizations (id) on delete cascade,
  assistant_id uuid not null references pawl.assistants (id) on delete cascade,
  session_id uuid not null references pawl.sessions (id) on delete cascade,
  user_id uuid not null references pawl.users (id) on delete cascade,
  prompt_id uuid not null references pawl.system_prompts (id) deferrable initially deferred,
  prompt_version integer not null,
  model text not null,
  tools text[] not null default '{}',
  -- What kind of question it was, of which data; by the client's word or, for the former, by the message itself.
  question_type text,
  data_source text,
  response_format text,
  length_class text,
  answer_characters integer check (answer_characters >= 0),
  -- Learned patterns that the model was given with the prompt.
  patterns_shown uuid[] not null default '{}',
  answered_at timestamptz not null default now(),
  -- How often something happened to its feedback: a signal settled from an older one does not count.
  revision integer not null default 0 check (revision >= 0),
  -- What counts in the evidence now, in hundredths; null until it is settled for the first time.
  signal smallint check (signal between -100 and 100),
  -- Null while it waits.
  settled_at timestamptz,
  constraint settled_has_signal check (settled_at is null or signal is not null)
);
create index exchanges_queue_idx on pawl.exchanges (assistant_id, answered_at, message_id) where settled_at is null;
create index exchanges_answered_at_idx on pawl.exchanges (assistant_id, answered_at);
create index exchanges_organization_id_idx on pawl.exchanges (organization_id);
create index exchanges_session_id_idx on pawl.exchanges (session_id, answered_at desc);
create index exchanges_user_id_idx on pawl.exchanges (user_id);
create index exchanges_prompt_id_idx on pawl.exchanges (prompt_id);

-- Of one kind a person has one at a time: a thumb down replaces a thumb up.
create function pawl.feedback_kind(p_signal text) returns text
language sql immutable
set search_path = ''
as $$ select case when p_signal in ('thumbs_up', 'thumbs_down') then 'thumb' else p_signal end $$;
revoke execute on function pawl.feedback_kind(text) from public, anon, authenticated, service_role;
-- Who may write the table computes its column.
grant execute on function pawl.feedback_kind(text) to service_role;

-- Signals as they came, the present ones and those they replaced. What an answer was made with stands in its exchange.
create table pawl.response_feedback (
  id uuid primary key default gen_random_uuid(),
  seq bigint generated always as identity,
  message_id uuid not null references pawl.exchanges (message_id) on delete cascade,
  organization_id uuid not null references pawl.organizations (id) on delete cascade,
  assistant_id uuid not null references pawl.assistants (id) on delete cascade,
  user_id uuid not null references pawl.users (id) on delete cascade,
  signal text not null
    check (signal in ('thumbs_up', 'thumbs_down', 'copy', 'follow_up', 'dwell_time', 'rating')),
  kind text not null generated always as (pawl.feedback_kind(signal)) stored,
  source text not null default 'user' check (source in ('user', 'automated', 'llm-judge')),
  -- Of a rating 0 to 1, of dwell_time seconds.
  value numeric,
  comment text check (char_length(comment) <= 2000),
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  created_at timestamptz not null default now(),
  -- When another one of its kind replaced it; null of the present one.
  superseded_at timestamptz,
  constraint value_fits_signal check (case signal
    when 'rating' then value is not null and value between 0 and 1
    when 'dwell_time' then value is not null and value >= 0
    else value is null end)
);
create unique index response_feedback_current_idx
  on pawl.response_feedback (message_id, user_id, kind, source) where superseded_at is null;
create index response_feedback_message_id_idx on pawl.response_feedback (message_id, user_id);
-- The votes that stand: what a crash of satisfaction shows in.
create index response_feedback_votes_idx on pawl.response_feedback (assistant_id, created_at desc)
  where kind = 'thumb' and superseded_at is null;
create index response_feedback_user_id_idx on pawl.response_feedback (user_id);
create index response_feedback_organization_id_idx on pawl.response_feedback (organization_id);
create index response_feedback_assistant_id_idx on pawl.response_feedback (assistant_id, created_at desc);

alter table pawl.exchanges enable row level security;
alter table pawl.response_feedback enable row level security;
revoke all on pawl.exchanges, pawl.response_feedback from public, anon, authenticated, service_role;
revoke all on sequence pawl.response_feedback_seq_seq from public, anon, authenticated, service_role;
grant select on pawl.exchanges, pawl.response_feedback to authenticated;
grant select, insert, update, delete on pawl.exchanges, pawl.response_feedback to service_role;

-- Their characteristics tell how the loop works: for admins. A person reads what they said themselves.
-- What belongs to a deleted conversation nobody else reads.
create policy exchanges_read on pawl.exchanges for select to authenticated
  using (pawl.is_admin(organization_id)
    and (select s.deleted_at is null from pawl.sessions s where s.id = session_id));
create policy response_feedback_read on pawl.response_feedback for select to authenticated
  using (user_id = (select auth.uid()) or (pawl.is_admin(organization_id)
    and (select true from pawl.exchanges e where e.message_id = response_feedback.message_id)));
