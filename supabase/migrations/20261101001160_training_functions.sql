-- Training data: collected page by page from exchanges with feedback, and counted. Secret key only.

-- What a model version is worked on by: {id, version, number, status, filters, base_model, prompt_version (of the
-- prompt that was live), cursor (the row looked at last for the parts there are, or null), parts (number of the last),
-- rows (in all of them), created_at}.
create function pawl.model_task(p_model pawl.model_versions) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'id', p_model.id, 'version', p_model.version, 'number', p_model.number, 'status', p_model.status,
    'filters', coalesce(p_model.config -> 'filters', '{}'), 'base_model', p_model.base_model,
    'prompt_version', (select p.version from pawl.system_prompts p where p.id = p_model.prompt_id),
    'cursor', (
      select d.cursor from pawl.dataset_parts d
      where d.model_version_id = p_model.id order by d.number desc limit 1),
    'parts', coalesce(max(d.number), 0), 'rows', coalesce(sum(d.rows), 0), 'created_at', p_model.created_at)
  from pawl.dataset_parts d where d.model_version_id = p_model.id
$$;

-- Ends a version whose trainer has said nothing for 14 days: until then no other is begun.
create function pawl.end_silent_training(p_assistant_id uuid) returns void
language plpgsql
set search_path = ''
as $$
declare
  m pawl.model_versions;
begin
  select x.* into m from pawl.model_versions x
    where x.id = (pawl.unfinished_model(p_assistant_id)).id and x.status = 'training' for no key update;
  if exists (
    select from pawl.webhook_deliveries d
    where d.model_version_id = m.id and d.delivered_at < now() - interval '14 days')
  then
    perform pawl.fail_model(m, 'trainer_silent',
      'Its trainer took it 14 days ago and has not answered since. Look there; another can be started.');
  end if;
end
$$;

-- {"task": {"train": {slug, version: null or the unfinished one, as pawl.model_task}}}. There is always something to
-- look at; p_force is the caller's to heed.
create function pawl.next_training(p_assistant pawl.assistants, p_force boolean) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_model pawl.model_versions;
begin
  perform pawl.end_silent_training(p_assistant.id);
  v_model := pawl.unfinished_model(p_assistant.id);
  return jsonb_build_object('task', jsonb_build_object('train', jsonb_build_object(
    'slug', p_assistant.slug, 'version', case when v_model.id is not null then pawl.model_task(v_model) end)));
end
$$;

-- Claims the training of one assistant: as pawl.claim, with {about, …} of pawl.next_training as the claim.
create function public.pawl_claim_training(
  p_holder uuid,
  p_organization_id uuid default null,
  p_assistant text default null,
  p_force boolean default false,
  p_before timestamptz default null,
  p_lease_seconds integer default 160
) returns jsonb
language sql security definer
set search_path = ''
as $$
  select pawl.claim(
    'training', p_holder, p_organization_id, p_assistant, p_force, false, p_before, p_lease_seconds)
$$;

-- Gives a lease back. Outcomes: ok, lease_lost.
create function public.pawl_release_training(p_holder uuid, p_assistant_id uuid) returns jsonb
language sql security definer
set search_path = ''
as $$ select pawl.release('training', p_holder, p_assistant_id) $$;

-- True for the holder of an assistant's training lease that still runs, which is locked; for a call that adds rows. In
-- the order of deletion: an organisation, its assistants, what is theirs.
create function pawl.holds_training(p_holder uuid, p_assistant_id uuid) returns boolean
language plpgsql
set search_path = ''
as $$
begin
  perform from pawl.organizations o
    where o.id = (select a.organization_id from pawl.assistants a where a.id = p_assistant_id) for key share;
  perform from pawl.assistants where id = p_assistant_id for key share;
  return pawl.holds('training', p_holder, p_assistant_id);
end
$$;

-- Collecting ----------------------------------------------------------------------------------------------------------

