-- Learning: claimed by lease, settled page by page. Secret key only. (What a run looks at and what it records: the
-- files after this.)

-- The block of 30 days, counted from 1970, that evidence of an answer is summed up in.
create function pawl.period_of(p_at timestamptz) returns integer
-- A row each: faster so than in SQL.
language plpgsql immutable
set search_path = ''
as $$
begin
  return floor(extract(epoch from p_at) / 2592000)::integer;
end
$$;

-- What an assistant's learning needs, with its run opened, or gone on with: {"task": {"learn": {run_id,
-- pattern_model}}}; or {"reason": disabled | not_due | insufficient_data (nothing to settle and no pattern to look after)}.
-- p_force waits for neither.
create function pawl.next_lesson(p_assistant pawl.assistants, p_force boolean) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_settings pawl.loop_settings;
  v_run_id uuid;
begin
  select * into v_settings from pawl.loop_settings where assistant_id = p_assistant.id;
  if not v_settings.learning_enabled then
    return '{"reason": "disabled"}';
  end if;
  select id into v_run_id from pawl.learning_runs where assistant_id = p_assistant.id and finished_at is null;
  if v_run_id is null then
    if not coalesce(p_force, false) and exists (
      select from pawl.learning_runs r
      where r.assistant_id = p_assistant.id
        and r.finished_at > now() - v_settings.learn_every_hours * interval '1 hour')
    then
      return '{"reason": "not_due"}';
    elsif not coalesce(p_force, false) and not exists (
      select from pawl.exchanges e
      where e.assistant_id = p_assistant.id and e.settled_at is null
        and e.answered_at <= now() - v_settings.feedback_maturity_hours * interval '1 hour') and not exists (
      select from pawl.learned_patterns p
      where p.assistant_id = p_assistant.id and p.state in ('candidate', 'trial', 'active', 'warmdown'))
    then
      return '{"reason": "insufficient_data"}';
    end if;
    insert into pawl.learning_runs (organization_id, assistant_id)
      values (p_assistant.organization_id, p_assistant.id)
      returning id into v_run_id;
  end if;
  return jsonb_build_object('task', jsonb_build_object('learn', jsonb_build_object(
    'run_id', v_run_id, 'pattern_model', v_settings.pattern_model)));
end
$$;

-- Claims the learning of one assistant: as pawl.claim, with {about, …} of pawl.next_lesson as the claim. A run that was
-- left unfinished is due.
create function public.pawl_claim_learning(
  p_holder uuid,
  p_organization_id uuid default null,
  p_assistant text default null,
  p_force boolean default false,
  p_before timestamptz default null,
  p_lease_seconds integer default 150
) returns jsonb
language sql security definer
set search_path = ''
as $$
  select pawl.claim(
    'learning', p_holder, p_organization_id, p_assistant, p_force, false, p_before, p_lease_seconds)
$$;

-- Gives a lease back and leaves the run unfinished, for the next call. Outcomes: ok, lease_lost.
create function public.pawl_release_learning(p_holder uuid, p_assistant_id uuid) returns jsonb
language sql security definer
set search_path = ''
as $$ select pawl.release('learning', p_holder, p_assistant_id) $$;

