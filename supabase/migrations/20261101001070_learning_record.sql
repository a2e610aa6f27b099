-- What a learning run decided, recorded in one transaction. Secret key only.

-- Stores what a run decided of patterns there are: p_patterns as in public.pawl_record_learning. Answers those that
-- were left as they were: [{pattern_id, why}], closed (ended by a person meanwhile), slot_taken (another pattern is live
-- for the same choice) or budget (as many trials as a year may have).
create function pawl.update_patterns(p_assistant_id uuid, p_run_id uuid, p_patterns jsonb) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  most_trials constant integer := 60;
  v_given record;
  v_before pawl.learned_patterns;
  v_after pawl.learned_patterns;
  v_left jsonb := '[]';
begin
  -- In one order, as answers count what they were shown.
  perform from pawl.learned_patterns p
    join jsonb_to_recordset(p_patterns) g (id uuid) using (id)
    where p.assistant_id = p_assistant_id order by p.id for no key update of p;
  -- Those that end come first: another may take their place in the same run.
  for v_given in
    select g.* from rows from (jsonb_to_recordset(p_patterns) as (
      id uuid, state text, influence numeric, confidence numeric, score numeric, log_e double precision,
      begin_trial boolean, baseline smallint, reason text)) with ordinality g
    order by g.state in ('trial', 'active', 'warmdown'), g.ordinality
  loop
    select * into v_before from pawl.learned_patterns where id = v_given.id and assistant_id = p_assistant_id;
    if not found or v_before.state not in ('candidate', 'trial', 'active', 'warmdown') then
      v_left := v_left || jsonb_build_object('pattern_id', v_given.id, 'why', 'closed');
      continue;
    elsif v_before.state = 'candidate' and v_given.state in ('trial', 'active', 'warmdown') and exists (
      select from pawl.learned_patterns p
      where p.assistant_id = p_assistant_id and p.question_type = v_before.question_type
        and p.dimension = v_before.dimension and p.state in ('trial', 'active', 'warmdown'))
    then
      v_left := v_left || jsonb_build_object('pattern_id', v_given.id, 'why', 'slot_taken');
      continue;
    -- The year's family (core::learning::ebh) is an organisation's: another assistant's run may have begun some meanwhile.
    elsif v_given.begin_trial and v_before.state = 'candidate' and most_trials <= (
      select count(*) from pawl.learned_patterns p
      where p.organization_id = v_before.organization_id
        and p.trial_year = extract(year from now() at time zone 'utc'))
    then
      v_left := v_left || jsonb_build_object('pattern_id', v_given.id, 'why', 'budget');
      continue;
    end if;
    v_after := v_before;
    v_after.state := v_given.state;
    -- A number that went through floating point and came back a hair off is no step.
    v_after.influence := trim_scale(round(v_given.influence, 6));
    v_after.confidence := v_given.confidence;
    v_after.score := v_given.score;
    -- What was decided by it stands.
    if v_before.activated_at is null then
      v_after.log_e := coalesce(v_given.log_e, v_before.log_e);
    end if;
    if v_given.begin_trial and v_before.state = 'candidate' then
      v_after.baseline := v_given.baseline;
      v_after.trial_year := extract(year from now() at time zone 'utc');
      v_after.trial_started_at := now();
    end if;
    if v_given.state = 'active' then
      v_after.activated_at := coalesce(v_before.activated_at, now());
    end if;
    if v_after is distinct from v_before then
      v_after.updated_at := now();
      update pawl.learned_patterns
        set state = v_after.state, influence = v_after.influence, confidence = v_after.confidence,
            score = v_after.score, log_e = v_after.log_e, baseline = v_after.baseline,
            trial_year = v_after.trial_year, trial_started_at = v_after.trial_started_at,
            activated_at = v_after.activated_at, updated_at = v_after.updated_at
        where id = v_given.id;
    end if;
    -- A step without a reason is refused.
    if v_given.reason is not null
       or (v_after.state, v_after.influence) is distinct from (v_before.state, v_before.influence) then
      perform pawl.record_transition(v_before, v_after, p_run_id, v_given.reason);
    end if;
  end loop;
  return v_left;
end
$$;

