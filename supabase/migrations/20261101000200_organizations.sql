-- Organisations, the people in them, and what a person may see.

create table pawl.organizations (
  id uuid primary key default gen_random_uuid(),
  slug text not null unique check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  name text not null,
  -- Single-tenant projects: a signed-in user without a membership joins this organisation at the first turn.
  open_to_sign_ups boolean not null default false,
  created_at timestamptz not null default now(),
  metadata jsonb not null default '{}'
);
-- At most one organisation can be the one that everybody joins.
create unique index organizations_open_idx on pawl.organizations (open_to_sign_ups) where open_to_sign_ups;

-- One row a person who has chatted; `id` is auth.users.id where the project signs people in. Made at the first turn and
-- never by a trigger on auth.users: one that fails there blocks sign-ups.
create table pawl.users (
  id uuid primary key,
  email text,
  created_at timestamptz not null default now(),
  metadata jsonb not null default '{}'
);
create index users_email_idx on pawl.users (email);

create table pawl.organization_members (
  organization_id uuid not null references pawl.organizations (id) on delete cascade,
  user_id uuid not null references pawl.users (id) on delete cascade,
  role text not null default 'member' check (role in ('member', 'admin', 'owner')),
  created_at timestamptz not null default now(),
  primary key (organization_id, user_id)
);
create index organization_members_user_id_idx on pawl.organization_members (user_id);

-- Definers, because a policy on organization_members that reads organization_members would recurse.
create function pawl.is_member(p_organization_id uuid) returns boolean
language sql stable security definer
set search_path = ''
as $$
  select exists (
    select from pawl.organization_members
    where organization_id = p_organization_id and user_id = (select auth.uid())
  )
$$;

create function pawl.is_admin(p_organization_id uuid) returns boolean
language sql stable security definer
set search_path = ''
as $$
  select exists (
    select from pawl.organization_members
    where organization_id = p_organization_id and user_id = (select auth.uid()) and role in ('admin', 'owner')
  )
$$;
-- pawl.is_admin of anyone.
create function pawl.administers(p_user_id uuid, p_organization_id uuid) returns boolean
language sql stable
set search_path = ''
as $$
  select exists (
    select from pawl.organization_members
    where organization_id = p_organization_id and user_id = p_user_id and role in ('admin', 'owner')
  )
$$;
revoke execute on function pawl.administers(uuid, uuid) from public, anon, authenticated, service_role;
revoke execute on function pawl.is_member(uuid), pawl.is_admin(uuid) from public, anon;
grant execute on function pawl.is_member(uuid), pawl.is_admin(uuid) to authenticated, service_role;

alter table pawl.organizations enable row level security;
alter table pawl.users enable row level security;
alter table pawl.organization_members enable row level security;
revoke all on pawl.organizations, pawl.users, pawl.organization_members from public, anon, authenticated, service_role;
grant select on pawl.organizations, pawl.users, pawl.organization_members to authenticated;
grant select, insert, update, delete on pawl.organizations, pawl.users, pawl.organization_members to service_role;

create policy organizations_read on pawl.organizations for select to authenticated
  using (pawl.is_member(id));
create policy users_read on pawl.users for select to authenticated
  using (id = (select auth.uid()));
create policy members_read on pawl.organization_members for select to authenticated
  using (user_id = (select auth.uid()) or pawl.is_admin(organization_id));

-- Which organisation a person's request is about. The given one if they belong to it; else the only one they belong
-- to; else, for a person who belongs to none, the one open to sign-ups (`joins` says that they are to join it).
-- `outcome` is ok, organization_required (several, none chosen) or organization_not_found (foreign ones too, so that
-- nobody learns which exist).
create function pawl.find_organization(
  p_user_id uuid, p_organization_id uuid, out outcome text, out organization_id uuid, out joins boolean
)
language plpgsql stable
set search_path = ''
as $$
declare
  mine uuid[];
begin
  select array_agg(m.organization_id) into mine from pawl.organization_members m where m.user_id = p_user_id;
  joins := mine is null;
  if mine is null then
    select o.id into organization_id from pawl.organizations o
      where o.open_to_sign_ups and (p_organization_id is null or o.id = p_organization_id);
  elsif p_organization_id = any (mine) then
    organization_id := p_organization_id;
  elsif p_organization_id is null and cardinality(mine) = 1 then
    organization_id := mine[1];
  end if;
  outcome := case
    when organization_id is not null then 'ok'
    when p_organization_id is null and cardinality(mine) > 1 then 'organization_required'
    else 'organization_not_found'
  end;
end
$$;
revoke execute on function pawl.find_organization(uuid, uuid) from public, anon, authenticated, service_role;