-- Stores signals of answers that wait, and what they change in the evidence. An entry counts where its answer still
-- waits, with the revision that it was settled from: not when it was stored before, nor when somebody has said
-- something else since. Rows that another transaction holds (that something else, or their deletion) are left in the
-- queue. p_settled, p_evidence: as public.pawl_settle.
create function pawl.store_signals(p_assistant_id uuid, p_settled jsonb, p_evidence jsonb) returns void
language sql
set search_path = ''
as $$
  with held as materialized (
    select e.message_id, e.user_id, pawl.period_of(e.answered_at) as period, e.signal is not null as again, g.signal
    from jsonb_to_recordset(p_settled) g (message_id uuid, revision integer, signal smallint)
    join pawl.exchanges e on e.message_id = g.message_id and e.revision = g.revision
    join pawl.users u on u.id = e.user_id
    where e.assistant_id = p_assistant_id and e.settled_at is null and g.signal is not null
    for no key update of e skip locked
    for key share of u skip locked
  ), settled as (
    update pawl.exchanges e set signal = h.signal, settled_at = now() from held h where e.message_id = h.message_id
  ), counted as (
    update pawl.learning_runs r
      set settled = r.settled + (select count(*) from held where not again),
          corrected = r.corrected + (select count(*) from held where again)
      where r.assistant_id = p_assistant_id and r.finished_at is null
  )
  insert into pawl.pattern_evidence as v (
    pattern_id, user_id, period, n, shown, shown_sum, info, z, zz, wealth_1, wealth_2, wealth_3, wealth_4)
  select d.pattern_id, h.user_id, h.period, sum(d.n), sum(d.shown), sum(d.shown_sum), sum(d.info), sum(d.z), sum(d.zz),
         sum(d.wealth[1]), sum(d.wealth[2]), sum(d.wealth[3]), sum(d.wealth[4])
  from jsonb_to_recordset(p_evidence) d (
    message_id uuid, pattern_id uuid, n bigint, shown bigint, shown_sum bigint, info bigint, z bigint, zz bigint,
    wealth bigint[])
  join held h using (message_id)
  join pawl.pattern_exposures x using (pattern_id, message_id)
  group by d.pattern_id, h.user_id, h.period
  order by d.pattern_id, h.user_id, h.period
  on conflict (pattern_id, user_id, period) do update set
    n = v.n + excluded.n, shown = v.shown + excluded.shown, shown_sum = v.shown_sum + excluded.shown_sum,
    info = v.info + excluded.info, z = v.z + excluded.z, zz = v.zz + excluded.zz,
    wealth_1 = v.wealth_1 + excluded.wealth_1, wealth_2 = v.wealth_2 + excluded.wealth_2,
    wealth_3 = v.wealth_3 + excluded.wealth_3, wealth_4 = v.wealth_4 + excluded.wealth_4
$$;

-- Up to p_limit answers that wait and are old enough, the oldest first, from (p_at, p_id) on: the page of
-- public.pawl_settle. One statement, so that an answer's revision and its reactions are of one moment.
create function pawl.waiting_answers(p_assistant_id uuid, p_at timestamptz, p_id uuid, p_limit integer) returns jsonb
language sql stable
set search_path = ''
-- The index of those that wait is in this very order. While most answers wait Postgres would rather read all there are.
set enable_incremental_sort = off
set plan_cache_mode = force_custom_plan
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
      'message_id', e.message_id, 'revision', e.revision, 'user_id', e.user_id,
      'period', pawl.period_of(e.answered_at), 'signal', e.signal, 'answer_characters', e.answer_characters,
      'reactions', jsonb_build_object('thumb', f.thumb, 'copied', f.copied, 'followed_up', f.followed_up,
        'dwell_seconds', f.dwell_seconds, 'rating', f.rating),
      'exposures', coalesce(x.exposures, '[]')) order by e.answered_at, e.message_id), '[]')
  from (
    select w.* from pawl.exchanges w
    where w.assistant_id = p_assistant_id and w.settled_at is null and (w.answered_at, w.message_id) > (p_at, p_id)
      and w.answered_at <= (
        select now() - s.feedback_maturity_hours * interval '1 hour'
        from pawl.loop_settings s where s.assistant_id = p_assistant_id)
    order by w.answered_at, w.message_id limit p_limit
  ) e
  -- What a judge model thinks of it is no reaction, and a thumb or a rating is the person's own.
  cross join lateral (
    select max(case r.signal when 'thumbs_up' then 'up' when 'thumbs_down' then 'down' end)
             filter (where r.source = 'user') as thumb,
           coalesce(bool_or(r.kind = 'copy'), false) as copied,
           coalesce(bool_or(r.kind = 'follow_up'), false) as followed_up,
           max(r.value) filter (where r.kind = 'dwell_time') as dwell_seconds,
           max(r.value) filter (where r.kind = 'rating' and r.source = 'user') as rating
    from pawl.response_feedback r
    where r.message_id = e.message_id and r.user_id = e.user_id and r.superseded_at is null
      and r.source <> 'llm-judge'
  ) f
  cross join lateral (
    select jsonb_agg(jsonb_build_object('pattern_id', y.pattern_id, 'shown', y.shown, 'propensity', y.propensity,
             'baseline', p.baseline) order by y.pattern_id) as exposures
    from pawl.pattern_exposures y join pawl.learned_patterns p on p.id = y.pattern_id
    where y.message_id = e.message_id
  ) x
