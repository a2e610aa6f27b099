-- Sessions, their messages, and turns: one turn is one user message and what became of it.

create table pawl.sessions (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references pawl.organizations (id) on delete cascade,
  assistant_id uuid not null references pawl.assistants (id) on delete cascade,
  user_id uuid not null references pawl.users (id) on delete cascade,
  -- The first words of its first message, until the person renames it.
  title text check (char_length(title) <= 200),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- Deleted by its person: its messages are read and judged no more, and pawl_sweep() deletes the rows after the
  -- organisation's `keep_deleted_sessions_days`.
  deleted_at timestamptz,
  is_active boolean not null generated always as (deleted_at is null) stored,
  metadata jsonb not null default '{}'
);
create index sessions_user_id_idx on pawl.sessions (user_id, updated_at desc);
create index sessions_deleted_at_idx on pawl.sessions (organization_id, deleted_at) where deleted_at is not null;
create index sessions_organization_id_idx on pawl.sessions (organization_id);
create index sessions_assistant_id_idx on pawl.sessions (assistant_id);

create table pawl.messages (
  id uuid primary key default gen_random_uuid(),
  -- Order within a session: created_at ties inside one transaction.
  seq bigint generated always as identity,
  session_id uuid not null references pawl.sessions (id) on delete cascade,
  role text not null check (role in ('user', 'assistant', 'system')),
  content text not null,
  created_at timestamptz not null default now(),
  -- Tokens the model counted for this message; null where it was not counted.
  token_count integer check (token_count >= 0),
  model_used text,
  -- What produced the answer; on a user's message, what was to answer it.
  prompt_id uuid references pawl.system_prompts (id) deferrable initially deferred,
  prompt_version integer,
  metadata jsonb not null default '{}'
);
create index messages_session_id_idx on pawl.messages (session_id, seq);
create index messages_created_at_idx on pawl.messages (created_at desc);
-- The answers a version gave, newest first: what a reflection looks for.
create index messages_prompt_id_idx on pawl.messages (prompt_id, created_at desc) where role = 'assistant';

create table pawl.turns (
  id uuid primary key default gen_random_uuid(),
  seq bigint generated always as identity,
  session_id uuid not null references pawl.sessions (id) on delete cascade,
  -- The session's, beside it because what a turn costs is counted by them.
  organization_id uuid not null references pawl.organizations (id) on delete cascade,
  user_id uuid not null references pawl.users (id) on delete cascade,
  prompt_id uuid not null references pawl.system_prompts (id) deferrable initially deferred,
  user_message_id uuid not null unique references pawl.messages (id) on delete cascade,
  answer_message_id uuid unique references pawl.messages (id) on delete cascade,
  status text not null default 'open' check (status in ('open', 'completed', 'failed')),
  -- A stable code, never text from the model or the user.
  error_code text,
  -- What is known of the question before it is answered: {question_type, data_source, tools}.
  traits jsonb not null default '{}' check (jsonb_typeof(traits) = 'object'),
  created_at timestamptz not null default now(),
  -- How often a model was set to it; a request with the same idempotency key tries a failed turn again.
  attempts integer not null default 1 check (attempts > 0),
  -- Attempts that ended without a word: their answer may have been paid for and never stored.
  lost_attempts integer not null default 0 check (lost_attempts between 0 and attempts),
  -- Until when nobody may begin another attempt.
  lease_expires_at timestamptz not null default now() + interval '150 seconds',
  finished_at timestamptz,
  input_tokens integer check (input_tokens >= 0),
  output_tokens integer check (output_tokens >= 0),
  cache_read_tokens integer check (cache_read_tokens >= 0),
  cache_write_tokens integer check (cache_write_tokens >= 0),
  -- Tokens taken from the person's daily budget when it began, by the size of the message; settled when it ends.
  advance_tokens integer not null default 0 check (advance_tokens >= 0),
  -- From the request to the model until its answer was there, in milliseconds.
  latency_ms integer check (latency_ms >= 0),
  constraint completed_has_answer check ((status = 'completed') = (answer_message_id is not null)),
  constraint failed_has_code check ((status = 'failed') = (error_code is not null))
);
-- What a model is shown of a session are its completed turns; what its person reads are all.
create index turns_history_idx on pawl.turns (session_id, seq desc) where status = 'completed';
create index turns_session_id_idx on pawl.turns (session_id, seq desc);
-- With the end of each, to see how a version's last ones ended.
create index turns_prompt_id_idx on pawl.turns (prompt_id, finished_at);
create index turns_user_id_idx on pawl.turns (user_id);
create index turns_organization_id_idx on pawl.turns (organization_id);
create index turns_open_idx on pawl.turns (lease_expires_at) where status = 'open';

