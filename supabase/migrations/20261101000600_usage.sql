-- What an organisation and each of its people may use, what was used, and what it cost.

create table pawl.organization_settings (
  organization_id uuid primary key references pawl.organizations (id) on delete cascade,
  -- Limits of chat-handler; null is none. A request is a turn that begins (or is tried again), whatever comes of it;
  -- tokens are all that the model counted for a turn, in both directions and through its cache. A day is a day of UTC.
  -- Each person has limits of their own, so that nobody uses up another's; the organisation's are over all of them.
  -- Tokens are counted when a turn ends (of a person's budget an advance by the size of the message when it begins):
  -- those under way when a budget is reached still end.
  user_requests_per_minute integer default 20 check (user_requests_per_minute > 0),
  user_tokens_per_day bigint default 500000 check (user_tokens_per_day > 0),
  organization_requests_per_minute integer default 600 check (organization_requests_per_minute > 0),
  organization_tokens_per_day bigint default 10000000 check (organization_tokens_per_day > 0),
  -- How long a session that its person deleted is kept before its rows are.
  keep_deleted_sessions_days integer not null default 30 check (keep_deleted_sessions_days >= 0),
  updated_at timestamptz not null default now()
);

-- An organisation comes with its settings: no code ever meets one without.
create function pawl.equip_organization() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  insert into pawl.organization_settings (organization_id) values (new.id);
  return null;
end
$$;
revoke execute on function pawl.equip_organization() from public, anon, authenticated, service_role;
create trigger equip_organization after insert on pawl.organizations
  for each row execute function pawl.equip_organization();

-- Calls of a model by day of UTC. It names no person and outlives the conversations: what was paid stays paid.
create table pawl.usage (
  organization_id uuid not null references pawl.organizations (id) on delete cascade,
  day date not null,
  purpose text not null check (purpose in ('chat', 'judge', 'rewrite', 'phrase', 'replay', 'compare')),
  model text not null,
  calls bigint not null default 0,
  -- Neither read from the cache nor written to it.
  input_tokens bigint not null default 0,
  output_tokens bigint not null default 0,
  cache_read_tokens bigint not null default 0,
  cache_write_tokens bigint not null default 0,
  primary key (organization_id, day, purpose, model)
);

-- Tokens of a person's chats by day of UTC: what their daily budget is held against.
create table pawl.user_usage (
  organization_id uuid not null references pawl.organizations (id) on delete cascade,
  user_id uuid not null references pawl.users (id) on delete cascade,
  day date not null,
  tokens bigint not null default 0,
  primary key (organization_id, user_id, day)
);
create index user_usage_user_id_idx on pawl.user_usage (user_id);

-- US dollars a million tokens. `model` is the beginning of a model's name; the longest that fits counts. Change a row
-- when prices change: the view below reckons with what stands here now.
create table pawl.model_prices (
  model text primary key check (model <> ''),
  input_usd numeric not null check (input_usd >= 0),
  output_usd numeric not null check (output_usd >= 0),
  cache_read_usd numeric not null check (cache_read_usd >= 0),
  cache_write_usd numeric not null check (cache_write_usd >= 0),
  updated_at timestamptz not null default now()
);
-- Anthropic's list prices (platform.claude.com/docs/en/about-claude/pricing) in October 2026, with writes to the cache
-- of five minutes; claude-haiku-5-5 for prompts of up to 100,000 tokens.
insert into pawl.model_prices (model, input_usd, output_usd, cache_read_usd, cache_write_usd) values
  ('claude-opus-5-5', 4, 20, 0.2, 5),
  ('claude-sonnet-5-5', 2, 10, 0.1, 2.5),
  ('claude-haiku-5-5', 0.1, 0.5, 0.01, 0.125);

-- Tokens and money by organisation, day, purpose and model. `cost_usd` is null for a model without a price.
create view pawl.daily_usage with (security_invoker = true) as
  select u.*,
         (u.input_tokens * p.input_usd + u.output_tokens * p.output_usd + u.cache_read_tokens * p.cache_read_usd
          + u.cache_write_tokens * p.cache_write_usd) / 1000000 as cost_usd
  from pawl.usage u
  left join lateral (
    select * from pawl.model_prices m where starts_with(u.model, m.model) order by length(m.model) desc limit 1
  ) p on true;

alter table pawl.organization_settings enable row level security;
alter table pawl.usage enable row level security;
alter table pawl.user_usage enable row level security;
alter table pawl.model_prices enable row level security;
revoke all on pawl.organization_settings, pawl.usage, pawl.user_usage, pawl.model_prices, pawl.daily_usage
  from public, anon, authenticated, service_role;
grant select on pawl.organization_settings, pawl.usage, pawl.user_usage, pawl.model_prices, pawl.daily_usage
  to authenticated, service_role;
grant insert, update, delete on pawl.organization_settings, pawl.usage, pawl.user_usage, pawl.model_prices
  to service_role;

create policy organization_settings_read on pawl.organization_settings for select to authenticated
  using (pawl.is_admin(organization_id));
create policy usage_read on pawl.usage for select to authenticated
  using (pawl.is_admin(organization_id));
create policy user_usage_read on pawl.user_usage for select to authenticated
  using (user_id = (select auth.uid()) or pawl.is_admin(organization_id));
create policy model_prices_read on pawl.model_prices for select to authenticated using (true);

create function pawl.today() returns date
language sql stable
set search_path = ''
as $$ select (now() at time zone 'utc')::date $$;

-- All the tokens of {"input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"}, as the
-- Messages API counts them; what is missing is 0.
create function pawl.tokens_in(p_usage jsonb) returns bigint
language sql immutable
set search_path = ''
as $$
  select coalesce((p_usage ->> 'input_tokens')::bigint, 0) + coalesce((p_usage ->> 'output_tokens')::bigint, 0)
       + coalesce((p_usage ->> 'cache_read_input_tokens')::bigint, 0)
       + coalesce((p_usage ->> 'cache_creation_input_tokens')::bigint, 0)
$$;

-- Takes tokens from a person's budget of today; below zero gives them back.
create function pawl.count_tokens(p_organization_id uuid, p_user_id uuid, p_tokens bigint) returns void
language sql
set search_path = ''
as $$
  insert into pawl.user_usage as u (organization_id, user_id, day, tokens)
    select p_organization_id, p_user_id, pawl.today(), p_tokens where p_user_id is not null
  on conflict (organization_id, user_id, day) do update set tokens = u.tokens + excluded.tokens;
$$;

-- Counts a call of a model; p_user_id for chats only, with what was taken from their budget in advance.
create function pawl.record_usage(
  p_organization_id uuid, p_user_id uuid, p_purpose text, p_model text, p_usage jsonb, p_advance integer default 0
) returns void
language sql
set search_path = ''
as $$
  insert into pawl.usage as u (
    organization_id, day, purpose, model, calls, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens)
  values (
    p_organization_id, pawl.today(), p_purpose, p_model, 1,
    coalesce((p_usage ->> 'input_tokens')::bigint, 0), coalesce((p_usage ->> 'output_tokens')::bigint, 0),
    coalesce((p_usage ->> 'cache_read_input_tokens')::bigint, 0),
    coalesce((p_usage ->> 'cache_creation_input_tokens')::bigint, 0))
  on conflict (organization_id, day, purpose, model) do update set
    calls = u.calls + 1,
    input_tokens = u.input_tokens + excluded.input_tokens,
    output_tokens = u.output_tokens + excluded.output_tokens,
    cache_read_tokens = u.cache_read_tokens + excluded.cache_read_tokens,
    cache_write_tokens = u.cache_write_tokens + excluded.cache_write_tokens;

  select pawl.count_tokens(p_organization_id, p_user_id, pawl.tokens_in(p_usage) - p_advance);
$$;

-- The attempt of the last minute that has to grow older than a minute before p_limit lets another begin: when it began;
-- null when there is room, or no limit. Of one person, or (p_user_id null) of the whole organisation. Reads at most
-- p_limit rows of an index.
create function pawl.request_in_the_way(p_organization_id uuid, p_user_id uuid, p_limit integer) returns timestamptz
language plpgsql stable
set search_path = ''
-- Planned for the arguments at hand: one index for a person, another for an organisation.
set plan_cache_mode = force_custom_plan
as $$
begin
  if p_limit is null then
    return null;
  end if;
  return (
    select t.begun_at from pawl.turn_attempts t
    where t.organization_id = p_organization_id and (p_user_id is null or t.user_id = p_user_id)
      and t.begun_at > now() - interval '1 minute'
    order by t.begun_at desc offset p_limit - 1 limit 1);
end
$$;

-- What keeps a person from beginning a turn now: {"limit": user_requests | organization_requests | user_tokens |
-- organization_tokens, "retry_after": seconds until it lets one through}; null when nothing does.
create function pawl.limit_reached(p_organization_id uuid, p_user_id uuid) returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  v_settings pawl.organization_settings;
  v_in_the_way timestamptz;
  v_limit text;
  v_until timestamptz;
begin
  select * into v_settings from pawl.organization_settings where organization_id = p_organization_id;
  v_in_the_way := pawl.request_in_the_way(p_organization_id, p_user_id, v_settings.user_requests_per_minute);
  v_limit := 'user_requests';
  if v_in_the_way is null then
    v_in_the_way := pawl.request_in_the_way(p_organization_id, null, v_settings.organization_requests_per_minute);
    v_limit := 'organization_requests';
  end if;
  v_until := v_in_the_way + interval '1 minute';

  if v_until is null then
    v_limit := case
      when v_settings.user_tokens_per_day <= (
        select u.tokens from pawl.user_usage u
        where u.organization_id = p_organization_id and u.user_id = p_user_id and u.day = pawl.today())
        then 'user_tokens'
      when v_settings.organization_tokens_per_day <= (
        select sum(u.input_tokens + u.output_tokens + u.cache_read_tokens + u.cache_write_tokens) from pawl.usage u
        where u.organization_id = p_organization_id and u.day = pawl.today() and u.purpose = 'chat')
        then 'organization_tokens'
    end;
    if v_limit is null then
      return null;
    end if;
    v_until := (pawl.today() + 1)::timestamp at time zone 'utc';
  end if;
  return jsonb_build_object(
    'limit', v_limit, 'retry_after', greatest(1, ceil(extract(epoch from v_until - now()))::integer));
end
$$;

revoke execute on function
  pawl.today(), pawl.tokens_in(jsonb), pawl.count_tokens(uuid, uuid, bigint),
  pawl.record_usage(uuid, uuid, text, text, jsonb, integer),
  pawl.request_in_the_way(uuid, uuid, integer), pawl.limit_reached(uuid, uuid)
from public, anon, authenticated, service_role;
