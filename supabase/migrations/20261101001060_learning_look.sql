-- What a learning run looks at, summed up so that the whole of it is one answer. Secret key only.

-- Answers of the last 90 days (no more than the newest 50,000) with a question type and a signal, a row for each
-- characteristic. `value` is null where an answer used no tool; `whole` marks one row a dimension, so that summing them
-- counts every answer once. An answer to which a pattern of a dimension was shown says nothing of that dimension: it
-- looks as it was told to.
create function pawl.characterised_answers(p_assistant_id uuid)
returns table (
  message_id uuid, user_id uuid, question_type text, data_source text, answered_at timestamptz, signal integer,
  reacted boolean, dimension text, value text, whole boolean
)
language sql stable
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
  with answers as materialized (
    select e.*,
           -- Looked up one by one: how many there are is what Postgres knows least while signals are being settled.
           (select true from pawl.response_feedback f
            where f.message_id = e.message_id and f.superseded_at is null and f.source <> 'llm-judge'
            limit 1) as reacted,
           case when e.patterns_shown = '{}' then '{}' else array(
             select p.dimension from pawl.learned_patterns p where p.id = any (e.patterns_shown)) end as told
    from pawl.exchanges e
    where e.assistant_id = p_assistant_id and e.answered_at > now() - interval '90 days' and e.signal is not null
      and e.question_type is not null
    order by e.answered_at desc limit 50000
  )
  select a.message_id, a.user_id, a.question_type, a.data_source, a.answered_at, a.signal, coalesce(a.reacted, false),
         c.dimension, c.value, c.whole
  from answers a
  cross join lateral (
    select 'format', a.response_format, true where a.response_format is not null
    union all select 'length', a.length_class, true where a.length_class is not null
    union all select 'tool', null, true
    union all select distinct 'tool', tool, false from unnest(a.tools[1:10]) tool
  ) c (dimension, value, whole)
  where c.dimension <> all (a.told)
$$;

-- Mean and sample variance, on the scale of −1 to 1, of n signals in hundredths by their sum and sum of squares; null
-- where there are too few.
create function pawl.mean_of(p_n numeric, p_sum numeric) returns numeric
language sql immutable
set search_path = ''
as $$ select round(p_sum / nullif(p_n, 0) / 100, 9) $$;
create function pawl.variance_of(p_n numeric, p_sum numeric, p_squares numeric) returns numeric
language sql immutable
set search_path = ''
as $$ select case when p_n > 1 then round((p_squares - p_sum * p_sum / p_n) / (p_n - 1) / 10000, 9) end $$;

-- Days since then.
create function pawl.days_since(p_at timestamptz) returns numeric
language plpgsql stable
set search_path = ''
as $$
begin
  return round((extract(epoch from now() - p_at) / 86400)::numeric, 4);
end
$$;

