-- Versions of a system prompt, and the rubric answers are judged by.

create table pawl.system_prompts (
  id uuid primary key default gen_random_uuid(),
  assistant_id uuid not null references pawl.assistants (id) on delete cascade,
  version integer not null check (version > 0),
  content text not null check (content ~ '\S'),
  created_at timestamptz not null default now(),
  created_by text not null default 'system' check (created_by in ('human', 'system')),
  -- The person, where one did it.
  created_by_user uuid references pawl.users (id) on delete set null,
  -- draft; screening and proving: it is in test; active: it is live; retired: it was; rejected; rolled_back: it was,
  -- and was taken back.
  state text not null default 'draft'
    check (state in ('draft', 'screening', 'proving', 'active', 'retired', 'rejected', 'rolled_back')),
  is_active boolean not null generated always as (state = 'active') stored,
  -- The live text once more, to see how often a test promotes what is not better.
  placebo boolean not null default false,
  -- Since when a person lets it be shown to people and go live, once it has proved itself; and who.
  approved_at timestamptz,
  approved_by uuid references pawl.users (id) on delete set null,
  -- When a change last made it live: the cooldown counts from here. Null for a draft, and for the version an assistant
  -- begins with until another takes over.
  activated_at timestamptz,
  -- A locked version is never replaced automatically.
  locked boolean not null default false,
  -- Mean overall score, 1 to 5, of the answers it gave that have been judged.
  performance_score numeric(6, 4) check (performance_score between 1 and 5),
  change_reason text,
  -- Deferred, as every reference to a version: deleting an assistant deletes what refers to it in the same breath.
  previous_version_id uuid references pawl.system_prompts (id) deferrable initially deferred,
  -- The reflection that asked for it; one reflection makes one version.
  reflection_log_id uuid unique,
  -- The tuned model that it is served by; null: the assistant's `chat_model`. Who goes back to a version goes back to
  -- its model.
  model_version_id uuid references pawl.model_versions (id) deferrable initially deferred,
  metadata jsonb not null default '{}',
  unique (assistant_id, version),
  constraint placebo_never_goes_live check (not placebo or state <> 'active')
);
-- One live prompt an assistant, and at most one in test, whatever the code does. (Not by `state`, for reads ask for
-- is_active and would not use it.)
create unique index system_prompts_active_idx on pawl.system_prompts (assistant_id) where is_active;
create unique index system_prompts_in_test_idx on pawl.system_prompts (assistant_id)
  where state in ('screening', 'proving');
create index system_prompts_created_at_idx on pawl.system_prompts (assistant_id, created_at desc);
create index system_prompts_previous_idx on pawl.system_prompts (previous_version_id);
create index system_prompts_model_version_idx on pawl.system_prompts (model_version_id);
create index system_prompts_created_by_user_idx on pawl.system_prompts (created_by_user);
create index system_prompts_approved_by_idx on pawl.system_prompts (approved_by);

alter table pawl.model_versions
  add foreign key (prompt_id) references pawl.system_prompts (id) deferrable initially deferred;

-- Texts, and the models that serve them, are immutable under their ids: isolates cache them by id for as long as they
-- live.
create function pawl.keep_prompt_text() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if new.content is distinct from old.content or new.version is distinct from old.version
     or new.assistant_id is distinct from old.assistant_id or new.placebo is distinct from old.placebo
     or new.model_version_id is distinct from old.model_version_id then
    raise exception 'a prompt version never changes: write a new one' using errcode = 'restrict_violation';
  end if;
  return new;
end
$$;
revoke execute on function pawl.keep_prompt_text() from public, anon, authenticated, service_role;
create trigger keep_prompt_text before update on pawl.system_prompts
  for each row execute function pawl.keep_prompt_text();