$$;

-- Stores a page of settled answers and hands out the next, for the holder of a lease that still runs. p_settled:
-- [{message_id, revision, signal (−100 to 100)}], as the page before gave them. p_evidence: [{message_id, pattern_id,
-- n, shown, shown_sum, info, z, zz, wealth: [4]}]: what is now to count of an answer, less what counted before; as in
-- pawl.pattern_evidence. The same page once more changes nothing. p_limit: 0 to 2,000.
--
-- Outcomes: lease_lost; ok with `page`: [{message_id, revision, user_id, period, signal (what counted so far, or null),
-- answer_characters, reactions: {thumb: up | down | null, copied, followed_up, dwell_seconds, rating (0 to 1)},
-- exposures: [{pattern_id, shown, propensity, baseline}]}], and `more`: there may be others after these. A page goes on
-- after the last answer of p_settled; when none is left there it begins again with the oldest, so that an empty page
-- says that no answer waits.
create function public.pawl_settle(
  p_holder uuid, p_assistant_id uuid, p_settled jsonb default '[]', p_evidence jsonb default '[]',
  p_limit integer default 1000
) returns jsonb
language plpgsql security definer
set search_path = ''
-- Planned for the assistant at hand: the queue of one may be most of the table, that of another nothing.
set plan_cache_mode = force_custom_plan
as $$
declare
  v_limit integer := least(greatest(coalesce(p_limit, 1000), 0), 2000);
  v_at timestamptz;
  v_id uuid;
  v_page jsonb;
begin
  perform from pawl.leases
    where assistant_id = p_assistant_id and kind = 'learning' and holder = p_holder and expires_at > now()
    for update;
  if not found then
    return jsonb_build_object('outcome', 'lease_lost');
  end if;
  if p_settled <> '[]' then
    perform pawl.store_signals(p_assistant_id, p_settled, coalesce(p_evidence, '[]'));
    select e.answered_at, e.message_id into v_at, v_id
      from jsonb_to_recordset(p_settled) g (message_id uuid)
      join pawl.exchanges e using (message_id)
      order by e.answered_at desc, e.message_id desc limit 1;
    v_page := pawl.waiting_answers(p_assistant_id, v_at, v_id, v_limit);
  end if;
  if v_page is null or v_page = '[]' then
    v_page := pawl.waiting_answers(p_assistant_id, '-infinity', '00000000-0000-0000-0000-000000000000', v_limit);
  end if;
  return jsonb_build_object(
    'outcome', 'ok', 'page', v_page, 'more', v_limit > 0 and jsonb_array_length(v_page) = v_limit);
end
$$;

revoke execute on function
  pawl.period_of(timestamptz),
  pawl.next_lesson(pawl.assistants, boolean),
  pawl.store_signals(uuid, jsonb, jsonb),
  pawl.waiting_answers(uuid, timestamptz, uuid, integer),
  public.pawl_claim_learning(uuid, uuid, text, boolean, timestamptz, integer),
  public.pawl_release_learning(uuid, uuid),
  public.pawl_settle(uuid, uuid, jsonb, jsonb, integer)
from public, anon, authenticated, service_role;
grant execute on function
  public.pawl_claim_learning(uuid, uuid, text, boolean, timestamptz, integer),
  public.pawl_release_learning(uuid, uuid),
  public.pawl_settle(uuid, uuid, jsonb, jsonb, integer)
to service_role;