-- {clusters: [{question_type, dimension, value, n, people, top_share, reacted, mean, variance, cut_mean, cut_variance,
-- rest_n, rest_mean, rest_variance, rest_cut_mean, rest_cut_variance}], since: {pattern id: answers of its cluster since
-- it was found}}: up to 500 clusters of 10 answers and more, each beside the rest of its own question type. Means and sample
-- variances are of signals of −1 to 1; `cut`, of signals cut to ±0.3, in which a few votes do not drown the rest.
create function pawl.look_at_clusters(p_assistant_id uuid) returns jsonb
language sql stable
set search_path = ''
as $$
  with answers as materialized (
    select *, least(greatest(signal, -30), 30) as cut from pawl.characterised_answers(p_assistant_id)
  ), persons as (
    select a.question_type, a.dimension, a.value, count(*) as n, count(*) filter (where a.reacted) as reacted,
           sum(a.signal)::numeric as total, sum(a.signal * a.signal)::numeric as squares,
           sum(a.cut)::numeric as cut_total, sum(a.cut * a.cut)::numeric as cut_squares
    from answers a where a.value is not null
    group by a.question_type, a.dimension, a.value, a.user_id
  ), clusters as (
    -- Those that most people have part in: who invents names by the thousand is alone with them.
    select p.question_type, p.dimension, p.value, sum(p.n) as n, count(*) as people, max(p.n) as most,
           sum(p.reacted) as reacted, sum(p.total) as total, sum(p.squares) as squares,
           sum(p.cut_total) as cut_total, sum(p.cut_squares) as cut_squares
    from persons p group by p.question_type, p.dimension, p.value
    having sum(p.n) >= 10
    order by count(*) desc, sum(p.n) desc, p.question_type, p.dimension, p.value limit 500
  ), wholes as (
    select a.question_type, a.dimension, count(*)::numeric as n, sum(a.signal)::numeric as total,
           sum(a.signal * a.signal)::numeric as squares,
           sum(a.cut)::numeric as cut_total, sum(a.cut * a.cut)::numeric as cut_squares
    from answers a where a.whole group by a.question_type, a.dimension
  ), beside as (
    select c.*, w.n - c.n as rest_n, w.total - c.total as rest_total, w.squares - c.squares as rest_squares,
           w.cut_total - c.cut_total as rest_cut_total, w.cut_squares - c.cut_squares as rest_cut_squares
    from clusters c join wholes w using (question_type, dimension)
  ), since as (
    select p.id, count(*) as answers
    from pawl.learned_patterns p
    join answers a on a.question_type = p.question_type and a.dimension = p.dimension and a.value = p.value
      and a.answered_at > p.created_at and (p.data_source is null or a.data_source = p.data_source)
    where p.assistant_id = p_assistant_id and p.state in ('candidate', 'trial', 'active', 'warmdown')
    group by p.id
  )
  select jsonb_build_object(
    'clusters', (
      select coalesce(jsonb_agg(jsonb_build_object(
          'question_type', b.question_type, 'dimension', b.dimension, 'value', b.value, 'n', b.n, 'people', b.people,
          'top_share', round(b.most / b.n, 6), 'reacted', b.reacted,
          'mean', pawl.mean_of(b.n, b.total), 'variance', pawl.variance_of(b.n, b.total, b.squares),
          'cut_mean', pawl.mean_of(b.n, b.cut_total), 'cut_variance', pawl.variance_of(b.n, b.cut_total, b.cut_squares),
          'rest_n', b.rest_n, 'rest_mean', pawl.mean_of(b.rest_n, b.rest_total),
          'rest_variance', pawl.variance_of(b.rest_n, b.rest_total, b.rest_squares),
          'rest_cut_mean', pawl.mean_of(b.rest_n, b.rest_cut_total),
          'rest_cut_variance', pawl.variance_of(b.rest_n, b.rest_cut_total, b.rest_cut_squares)
        ) order by b.question_type, b.dimension, b.value), '[]') from beside b),
    'since', (select coalesce(jsonb_object_agg(s.id, s.answers), '{}') from since s))
$$;