-- An exchange that was collected and counts, with what is kept of it; `nr` counts them, `first` is true of the first
-- with its content.
create type pawl.collected_entry as (
  nr bigint, message_id uuid, input_hash bytea, content_hash bytea, input jsonb, output jsonb, masked jsonb,
  score double precision, validated boolean, source text, user_id uuid, model text, question_type text,
  given_at timestamptz, first boolean
);

-- Stores what has become of exchanges; how many counted. p_collected as public.pawl_training_page has it. An entry
-- counts where its exchange's feedback is still what it was read from. Exchanges that another transaction holds are
-- left in the queue. For the holder of the lease alone: an assistant's rows come from nobody else.
create function pawl.store_collected(p_assistant_id uuid, p_collected jsonb) returns integer
language plpgsql
set search_path = ''
-- Planned for a page, found by index: not for a table that was small when the session began.
set plan_cache_mode = force_custom_plan
as $$
declare
  v_entries pawl.collected_entry[];
  v_held uuid[];
  v_new uuid[];
begin
  -- Rows before exchanges: who deletes an exchange goes on to its row, and here nobody who holds rows waits for an
  -- exchange.
  perform from pawl.training_data t
    where t.id = any (array(
      -- Looked up one by one: how large the table is, is what Postgres knows least while it is being filled.
      select (
        select x.id from pawl.training_data x
        where x.assistant_id = p_assistant_id and x.content_hash = decode(g.content_hash, 'hex'))
      from jsonb_to_recordset(p_collected) g (content_hash text)
      union
      select (select s.training_id from pawl.training_sources s where s.message_id = g.message_id)
      from jsonb_to_recordset(p_collected) g (message_id uuid)))
    order by t.id for no key update;
  -- By their ids alone, and no join that the planner could begin at the other end.
  v_held := array(
    select e.message_id
    from pawl.exchanges e
    join pawl.users u on u.id = e.user_id
    where e.message_id = any (array(select g.message_id from jsonb_to_recordset(p_collected) g (message_id uuid)))
      and (select s.deleted_at is null from pawl.sessions s where s.id = e.session_id)
    for no key update of e skip locked
    for key share of u skip locked);
  -- Once more, now that they are held: what was deleted just before is not in what was read above, and who deletes from
  -- here on waits, and drops what is stored below.
  v_held := array(
    select e.message_id from pawl.exchanges e join pawl.sessions s on s.id = e.session_id
    where e.message_id = any (v_held) and s.deleted_at is null);
  v_entries := array(
    select row(
      x.nr, x.message_id, decode(x.g ->> 'input_hash', 'hex'), decode(x.g ->> 'content_hash', 'hex'), x.g -> 'input',
      x.g -> 'output', coalesce(nullif(x.g -> 'masked', 'null'), '{}'), (x.g ->> 'score')::double precision,
      coalesce((x.g ->> 'validated')::boolean, false), coalesce(x.g ->> 'source', 'automated'), x.user_id, x.model,
      -- A name: what else a client calls it may be somebody's own words, and goes no further.
      case when x.question_type ~ '^[a-z][a-z_]{0,31}$' then x.question_type end, (
        select coalesce(max(f.created_at), x.answered_at) from pawl.response_feedback f
        where f.message_id = x.message_id and f.superseded_at is null),
      row_number() over (partition by x.g ->> 'content_hash', x.g ->> 'score' is null order by x.nr) = 1
    )::pawl.collected_entry
    from (
      select distinct on (e.message_id) y.nr, y.g, e.*
      from jsonb_array_elements(p_collected) with ordinality y (g, nr)
      join pawl.exchanges e
        on e.message_id = (y.g ->> 'message_id')::uuid and e.revision = (y.g ->> 'revision')::integer
      where e.message_id = any (v_held)
      order by e.message_id, y.nr
    ) x
    where x.assistant_id = p_assistant_id
    order by x.nr);

  -- What is no example any more. A row that a dataset was made of stays, and teaches nothing.
  perform pawl.keep_rows(array(
    select x.message_id from unnest(v_entries) x
    join pawl.training_sources s on s.message_id = x.message_id
    join pawl.training_data t on t.id = s.training_id
    where s.is_origin and (x.score is null or x.content_hash <> t.content_hash)));
  delete from pawl.training_sources s
    where s.message_id = any (array(select g.message_id from unnest(v_entries) g where g.score is null));
  with made as (
    insert into pawl.training_data (
      organization_id, assistant_id, model_name, answered_by, input, output, question_type, content_hash, input_hash,
      masked, updated_at)
    select a.organization_id, a.id, a.slug, g.model, g.input, g.output, g.question_type, g.content_hash, g.input_hash,
           g.masked, g.given_at
    from unnest(v_entries) g, pawl.assistants a
    where a.id = p_assistant_id and g.score is not null and g.first
    order by g.nr
    on conflict (assistant_id, content_hash) do nothing
    returning id
  ) select coalesce(array_agg(id), '{}') into v_new from made;
  insert into pawl.training_sources as s (
    message_id, assistant_id, training_id, user_id, score, validated, source, given_at, is_origin)
  select g.message_id, p_assistant_id, g.training_id, g.user_id, g.score, g.validated, g.source, g.given_at,
         g.first and g.training_id = any (v_new)
  from (
    select x.*, (
      select t.id from pawl.training_data t
      where t.assistant_id = p_assistant_id and t.content_hash = x.content_hash) as training_id
    from unnest(v_entries) x
    where x.score is not null
  ) g
  order by g.nr
  on conflict (message_id) do update
    set training_id = excluded.training_id, score = excluded.score, validated = excluded.validated,
        source = excluded.source, given_at = excluded.given_at,
        is_origin = excluded.is_origin or (s.is_origin and s.training_id = excluded.training_id);
  update pawl.exchanges e set collected_revision = e.revision
    where e.message_id = any (array(select g.message_id from unnest(v_entries) g));
  return cardinality(v_entries);
