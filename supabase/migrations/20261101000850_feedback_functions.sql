-- What is known of a question, and what people make of the answers.

-- Of {question_type, data_source, tools} those that are given: two names (of a to z, 0 to 9, _ and -, up to 64
-- characters) and up to 50 names of tools (up to 200 characters). Any other key is left out. Null where one of them is
-- something else, and where it is no object, or over 4 KiB.
create function pawl.known_traits(p_traits jsonb) returns jsonb
language plpgsql immutable
set search_path = ''
as $$
declare
  v_known jsonb;
begin
  if p_traits is null then
    return '{}';
  elsif jsonb_typeof(p_traits) <> 'object' or octet_length(p_traits::text) > 4096 then
    return null;
  end if;
  select coalesce(jsonb_object_agg(t.key, t.value), '{}') into v_known from jsonb_each(p_traits) t
    where t.key in ('question_type', 'data_source', 'tools') and t.value <> 'null';
  return case when not exists (
    select from jsonb_each(v_known) t
    where not case
      when t.key <> 'tools' then
        jsonb_typeof(t.value) = 'string' and t.value #>> '{}' ~ '^[a-z0-9][a-z0-9_-]{0,63}$'
      when jsonb_typeof(t.value) <> 'array' then false
      else jsonb_array_length(t.value) <= 50 and not exists (
        select from jsonb_array_elements(t.value) e
        where jsonb_typeof(e) <> 'string' or e #>> '{}' !~ '\S' or char_length(e #>> '{}') > 200)
    end) then v_known end;
end
$$;

-- A message that comes within 30 s of the session's last answer tells that it left something open: a follow_up of the
-- person's, once an answer.
create function pawl.note_follow_up(p_session_id uuid) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_answer pawl.exchanges;
begin
  select * into v_answer from pawl.exchanges where session_id = p_session_id order by answered_at desc limit 1;
  -- One that came while this message was on its way is not what it follows.
  if v_answer.answered_at > now() - interval '30 seconds' and v_answer.answered_at <= now() then
    insert into pawl.response_feedback (message_id, organization_id, assistant_id, user_id, signal, source)
      values (v_answer.message_id, v_answer.organization_id, v_answer.assistant_id, v_answer.user_id, 'follow_up',
              'automated')
      on conflict do nothing;
    if found then
      update pawl.exchanges set revision = revision + 1, settled_at = null where message_id = v_answer.message_id;
    end if;
  end if;
end
$$;

-- An entry of a batch on its way: `nr` counts them, `problem` is why it is not taken, `replaces` the row of its kind
-- that there is, `changed` whether it says anything new.
create type pawl.feedback_entry as (
  nr integer, index integer, problem text, message_id uuid, signal text, kind text, source text, value numeric,
  comment text, metadata jsonb, replaces uuid, changed boolean
);

-- What the entries of a batch say. One that makes no sense is `invalid_entry`; whose answer it is about is not looked
-- at.
create function pawl.read_feedback(p_entries jsonb) returns setof pawl.feedback_entry
language sql stable
set search_path = ''
as $$
  select r.nr, coalesce(r.index, r.nr - 1),
         case
           when r.message_id is null or r.signal is null or r.source is null or r.metadata is null
             or octet_length(r.metadata::text) > 8192 or char_length(r.comment) > 2000
             or r.types <> '{}'
             or not case r.signal
               when 'rating' then coalesce(r.value between 0 and 1, false)
               when 'dwell_time' then coalesce(r.value between 0 and 1e9, false)
               else r.value is null end
             -- Only scores are given by others than people.
             or (r.source <> 'user' and r.signal <> 'rating') then 'invalid_entry'
           when r.source <> 'user' and not pawl.is_service() then 'source_not_allowed'
         end,
         r.message_id, r.signal, pawl.feedback_kind(r.signal), r.source, round(r.value, 6), r.comment, r.metadata,
         null::uuid, null::boolean
  from (
    select x.nr::integer as nr,
           case when x.e ->> 'index' ~ '^\d{1,9}$' then (x.e ->> 'index')::integer end as index,
           case when x.e ->> 'message_id' ~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$'
             then (x.e ->> 'message_id')::uuid end as message_id,
           (select s from unnest('{thumbs_up,thumbs_down,copy,follow_up,dwell_time,rating}'::text[]) s
             where s = x.e ->> 'signal') as signal,
           (select s from unnest('{user,automated,llm-judge}'::text[]) s
             where s = coalesce(x.e ->> 'source', 'user')) as source,
           case when jsonb_typeof(x.e -> 'value') = 'number' then (x.e -> 'value')::numeric end as value,
           x.e ->> 'comment' as comment,
           case coalesce(jsonb_typeof(x.e -> 'metadata'), 'null') when 'null' then '{}'
             when 'object' then x.e -> 'metadata' end as metadata,
           -- What is of no type it may be.
           array(
             select f.key from (values ('value', 'number'), ('comment', 'string')) f (key, type)
             where jsonb_typeof(x.e -> f.key) not in (f.type, 'null')) as types
    from jsonb_array_elements(p_entries) with ordinality x (e, nr)
  ) r
$$;

-- Stores what a person makes of answers. p_entries: 1 to 100 of {index, message_id, signal, value, comment, metadata,
-- source}. `signal` is thumbs_up, thumbs_down, copy, follow_up, dwell_time (`value`: seconds) or rating (`value`: 0 to
-- 1; `source`: user, automated or llm-judge); `comment` has up to 2,000 characters, `metadata` is an object of up to 8
-- KiB; `index`, by which errors name the entry, is its place unless given. Of each kind and source a person has one an
-- answer: another one takes its place, both stay in the history, and of one batch the later counts. The same again
-- changes nothing.
--
-- {outcome: ok, stored, unchanged, errors: [{index, code}]}: what is in order is stored, whatever the others are.
-- Codes: message_not_found (no answer, or of a session that is another's or deleted); source_not_allowed (automated and
-- llm-judge are for the secret key); too_many_changes (over 100 a person and answer); invalid_entry. Further outcomes:
-- entries_invalid (no array of 1 to 100), and those of pawl.acting_user.
create function public.pawl_collect_feedback(p_entries jsonb, p_user_id uuid default null) returns jsonb
language plpgsql security definer
set search_path = ''
-- Planned for a few answers, each found by index: not for a hundred, which are soon worth reading a whole table for.
set plan_cache_mode = force_generic_plan
as $$
declare
  max_changes constant integer := 100;
  v_who record := pawl.acting_user(p_user_id);
  v_entries pawl.feedback_entry[];
  v_own uuid[];
  v_answer jsonb;
begin
  if v_who.outcome <> 'ok' then
    return jsonb_build_object('outcome', v_who.outcome);
  elsif jsonb_typeof(p_entries) is distinct from 'array' or jsonb_array_length(p_entries) not between 1 and 100 then
    return jsonb_build_object('outcome', 'entries_invalid');
  end if;
  v_entries := array(select r from pawl.read_feedback(p_entries) r);

  -- Two batches wait for each other in one order; what is settled meanwhile is settled anew.
  v_own := array(
    select e.message_id from pawl.exchanges e
    where e.message_id = any (array(select x.message_id from unnest(v_entries) x where x.problem is null))
      and e.user_id = v_who.user_id
      and (select s.deleted_at is null from pawl.sessions s where s.id = e.session_id)
    order by e.message_id for no key update of e);

  v_entries := array(
    with own as (
      select x.nr, x.index, case when x.problem is null and x.message_id <> all (v_own) then 'message_not_found'
             else x.problem end as problem,
             x.message_id, x.signal, x.kind, x.source, x.value, x.comment, x.metadata
      from unnest(v_entries) x
    ), there as (
      select f.id, f.message_id, f.kind, f.source,
             jsonb_build_array(f.signal, f.value, f.comment, f.metadata) as said
      from pawl.response_feedback f
      where f.message_id = any (v_own) and f.user_id = v_who.user_id and f.superseded_at is null
    ), compared as (
      select o.*, t.id as replaces,
             jsonb_build_array(o.signal, o.value, o.comment, o.metadata) is distinct from
               lag(jsonb_build_array(o.signal, o.value, o.comment, o.metadata), 1, t.said)
                 over (partition by o.message_id, o.kind, o.source order by o.nr) as changed
      from own o left join there t using (message_id, kind, source) where o.problem is null
    ), counted as (
      select c.*, h.rows + count(*) filter (where c.changed) over (partition by c.message_id order by c.nr) as rows
      from compared c join (
        select m as message_id, (select count(*) from pawl.response_feedback f
          where f.message_id = m and f.user_id = v_who.user_id) as rows
        from unnest(v_own) m
      ) h using (message_id)
    )
    select row(c.nr, c.index, case when c.rows > max_changes then 'too_many_changes' end, c.message_id, c.signal,
               c.kind, c.source, c.value, c.comment, c.metadata, c.replaces, c.changed)::pawl.feedback_entry
    from counted c
    union all
    select row(o.nr, o.index, o.problem, o.message_id, o.signal, o.kind, o.source, o.value, o.comment, o.metadata,
               null, false)::pawl.feedback_entry
    from own o where o.problem is not null);

  update pawl.response_feedback set superseded_at = now()
    where id = any (array(select e.replaces from unnest(v_entries) e where e.problem is null and e.changed));
  insert into pawl.response_feedback (
    message_id, organization_id, assistant_id, user_id, signal, source, value, comment, metadata, superseded_at)
  select x.message_id, x.organization_id, x.assistant_id, x.user_id, e.signal, e.source, e.value, e.comment, e.metadata,
         case when lead(e.nr) over (partition by e.message_id, e.kind, e.source order by e.nr) is not null
           then now() end
    from unnest(v_entries) e join pawl.exchanges x using (message_id)
    where e.problem is null and e.changed order by e.nr;
  update pawl.exchanges set revision = revision + 1, settled_at = null
    where message_id = any (array(select e.message_id from unnest(v_entries) e where e.problem is null and e.changed));

  select jsonb_build_object('outcome', 'ok',
      'stored', count(*) filter (where e.problem is null and e.changed),
      'unchanged', count(*) filter (where e.problem is null and not e.changed),
      'errors', coalesce(jsonb_agg(jsonb_build_object('index', e.index, 'code', e.problem) order by e.nr)
        filter (where e.problem is not null), '[]'))
    into v_answer from unnest(v_entries) e;
  insert into pawl.agent_runs (organization_id, assistant_id, agent_type, status, output, completed_at)
    select x.organization_id, x.assistant_id, 'feedback-collector', 'completed',
           jsonb_build_object('stored', v_answer -> 'stored', 'unchanged', v_answer -> 'unchanged',
             'refused', jsonb_array_length(v_answer -> 'errors')), now()
    -- What changes nothing leaves no trace.
    from pawl.exchanges x where x.message_id = v_own[1] and (v_answer -> 'stored')::integer > 0;
  return v_answer;
end
$$;

revoke execute on function
  pawl.known_traits(jsonb),
  pawl.note_follow_up(uuid),
  pawl.read_feedback(jsonb),
  public.pawl_collect_feedback(jsonb, uuid)
from public, anon, authenticated, service_role;
grant execute on function public.pawl_collect_feedback(jsonb, uuid) to authenticated, service_role;
