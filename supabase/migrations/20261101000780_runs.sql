-- Runs: what each function was called for, what became of it, and its steps. Ids, counts, codes and names; never what a
-- person wrote, what a model answered, a prompt or a key. Kept for 30 days.

create table pawl.agent_runs (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid references pawl.organizations (id) on delete cascade,
  assistant_id uuid references pawl.assistants (id) on delete cascade,
  -- The function.
  agent_type text not null,
  -- lost: nobody said how it ended.
  status text not null default 'running' check (status in ('running', 'completed', 'failed', 'lost')),
  input jsonb not null default '{}' check (jsonb_typeof(input) = 'object'),
  output jsonb check (jsonb_typeof(output) = 'object'),
  -- A stable code.
  error text,
  duration_ms integer check (duration_ms >= 0),
  token_usage jsonb not null default '{}' check (jsonb_typeof(token_usage) = 'object'),
  -- Of a chat: the turn, and which attempt at it. Who deletes their conversation takes it along.
  turn_id uuid references pawl.turns (id) on delete cascade,
  attempt integer check (attempt > 0),
  request_id text check (char_length(request_id) <= 64),
  created_at timestamptz not null default now(),
  completed_at timestamptz,
  constraint running_is_open check ((status = 'running') = (completed_at is null)),
  constraint attempt_of_turn check ((turn_id is null) = (attempt is null))
);
create index agent_runs_assistant_idx on pawl.agent_runs (assistant_id, created_at desc);
create index agent_runs_organization_idx on pawl.agent_runs (organization_id, created_at desc);
create unique index agent_runs_turn_idx on pawl.agent_runs (turn_id, attempt);
-- For the sweep, in the order of time.
create index agent_runs_created_at_idx on pawl.agent_runs (created_at);

-- The steps of a run: calls of the database, of a model, of something else.
create table pawl.agent_traces (
  id uuid primary key default gen_random_uuid(),
  run_id uuid not null references pawl.agent_runs (id) on delete cascade,
  -- Where the owner of the project copies traces to Langfuse: its id there. Pawl leaves it empty.
  langfuse_trace_id text,
  parent_span_id text,
  span_name text not null check (char_length(span_name) <= 100),
  span_type text not null check (span_type in ('db', 'model', 'http', 'step')),
  input jsonb,
  output jsonb,
  -- {model, usage, error}, as far as they are known.
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  start_time timestamptz not null,
  end_time timestamptz,
  duration_ms integer check (duration_ms >= 0)
);
create index agent_traces_run_id_idx on pawl.agent_traces (run_id, start_time);

-- Tools that a model used for an answer, by name. What went in and came out is the tool's and is not Pawl's to keep.
create table pawl.tool_calls (
  id uuid primary key default gen_random_uuid(),
  trace_id uuid not null references pawl.agent_traces (id) on delete cascade,
  tool_name text not null,
  tool_input jsonb,
  tool_output jsonb,
  success boolean,
  error text,
  duration_ms integer check (duration_ms >= 0),
  created_at timestamptz not null default now()
);
create index tool_calls_trace_id_idx on pawl.tool_calls (trace_id);

alter table pawl.agent_runs enable row level security;
alter table pawl.agent_traces enable row level security;
alter table pawl.tool_calls enable row level security;
revoke all on pawl.agent_runs, pawl.agent_traces, pawl.tool_calls from public, anon, authenticated, service_role;
grant select on pawl.agent_runs, pawl.agent_traces, pawl.tool_calls to authenticated;
grant select, insert, update, delete on pawl.agent_runs, pawl.agent_traces, pawl.tool_calls to service_role;

create policy agent_runs_read on pawl.agent_runs for select to authenticated
  using (pawl.is_admin(organization_id));
-- By the rows above, and their policies.
create policy agent_traces_read on pawl.agent_traces for select to authenticated
  using ((select true from pawl.agent_runs r where r.id = run_id));
create policy tool_calls_read on pawl.tool_calls for select to authenticated
  using ((select true from pawl.agent_traces t where t.id = trace_id));

