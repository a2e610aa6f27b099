-- Who changed what an assistant does, when and why.

-- Append-only, for every role. It refers to nothing, because it outlives what it is about; people are in it by id alone.
create table pawl.audit_log (
  id bigint generated always as identity primary key,
  -- Not when its transaction began, which may have waited for another's: the order of time is that of the changes.
  at timestamptz not null default clock_timestamp(),
  organization_id uuid not null,
  assistant_id uuid not null,
  -- A person with their own sign-in, a backend with the secret key, the database's owner in SQL, or the loop by itself.
  actor text not null check (actor in ('person', 'service', 'operator', 'loop')),
  -- The person; of a backend or an operator, the one they say they act for.
  actor_id uuid,
  action text not null check (action in (
    'submit', 'test', 'promote', 'force', 'close', 'write', 'activate', 'rollback', 'approve', 'reject', 'lock',
    'unlock', 'protect', 'pause', 'resume', 'require_approval', 'waive_approval', 'revert_pattern', 'forget')),
  -- What it is about (ids and numbers), and under `changed` what it changed: {"live_version": {"from": 2, "to": 3}}.
  detail jsonb not null default '{}' check (jsonb_typeof(detail) = 'object'),
  reason text check (char_length(reason) <= 1000),
  constraint a_person_is_named check (actor <> 'person' or actor_id is not null),
  constraint the_loop_is_nobody check (actor <> 'loop' or actor_id is null)
);
create index audit_log_assistant_idx on pawl.audit_log (assistant_id, at desc, id desc);
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
-- Default privileges give sequences away too, and who may set one brings every insert to a halt.
revoke all on sequence pawl.audit_log_id_seq from public, anon, authenticated, service_role;
grant select on pawl.audit_log to authenticated, service_role;

create policy audit_log_read on pawl.audit_log for select to authenticated
  using (pawl.is_admin(organization_id));

-- What differs of p_after: {"key": {"from": …, "to": …}}.
create function pawl.difference(p_before jsonb, p_after jsonb) returns jsonb
language sql immutable
set search_path = ''
as $$
  select coalesce(jsonb_object_agg(a.key, jsonb_build_object('from', p_before -> a.key, 'to', a.value)), '{}')
  from jsonb_each(p_after) a where a.value is distinct from p_before -> a.key
$$;
revoke execute on function pawl.difference(jsonb, jsonb) from public, anon, authenticated, service_role;

-- Records a change, in the transaction that makes it.
create function pawl.record_change(
  p_assistant_id uuid, p_actor text, p_actor_id uuid, p_action text, p_detail jsonb, p_reason text
) returns bigint
language sql
set search_path = ''
as $$
  insert into pawl.audit_log (organization_id, assistant_id, actor, actor_id, action, detail, reason)
    select a.organization_id, a.id, p_actor, p_actor_id, p_action, p_detail, left(p_reason, 1000)
    from pawl.assistants a where a.id = p_assistant_id
    returning id
$$;
revoke execute on function pawl.record_change(uuid, text, uuid, text, jsonb, text)
  from public, anon, authenticated, service_role;