end
$$;

-- Up to p_limit exchanges to be collected: those with feedback that are old enough, the oldest first, from (p_at, p_id)
-- on; then those whose row went with the person it was from. Fewer where their texts come to more than 4 MiB. The page
-- of public.pawl_training_page; one statement, so that an exchange's revision and its reactions are of one moment.
create function pawl.uncollected(p_assistant_id uuid, p_at timestamptz, p_id uuid, p_limit integer) returns jsonb
language sql stable
set search_path = ''
-- The index of those that wait is in this very order: without it Postgres would read all that wait, and sort them,
-- while it knows little of the table. And a page is too little to be compiled.
set enable_sort = off
set enable_incremental_sort = off
set jit = off
set plan_cache_mode = force_custom_plan
as $$
  with waiting as materialized (
    (select e.*, false as again from pawl.exchanges e
      where e.assistant_id = p_assistant_id and e.revision > 0 and e.collected_revision is distinct from e.revision
        and (e.answered_at, e.message_id) > (p_at, p_id)
        and e.answered_at <= (
          select now() - l.feedback_maturity_hours * interval '1 hour'
          from pawl.loop_settings l where l.assistant_id = p_assistant_id)
        and (select s.deleted_at is null from pawl.sessions s where s.id = e.session_id)
      order by e.answered_at, e.message_id limit p_limit)
    union all
    (select e.*, true from pawl.training_sources s join pawl.exchanges e on e.message_id = s.message_id
      where s.assistant_id = p_assistant_id and s.training_id is null
        and e.collected_revision is not distinct from e.revision
      order by s.message_id limit p_limit)
    limit p_limit
  ), texts as materialized (
    select e.*, q.content as question, a.content as answer, h.history,
           sum(octet_length(q.content) + octet_length(a.content) + h.bytes)
             over (order by e.again, e.answered_at, e.message_id) as bytes,
           row_number() over (order by e.again, e.answered_at, e.message_id) as nr
    from waiting e
    join pawl.turns t on t.answer_message_id = e.message_id
    join pawl.messages q on q.id = t.user_message_id
    join pawl.messages a on a.id = e.message_id
    -- The last six exchanges before it, as many of them as come to 64 KiB.
    cross join lateral (
      select coalesce(
               jsonb_agg(jsonb_build_object('user_message', x.question, 'answer', x.answer) order by x.seq), '[]')
               as history, coalesce(max(x.bytes), 0) as bytes
      from (
        select l.seq, hq.content as question, ha.content as answer,
               sum(octet_length(hq.content) + octet_length(ha.content)) over (order by l.seq desc) as bytes
        from (
          select b.seq, b.user_message_id, b.answer_message_id from pawl.turns b
          where b.session_id = t.session_id and b.status = 'completed' and b.seq < t.seq
          order by b.seq desc limit 6
        ) l
        join pawl.messages hq on hq.id = l.user_message_id
        join pawl.messages ha on ha.id = l.answer_message_id
      ) x
      where x.bytes <= 65536
    ) h
  )
  select coalesce(jsonb_agg(jsonb_build_object(
      'message_id', e.message_id, 'revision', e.revision, 'message', e.question, 'history', e.history,
      'answer', e.answer, 'model', e.model, 'question_type', e.question_type,
      'reactions', jsonb_build_object('thumb', f.thumb, 'copied', f.copied, 'followed_up', f.followed_up,
        'dwell_seconds', f.dwell_seconds, 'rating', f.rating, 'answer_characters', e.answer_characters),
      'other', o.other) order by e.nr), '[]')
  from texts e
  cross join lateral pawl.reactions_to(e.message_id, e.user_id) f
  -- What an application measured before what a judge model thinks.
  left join lateral (
    select jsonb_build_object('source', r.source, 'value', r.value) as other
    from pawl.response_feedback r
    where r.message_id = e.message_id and r.user_id = e.user_id and r.superseded_at is null
      and r.kind = 'rating' and r.source <> 'user'
    order by r.source limit 1
  ) o on true
  where e.bytes <= 4194304 or e.nr = 1
