-- Telling the trainer: one webhook a model version, sent until it is taken, or until that is given up. Secret key only.

-- Tells people that a model version failed, and why, and that nothing more is done about it.
create function pawl.fail_model(p_version pawl.model_versions, p_reason text, p_description text) returns void
language plpgsql
set search_path = ''
as $$
begin
  update pawl.model_versions set status = 'failed', reason = p_reason where id = p_version.id;
  perform pawl.escalate_once(
    p_version.assistant_id, format('The training of model %s failed', p_version.version), p_description);
end
$$;

-- Gives a webhook up.
create function pawl.give_up_delivery(p_version pawl.model_versions, p_delivery pawl.webhook_deliveries) returns void
language plpgsql
set search_path = ''
as $$
begin
  update pawl.webhook_deliveries set state = 'given_up' where model_version_id = p_version.id;
  if p_version.status = 'pending' then
    perform pawl.fail_model(p_version, 'webhook_given_up', format(
      'The trainer was told %s times and did not take it (last answer: %s). Look at ML_WEBHOOK_URL, then start '
        'another.',
      p_delivery.attempts, coalesce(p_delivery.last_status::text, p_delivery.last_error, 'none')));
  end if;
end
$$;

-- Takes the webhook of a model version for one attempt: outcome ok with webhook_id (the same for every attempt),
-- attempt (its number), version (as pawl.model_task, with model_name, manifest_sha256 and samples) and manifest. Whoever
-- dies with it, or has no answer, is followed by another after ten minutes, and not at all once the trainer has called
-- back.
-- Further outcomes: not_due (with next_at); delivered; given_up; not_ready (its dataset is not sealed, or rows of it are
-- gone and it has failed, or there is no such webhook); lease_lost.
create function public.pawl_claim_delivery(p_holder uuid, p_model_version_id uuid) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  max_attempts constant integer := 8;
  v_version pawl.model_versions;
  v_delivery pawl.webhook_deliveries;
begin
  if not pawl.holds('training', p_holder, (
      select m.assistant_id from pawl.model_versions m where m.id = p_model_version_id)) then
    return '{"outcome": "lease_lost"}';
  end if;
  -- The version, then its webhook: as who calls back goes.
  select * into v_version from pawl.model_versions where id = p_model_version_id for no key update;
  select * into v_delivery from pawl.webhook_deliveries where model_version_id = p_model_version_id for update;
  if v_delivery.state in ('delivered', 'given_up') then
    return jsonb_build_object('outcome', v_delivery.state);
  elsif v_delivery.state is null or v_version.status <> 'pending' then
    return '{"outcome": "not_ready"}';
  elsif pawl.rows_gone(p_model_version_id) then
    return '{"outcome": "not_ready"}';
  elsif v_delivery.next_at > now() then
    return jsonb_build_object('outcome', 'not_due', 'next_at', v_delivery.next_at);
  elsif v_delivery.attempts >= max_attempts then
    perform pawl.give_up_delivery(v_version, v_delivery); -- nobody said what became of the last one
    return '{"outcome": "given_up"}';
  end if;
  update pawl.webhook_deliveries
    set state = 'sending', attempts = attempts + 1, sent_at = now(), next_at = now() + interval '10 minutes'
    where model_version_id = p_model_version_id
    returning * into v_delivery;
  return jsonb_build_object(
    'outcome', 'ok', 'webhook_id', v_delivery.webhook_id, 'attempt', v_delivery.attempts,
    'version', pawl.model_task(v_version) || jsonb_build_object(
      'model_name', v_version.model_name, 'manifest_sha256', v_version.manifest_sha256, 'samples', v_version.samples),
    'manifest', v_version.manifest);
end
$$;