-- When turns were begun or tried again: what the limits a minute count. Kept for a day.
create table pawl.turn_attempts (
  turn_id uuid not null references pawl.turns (id) on delete cascade,
  attempt integer not null check (attempt > 0),
  organization_id uuid not null references pawl.organizations (id) on delete cascade,
  user_id uuid not null references pawl.users (id) on delete cascade,
  begun_at timestamptz not null default now(),
  primary key (turn_id, attempt)
);
create index turn_attempts_user_idx on pawl.turn_attempts (user_id, organization_id, begun_at desc);
create index turn_attempts_organization_idx on pawl.turn_attempts (organization_id, begun_at desc);
-- For the sweep, in the order of time. A b-tree would tempt the planner to look for one organisation among all.
create index turn_attempts_begun_at_idx on pawl.turn_attempts using brin (begun_at);

-- An `Idempotency-Key` and the turn it began. Kept 24 h; the secret key alone reads it.
create table pawl.idempotency_keys (
  user_id uuid not null references pawl.users (id) on delete cascade,
  key text not null check (char_length(key) between 1 and 255),
  -- SHA-256 of the message: another one with the same key is a mistake of the client's.
  message_hash bytea not null,
  turn_id uuid not null references pawl.turns (id) on delete cascade,
  created_at timestamptz not null default now(),
  primary key (user_id, key)
);
create index idempotency_keys_turn_id_idx on pawl.idempotency_keys (turn_id);
create index idempotency_keys_created_at_idx on pawl.idempotency_keys (created_at);

alter table pawl.sessions enable row level security;
alter table pawl.messages enable row level security;
alter table pawl.turns enable row level security;
alter table pawl.turn_attempts enable row level security;
alter table pawl.idempotency_keys enable row level security;
revoke all on pawl.sessions, pawl.messages, pawl.turns, pawl.turn_attempts, pawl.idempotency_keys
  from public, anon, authenticated, service_role;
revoke all on sequence pawl.messages_seq_seq, pawl.turns_seq_seq from public, anon, authenticated, service_role;
grant select on pawl.sessions, pawl.messages, pawl.turns to authenticated;
grant update (title, deleted_at) on pawl.sessions to authenticated;
grant select, insert, update, delete
  on pawl.sessions, pawl.messages, pawl.turns, pawl.turn_attempts, pawl.idempotency_keys to service_role;

create policy sessions_read on pawl.sessions for select to authenticated
  using (user_id = (select auth.uid()) or pawl.is_admin(organization_id));
-- Renaming and deleting; the columns are granted above. Deleting is now: neither long ago, which would be erased at once,
-- nor in the future.
create policy sessions_change on pawl.sessions for update to authenticated
  using (user_id = (select auth.uid()) and deleted_at is null)
  with check (user_id = (select auth.uid()) and (deleted_at is null or deleted_at = now()));
-- A session the reader may see (the policy above), and that is not deleted, makes its messages and turns readable. (A
-- scalar, for `exists` is planned as one pass over all sessions.)
create policy messages_read on pawl.messages for select to authenticated
  using ((select s.deleted_at is null from pawl.sessions s where s.id = session_id));
create policy turns_read on pawl.turns for select to authenticated
  using ((select s.deleted_at is null from pawl.sessions s where s.id = session_id));