$$;

-- Stores a page that was collected and hands out the next, for the holder of a lease that still runs. p_collected:
-- [{message_id, revision, input_hash, content_hash (both hexadecimal), input, output, masked, score (0 to 1, or null:
-- nothing to learn from), validated, source}], as the page before gave them. The same content is one row: its score is
-- the mean over the exchanges that had it, and a correction replaces what its own exchange said. The same page once
-- more changes nothing. p_limit: 0 to 1,000.
--
-- Outcomes: lease_lost; ok with `stored`: how many counted, and `page`: [{message_id, revision, message, history:
-- [{user_message, answer}] (up to six), answer, model, question_type, reactions: {thumb: up | down | null, copied,
-- followed_up, dwell_seconds, rating (0 to 1), answer_characters}, other: null or {source: automated | llm-judge, value
-- (0 to 1)}}]. A page goes on after the last of p_collected; when none is left there it begins again with the oldest,
-- so that an empty page, and nothing else, says that none waits.
create function public.pawl_training_page(
  p_holder uuid, p_assistant_id uuid, p_collected jsonb default '[]', p_limit integer default 500
) returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
declare
  v_limit integer := least(greatest(coalesce(p_limit, 500), 0), 1000);
  v_stored integer := 0;
  v_at timestamptz;
  v_id uuid;
  v_page jsonb;
begin
  if not pawl.holds_training(p_holder, p_assistant_id) then
    return '{"outcome": "lease_lost"}';
  end if;
  if p_collected <> '[]' then
    v_stored := pawl.store_collected(p_assistant_id, p_collected);
    select e.answered_at, e.message_id into v_at, v_id
      from jsonb_to_recordset(p_collected) g (message_id uuid)
      join pawl.exchanges e using (message_id)
      order by e.answered_at desc, e.message_id desc limit 1;
    v_page := pawl.uncollected(p_assistant_id, v_at, v_id, v_limit);
  end if;
  if v_page is null or v_page = '[]' then
    v_page := pawl.uncollected(p_assistant_id, '-infinity', '00000000-0000-0000-0000-000000000000', v_limit);
  end if;
  return jsonb_build_object('outcome', 'ok', 'stored', v_stored, 'page', v_page);
end
$$;

-- What teaches --------------------------------------------------------------------------------------------------------