-- [{id, question_type, …, totals, people, top, recent}]: candidates and live patterns with their evidence. Of `totals`
-- and `top`, wealth is of all time, the rest of the period that runs and the three before it. `people` counts those
-- with answers in these; `top` are the ceil(1 / p_cap) + 3 who have the most of them, `winners` the 3 whose answers speak
-- for it most. p_since: as pawl.look_at_clusters.
create function pawl.look_at_patterns(p_assistant_id uuid, p_cap numeric, p_since jsonb) returns jsonb
language sql stable
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
  with patterns as materialized (
    select * from pawl.learned_patterns p
    where p.assistant_id = p_assistant_id and p.state in ('candidate', 'trial', 'active', 'warmdown')
  ), recent as materialized (
    select pawl.period_of(now()) - 3 as first
  ), persons as (
    -- What is too old counts as none.
    select v.pattern_id, v.user_id,
           coalesce(sum(v.n) filter (where v.period >= r.first), 0) as n,
           coalesce(sum(v.shown) filter (where v.period >= r.first), 0) as shown,
           coalesce(sum(v.shown_sum) filter (where v.period >= r.first), 0) as shown_sum,
           coalesce(sum(v.info) filter (where v.period >= r.first), 0) as info,
           coalesce(sum(v.z) filter (where v.period >= r.first), 0) as z,
           coalesce(sum(v.zz) filter (where v.period >= r.first), 0) as zz,
           sum(v.wealth_1) as wealth_1, sum(v.wealth_2) as wealth_2, sum(v.wealth_3) as wealth_3,
           sum(v.wealth_4) as wealth_4
    from patterns p join pawl.pattern_evidence v on v.pattern_id = p.id cross join recent r
    group by v.pattern_id, v.user_id
  ), ranked as materialized (
    select q.*, row_number() over (partition by q.pattern_id order by q.n desc, q.user_id) as rank from persons q
  ), winners as (
    select w.pattern_id, jsonb_agg(jsonb_build_object(
        'n', w.n, 'shown', w.shown, 'shown_sum', w.shown_sum, 'info', w.info, 'z', w.z, 'zz', w.zz,
        'wealth', jsonb_build_array(w.wealth_1, w.wealth_2, w.wealth_3, w.wealth_4)) order by w.nth) as persons
    from (
      select r.*, row_number() over (
        partition by r.pattern_id order by r.wealth_1 + r.wealth_2 + r.wealth_3 + r.wealth_4 desc, r.user_id) as nth
      from ranked r) w
    where w.nth <= 3 group by w.pattern_id
  ), evidence as (
    select pattern_id, rank, n, shown, shown_sum, info, z, zz, wealth_1, wealth_2, wealth_3, wealth_4, null as people
    from ranked where rank <= ceil(1 / p_cap) + 3
    union all
    select pattern_id, 0, sum(n), sum(shown), sum(shown_sum), sum(info), sum(z), sum(zz), sum(wealth_1), sum(wealth_2),
           sum(wealth_3), sum(wealth_4), count(*) filter (where n > 0)
    from ranked group by pattern_id
  ), sums as (
    select e.pattern_id, max(e.people) as people, jsonb_agg(jsonb_build_object(
        'n', e.n, 'shown', e.shown, 'shown_sum', e.shown_sum, 'info', e.info, 'z', e.z, 'zz', e.zz,
        'wealth', jsonb_build_array(e.wealth_1, e.wealth_2, e.wealth_3, e.wealth_4)) order by e.rank) as all_and_top
    from evidence e group by e.pattern_id
  )
  select coalesce(jsonb_agg(jsonb_build_object(
      'id', p.id, 'question_type', p.question_type, 'dimension', p.dimension, 'value', p.value, 'state', p.state,
      'influence', p.influence, 'confidence', p.confidence, 'score', p.score, 'baseline', p.baseline,
      'prior_mean', p.prior_mean, 'prior_sd', p.prior_sd, 'log_e', p.log_e, 'trial_year', p.trial_year,
      'signal_count', p.signal_count + coalesce((p_since ->> p.id::text)::integer, 0),
      'idle_days', pawl.days_since(greatest(p.last_used_at, p.trial_started_at, p.created_at)),
      'trial_days', pawl.days_since(p.trial_started_at),
      'days_active', pawl.days_since(p.activated_at),
      'instruction_length', char_length(p.instruction),
      'totals', coalesce(s.all_and_top -> 0,
        '{"n": 0, "shown": 0, "shown_sum": 0, "info": 0, "z": 0, "zz": 0, "wealth": [0, 0, 0, 0]}'),
      'people', coalesce(s.people, 0), 'top', coalesce(s.all_and_top - 0, '[]'),
      'winners', coalesce(w.persons, '[]'), 'recent', coalesce(l.signals, '[]')
    ) order by p.created_at, p.id), '[]')
  from patterns p
  left join sums s on s.pattern_id = p.id
  left join winners w on w.pattern_id = p.id
  cross join lateral (
    select jsonb_agg(x.signal order by x.answered_at, x.message_id) as signals from (
      select e.signal, y.answered_at, y.message_id
      from pawl.pattern_exposures y join pawl.exchanges e using (message_id)
      where y.pattern_id = p.id and y.shown and e.signal is not null
      order by y.answered_at desc, y.message_id desc limit 200) x
  ) l
$$;

-- Thumbs, as they stand now: {watched_days, before_up, before_n, since, recent_pattern_ids}. The watch is from the
-- earliest activation of the last 14 days of a pattern that is still live; without one, `since` are the votes of these
-- days. `since` is a word of 1 (up) and 0, by the time of the answers, of the newest 5,000. Before it no more than 500
-- count, the newest: what an assistant that improves had long ago would hide a fall. On both sides a person has at most
-- the share p_cap of the votes, and three in any case, their newest: neither a fall nor a rise is one person's.
create function pawl.look_at_votes(p_assistant_id uuid, p_cap numeric) returns jsonb
language plpgsql stable
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
declare
  v_since timestamptz;
  v_patterns jsonb;
  v_from timestamptz;
  v_before record;
  v_votes text;