-- Stores what a run found: p_candidates as in public.pawl_record_learning. Answers what was not stored:
-- [{question_type, dimension, value, why}], sources_gone (a person was forgotten meanwhile, and with them what it was
-- worded from) or known (there is a candidate or a live pattern of just this).
create function pawl.add_candidates(p_assistant_id uuid, p_run_id uuid, p_candidates jsonb) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_given record;
  v_sources uuid[];
  v_pattern pawl.learned_patterns;
  v_why text;
  v_left jsonb := '[]';
begin
  for v_given in
    select g.* from rows from (jsonb_to_recordset(p_candidates) as (
      pattern_type text, question_type text, data_source text, dimension text, value text, instruction text,
      confidence numeric, prior_mean double precision, prior_sd double precision, signal_count integer,
      feedback_ids uuid[], model text, reason text)) with ordinality g
    order by g.ordinality
  loop
    v_sources := array(
      select f.id from pawl.response_feedback f
      where f.id = any (v_given.feedback_ids) and f.assistant_id = p_assistant_id order by f.id for key share);
    v_why := case
      when v_sources = '{}' or exists (
        select unnest(v_given.feedback_ids) except select unnest(v_sources)) then 'sources_gone'
      when exists (
        select from pawl.learned_patterns p
        where p.assistant_id = p_assistant_id and p.question_type = v_given.question_type
          and p.dimension = v_given.dimension and p.value = v_given.value
          and p.data_source is not distinct from v_given.data_source
          and p.state in ('candidate', 'trial', 'active', 'warmdown')) then 'known'
    end;
    if v_why is not null then
      v_left := v_left || jsonb_build_object('question_type', v_given.question_type, 'dimension', v_given.dimension,
        'value', v_given.value, 'why', v_why);
      continue;
    end if;
    insert into pawl.learned_patterns (
      organization_id, assistant_id, pattern_type, question_type, data_source, dimension, value, instruction, model,
      confidence, prior_mean, prior_sd, signal_count)
    select a.organization_id, a.id, v_given.pattern_type, v_given.question_type, v_given.data_source,
           v_given.dimension, v_given.value, v_given.instruction, v_given.model, v_given.confidence,
           v_given.prior_mean, v_given.prior_sd, v_given.signal_count
    from pawl.assistants a where a.id = p_assistant_id
    returning * into v_pattern;
    insert into pawl.pattern_sources (pattern_id, feedback_id, user_id)
      select v_pattern.id, f.id, f.user_id from pawl.response_feedback f where f.id = any (v_sources);
    perform pawl.record_transition(null, v_pattern, p_run_id, v_given.reason);
  end loop;
  return v_left;
end
$$;

-- Tells people that satisfaction has crashed; once in 14 days, unless patterns were taken back for it.
create function pawl.alert_crash(p_assistant_id uuid, p_crash jsonb, p_reverted bigint) returns void
language sql
set search_path = ''
as $$
  insert into pawl.suggestions (assistant_id, suggestion_type, priority, title, description)
  select p_assistant_id, 'escalation', 'critical', alert.title,
         format('Thumbs up fell from %s %% of votes to %s %%, over the last %s votes. %s',
           round(100 * (p_crash ->> 'fell_from')::numeric), round(100 * (p_crash ->> 'fell_to')::numeric),
           p_crash ->> 'votes',
           case when p_reverted > 0
             then format('Learned patterns taken back: %s, those that went live last.', p_reverted)
             else 'No learned pattern went live in that time: the cause is another.' end)
  from (values ('Satisfaction crashed')) alert (title)
  where p_reverted > 0 or not exists (
    select from pawl.suggestions s
    where s.assistant_id = p_assistant_id and s.suggestion_type = 'escalation' and s.title = alert.title
      and s.created_at > now() - interval '14 days')
$$;