-- Rows that may be learned from, but for their score, which the reader bounds: a person said so; nothing else that was
-- answered to the same is as good (of several the best stays, of equals none: which of them is right is not known); and
-- no test compares versions by them. (Whatever is as good as a row that is good enough is good enough too, so the bound
-- changes nothing about the second.)
create view pawl.teaching_data with (security_invoker = true) as
  select t.*
  from pawl.training_data t
  where t.is_validated
    and not exists (
      select from pawl.training_data o
      where o.assistant_id = t.assistant_id and o.input_hash = t.input_hash and o.is_validated
        and o.content_hash <> t.content_hash and (o.feedback_score, o.votes) >= (t.feedback_score, t.votes))
    -- No exchange of such a conversation: each comes with those before it.
    and not exists (
      select from pawl.training_sources s
      join pawl.exchanges e on e.message_id = s.message_id
      join pawl.judging_sessions j on j.session_id = e.session_id
      where s.training_id = t.id);
revoke all on pawl.teaching_data from public, anon, authenticated, service_role;

-- What there is to train on, for the holder of a lease that still runs. Outcomes: lease_lost; ok with `types`:
-- [{question_type (other where it is not known), count}] of the rows that teach with a score of p_quality and more,
-- `total`: all of these; `validated`: rows that a person gave feedback on, whether they teach or not; `as_of`;
-- `last_version_at`: when the newest model version was begun, or null; `drift`: null or {id, metric_type, drift_score,
-- p_value, at}, the newest alert since then; `unfinished`: a version is.
create function public.pawl_training_stock(p_holder uuid, p_assistant_id uuid, p_quality double precision)
returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
declare
  v_last timestamptz := (select max(m.created_at) from pawl.model_versions m where m.assistant_id = p_assistant_id);
  v_types jsonb;
  v_total bigint;
begin
  if not pawl.holds('training', p_holder, p_assistant_id) then
    return '{"outcome": "lease_lost"}';
  end if;
  select coalesce(jsonb_agg(jsonb_build_object('question_type', x.type, 'count', x.n) order by x.type), '[]'),
         coalesce(sum(x.n), 0)
    into v_types, v_total
    from (
      select coalesce(t.question_type, 'other') as type, count(*) as n from pawl.teaching_data t
      where t.assistant_id = p_assistant_id and t.feedback_score >= p_quality group by 1
    ) x;
  return jsonb_build_object(
    'outcome', 'ok', 'types', v_types, 'total', v_total,
    'validated', (
      select count(*) from pawl.training_data t where t.assistant_id = p_assistant_id and t.is_validated),
    'as_of', now(), 'last_version_at', v_last,
    'drift', (
      select jsonb_build_object('id', d.id, 'metric_type', d.metric_type, 'drift_score', d.drift_score,
        'p_value', d.details -> 'p_value', 'at', d.created_at)
      from pawl.drift_metrics d
      where d.assistant_id = p_assistant_id and d.alert_triggered and d.created_at > coalesce(v_last, '-infinity')
      order by d.created_at desc, d.drift_score desc, d.id limit 1),
    'unfinished', (pawl.unfinished_model(p_assistant_id)).id is not null);
end
$$;

revoke execute on function
  pawl.model_task(pawl.model_versions),
  pawl.end_silent_training(uuid),
  pawl.next_training(pawl.assistants, boolean),
  pawl.holds_training(uuid, uuid),
  pawl.store_collected(uuid, jsonb),
  pawl.uncollected(uuid, timestamptz, uuid, integer),
  public.pawl_claim_training(uuid, uuid, text, boolean, timestamptz, integer),
  public.pawl_release_training(uuid, uuid),
  public.pawl_training_page(uuid, uuid, jsonb, integer),
  public.pawl_training_stock(uuid, uuid, double precision)
from public, anon, authenticated, service_role;
grant execute on function
  public.pawl_claim_training(uuid, uuid, text, boolean, timestamptz, integer),
  public.pawl_release_training(uuid, uuid),
  public.pawl_training_page(uuid, uuid, jsonb, integer),
  public.pawl_training_stock(uuid, uuid, double precision)
to service_role;
