-- Models that were tuned for an assistant, and how far each has come. One that is ready is served as a prompt version
-- whose `model_version_id` names it; what becomes of that version decides what becomes of the model.

create table pawl.model_versions (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references pawl.organizations (id) on delete cascade,
  assistant_id uuid not null references pawl.assistants (id) on delete cascade,
  -- The assistant's slug.
  model_name text not null,
  number integer not null check (number > 0),
  version text not null,
  -- curating: its dataset is being written; pending: that is done, and the trainer not told yet; training; trained: to
  -- be tested; testing; deployed: live; retired: it was; rolled_back: it was, and was taken back.
  status text not null default 'curating' check (status in (
    'curating', 'pending', 'training', 'trained', 'testing', 'deployed', 'retired', 'rejected', 'failed',
    'rolled_back')),
  -- Why it failed, was rejected or taken back; a code, never text of a trainer's.
  reason text check (reason ~ '^[a-z0-9_]{1,40}$'),
  -- {why: {reason: drift | schedule | forced, drift_metric_id?}, filters: {quality, keep: {type: share},
  -- held_out_percent}, as_of, base_model, prompt_version}.
  config jsonb not null default '{}' check (jsonb_typeof(config) = 'object'),
  -- What its trainer says of it: {name: number}.
  metrics jsonb not null default '{}' check (jsonb_typeof(metrics) = 'object'),
  -- The model that it is to be tuned from.
  base_model text not null,
  -- Where it answers, and by what name; known when it is trained.
  base_url text,
  model text,
  -- The version that was live when it was begun: its text is the examples' system prompt. (Refers to
  -- pawl.system_prompts; see there.)
  prompt_id uuid,
  -- What the dataset consists of, as it was stored, and the hash of that file.
  manifest jsonb,
  manifest_sha256 text,
  samples integer check (samples >= 0),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- When it was first decided on, or failed. Until then no other is begun; a person may test it again after that.
  finished_at timestamptz,
  -- Since when it serves. (A version after it with the same model changes nothing about that.)
  deployed_at timestamptz,
  unique (assistant_id, number),
  unique (assistant_id, version),
  constraint version_is_its_number check (version = 'v' || number),
  constraint failed_has_reason check (status <> 'failed' or reason is not null),
  constraint sealed_is_whole check ((manifest is null) = (manifest_sha256 is null)),
  constraint a_model_has_a_name check (base_url is null or model is not null)
);
-- One at a time, whoever asks for it.
create unique index model_versions_unfinished_idx on pawl.model_versions (assistant_id) where finished_at is null;
create index model_versions_organization_id_idx on pawl.model_versions (organization_id);
create index model_versions_prompt_id_idx on pawl.model_versions (prompt_id);
create index model_versions_deployed_at_idx on pawl.model_versions (assistant_id, deployed_at desc)
  where status = 'deployed';

-- The ways from one status to another, and no others. What it was made of, and what it is called once that is known,
-- never change: answers refer to it.
create function pawl.keep_model_version() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if new.assistant_id is distinct from old.assistant_id or new.number is distinct from old.number
     or new.base_model is distinct from old.base_model or new.config is distinct from old.config
     or new.created_at is distinct from old.created_at
     or old.manifest_sha256 is not null
        and (new.manifest is distinct from old.manifest or new.manifest_sha256 is distinct from old.manifest_sha256)
     or old.model is not null
        and (new.model is distinct from old.model or new.base_url is distinct from old.base_url)
  then
    raise exception 'what a model version is never changes' using errcode = 'restrict_violation';
  end if;
  if new.status <> old.status then
    if not (case old.status
      when 'curating' then new.status in ('pending', 'failed')
      -- Its trainer may answer before it is on record that it was told.
      when 'pending' then new.status in ('training', 'trained', 'failed')
      when 'training' then new.status in ('trained', 'failed')
      -- A person may make it live at once.
      when 'trained' then new.status in ('testing', 'deployed', 'rejected', 'failed')
      -- A test that is closed undecided leaves it as it was.
      when 'testing' then new.status in ('trained', 'deployed', 'rejected', 'retired', 'rolled_back')
      when 'deployed' then new.status in ('retired', 'rolled_back')
      when 'failed' then false
      -- Of one that served, another version may be tested or made live; a rejected one a person may try again.
      else new.status in ('testing', 'deployed', 'trained')
    end) then
      raise exception 'a model version does not go from % to %', old.status, new.status
        using errcode = 'restrict_violation';
    end if;
    if new.status not in ('pending', 'training', 'trained', 'testing') then
      new.finished_at := coalesce(old.finished_at, now());
    end if;
    -- A version that takes over from another with the same model leaves and enters in one transaction: it served on.
    if new.status = 'deployed' and not (old.status in ('retired', 'rolled_back') and old.updated_at = now()) then
      new.deployed_at := now();
    end if;
  end if;
  new.updated_at := now();
  return new;
end
$$;
revoke execute on function pawl.keep_model_version() from public, anon, authenticated, service_role;
create trigger keep_model_version before update on pawl.model_versions
  for each row execute function pawl.keep_model_version();

-- The model version of an assistant that is not decided on yet; a row of nulls where there is none.
create function pawl.unfinished_model(p_assistant_id uuid) returns pawl.model_versions
language sql stable
set search_path = ''
as $$ select m from pawl.model_versions m where m.assistant_id = p_assistant_id and m.finished_at is null $$;
revoke execute on function pawl.unfinished_model(uuid) from public, anon, authenticated, service_role;

alter table pawl.model_versions enable row level security;
revoke all on pawl.model_versions from public, anon, authenticated, service_role;
grant select on pawl.model_versions to authenticated;
grant select, insert, update, delete on pawl.model_versions to service_role;

create policy model_versions_read on pawl.model_versions for select to authenticated
  using (pawl.is_admin(organization_id));