-- Ends a run with what it decided, and gives the lease back; only for the holder of one that still runs. The same once
-- more, of a client whose reply was lost, changes nothing.
--
-- p_run: {run_id, message, crash: null | {fell_from, fell_to, votes}, satisfaction (null: as looked at), votes_up,
-- votes_down, patterns: [{id, state, influence, confidence, score, log_e, begin_trial, baseline, reason}], candidates:
-- [{pattern_type, question_type, data_source, dimension, value, instruction, confidence, prior_mean, prior_sd,
-- signal_count, feedback_ids, model, reason}]}.
-- Outcomes: lease_lost; ok with patterns_revision, found (candidates stored) and left: [{pattern_id | question_type,
-- dimension, value; why}], as pawl.update_patterns and pawl.add_candidates.
create function public.pawl_record_learning(p_holder uuid, p_assistant_id uuid, p_run jsonb) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  v_patterns jsonb := coalesce(nullif(p_run -> 'patterns', 'null'), '[]');
  v_candidates jsonb := coalesce(nullif(p_run -> 'candidates', 'null'), '[]');
  v_run pawl.learning_runs;
  v_served jsonb;
  v_left jsonb;
  v_found integer;
  v_revision bigint;
begin
  -- Whoever is about to forget one of these people waits until the patterns refer to what they said, or is waited for.
  perform from pawl.exchanges e
    where e.message_id in (
      select f.message_id
      from jsonb_array_elements(v_candidates) c
      cross join lateral jsonb_array_elements_text(c -> 'feedback_ids') g (id)
      join pawl.response_feedback f on f.id = g.id::uuid)
    order by e.message_id for key share;
  -- In the order of deletion: an organisation (its runs one after the other: they share a budget of trials), its
  -- assistants, what is theirs. Whoever changes what is served waits here.
  perform from pawl.organizations o
    where o.id = (select organization_id from pawl.assistants where id = p_assistant_id) for no key update;
  select patterns_revision into v_revision from pawl.assistants where id = p_assistant_id for no key update;
  select * into v_run from pawl.learning_runs
    where id = (p_run ->> 'run_id')::uuid and assistant_id = p_assistant_id;
  if v_run.finished_at is not null then
    return jsonb_build_object('outcome', 'ok', 'patterns_revision', v_revision, 'found', v_run.patterns_found,
      'left', '[]'::jsonb);
  end if;
  perform from pawl.leases
    where assistant_id = p_assistant_id and kind = 'learning' and holder = p_holder and expires_at > now()
    for update;
  if not found or v_run.id is null then
    return jsonb_build_object('outcome', 'lease_lost');
  end if;

  v_served := pawl.served(p_assistant_id);
  v_left := pawl.update_patterns(p_assistant_id, v_run.id, v_patterns)
    || pawl.add_candidates(p_assistant_id, v_run.id, v_candidates);
  if jsonb_typeof(p_run -> 'crash') = 'object' then
    perform pawl.alert_crash(p_assistant_id, p_run -> 'crash', (
      select count(*) from pawl.pattern_transitions t where t.run_id = v_run.id and t.to_state = 'reverted'));
  end if;
  select count(*) into v_found from pawl.pattern_transitions t where t.run_id = v_run.id and t.from_state is null;
  update pawl.learning_runs
    set finished_at = now(), message = p_run ->> 'message', crash = nullif(p_run -> 'crash', 'null'),
        satisfaction = coalesce((p_run ->> 'satisfaction')::numeric, satisfaction),
        votes_up = (p_run ->> 'votes_up')::integer, votes_down = (p_run ->> 'votes_down')::integer,
        patterns_found = v_found,
        patterns_active = (
          select count(*) from pawl.learned_patterns p
          where p.assistant_id = p_assistant_id and p.state in ('active', 'warmdown'))
    where id = v_run.id;
  v_revision := pawl.raise_revision(p_assistant_id, v_served);
  perform pawl.release('learning', p_holder, p_assistant_id);
  return jsonb_build_object(
    'outcome', 'ok', 'patterns_revision', v_revision, 'found', v_found, 'left', v_left);
end
$$;

revoke execute on function
  pawl.update_patterns(uuid, uuid, jsonb),
  pawl.add_candidates(uuid, uuid, jsonb),
  pawl.alert_crash(uuid, jsonb, bigint),
  public.pawl_record_learning(uuid, uuid, jsonb)
from public, anon, authenticated, service_role;
grant execute on function public.pawl_record_learning(uuid, uuid, jsonb) to service_role;