-- A turn's attempt begins. What was begun of the turn before, and never ended, is lost.
create function pawl.begin_run(p_turn pawl.turns, p_assistant_id uuid, p_prompt_version integer) returns void
language plpgsql
set search_path = ''
as $$
begin
  if p_turn.attempts > 1 then
    update pawl.agent_runs set status = 'lost', completed_at = now() where turn_id = p_turn.id and status = 'running';
  end if;
  insert into pawl.agent_runs (organization_id, assistant_id, agent_type, input, turn_id, attempt)
    values (p_turn.organization_id, p_assistant_id, 'chat-handler',
            jsonb_build_object('prompt_version', p_prompt_version), p_turn.id, p_turn.attempts);
end
$$;

-- A turn's attempt ends, with p_error or without; the last word counts. p_model null: no model said anything.
create function pawl.end_run(
  p_turn_id uuid, p_attempt integer, p_error text, p_model text, p_usage jsonb, p_latency_ms integer, p_tools text[]
) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_run_id uuid;
  v_trace_id uuid;
begin
  update pawl.agent_runs
    set status = case when p_error is null then 'completed' else 'failed' end, error = p_error, completed_at = now(),
        duration_ms = least(1000 * extract(epoch from now() - created_at), 2147483647)::integer,
        token_usage = coalesce(p_usage, '{}')
    where turn_id = p_turn_id and attempt = p_attempt returning id into v_run_id;
  if not found or p_model is null then
    return;
  end if;
  insert into pawl.agent_traces (run_id, span_name, span_type, metadata, start_time, end_time, duration_ms)
    values (v_run_id, 'model', 'model', jsonb_build_object('model', p_model, 'usage', p_usage),
            now() - coalesce(p_latency_ms, 0) * interval '1 millisecond', now(), p_latency_ms)
    returning id into v_trace_id;
  insert into pawl.tool_calls (trace_id, tool_name) select v_trace_id, tool from unnest(p_tools) tool;
end
$$;

-- Records a run that is over: p_run {agent_type, action, status (completed, failed), request_id, organization_id,
-- assistant_id, error, duration_ms, token_usage, output, spans: [{name, type, start_ms (from the beginning), duration_ms,
-- error, model, usage}]}, of which the first 200 spans count. Secret key only. Outcomes: ok.
create function public.pawl_record_run(p_run jsonb) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  v_begun constant timestamptz := now() - coalesce((p_run ->> 'duration_ms')::integer, 0) * interval '1 millisecond';
  v_id uuid;
begin
  insert into pawl.agent_runs (
    organization_id, assistant_id, agent_type, status, input, output, error, duration_ms, token_usage, request_id,
    created_at, completed_at)
  select coalesce(a.organization_id, o.id), a.id, p_run ->> 'agent_type', p_run ->> 'status',
         jsonb_strip_nulls(jsonb_build_object('action', p_run -> 'action')), p_run -> 'output', p_run ->> 'error',
         (p_run ->> 'duration_ms')::integer, coalesce(p_run -> 'token_usage', '{}'), p_run ->> 'request_id', v_begun,
         now()
  from (select) one
  left join pawl.assistants a on a.id = (p_run ->> 'assistant_id')::uuid
  left join pawl.organizations o on o.id = (p_run ->> 'organization_id')::uuid
  returning id into v_id;
  insert into pawl.agent_traces (run_id, span_name, span_type, metadata, start_time, end_time, duration_ms)
    select v_id, s.name, s.type,
           jsonb_strip_nulls(jsonb_build_object('error', s.error, 'model', s.model, 'usage', s.usage)),
           v_begun + s.start_ms * interval '1 millisecond',
           v_begun + (s.start_ms + s.duration_ms) * interval '1 millisecond', s.duration_ms
    from jsonb_to_recordset(p_run -> 'spans') s (
      name text, type text, start_ms integer, duration_ms integer, error text, model text, usage jsonb)
    limit 200;
  return '{"outcome": "ok"}';
end
$$;

revoke execute on function
  pawl.begin_run(pawl.turns, uuid, integer),
  pawl.end_run(uuid, integer, text, text, jsonb, integer, text[]),
  public.pawl_record_run(jsonb)
from public, anon, authenticated, service_role;
grant execute on function public.pawl_record_run(jsonb) to service_role;
