-- Who changed what an assistant does, when and why.

-- Append-only, for every role. It refers to nothing, because it outlives what it is about; people are in it by id alone.
create table pawl.audit_log (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  organization_id uuid not null,
  assistant_id uuid not null,
  -- A person with their own sign-in, a backend with the secret key, or the loop by itself.
  actor text not null check (actor in ('person', 'service', 'loop')),
  actor_id uuid,
  action text not null check (action in ('publish', 'rollback')),
  -- Numbers and ids: {"new_version": 3, "previous_version": 2}.
  detail jsonb not null default '{}' check (jsonb_typeof(detail) = 'object'),
  reason text check (char_length(reason) <= 1000),
  constraint a_person_is_named check ((actor = 'person') = (actor_id is not null))
);
create index audit_log_assistant_idx on pawl.audit_log (assistant_id, id desc);
create index audit_log_organization_idx on pawl.audit_log (organization_id, id desc);

create function pawl.keep_record() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  raise exception 'pawl.% is append-only', tg_table_name using errcode = 'restrict_violation';
end
$$;
revoke execute on function pawl.keep_record() from public, anon, authenticated, service_role;
create trigger keep_record before update or delete or truncate on pawl.audit_log
  for each statement execute function pawl.keep_record();

alter table pawl.audit_log enable row level security;
revoke all on pawl.audit_log from public, anon, authenticated, service_role;
grant select on pawl.audit_log to authenticated, service_role;

create policy audit_log_read on pawl.audit_log for select to authenticated
  using (pawl.is_admin(organization_id));

-- Records a change, in the transaction that makes it. Whoever calls is the actor, unless the loop acts by itself.
create function pawl.record_change(
  p_assistant_id uuid, p_action text, p_detail jsonb, p_reason text, p_by_loop boolean default false
) returns void
language sql
set search_path = ''
as $$
  insert into pawl.audit_log (organization_id, assistant_id, actor, actor_id, action, detail, reason)
    select a.organization_id, a.id,
           case when p_by_loop then 'loop' when pawl.is_service() then 'service' else 'person' end,
           case when not p_by_loop and not pawl.is_service() then pawl.caller_id() end,
           p_action, p_detail, p_reason
    from pawl.assistants a where a.id = p_assistant_id
$$;
revoke execute on function pawl.record_change(uuid, text, jsonb, text, boolean)
  from public, anon, authenticated, service_role;
