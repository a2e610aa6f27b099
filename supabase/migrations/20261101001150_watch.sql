-- The watch over the live version: do people take its answers worse than those of the version before? Secret key only.

-- Thumbs on the answers of a version, between two times (votes and answers both): `up` in the order in which they were
-- given, the newest p_limit; of the 20,000 newest votes on the assistant in that time. Each person has one, the first
-- that stands: who votes again and again votes alike, and the detector reckons with votes that have nothing to do with
-- each other.
create function pawl.votes_on(
  p_prompt pawl.system_prompts, p_from timestamptz, p_until timestamptz, p_limit integer
) returns boolean[]
language sql stable
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
  select coalesce(array_agg(v.up order by v.seq), '{}')
  from (
    select w.up, w.seq
    from (
      select distinct on (f.user_id) f.signal = 'thumbs_up' as up, f.seq
      from (
        select r.* from pawl.response_feedback r
        where r.assistant_id = p_prompt.assistant_id and r.kind = 'thumb' and r.source = 'user'
          and r.superseded_at is null and r.created_at >= p_from and r.created_at < p_until
        order by r.created_at desc limit 20000
      ) f
      join pawl.exchanges e using (message_id)
      where e.prompt_id = p_prompt.id and e.answered_at >= p_from and e.answered_at < p_until
      order by f.user_id, f.seq
    ) w
    order by w.seq desc limit p_limit
  ) v
$$;

-- The votes on the live version since it went live, as pawl.votes_on, the newest 5,000: [{id, up}]. The ids are new
-- with every call and name no one.
create function pawl.votes_since(p_live pawl.system_prompts) returns jsonb
language sql volatile
set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object('id', gen_random_uuid(), 'up', v.up) order by v.n), '[]')
  from unnest(pawl.votes_on(p_live, p_live.activated_at, 'infinity', 5000)) with ordinality v (up, n)
$$;

-- True of a live version that was promoted, or forced unproved, when it last went live; whoever approved the first.
create function pawl.went_live_by_test(p_live pawl.system_prompts) returns boolean
language sql stable
set search_path = ''
as $$
  select coalesce((
    select c.action in ('promote', 'force') from pawl.audit_log c
    where c.assistant_id = p_live.assistant_id and c.action <> 'approve'
      and c.detail #> '{changed,live_version,to}' = to_jsonb(p_live.version)
    order by c.at desc, c.id desc limit 1), false)
$$;

-- Why a fall of the live version's votes has nobody take it back by itself: no_version_before, by_hand (a person chose
-- it), locked or paused; null when it is taken back.
create function pawl.rollback_block(p_live pawl.system_prompts) returns text
language plpgsql stable
set search_path = ''
as $$
begin
  return case
    when pawl.version_before(p_live) is null then 'no_version_before'
    when not pawl.went_live_by_test(p_live) then 'by_hand'
    when p_live.locked then 'locked'
    when (select pawl.is_paused(s) from pawl.loop_settings s where s.assistant_id = p_live.assistant_id) then 'paused'
  end;
end
$$;

-- True for the holder of an assistant's proof lease that still runs, which is locked. p_to_end as pawl.hold_test.
create function pawl.holds_proof(p_holder uuid, p_assistant_id uuid, p_to_end boolean) returns boolean
language plpgsql
set search_path = ''
as $$
begin
  if p_to_end then
    perform from pawl.assistants where id = p_assistant_id for no key update;
  end if;
  perform from pawl.leases
    where assistant_id = p_assistant_id and kind = 'proof' and holder = p_holder and expires_at > now() for update;
  return found;
end
$$;

-- The votes on the live version (as pawl.votes_since) beside those on the version before in the 90 days until then, the
-- newest 2,000: outcome ok with `case` (of kind watch: {before_up, before_n, observations: [{id, up}]}, everything else
-- of a case null, or as it is where nothing was judged), prompt_id, `live_since`, `acts` (a fall takes it back) and
-- `why_not` (as pawl.rollback_block). Outcomes besides: nothing_to_watch (no votes on it, or nothing live); lease_lost.
create function public.pawl_watch_look(p_holder uuid, p_assistant_id uuid) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  v_live pawl.system_prompts;
  v_before pawl.system_prompts;
  v_since jsonb;
  v_earlier boolean[] := '{}';
  v_why_not text;
