-- Learned patterns in use: what is served, what was shown with an answer, and how a pattern ends by hand.

-- The patterns that answers of an assistant may be shown, the surest first:
-- [{id, question_type, data_source, instruction, influence, confidence}]. Stable, so that a statement that reads
-- `patterns_revision` beside it reads a pair that belongs together.
create function pawl.serving_patterns(p_assistant_id uuid) returns jsonb
language sql stable
set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
      'id', p.id, 'question_type', p.question_type, 'data_source', p.data_source, 'instruction', p.instruction,
      'influence', p.influence, 'confidence', p.confidence) order by p.confidence desc, p.id), '[]')
  from pawl.learned_patterns p
  where p.assistant_id = p_assistant_id and p.state in ('trial', 'active', 'warmdown') and p.influence > 0
$$;

-- What of it an isolate must hear of: the order that confidence gives, not its digits.
create function pawl.served(p_assistant_id uuid) returns jsonb
language sql stable
set search_path = ''
as $$
  select coalesce(jsonb_agg(s.pattern - 'confidence' order by s.n), '[]')
  from jsonb_array_elements(pawl.serving_patterns(p_assistant_id)) with ordinality s (pattern, n)
$$;

-- Stores which patterns applied to an answer, and whether the coin showed them. p_exposures: [{pattern_id, shown,
-- propensity}]. Those of another assistant, and those that were never on trial, are passed over. Answers the ids of the
-- patterns that were shown.
create function pawl.record_exposures(p_message_id uuid, p_user_id uuid, p_assistant_id uuid, p_exposures jsonb)
returns uuid[]
language plpgsql
set search_path = ''
as $$
declare
  v_shown uuid[];
begin
  if p_exposures is null or p_exposures in ('[]', 'null') then
    return '{}';
  end if;
  with given as (
    select distinct on (p.id) p.id, g.shown, g.propensity
    from jsonb_to_recordset(p_exposures) g (pattern_id uuid, shown boolean, propensity real)
    join pawl.learned_patterns p on p.id = g.pattern_id
    where p.assistant_id = p_assistant_id and p.baseline is not null
  ), stored as (
    insert into pawl.pattern_exposures (pattern_id, message_id, user_id, shown, propensity)
    select id, p_message_id, p_user_id, shown, propensity from given
    on conflict do nothing
    returning pattern_id, shown
  )
  select coalesce(array_agg(pattern_id order by pattern_id), '{}') into v_shown from stored where shown;
  -- In one order, for another answer may be counting the same patterns at this moment.
  perform from pawl.learned_patterns where id = any (v_shown) order by id for no key update;
  update pawl.learned_patterns
    set use_count = use_count + 1, last_used_at = greatest(last_used_at, now())
    where id = any (v_shown);
  return v_shown;
end
$$;

-- Writes down a step of a pattern's life: it was as p_before and is as it stands now.
create function pawl.record_transition(
  p_before pawl.learned_patterns, p_after pawl.learned_patterns, p_run_id uuid, p_reason text
) returns void
language sql
set search_path = ''
as $$
  insert into pawl.pattern_transitions (
    pattern_id, run_id, from_state, to_state, from_influence, to_influence, confidence, log_e, reason)
  values (
    (p_after).id, p_run_id, (p_before).state, (p_after).state, (p_before).influence, (p_after).influence,
    (p_after).confidence, (p_after).log_e, p_reason)
$$;

-- Raises an assistant's revision where what is served is no longer p_before (as pawl.served); the revision.
create function pawl.raise_revision(p_assistant_id uuid, p_before jsonb) returns bigint
language sql
set search_path = ''
as $$
  update pawl.assistants
    set patterns_revision = patterns_revision + (pawl.served(p_assistant_id) is distinct from p_before)::integer
    where id = p_assistant_id
    returning patterns_revision
$$;

-- Ends a pattern for good, as p_state: pawl.withdraw_pattern and pawl_revert_pattern.
create function pawl.end_pattern(p_pattern_id uuid, p_state text, p_reason text) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_before pawl.learned_patterns;
  v_after pawl.learned_patterns;
  v_served jsonb;
begin
  -- The assistant before its patterns, as every change of what is served.
  perform from pawl.assistants
    where id = (select assistant_id from pawl.learned_patterns where id = p_pattern_id) for no key update;
  -- Answers refer to it meanwhile, and forgetting a person has it already: no stronger lock than that one's.
  select * into v_before from pawl.learned_patterns where id = p_pattern_id for no key update;
  if not found or v_before.state = p_state then
    return;
  end if;
  v_served := pawl.served(v_before.assistant_id);
  update pawl.learned_patterns
    set state = p_state, influence = 0, updated_at = now(),
        instruction = case when p_state = 'withdrawn' then null else instruction end
    where id = p_pattern_id
    returning * into v_after;
  perform pawl.record_transition(v_before, v_after, null, p_reason);
  perform pawl.raise_revision(v_before.assistant_id, v_served);
end
$$;

-- Takes a pattern's text away, whatever its state: what it was worded from is to be forgotten. What was measured of it
-- stays, in numbers.
create function pawl.withdraw_pattern(p_pattern_id uuid, p_reason text) returns void
language sql
set search_path = ''
as $$ select pawl.end_pattern(p_pattern_id, 'withdrawn', p_reason) $$;

revoke execute on function
  pawl.serving_patterns(uuid),
  pawl.served(uuid),
  pawl.record_exposures(uuid, uuid, uuid, jsonb),
  pawl.record_transition(pawl.learned_patterns, pawl.learned_patterns, uuid, text),
  pawl.raise_revision(uuid, jsonb),
  pawl.end_pattern(uuid, text, text),
  pawl.withdraw_pattern(uuid, text)
from public, anon, authenticated, service_role;