begin
  select min(p.activated_at), coalesce(jsonb_agg(p.id order by p.activated_at, p.id), '[]') into v_since, v_patterns
    from pawl.learned_patterns p
    where p.assistant_id = p_assistant_id and p.state in ('active', 'warmdown')
      and p.activated_at > now() - interval '14 days';
  v_from := coalesce(v_since, now() - interval '14 days');
  select count(*) filter (where v.up) as up, count(*) as n into v_before from (
    select w.up, row_number() over (partition by w.user_id order by w.created_at desc, w.seq desc) as nth,
           count(*) over () as votes
    from (
    select f.signal = 'thumbs_up' as up, f.user_id, f.created_at, f.seq
    from pawl.response_feedback f join pawl.exchanges e using (message_id)
    where f.assistant_id = p_assistant_id and f.kind = 'thumb' and f.source = 'user' and f.superseded_at is null
      and f.created_at > now() - interval '90 days'
      and e.answered_at < v_from and e.answered_at > now() - interval '90 days'
    order by f.created_at desc, f.seq desc limit 500) w) v
    where v.nth <= greatest(3, ceil(p_cap * v.votes));
  select string_agg(case when v.up then '1' else '0' end, '' order by v.answered_at, v.message_id) into v_votes from (
    select w.*, row_number() over (partition by w.user_id order by w.answered_at desc, w.message_id desc) as nth,
           count(*) over () as votes
    from (
      select f.signal = 'thumbs_up' as up, f.user_id, e.answered_at, e.message_id
      from pawl.response_feedback f join pawl.exchanges e using (message_id)
      where f.assistant_id = p_assistant_id and f.kind = 'thumb' and f.source = 'user' and f.superseded_at is null
        and f.created_at >= v_from and e.answered_at >= v_from
      order by e.answered_at desc, e.message_id desc limit 5000) w) v
    where v.nth <= greatest(3, ceil(p_cap * v.votes));
  return jsonb_build_object(
    'watched_days', pawl.days_since(v_since), 'before_up', v_before.up, 'before_n', v_before.n,
    'since', coalesce(v_votes, ''), 'recent_pattern_ids', v_patterns);
end
$$;

-- Everything a run decides from; what it saw is noted in the run. Outcomes: lease_lost; ok with `look`: {now_day (since
-- 1970), year, settings: {holdout, cap}, people, answers (of the last 90 days, with a signal), trials_this_year (the
-- organisation's), others: [{log_e, adopted}] (this year's trials of its other assistants), clusters (as
-- pawl.look_at_clusters), patterns (as pawl.look_at_patterns), closed: [{question_type, dimension, value, days_ago,
-- by_person}] (of the last 90 days), votes (as pawl.look_at_votes)}.
create function public.pawl_learning_look(p_holder uuid, p_assistant_id uuid) returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
declare
  v_settings pawl.loop_settings;
  v_organization_id uuid;
  v_year integer := extract(year from now() at time zone 'utc');
  v_clusters jsonb;
  v_votes jsonb;
  v_seen record;
begin
  perform from pawl.leases
    where assistant_id = p_assistant_id and kind = 'learning' and holder = p_holder and expires_at > now();
  if not found then
    return jsonb_build_object('outcome', 'lease_lost');
  end if;
  select * into v_settings from pawl.loop_settings where assistant_id = p_assistant_id;
  select organization_id into v_organization_id from pawl.assistants where id = p_assistant_id;
  select count(*) as people, coalesce(sum(p.n), 0) as answers, sum(p.total) as total into v_seen from (
    select count(*) as n, sum(e.signal) as total from pawl.exchanges e
    where e.assistant_id = p_assistant_id and e.answered_at > now() - interval '90 days' and e.signal is not null
    group by e.user_id) p;
  v_clusters := pawl.look_at_clusters(p_assistant_id);
  v_votes := pawl.look_at_votes(p_assistant_id, v_settings.user_weight_cap);
  update pawl.learning_runs
    set people = v_seen.people, answers = v_seen.answers,
        satisfaction = pawl.mean_of(v_seen.answers, v_seen.total)
    where assistant_id = p_assistant_id and finished_at is null;
  return jsonb_build_object('outcome', 'ok', 'look', jsonb_build_object(
    'now_day', floor(extract(epoch from now()) / 86400)::integer,
    'year', v_year,
    'settings', jsonb_build_object('holdout', v_settings.holdout_share, 'cap', v_settings.user_weight_cap),
    'people', v_seen.people,
    'answers', v_seen.answers,
    'trials_this_year', (
      select count(*) from pawl.learned_patterns p
      where p.organization_id = v_organization_id and p.trial_year = v_year),
    'others', (
      select coalesce(jsonb_agg(jsonb_build_object(
          'log_e', coalesce(p.log_e, 0), 'adopted', p.activated_at is not null) order by p.created_at, p.id), '[]')
      from pawl.learned_patterns p
      where p.organization_id = v_organization_id and p.trial_year = v_year and p.assistant_id <> p_assistant_id),
    'clusters', v_clusters -> 'clusters',
    'patterns', pawl.look_at_patterns(p_assistant_id, v_settings.user_weight_cap, v_clusters -> 'since'),
    'closed', (
      select coalesce(jsonb_agg(jsonb_build_object(
          'question_type', p.question_type, 'dimension', p.dimension, 'value', p.value,
          'days_ago', pawl.days_since(t.at), 'by_person', p.state = 'reverted' and t.by_person) order by t.at, p.id), '[]')
      from pawl.learned_patterns p
      cross join lateral (
        -- A run takes back after a crash, and says which run it was.
        select coalesce(max(x.created_at), p.updated_at) as at, coalesce(bool_or(x.run_id is null), false) as by_person
        from pawl.pattern_transitions x where x.pattern_id = p.id and x.to_state = p.state) t
      where p.assistant_id = p_assistant_id and p.state in ('pruned', 'reverted', 'withdrawn')
        and t.at > now() - interval '90 days'),
    'votes', v_votes));
