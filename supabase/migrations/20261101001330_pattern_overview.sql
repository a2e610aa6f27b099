-- What people look at of learning: the patterns, what speaks for each, what became of it; and what the last run said.
-- For those who may steer (see steering). Texts of conversations are in none of it.

-- What is known of a pattern, in words.
create function pawl.evidence_in_words(p_pattern pawl.learned_patterns) returns text
language sql stable
set search_path = ''
as $$
  select case
    when p_pattern.trial_started_at is null
      then format('Not tried. It was found by %s answers like it.', p_pattern.signal_count)
    when coalesce(sum(v.n), 0) = 0 then 'Tried; no answer has been counted yet.'
    else format('It applied to %s answers of %s people and was shown with %s of them.%s',
      sum(v.n), count(distinct v.user_id) filter (where v.n > 0), sum(v.shown),
      case when sum(v.info) > 0 then format(
        ' It is estimated to change how an answer is received by %s, on a scale from -1 to 1.',
        to_char(sum(v.z) / sum(v.info), 'SG0.00')) else '' end)
    end
  from pawl.pattern_evidence v where v.pattern_id = p_pattern.id
$$;

create function pawl.pattern_summary(p_pattern pawl.learned_patterns) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'pattern_id', p_pattern.id, 'at', p_pattern.created_at, 'type', p_pattern.pattern_type,
    'question_type', p_pattern.question_type, 'data_source', p_pattern.data_source,
    'dimension', p_pattern.dimension, 'value', p_pattern.value,
    'instruction', p_pattern.instruction, 'state', p_pattern.state, 'influence', p_pattern.influence,
    'confidence', p_pattern.confidence, 'score', p_pattern.score, 'uses', p_pattern.use_count,
    'last_used_at', p_pattern.last_used_at, 'activated_at', p_pattern.activated_at,
    'evidence', pawl.evidence_in_words(p_pattern),
    -- The last five steps, newest first.
    'transitions', (
      select coalesce(jsonb_agg(jsonb_build_object(
          'at', t.created_at, 'from', t.from_state, 'to', t.to_state, 'influence', t.to_influence,
          'confidence', t.confidence, 'reason', t.reason) order by t.seq desc), '[]')
      from (
        select * from pawl.pattern_transitions x where x.pattern_id = p_pattern.id order by x.seq desc limit 5) t))
$$;

-- {outcome, patterns: […], last_run}: newest first, those found before p_before, of one state or (p_state null) of any;
-- up to 100, and more where several were found at the very same time. `last_run` is what the last finished run said:
-- {at, message, settled, corrected, people, answers, found, active, satisfaction, votes_up, votes_down, crash}, or
-- null.
create function public.pawl_list_patterns(
  p_state text default null, p_assistant text default null, p_organization_id uuid default null,
  p_before timestamptz default null, p_limit integer default 20, p_user_id uuid default null
) returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  s pawl.steering := pawl.steer(p_assistant, p_organization_id, p_user_id);
begin
  if s.outcome <> 'ok' then
    return jsonb_build_object('outcome', s.outcome);
  end if;
  return jsonb_build_object(
    'outcome', 'ok',
    'patterns', (
      select coalesce(jsonb_agg(pawl.pattern_summary(p) order by p.created_at desc, p.id), '[]') from (
        select * from pawl.learned_patterns
        where assistant_id = s.assistant_id and (p_state is null or state = p_state)
          and created_at < coalesce(p_before, 'infinity')
        order by created_at desc fetch first (pawl.page(p_limit)) rows with ties) p),
    'last_run', (
      select jsonb_build_object('at', r.finished_at, 'message', r.message, 'settled', r.settled,
        'corrected', r.corrected, 'people', r.people, 'answers', r.answers, 'found', r.patterns_found,
        'active', r.patterns_active, 'satisfaction', r.satisfaction, 'votes_up', r.votes_up,
        'votes_down', r.votes_down, 'crash', r.crash)
      from pawl.learning_runs r
      where r.assistant_id = s.assistant_id and r.finished_at is not null
      order by r.finished_at desc limit 1));
end
$$;

revoke execute on function
  pawl.evidence_in_words(pawl.learned_patterns),
  pawl.pattern_summary(pawl.learned_patterns),
  public.pawl_list_patterns(text, text, uuid, timestamptz, integer, uuid)
from public, anon, authenticated, service_role;
grant execute on function
  public.pawl_list_patterns(text, text, uuid, timestamptz, integer, uuid)
to authenticated, service_role;