-- Stores what became of an attempt: p_status is the trainer's HTTP status, null where there was none, p_error a code
-- then. A 2xx is taken: delivered. Anything else is tried again after 1, 5 and 30 minutes, 2, 5, 10 and 24 hours, and
-- after 10 minutes at the soonest where there was no answer: the trainer may have heard. The eighth time, or at a 410, it
-- is given up and the version fails. A p_error that begins with `storage_`: the trainer was not asked, the attempt does
-- not count, and another may begin in a minute. The same again changes nothing. Outcomes: ok with state; superseded
-- (another attempt has begun since); delivery_not_found.
create function public.pawl_record_delivery(
  p_webhook_id text, p_attempt integer, p_status integer default null, p_error text default null
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  waits constant interval[] := '{1 minute,5 minutes,30 minutes,2 hours,5 hours,10 hours,24 hours}';
  v_version pawl.model_versions;
  v_delivery pawl.webhook_deliveries;
begin
  -- As who deletes an organisation, or an assistant, goes: what is written below refers to both.
  perform from pawl.organizations o
    where o.id = (
      select m.organization_id from pawl.model_versions m join pawl.webhook_deliveries d on d.model_version_id = m.id
      where d.webhook_id = p_webhook_id)
    for key share;
  perform from pawl.assistants a
    where a.id = (
      select m.assistant_id from pawl.model_versions m join pawl.webhook_deliveries d on d.model_version_id = m.id
      where d.webhook_id = p_webhook_id)
    for key share;
  select * into v_version from pawl.model_versions
    where id = (select d.model_version_id from pawl.webhook_deliveries d where d.webhook_id = p_webhook_id)
    for no key update;
  select * into v_delivery from pawl.webhook_deliveries where webhook_id = p_webhook_id for update;
  if v_version.id is null or v_delivery.webhook_id is null then
    return '{"outcome": "delivery_not_found"}';
  elsif v_delivery.attempts is distinct from p_attempt then
    return '{"outcome": "superseded"}';
  elsif v_delivery.state <> 'sending' then
    return jsonb_build_object('outcome', 'ok', 'state', v_delivery.state);
  elsif p_status is null and p_error ~ '^storage_[a-z_]{1,32}$' then
    update pawl.webhook_deliveries
      set state = 'waiting', attempts = attempts - 1, next_at = now() + interval '1 minute', last_status = null,
          last_error = p_error
      where webhook_id = p_webhook_id;
    return '{"outcome": "ok", "state": "waiting"}';
  end if;
  update pawl.webhook_deliveries
    set last_status = p_status,
        last_error = case when p_error ~ '^[a-z0-9_]{1,40}$' then p_error when p_error is not null then 'failed' end
    where webhook_id = p_webhook_id
    returning * into v_delivery;
  if p_status between 200 and 299 then
    update pawl.webhook_deliveries set state = 'delivered', delivered_at = now()
      where webhook_id = p_webhook_id;
    update pawl.model_versions set status = 'training' where id = v_version.id and status = 'pending';
    return '{"outcome": "ok", "state": "delivered"}';
  elsif p_status = 410 or v_delivery.attempts > cardinality(waits) then
    perform pawl.give_up_delivery(v_version, v_delivery);
    return '{"outcome": "ok", "state": "given_up"}';
  end if;
  update pawl.webhook_deliveries set state = 'waiting', next_at = now() + greatest(
      waits[v_delivery.attempts], case when p_status is null then interval '10 minutes' end)
    where webhook_id = p_webhook_id;
  return '{"outcome": "ok", "state": "waiting"}';
end
$$;

revoke execute on function
  pawl.fail_model(pawl.model_versions, text, text),
  pawl.give_up_delivery(pawl.model_versions, pawl.webhook_deliveries),
  public.pawl_claim_delivery(uuid, uuid),
  public.pawl_record_delivery(text, integer, integer, text)
from public, anon, authenticated, service_role;
grant execute on function
  public.pawl_claim_delivery(uuid, uuid),
  public.pawl_record_delivery(text, integer, integer, text)
to service_role;
