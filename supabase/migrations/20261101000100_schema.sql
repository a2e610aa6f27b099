-- The schema, and who is asking.
--
-- Everything Pawl stores is in `pawl`, which is not exposed over REST: a project that adds Pawl has its own `users`
-- and `messages`. What is exposed are the functions named `pawl_…` in `public`. Projects differ in their default
-- privileges, so rights are revoked and granted by name beside each object.

create schema pawl;
revoke all on schema pawl from public;
-- RLS decides what a member sees should the owner expose the schema; without USAGE no policy could ever apply.
grant usage on schema pawl to authenticated, service_role;

-- True for the project's secret key. The role of the request, not a claim anyone could have minted.
create function pawl.is_service() returns boolean
language sql stable
set search_path = ''
as $$ select coalesce(current_setting('role', true), '') = 'service_role' $$;
revoke execute on function pawl.is_service() from public, anon;
grant execute on function pawl.is_service() to authenticated, service_role;

-- True for the database's owner at work in SQL, as in Studio's editor. A request over REST has always taken on a role.
create function pawl.is_operator() returns boolean
language sql stable
set search_path = ''
as $$
  select pg_has_role(coalesce(nullif(current_setting('role', true), 'none')::name, session_user), n.nspowner, 'member')
  from pg_namespace n where n.nspname = 'pawl'
$$;
revoke execute on function pawl.is_operator() from public, anon, authenticated, service_role;

-- The person of the request's token; null for a token without one. (auth.uid() raises where the subject is no UUID, as
-- in tokens of other issuers; here that is nobody, not a fault.)
create function pawl.caller_id() returns uuid
language plpgsql stable
set search_path = ''
as $$
begin
  return auth.uid();
exception when invalid_text_representation then
  return null;
end
$$;
revoke execute on function pawl.caller_id() from public, anon;
grant execute on function pawl.caller_id() to authenticated, service_role;

-- For whom a request is: its own person, or with the secret key the one it names. `outcome` is ok, unauthorized (a token
-- without a person), user_required (the secret key, and nobody named) or user_not_allowed (named without it).
create function pawl.acting_user(p_user_id uuid, out outcome text, out user_id uuid)
language plpgsql stable
set search_path = ''
as $$
begin
  user_id := case when pawl.is_service() then p_user_id else pawl.caller_id() end;
  outcome := case
    when user_id is null then case when pawl.is_service() then 'user_required' else 'unauthorized' end
    when p_user_id is not null and not pawl.is_service() then 'user_not_allowed'
    else 'ok'
  end;
end
$$;
revoke execute on function pawl.acting_user(uuid) from public, anon;
grant execute on function pawl.acting_user(uuid) to authenticated, service_role;