end
$$;

-- What an instruction is worded from. Outcome ok with `examples`: [{user_message, answer}], the up to three best liked
-- answers of a cluster, of three people, cut at 1,500 characters; `feedback_ids`: what people said of them;
-- `user_messages`: theirs and others of the cluster, up to 20, which the wording must not repeat; `prompt_id` and
-- `current_prompt`, the live one; `protected_clauses`. Conversations that were deleted are not among them. Outcome
-- besides: no_active_prompt.
create function public.pawl_pattern_examples(
  p_assistant_id uuid, p_question_type text, p_dimension text, p_value text
) returns jsonb
language sql stable security definer
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
  -- No texts yet: of the newest 50,000 answers those of three people and twenty questions are wanted.
  with cluster as materialized (
    select e.message_id, e.user_id, e.signal, e.answered_at
    from (
      select x.* from pawl.exchanges x
      where x.assistant_id = p_assistant_id and x.answered_at > now() - interval '90 days'
      order by x.answered_at desc limit 50000) e
    join pawl.sessions s on s.id = e.session_id
    where e.question_type = p_question_type and s.deleted_at is null
      and case p_dimension
        when 'format' then e.response_format = p_value
        when 'length' then e.length_class = p_value
        when 'tool' then p_value = any (e.tools) end
  ), liked as (
    select distinct on (c.user_id) c.* from cluster c where c.signal > 0
    order by c.user_id, c.signal desc, c.answered_at desc, c.message_id
  ), best_ids as (
    select l.*, row_number() over (order by l.signal desc, l.answered_at desc, l.message_id) as n from liked l
    order by n limit 3
  ), asked_ids as (
    select c.message_id, c.answered_at, b.n from cluster c left join best_ids b using (message_id)
    order by b.n, c.answered_at desc limit 20
  ), asked as materialized (
    select a.message_id, a.answered_at, a.n, left(q.content, 1500) as user_message
    from asked_ids a
    join pawl.turns t on t.answer_message_id = a.message_id
    join pawl.messages q on q.id = t.user_message_id
  ), best as materialized (
    select a.message_id, a.n, a.user_message, left(m.content, 1500) as answer
    from asked a join pawl.messages m on m.id = a.message_id where a.n is not null
  )
  select coalesce((
  select jsonb_build_object(
    'outcome', 'ok',
    'prompt_id', p.id,
    'current_prompt', p.content,
    'examples', (
      select coalesce(jsonb_agg(
        jsonb_build_object('user_message', b.user_message, 'answer', b.answer) order by b.n), '[]') from best b),
    'feedback_ids', (
      select coalesce(jsonb_agg(f.id order by f.seq), '[]')
      from best b join pawl.response_feedback f on f.message_id = b.message_id
      where f.superseded_at is null and f.source <> 'llm-judge'),
    'user_messages', (
      select coalesce(jsonb_agg(m.user_message order by m.n, m.answered_at desc), '[]') from asked m),
    'protected_clauses', (
      select s.protected_clauses from pawl.loop_settings s where s.assistant_id = p_assistant_id))
  from pawl.system_prompts p where p.assistant_id = p_assistant_id and p.is_active),
  '{"outcome": "no_active_prompt"}')
$$;

revoke execute on function
  pawl.characterised_answers(uuid),
  pawl.look_at_clusters(uuid),
  pawl.mean_of(numeric, numeric),
  pawl.variance_of(numeric, numeric, numeric),
  pawl.days_since(timestamptz),
  pawl.look_at_patterns(uuid, numeric, jsonb),
  pawl.look_at_votes(uuid, numeric),
  public.pawl_learning_look(uuid, uuid),
  public.pawl_pattern_examples(uuid, text, text, text)
from public, anon, authenticated, service_role;
grant execute on function
  public.pawl_learning_look(uuid, uuid),
  public.pawl_pattern_examples(uuid, text, text, text)
to service_role;
