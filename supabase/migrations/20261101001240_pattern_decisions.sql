-- What people decide about learned patterns (see steering): take one back.

-- Takes a pattern back for good: from this moment no answer is shown it. A candidate is never tried. Where it has ended
-- before, nothing changes. Outcome besides: pattern_not_found (other organisations' too).
create function public.pawl_revert_pattern(
  p_pattern_id uuid, p_reason text default null, p_user_id uuid default null
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  s pawl.steering := pawl.take_hold_of(
    (select p.assistant_id from pawl.learned_patterns p where p.id = p_pattern_id), 'pattern_not_found', p_user_id,
    p_reason);
  v_before pawl.learned_patterns;
  v_after pawl.learned_patterns;
begin
  if s.outcome <> 'ok' then
    return jsonb_build_object('outcome', s.outcome);
  end if;
  select * into v_before from pawl.learned_patterns where id = p_pattern_id for no key update;
  if not found then
    return jsonb_build_object('outcome', 'pattern_not_found'); -- deleted while this waited
  end if;
  if v_before.state in ('candidate', 'trial', 'active', 'warmdown') then
    perform pawl.end_pattern(p_pattern_id, 'reverted',
      case when p_reason ~ '\S' then 'Taken back by a person: ' || p_reason else 'Taken back by a person.' end);
  end if;
  select * into v_after from pawl.learned_patterns where id = p_pattern_id;
  return pawl.changed(
    s, 'revert_pattern', jsonb_build_object('pattern_id', p_pattern_id),
    jsonb_build_object('state', v_before.state, 'influence', v_before.influence),
    jsonb_build_object('state', v_after.state, 'influence', v_after.influence), p_reason);
end
$$;

revoke execute on function public.pawl_revert_pattern(uuid, text, uuid) from public, anon, authenticated, service_role;
grant execute on function public.pawl_revert_pattern(uuid, text, uuid) to authenticated, service_role;