begin
  if not pawl.holds_proof(p_holder, p_assistant_id, false) then
    return '{"outcome": "lease_lost"}';
  end if;
  select * into v_live from pawl.system_prompts where assistant_id = p_assistant_id and is_active;
  v_since := pawl.votes_since(v_live);
  if v_since = '[]' then
    return '{"outcome": "nothing_to_watch"}';
  end if;
  select * into v_before from pawl.system_prompts
    where assistant_id = p_assistant_id and version = pawl.version_before(v_live);
  if found then
    v_earlier := pawl.votes_on(v_before, v_live.activated_at - interval '90 days', v_live.activated_at, 2000);
  end if;
  v_why_not := pawl.rollback_block(v_live);
  return jsonb_build_object(
    'outcome', 'ok', 'prompt_id', v_live.id, 'live_since', v_live.activated_at,
    'acts', v_why_not is null, 'why_not', v_why_not,
    'case', jsonb_build_object(
      'kind', 'watch', 'level', null, 'horizon', null, 'min_days', null, 'max_days', null, 'days', null, 'unit', null,
      'agreement', to_jsonb(array_fill(0, array[5, 5])), 'floor', -1,
      'before_up', (select count(*) from unnest(v_earlier) up where up), 'before_n', cardinality(v_earlier),
      'observations', v_since));
end
$$;

-- Takes the live version back for an earlier one, by what was observed about p_receipt_id: with that receipt, a record
-- and an escalation of p_title. For who holds the assistant's lock.
create function pawl.take_back(
  p_live pawl.system_prompts, p_before pawl.system_prompts, p_receipt_id uuid, p_reason text, p_case jsonb,
  p_ruling jsonb, p_title text
) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_ids uuid[] := pawl.observation_ids(p_receipt_id, 'watch', null);
  v_audit_id bigint;
begin
  insert into pawl.promotion_receipts (
    id, organization_id, assistant_id, decision, reason, document, observation_ids, observations_digest)
  select p_receipt_id, a.organization_id, a.id, 'rollback', p_reason,
         jsonb_build_object(
           'candidate', pawl.fingerprint(p_live.id), 'baseline', pawl.fingerprint(p_before.id), 'placebo', false,
           'judge', null, 'chat_model', m.model, 'method', null, 'level', null, 'ledger', null,
           'settings', '{}'::jsonb, 'screening', null, 'plan', null,
           'case', p_case - 'observations', 'ruling', p_ruling),
         v_ids, pawl.observations_digest(v_ids)
  from pawl.assistants a, pawl.model_of(p_live.id) m where a.id = p_live.assistant_id;
  perform pawl.go_live(p_before.id, 'rolled_back', false);
  v_audit_id := pawl.record_change(
    p_live.assistant_id, 'loop', null, 'rollback',
    jsonb_build_object('version', p_before.version, 'receipt_id', p_receipt_id, 'changed', pawl.difference(
      jsonb_build_object('live_version', p_live.version), jsonb_build_object('live_version', p_before.version))),
    null);
  insert into pawl.reflection_logs (
    assistant_id, messages_analyzed, time_window_start, time_window_end, prompt_id, prompt_version_evaluated,
    action_taken, new_prompt_version, raw_analysis)
  values (p_live.assistant_id, 0, least(p_live.activated_at, now()), now(), p_live.id, p_live.version, 'rollback',
          p_before.version, jsonb_build_object('audit_id', v_audit_id, 'receipt_id', p_receipt_id));
  insert into pawl.suggestions (assistant_id, suggestion_type, priority, title, description)
  values (p_live.assistant_id, 'escalation', 'critical', p_title,
          concat_ws(' ', nullif(p_ruling ->> 'words', ''), format('Version %s is live again.', p_before.version)));
end
$$;

