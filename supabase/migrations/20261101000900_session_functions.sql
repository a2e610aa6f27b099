-- A person's own sessions: list, read, rename, delete. These run with the caller's rights, so row-level security decides
-- what they reach; on top of it each looks at the sessions of one person only (an admin's own, too, and with the secret
-- key those of p_user_id).
--
-- Outcomes of all: ok; session_not_found; and those of pawl.acting_user.

-- The newest first: {outcome, sessions: [{session_id, title, organization_id, assistant, created_at, updated_at}], next}.
-- Give `next` back as p_before for the page after this; it is null where there is none. A page holds p_limit (1 to 100)
-- sessions, and more where several have the very same time.
create function public.pawl_list_sessions(
  p_assistant text default null,
  p_organization_id uuid default null,
  p_before timestamptz default null,
  p_limit integer default 20,
  p_user_id uuid default null
) returns jsonb
language plpgsql stable
set search_path = ''
-- Planned for the arguments at hand: a page of an index, not all of a person's sessions.
set plan_cache_mode = force_custom_plan
as $$
declare
  v_who record := pawl.acting_user(p_user_id);
  v_limit integer := least(greatest(coalesce(p_limit, 20), 1), 100);
  v_sessions jsonb;
begin
  if v_who.outcome <> 'ok' then
    return jsonb_build_object('outcome', v_who.outcome);
  end if;
  select coalesce(jsonb_agg(to_jsonb(page)), '[]') into v_sessions from (
    select s.id as session_id, s.title, s.organization_id, a.slug as assistant, s.created_at, s.updated_at
    from pawl.sessions s join pawl.assistants a on a.id = s.assistant_id
    where s.user_id = v_who.user_id and s.deleted_at is null
      and (p_assistant is null or a.slug = p_assistant)
      and (p_organization_id is null or s.organization_id = p_organization_id)
      and s.updated_at < coalesce(p_before, 'infinity')
    order by s.updated_at desc fetch first (v_limit) rows with ties
  ) page;
  return jsonb_build_object('outcome', 'ok', 'sessions', v_sessions,
    'next', case when jsonb_array_length(v_sessions) >= v_limit then v_sessions -> -1 -> 'updated_at' end);
end
$$;

-- A session with its newest turns, oldest of them first: {outcome, session: {session_id, title, organization_id, assistant,
-- created_at, updated_at}, messages: [{message_id, turn, role, content, created_at, prompt_version, model, error_code}], next}. A
-- question without an answer has the `error_code` of its turn (null while the turn is open). Give `next` back as p_before_turn for older
-- turns. p_limit: 1 to 200 turns.
create function public.pawl_get_session(
  p_session_id uuid, p_before_turn bigint default null, p_limit integer default 50, p_user_id uuid default null
) returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  v_who record := pawl.acting_user(p_user_id);
  v_limit integer := least(greatest(coalesce(p_limit, 50), 1), 200);
  v_session jsonb;
  v_messages jsonb;
  v_turns bigint;
  v_oldest bigint;
begin
  if v_who.outcome <> 'ok' then
    return jsonb_build_object('outcome', v_who.outcome);
  end if;
  select to_jsonb(found_session) into v_session from (
    select s.id as session_id, s.title, s.organization_id, a.slug as assistant, s.created_at, s.updated_at
    from pawl.sessions s join pawl.assistants a on a.id = s.assistant_id
    where s.id = p_session_id and s.user_id = v_who.user_id and s.deleted_at is null
  ) found_session;
  if v_session is null then
    return jsonb_build_object('outcome', 'session_not_found');
  end if;
  with page as (
    select * from pawl.turns t
    where t.session_id = p_session_id and t.seq < coalesce(p_before_turn, 9223372036854775807)
    order by t.seq desc limit v_limit
  ), said as (
    select p.seq as turn, m.role, m.id as message_id, m.content, m.created_at, m.prompt_version,
           m.model_used as model, p.error_code
    from page p join pawl.messages m on m.id in (p.user_message_id, p.answer_message_id)
  )
  select (select count(*) from page), (select min(seq) from page),
         coalesce(jsonb_agg(to_jsonb(said) order by said.turn, said.role = 'assistant'), '[]')
    into v_turns, v_oldest, v_messages from said;
  return jsonb_build_object('outcome', 'ok', 'session', v_session, 'messages', v_messages,
    'next', case when v_turns = v_limit then v_oldest end);
end
$$;

-- Further outcome: title_invalid (blank, or over 200 characters).
create function public.pawl_rename_session(p_session_id uuid, p_title text, p_user_id uuid default null) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_who record := pawl.acting_user(p_user_id);
  v_title text := regexp_replace(p_title, '^[\s\u00a0\ufeff]+|[\s\u00a0\ufeff]+$', '', 'g');
begin
  if v_who.outcome <> 'ok' then
    return jsonb_build_object('outcome', v_who.outcome);
  elsif coalesce(char_length(v_title), 0) not between 1 and 200 then
    return jsonb_build_object('outcome', 'title_invalid');
  end if;
  update pawl.sessions set title = v_title
    where id = p_session_id and user_id = v_who.user_id and deleted_at is null;
  return jsonb_build_object('outcome', case when found then 'ok' else 'session_not_found' end);
