-- Datasets: a model version is begun, its rows are handed out page by page, what was written of them to storage is
-- recorded part by part, and the whole is sealed by its manifest. Secret key only.

-- The share of rows of a question type that a dataset keeps, by its filters.
create function pawl.kept_share(p_config jsonb, p_question_type text) returns double precision
language sql immutable
set search_path = ''
as $$
  select coalesce((p_config #> array['filters', 'keep', coalesce(p_question_type, 'other')])::double precision, 1)
$$;

-- A model version and whether its assistant's lease is p_holder's, with both locked: a row of nulls where there is no
-- such version, or no such lease.
create function pawl.hold_model(p_holder uuid, p_model_version_id uuid) returns pawl.model_versions
language plpgsql
set search_path = ''
as $$
declare
  m pawl.model_versions;
begin
  if not pawl.holds('training', p_holder, (
    select x.assistant_id from pawl.model_versions x where x.id = p_model_version_id))
  then
    return null;
  end if;
  select * into m from pawl.model_versions where id = p_model_version_id for no key update;
  return m;
end
$$;

-- Begins a model version, tuned from the assistant's chat model, for the prompt that is live. p_why: {reason: drift |
-- schedule | forced, drift_metric_id?}; p_filters: {quality (the least score), keep: {question type: share of its
-- rows}, held_out_percent}. Outcomes: ok and unfinished (there is one; nothing changes), both with `version` as
-- pawl.model_task; no_active_prompt; lease_lost.
create function public.pawl_open_model_version(p_holder uuid, p_assistant_id uuid, p_why jsonb, p_filters jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  m pawl.model_versions;
  v_prompt pawl.system_prompts;
begin
  if not pawl.holds_training(p_holder, p_assistant_id) then
    return '{"outcome": "lease_lost"}';
  end if;
  m := pawl.unfinished_model(p_assistant_id);
  if m.id is not null then
    return jsonb_build_object('outcome', 'unfinished', 'version', pawl.model_task(m));
  end if;
  select * into v_prompt from pawl.system_prompts where assistant_id = p_assistant_id and is_active;
  if not found then
    return '{"outcome": "no_active_prompt"}';
  end if;
  insert into pawl.model_versions (
    organization_id, assistant_id, model_name, number, version, config, base_model, prompt_id)
  select a.organization_id, a.id, a.slug, n.number, 'v' || n.number,
         jsonb_build_object('why', coalesce(p_why, '{}'), 'filters', coalesce(p_filters, '{}'), 'as_of', now(),
           'base_model', s.chat_model, 'prompt_version', v_prompt.version),
         s.chat_model, v_prompt.id
  from pawl.assistants a
  join pawl.loop_settings s on s.assistant_id = a.id
  cross join (
    select coalesce(max(x.number), 0) + 1 as number from pawl.model_versions x where x.assistant_id = p_assistant_id) n
  where a.id = p_assistant_id
  returning * into strict m;
  return jsonb_build_object('outcome', 'ok', 'version', pawl.model_task(m));
end
$$;

-- What is recorded of a dataset so far: {parts: [{number, split, path, rows, bytes, sha256}], by_type: {question type:
-- rows}, masked: {kind: how often}}.
create function pawl.recorded_parts(p_model_version_id uuid) returns jsonb
language sql stable
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
  with kept as materialized (
    select coalesce(t.question_type, 'other') as type, t.masked, count(*) as n
    from pawl.dataset_rows r join pawl.training_data t on t.id = r.training_id
    where r.model_version_id = p_model_version_id group by 1, 2
  )
  select jsonb_build_object(
    'parts', (
      select coalesce(jsonb_agg(jsonb_build_object(
          'number', d.number, 'split', d.split, 'path', d.path, 'rows', d.rows, 'bytes', d.bytes, 'sha256', d.sha256)
        order by d.number, d.split desc), '[]')
      from pawl.dataset_parts d where d.model_version_id = p_model_version_id),
    'by_type', (
      select coalesce(jsonb_object_agg(x.type, x.n), '{}')
      from (select k.type, sum(k.n) as n from kept k group by 1) x),
    'masked', (
      select coalesce(jsonb_object_agg(x.kind, x.n), '{}')
      from (select e.key as kind, sum(k.n * e.value::bigint) as n from kept k, jsonb_each(k.masked) e group by 1) x))
$$;

-- Looks at up to p_limit (1 to 2,000) rows after p_after (null: from the beginning) in the order of their ids, and
-- hands out those that belong to the dataset: they teach (pawl.teaching_data), are good enough, were there when the
-- version was begun, and are among the share of their question type that is kept, by the hash of their texts. Held out
-- from training are whole conversations, as what was asked later in one comes with the questions and answers before: by
-- their ids, so it is the same at every call. A row of several is held out where all of them are. Outcomes: lease_lost
-- (also of a version that there is not); closed, with the version's `status`; ok
-- with `rows`: [{id, input, output, question_type, held_out}]; `next`: the row looked at last, or null at the end;
-- `system_prompt`: with the first page the text the model is tuned for, else null; `recorded`: at the end what is
-- recorded so far (pawl.recorded_parts), else null.
create function public.pawl_dataset_page(
  p_holder uuid, p_model_version_id uuid, p_after uuid default null, p_limit integer default 500
) returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
declare
  v_limit constant integer := least(greatest(coalesce(p_limit, 500), 1), 2000);
  v_percent numeric;
  m pawl.model_versions := pawl.hold_model(p_holder, p_model_version_id);
  v_looked uuid[];
  v_rows jsonb;
  v_next uuid;
begin
  if m.id is null then
    return '{"outcome": "lease_lost"}';
  elsif m.status <> 'curating' then
    return jsonb_build_object('outcome', 'closed', 'status', m.status);
  end if;
  v_percent := coalesce((m.config #>> '{filters,held_out_percent}')::numeric, 0);
  v_looked := array(
    select t.id from pawl.training_data t
    where t.assistant_id = m.assistant_id and t.id > coalesce(p_after, '00000000-0000-0000-0000-000000000000')
      and t.created_at <= m.created_at
    order by t.id limit v_limit);
  select coalesce(jsonb_agg(jsonb_build_object(
      'id', t.id, 'input', t.input, 'output', t.output, 'question_type', coalesce(t.question_type, 'other'),
      -- The last byte of an id, which is a random one.
      'held_out', coalesce((
        select bool_and(get_byte(uuid_send(e.session_id), 15) * 100 / 256.0 < v_percent)
        from pawl.training_sources s join pawl.exchanges e on e.message_id = s.message_id
        where s.training_id = t.id), false))
    order by t.id), '[]')
    into v_rows
    from pawl.teaching_data t
    where t.id = any (v_looked)
      and t.feedback_score >= coalesce((m.config #>> '{filters,quality}')::double precision, 0)
      -- The first four, as a number.
      and ((get_byte(t.content_hash, 0) * 256 + get_byte(t.content_hash, 1)) * 256 + get_byte(t.content_hash, 2) +
           get_byte(t.content_hash, 3) / 256.0) / 16777216.0
        < pawl.kept_share(m.config, t.question_type);
  v_next := case when cardinality(v_looked) = v_limit then v_looked[v_limit] end;
  return jsonb_build_object(
    'outcome', 'ok', 'rows', v_rows, 'next', v_next,
    'system_prompt', case when p_after is null then (
      select p.content from pawl.system_prompts p where p.id = m.prompt_id) end,
    'recorded', case when v_next is null then pawl.recorded_parts(m.id) end);
end
$$;

-- Records parts that lie in storage, and the row that was looked at last for them: p_parts [{number, split: train |
-- held_out, path, rows, bytes, sha256, ids: [uuid] in their order}]. A row that is gone meanwhile is not recorded, and
-- missing when the part is built again. Outcomes: ok; already (one of these numbers is recorded: nothing changes);
-- closed, with the version's `status`; lease_lost.
create function public.pawl_record_parts(p_holder uuid, p_model_version_id uuid, p_cursor uuid, p_parts jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  m pawl.model_versions := pawl.hold_model(p_holder, p_model_version_id);
  v_rows uuid[];
begin
  if m.id is null then
    return '{"outcome": "lease_lost"}';
  elsif m.status <> 'curating' then
    return jsonb_build_object('outcome', 'closed', 'status', m.status);
  elsif exists (
    select from pawl.dataset_parts d join jsonb_to_recordset(p_parts) g (number integer) using (number)
    where d.model_version_id = m.id)
  then
    return '{"outcome": "already"}';
  end if;
  -- What somebody is deleting is as good as gone.
  v_rows := array(
    select t.id from pawl.training_data t
    where t.assistant_id = m.assistant_id and t.id = any (array(
      select i::uuid from jsonb_array_elements(p_parts) g, jsonb_array_elements_text(g -> 'ids') i))
    order by t.id for key share skip locked);
  insert into pawl.dataset_parts (model_version_id, number, split, path, rows, bytes, sha256, cursor)
    select m.id, g.number, g.split, g.path, g.rows, g.bytes, g.sha256, p_cursor
    from jsonb_to_recordset(p_parts) g (number integer, split text, path text, rows integer, bytes bigint, sha256 text);
  insert into pawl.dataset_rows (model_version_id, part, split, position, training_id)
    select m.id, g.number, g.split, i.position, i.id::uuid
    from jsonb_to_recordset(p_parts) g (number integer, split text, ids jsonb)
    cross join lateral jsonb_array_elements_text(g.ids) with ordinality i (id, position)
    join unnest(v_rows) k (id) on k.id = i.id::uuid;
  return '{"outcome": "ok"}';
end
$$;

-- Whether rows of a version's dataset are gone, with whom they were of, before its trainer was told: then nobody is
-- told any more where its parts are, and the version has failed; another is made without them.
create function pawl.rows_gone(p_model_version_id uuid) returns boolean
language plpgsql
set search_path = ''
as $$
begin
  if not exists (
    select from pawl.model_versions m where m.id = p_model_version_id and m.status in ('curating', 'pending')
      and (select coalesce(sum(d.rows), 0) from pawl.dataset_parts d where d.model_version_id = m.id)
        <> (select count(*) from pawl.dataset_rows r where r.model_version_id = m.id))
  then
    return false;
  end if;
  update pawl.model_versions set status = 'failed', reason = 'rows_gone' where id = p_model_version_id;
  update pawl.webhook_deliveries set state = 'given_up' where model_version_id = p_model_version_id;
  return true;
end
$$;

-- The dataset is whole: keeps its manifest, and has its trainer told. Outcomes: ok (also where it was sealed by this
-- very manifest); too_few, with `samples` and `needed`: fewer rows than the manifest's `min_samples`, and the version
-- has failed; closed, with the version's `status` (failed too where a row is gone: pawl.rows_gone); lease_lost.
create function public.pawl_seal_dataset(
  p_holder uuid, p_model_version_id uuid, p_manifest jsonb, p_manifest_sha256 text
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  m pawl.model_versions := pawl.hold_model(p_holder, p_model_version_id);
  v_samples bigint;
  v_needed bigint := coalesce((p_manifest ->> 'min_samples')::bigint, 1);
begin
  if m.id is null then
    return '{"outcome": "lease_lost"}';
  elsif m.status <> 'curating' then
    return case when m.manifest_sha256 = p_manifest_sha256 then '{"outcome": "ok"}'
           else jsonb_build_object('outcome', 'closed', 'status', m.status) end;
  elsif pawl.rows_gone(m.id) then
    return '{"outcome": "closed", "status": "failed"}';
  end if;
  select coalesce(sum(d.rows), 0) into v_samples from pawl.dataset_parts d where d.model_version_id = m.id;
  if v_samples < v_needed then
    update pawl.model_versions set status = 'failed', reason = 'too_few_rows', samples = v_samples where id = m.id;
    return jsonb_build_object('outcome', 'too_few', 'samples', v_samples, 'needed', v_needed);
  end if;
  update pawl.model_versions
    set status = 'pending', manifest = p_manifest, manifest_sha256 = p_manifest_sha256, samples = v_samples
    where id = m.id;
  insert into pawl.webhook_deliveries (model_version_id, webhook_id)
    values (m.id, 'msg_' || replace(m.id::text, '-', ''));
  return '{"outcome": "ok"}';
end
$$;

-- The rows of a part, to build it again. Outcomes: ok with `rows`: [{id, input, output}] in their order; `missing`: how
-- many are gone, with the people they were of; `path` and `sha256` of what was stored; `system_prompt`. no_part: the
-- version has none of this number and split. not_found: there is no such version.
create function public.pawl_dataset_rows(p_model_version_id uuid, p_part integer, p_split text) returns jsonb
language sql stable security definer
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
  select coalesce((
    select jsonb_build_object(
      'outcome', 'ok', 'rows', x.rows, 'missing', d.rows - x.n, 'path', d.path, 'sha256', d.sha256,
      'system_prompt', (
        select p.content from pawl.model_versions m join pawl.system_prompts p on p.id = m.prompt_id
        where m.id = d.model_version_id))
    from pawl.dataset_parts d
    cross join lateral (
      select coalesce(jsonb_agg(jsonb_build_object('id', t.id, 'input', t.input, 'output', t.output)
               order by r.position), '[]') as rows, count(*) as n
      from pawl.dataset_rows r join pawl.training_data t on t.id = r.training_id
      where r.model_version_id = d.model_version_id and r.part = d.number and r.split = d.split
    ) x
    where d.model_version_id = p_model_version_id and d.number = p_part and d.split = p_split
  ), jsonb_build_object('outcome', case
    when exists (select from pawl.model_versions m where m.id = p_model_version_id) then 'no_part'
    else 'not_found' end))
$$;

revoke execute on function
  pawl.kept_share(jsonb, text),
  pawl.hold_model(uuid, uuid),
  pawl.recorded_parts(uuid),
  pawl.rows_gone(uuid),
  public.pawl_open_model_version(uuid, uuid, jsonb, jsonb),
  public.pawl_dataset_page(uuid, uuid, uuid, integer),
  public.pawl_record_parts(uuid, uuid, uuid, jsonb),
  public.pawl_seal_dataset(uuid, uuid, jsonb, text),
  public.pawl_dataset_rows(uuid, integer, text)
from public, anon, authenticated, service_role;
grant execute on function
  public.pawl_open_model_version(uuid, uuid, jsonb, jsonb),
  public.pawl_dataset_page(uuid, uuid, uuid, integer),
  public.pawl_record_parts(uuid, uuid, uuid, jsonb),
  public.pawl_seal_dataset(uuid, uuid, jsonb, text),
  public.pawl_dataset_rows(uuid, integer, text)
to service_role;