-- Takes the live version back for the version before: one transaction, with the votes it was decided from (those of
-- p_case, under the ids they have there), the receipt, a record and an escalation. Called again it changes nothing.
-- p_since: since when it is live, as it was looked at. Outcomes: ok with receipt_id and version (live now);
-- superseded (it is not live any more, or went live anew since: that is other votes, and perhaps a person's word); held
-- with reason (as pawl.rollback_block); lease_lost.
create function public.pawl_roll_back(
  p_holder uuid, p_assistant_id uuid, p_prompt_id uuid, p_since timestamptz, p_case jsonb, p_ruling jsonb
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  v_held boolean := pawl.holds_proof(p_holder, p_assistant_id, true);
  v_live pawl.system_prompts;
  v_before pawl.system_prompts;
  v_block text;
  v_receipt_id uuid := gen_random_uuid();
  v_done uuid;
begin
  if not v_held then
    return '{"outcome": "lease_lost"}';
  end if;
  select * into v_live from pawl.system_prompts where assistant_id = p_assistant_id and is_active;
  if (v_live.id, v_live.activated_at) is distinct from (p_prompt_id, p_since) then
    select r.id into v_done from pawl.promotion_receipts r
      join pawl.system_prompts p on p.id = p_prompt_id and p.assistant_id = r.assistant_id
      where r.assistant_id = p_assistant_id and r.decision = 'rollback' and r.at >= p.activated_at
        and r.document #> '{candidate,version}' = to_jsonb(p.version)
        and r.document #> '{baseline,version}' = to_jsonb(v_live.version)
      order by r.at desc limit 1;
    return case when v_done is null then '{"outcome": "superseded"}'
      else jsonb_build_object('outcome', 'ok', 'receipt_id', v_done, 'version', v_live.version) end;
  end if;
  v_block := pawl.rollback_block(v_live);
  if v_block is not null then
    return jsonb_build_object('outcome', 'held', 'reason', v_block);
  end if;
  select * into strict v_before from pawl.system_prompts
    where assistant_id = p_assistant_id and version = pawl.version_before(v_live);

  insert into pawl.proof_observations (id, about_id, kind, stage, data)
    select (o.vote ->> 'id')::uuid, v_receipt_id, 'vote', 'watch', jsonb_build_object('up', o.vote -> 'up')
    from jsonb_array_elements(p_case -> 'observations') with ordinality o (vote, n)
    order by o.n;
  perform pawl.take_back(
    v_live, v_before, v_receipt_id, coalesce(p_ruling ->> 'reason', 'fell'), p_case, p_ruling,
    format('Version %s was taken back: people liked its answers less', v_live.version));
  return jsonb_build_object('outcome', 'ok', 'receipt_id', v_receipt_id, 'version', v_before.version);
end
$$;

-- Tells people, once each time a version goes live, that votes fell where nothing takes it back: outcome ok with
-- suggestion_id, null where they were told before or it is not live any more. Further outcome: lease_lost.
create function public.pawl_alert_fall(p_holder uuid, p_assistant_id uuid, p_prompt_id uuid, p_ruling jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  v_held boolean := pawl.holds_proof(p_holder, p_assistant_id, true);
  v_live pawl.system_prompts;
  v_suggestion_id uuid;
begin
  if not v_held then
    return '{"outcome": "lease_lost"}';
  end if;
  -- Noted at the version, beside when it went live.
  update pawl.system_prompts
    set metadata = metadata || jsonb_build_object('fall_told_of', to_jsonb(activated_at))
    where id = p_prompt_id and assistant_id = p_assistant_id and is_active
      and metadata -> 'fall_told_of' is distinct from to_jsonb(activated_at)
    returning * into v_live;
  if found then
    insert into pawl.suggestions (assistant_id, suggestion_type, priority, title, description)
    values (p_assistant_id, 'escalation', 'high',
            format('People like the answers of version %s less', v_live.version),
            concat_ws(' ', nullif(p_ruling ->> 'words', ''),
              'Nothing was changed: look at it, and roll back if you agree.'))
    returning id into v_suggestion_id;
  end if;
  return jsonb_build_object('outcome', 'ok', 'suggestion_id', v_suggestion_id);
end
$$;

revoke execute on function
  pawl.votes_on(pawl.system_prompts, timestamptz, timestamptz, integer),
  pawl.votes_since(pawl.system_prompts),
  pawl.went_live_by_test(pawl.system_prompts),
  pawl.rollback_block(pawl.system_prompts),
  pawl.holds_proof(uuid, uuid, boolean),
  pawl.take_back(pawl.system_prompts, pawl.system_prompts, uuid, text, jsonb, jsonb, text),
  public.pawl_watch_look(uuid, uuid),
  public.pawl_roll_back(uuid, uuid, uuid, timestamptz, jsonb, jsonb),
  public.pawl_alert_fall(uuid, uuid, uuid, jsonb)
from public, anon, authenticated, service_role;
grant execute on function
  public.pawl_watch_look(uuid, uuid),
  public.pawl_roll_back(uuid, uuid, uuid, timestamptz, jsonb, jsonb),
  public.pawl_alert_fall(uuid, uuid, uuid, jsonb)
to service_role;