-- What a version is served by: a tuned model, and where it answers; or the assistant's, at the project's own address
-- (null).
create function pawl.model_of(p_prompt_id uuid, out model text, out base_url text)
language sql stable
set search_path = ''
as $$
  select coalesce(m.model, s.chat_model), m.base_url
  from pawl.system_prompts p
  join pawl.loop_settings s on s.assistant_id = p.assistant_id
  left join pawl.model_versions m on m.id = p.model_version_id
  where p.id = p_prompt_id
$$;
revoke execute on function pawl.model_of(uuid) from public, anon, authenticated, service_role;

-- The ways from one state to another, and no others.
create function pawl.keep_prompt_states() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if not (case old.state
    when 'draft' then new.state in ('screening', 'active', 'rejected')
    when 'screening' then new.state in ('proving', 'active', 'rejected', 'draft')
    when 'proving' then new.state in ('active', 'rejected', 'draft') or new.state = 'retired' and new.placebo
    when 'active' then new.state in ('retired', 'rolled_back')
    when 'retired' then new.state = 'active'
    else new.state in ('active', 'screening') -- rejected, rolled_back
  end) then
    raise exception 'a prompt version does not go from % to %', old.state, new.state
      using errcode = 'restrict_violation';
  end if;
  return new;
end
$$;
revoke execute on function pawl.keep_prompt_states() from public, anon, authenticated, service_role;
create trigger keep_prompt_states before update on pawl.system_prompts
  for each row when (new.state <> old.state) execute function pawl.keep_prompt_states();

-- True for [{"key", "description", "weight" (above 0; 1 if left out), "anchors": [text for 1, …, text for 5]}, …] with 1
-- to 20 criteria of distinct keys. A rubric that cannot be read would stop the loop for its assistant.
create function pawl.is_rubric(p_criteria jsonb) returns boolean
language sql immutable
set search_path = ''
as $$
  select count(*) between 1 and 20 and count(*) = count(distinct c ->> 'key') and coalesce(bool_and(
    jsonb_typeof(c -> 'key') = 'string'
    and jsonb_typeof(c -> 'description') = 'string'
    and case jsonb_typeof(c -> 'anchors')
          when 'array' then jsonb_array_length(c -> 'anchors') = 5 and not exists (
            select from jsonb_array_elements(c -> 'anchors') a where jsonb_typeof(a) <> 'string')
          else false end
    and case jsonb_typeof(c -> 'weight') when 'number' then (c ->> 'weight')::numeric > 0 else not c ? 'weight' end
  ), false)
  from jsonb_array_elements(case jsonb_typeof(p_criteria) when 'array' then p_criteria else '[]' end) c
$$;
revoke execute on function pawl.is_rubric(jsonb) from public, anon, authenticated, service_role;
grant execute on function pawl.is_rubric(jsonb) to service_role;

create table pawl.rubrics (
  id uuid primary key default gen_random_uuid(),
  assistant_id uuid not null references pawl.assistants (id) on delete cascade,
  version integer not null default 1 check (version > 0),
  criteria jsonb not null check (pawl.is_rubric(criteria)),
  is_active boolean not null default false,
  created_at timestamptz not null default now(),
  unique (assistant_id, version)
);
create unique index rubrics_active_idx on pawl.rubrics (assistant_id) where is_active;

alter table pawl.system_prompts enable row level security;
alter table pawl.rubrics enable row level security;
revoke all on pawl.system_prompts, pawl.rubrics from public, anon, authenticated, service_role;
grant select on pawl.system_prompts, pawl.rubrics to authenticated;
grant select, insert, update, delete on pawl.system_prompts, pawl.rubrics to service_role;

create policy system_prompts_read on pawl.system_prompts for select to authenticated
  using (exists (select from pawl.assistants a where a.id = assistant_id and pawl.is_admin(a.organization_id)));
create policy rubrics_read on pawl.rubrics for select to authenticated
  using (exists (select from pawl.assistants a where a.id = assistant_id and pawl.is_admin(a.organization_id)));