end
$$;

-- Nobody reads, goes on with or judges a deleted session. Its rows go after `keep_deleted_sessions_days`.
create function public.pawl_delete_session(p_session_id uuid, p_user_id uuid default null) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_who record := pawl.acting_user(p_user_id);
begin
  if v_who.outcome <> 'ok' then
    return jsonb_build_object('outcome', v_who.outcome);
  end if;
  update pawl.sessions set deleted_at = now()
    where id = p_session_id and user_id = v_who.user_id and deleted_at is null;
  return jsonb_build_object('outcome', case when found then 'ok' else 'session_not_found' end);
end
$$;

-- Ends what nobody came back for, a batch at a time: turns whose function died (`turn_lost`), what was kept for a day,
-- runs of over 30 days ago, and sessions deleted long enough ago. reflection-loop calls it; so may any schedule, with the secret key. Outcomes: ok; more
-- (there may be another batch).
create function public.pawl_sweep() returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  -- A session has many rows, the others are single ones.
  max_sessions constant integer := 20;
  max_rows constant integer := 2000;
  v_old uuid[];
  v_sessions integer;
  v_turns integer;
  v_keys integer;
  v_attempts integer;
  v_units integer;
  v_pairs integer;
  v_runs integer;
begin
  with lost as (
    update pawl.turns
      set status = 'failed', error_code = 'turn_lost', finished_at = now(), lost_attempts = lost_attempts + 1
      where id in (
        select id from pawl.turns where status = 'open' and lease_expires_at < now()
        order by lease_expires_at limit max_rows for update skip locked)
      returning id, attempts
  ), runs as (
    update pawl.agent_runs r set status = 'lost', completed_at = now()
      from lost where r.turn_id = lost.id and r.attempt = lost.attempts
  )
  select count(*) into v_turns from lost;
  delete from pawl.idempotency_keys
    where (user_id, key) in (
      select user_id, key from pawl.idempotency_keys where created_at < now() - interval '24 hours'
      order by created_at limit max_rows for update skip locked);
  get diagnostics v_keys = row_count;
  delete from pawl.turn_attempts
    where (turn_id, attempt) in (
      select turn_id, attempt from pawl.turn_attempts where begun_at < now() - interval '24 hours'
      order by begun_at limit max_rows for update skip locked);
  get diagnostics v_attempts = row_count;
  delete from pawl.agent_runs
    where id in (
      select id from pawl.agent_runs where created_at < now() - interval '30 days'
      order by created_at limit max_rows for update skip locked);
  get diagnostics v_runs = row_count;
  v_old := array(
    select s.id from pawl.organization_settings o
    cross join lateral (
      select x.id, x.deleted_at from pawl.sessions x
      where x.organization_id = o.organization_id
        and x.deleted_at <= now() - o.keep_deleted_sessions_days * interval '1 day'
        -- An answer that is under way finds its session.
        and not exists (select from pawl.turns t where t.session_id = x.id and t.status = 'open')
      order by x.deleted_at limit max_sessions for update skip locked
    ) s
    order by s.deleted_at limit max_sessions);
  -- Who records what was observed of them holds the test before its pairs and units.
  perform from pawl.prompt_tests t
    where t.id in (
      select u.test_id from pawl.canary_units u where u.session_id = any (v_old)
      union all
      select r.test_id from pawl.turns q join pawl.replay_pairs r on r.turn_id = q.id where q.session_id = any (v_old))
    order by t.id for no key update;
  delete from pawl.sessions where id = any (v_old);
  get diagnostics v_sessions = row_count;
  -- What leads from an observation to a question or a person serves nobody once the test has ended.
  delete from pawl.canary_units
    where id in (
      select u.id from pawl.prompt_tests t join pawl.canary_units u on u.test_id = t.id
      where t.decided_at < now() - interval '24 hours' limit max_rows);
  get diagnostics v_units = row_count;
  delete from pawl.replay_pairs
    where id in (
      select p.id from pawl.prompt_tests t join pawl.replay_pairs p on p.test_id = t.id
      where t.decided_at < now() - interval '24 hours' limit max_rows);
  get diagnostics v_pairs = row_count;
  return jsonb_build_object('outcome', case
    when v_sessions = max_sessions or max_rows in (v_turns, v_keys, v_attempts, v_units, v_pairs, v_runs)
      then 'more' else 'ok' end);
end
$$;

revoke execute on function
  public.pawl_sweep(),
  public.pawl_list_sessions(text, uuid, timestamptz, integer, uuid),
  public.pawl_get_session(uuid, bigint, integer, uuid),
  public.pawl_rename_session(uuid, text, uuid),
  public.pawl_delete_session(uuid, uuid)
from public, anon, authenticated, service_role;
grant execute on function
  public.pawl_list_sessions(text, uuid, timestamptz, integer, uuid),
  public.pawl_get_session(uuid, bigint, integer, uuid),
  public.pawl_rename_session(uuid, text, uuid),
  public.pawl_delete_session(uuid, uuid)
to authenticated, service_role;
grant execute on function public.pawl_sweep() to service_role;
