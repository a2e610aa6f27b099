-- A turn that begins: whose it is, where it belongs, and what it leaves behind.
begin;
select plan(52);

select tests.make_assistant('acme/default'), tests.make_assistant('acme/helper'), tests.make_assistant('globex/bot');
select tests.make_member('ann', 'acme'), tests.make_member('bob', 'globex'), tests.make_member('both', 'acme'),
       tests.make_member('both', 'globex');
-- Tests need an organisation that is open, whatever a project has made of the seeded one.
insert into pawl.organizations (slug, name, open_to_sign_ups) select 'tests-open', 'Open', true
  where not exists (select from pawl.organizations where open_to_sign_ups);
create temp table place as select id as open_id from pawl.organizations where open_to_sign_ups;
insert into pawl.assistants (organization_id, slug, name) select open_id, 'default', 'Default' from place
  on conflict do nothing;
insert into pawl.system_prompts (assistant_id, version, content, state)
  select a.id, 1, 'Open', 'active' from pawl.assistants a join place on a.organization_id = open_id
  where a.slug = 'default' and not exists (select from pawl.system_prompts p where p.assistant_id = a.id and p.is_active);

-- The turns of this file by name.
create temp table begun (name text primary key, turn jsonb);
create function pg_temp.begin_turn(p_name text, p_who text, p_arguments text) returns text
language sql
as $$
  insert into begun values (p_name, tests.call(p_who, 'select public.pawl_begin_turn(' || (
    select string_agg(case when n % 2 = 0 then quote_literal(coalesce(
        (select turn ->> 'session_id' from begun where name || ' session' = part), tests.id(part)::text)) else part end,
      '' order by n)
    from regexp_split_to_table(p_arguments, '[{}]') with ordinality s (part, n)) || ')'))
  returning turn ->> 'outcome'
$$;
create function pg_temp.of(p_name text, p_key text) returns text
language sql as $$ select turn ->> p_key from begun where name = p_name $$;

-- A first turn
select is(pg_temp.begin_turn('first', 'newcomer', $$'Good morning'$$), 'ok', 'a person without a membership begins');
select results_eq(
  $$select m.organization_id, m.role from pawl.organization_members m where m.user_id = tests.id('newcomer')$$,
  $$select open_id, 'member' from place$$, 'and has joined the open organisation, as a member');
select is((select email from pawl.users where id = tests.id('newcomer')), 'newcomer@example.com',
  'with a users row made here');
select is((select organization_id from pawl.sessions where id = pg_temp.of('first', 'session_id')::uuid),
  (select open_id from place), 'the session is of that organisation');
select is((select user_id from pawl.sessions where id = pg_temp.of('first', 'session_id')::uuid), tests.id('newcomer'),
  'and theirs');
select is((select title from pawl.sessions where id = pg_temp.of('first', 'session_id')::uuid), 'Good morning',
  'under the words it began with');
select results_eq(
  $$select t.session_id::text, t.status, t.prompt_id::text, m.role, m.content, m.prompt_id::text, m.prompt_version::text
    from pawl.turns t join pawl.messages m on m.id = t.user_message_id where t.id = pg_temp.of('first', 'turn_id')::uuid$$,
  $$values (pg_temp.of('first', 'session_id'), 'open', pg_temp.of('first', 'prompt_id'), 'user', 'Good morning',
            pg_temp.of('first', 'prompt_id'), pg_temp.of('first', 'prompt_version'))$$,
  'the message is stored, in an open turn, with the version that is to answer');
select results_eq(
  $$select t.organization_id, t.user_id, t.attempts, t.lost_attempts, t.lease_expires_at
    from pawl.turns t where t.id = pg_temp.of('first', 'turn_id')::uuid$$,
  $$select open_id, tests.id('newcomer'), 1, 0, now() + interval '150 seconds' from place$$,
  'it is theirs, in its first attempt, for as long as a request may last');
select results_eq(
  $$select attempt, organization_id, user_id, begun_at from pawl.turn_attempts
    where turn_id = pg_temp.of('first', 'turn_id')::uuid$$,
  $$select 1, open_id, tests.id('newcomer'), now() from place$$, 'which began now');
select is(pg_temp.of('first', 'attempt'), '1', 'whose number is given');
select is(pg_temp.of('first', 'message_id')::uuid,
  (select user_message_id from pawl.turns where id = pg_temp.of('first', 'turn_id')::uuid), 'its id is given');
select is((select turn -> 'history' from begun where name = 'first'), '[]', 'there is no history');
select is((select turn ? 'content' or turn::text like '%"prompt":%' from begun where name = 'first'), false,
  'the prompt''s text is not given');

-- Further turns
select is(pg_temp.begin_turn('second', 'newcomer', $$'And again', {first session}$$), 'ok', 'they go on');
select is(pg_temp.of('second', 'session_id'), pg_temp.of('first', 'session_id'), 'in the same session');
select is((select count(*)::int from pawl.organization_members where user_id = tests.id('newcomer')), 1, 'as one member');
select is(pg_temp.begin_turn('another', 'newcomer', $$'Something else'$$), 'ok', 'without a session');
select isnt(pg_temp.of('another', 'session_id'), pg_temp.of('first', 'session_id'), 'a new one opens');
update pawl.sessions set updated_at = now() - interval '1 day' where id = pg_temp.of('first', 'session_id')::uuid;
select is(pg_temp.begin_turn('third', 'newcomer', $$'Still there?', {first session}$$), 'ok', 'a day later');
select is((select updated_at from pawl.sessions where id = pg_temp.of('first', 'session_id')::uuid), now(),
  'a turn moves the session up');

select is((select title from pawl.sessions where id = pg_temp.of('first', 'session_id')::uuid), 'Good morning',
  'and does not rename it');

-- Titles
create function pg_temp.title_given(p_message text) returns text
language plpgsql
as $$
declare
  v_turn jsonb := tests.begin_turn('tess', p_message);
begin
  return (select title from pawl.sessions where id = (v_turn ->> 'session_id')::uuid);
end
$$;
select is(pg_temp.title_given(message), title, why)
from (values
  (E'  Two\n\n words\t', 'Two words', 'a title is on one line'),
  (E'\u00a0\ufeffA\u00a0 b', 'A b', 'blanks of every kind are one'),
  (repeat('é', 81), repeat('é', 80), 'and it is 80 letters at most'),
  (repeat(' ', 1500) || 'At last', 'At last', 'it is never blank'),
  (repeat(E'\u00a0\n\ufeff', 5000) || 'At last', 'At last', 'whatever blanks a message begins with')) v (message, title, why);

-- Where a turn belongs
select is(pg_temp.begin_turn('ann', 'ann', $$'hi'$$), 'ok', 'a member of one organisation names none');
select is(pg_temp.of('ann', 'assistant_id')::uuid, tests.id('acme/default'), 'of several assistants it is the default');
select is(pg_temp.of('ann', 'prompt_id')::uuid, tests.id('acme/default v1'), 'its live version serves');
select is((select count(*)::int from pawl.organization_members where user_id = tests.id('ann')), 1,
  'who belongs somewhere does not join the open one');
select is(pg_temp.begin_turn('ann helper', 'ann', $$'hi', p_assistant => 'helper'$$), 'ok', 'an assistant by its slug');
select is(pg_temp.of('ann helper', 'assistant_id')::uuid, tests.id('acme/helper'), 'is the one who answers');
select is(pg_temp.begin_turn('ann on', 'ann', $$'hi', {ann helper session}$$), 'ok', 'a session');
select is(pg_temp.of('ann on', 'assistant_id')::uuid, tests.id('acme/helper'), 'stays with its assistant');
select is(pg_temp.begin_turn('bob', 'bob', $$'hi'$$), 'ok', 'an only assistant');
select is(pg_temp.of('bob', 'assistant_id')::uuid, tests.id('globex/bot'), 'needs no name, whatever it is called');
select is(pg_temp.begin_turn('both', 'both', $$'hi', p_organization_id => {globex}$$), 'ok', 'a member of several chooses');
select is(pg_temp.of('both', 'assistant_id')::uuid, tests.id('globex/bot'), 'and is where they chose to be');
select is(pg_temp.begin_turn('both on', 'both', $$'hi', {both session}$$), 'ok', 'their session has chosen for them');
select is(pg_temp.of('both on', 'assistant_id')::uuid, tests.id('globex/bot'), 'once and for all');

-- The secret key speaks for a person
select is(pg_temp.begin_turn('served', 'service', $$'hi', p_user_id => {ann}$$), 'ok', 'for a member');
select is((select user_id from pawl.sessions where id = pg_temp.of('served', 'session_id')::uuid), tests.id('ann'),
  'the session is the member''s');
select is(pg_temp.begin_turn('imported', 'service', $$'hi', p_user_id => {visitor}$$), 'ok', 'for someone new');
select results_eq(
  $$select u.email, m.organization_id from pawl.users u join pawl.organization_members m on m.user_id = u.id
    where u.id = tests.id('visitor')$$,
  $$select null::text, open_id from place$$, 'who joins the open organisation, without an address');

-- Some stacks name the person in a setting of its own and leave the claims empty.
select is(tests.outcome('quiet', $$
    with emptied as materialized (select set_config('request.jwt.claims', '', true) as claims)
    select public.pawl_begin_turn('hi') from emptied where claims = ''
  $$), 'ok', 'a person without claims begins');

-- Sizes
select is(pg_temp.begin_turn('long', 'ann', $$repeat('a', 32768)$$), 'ok', 'a message of exactly 32 KiB');
select is(pg_temp.begin_turn('long é', 'ann', $$repeat('é', 16384)$$), 'ok', 'in bytes of UTF-8');
select is((select octet_length(content) from pawl.messages where id = pg_temp.of('long é', 'message_id')::uuid), 32768,
  'is stored whole');

-- Settings travel with the turn
update pawl.loop_settings set chat_model = 'a-model', max_answer_tokens = 77, history_token_budget = 88
  where assistant_id = tests.id('acme/default');
select is(pg_temp.begin_turn('set', 'ann', $$'hi'$$), 'ok', 'a turn under other settings');
select is(pg_temp.of('set', 'model') || pg_temp.of('set', 'max_answer_tokens') || pg_temp.of('set', 'history_token_budget'),
  'a-model7788', 'carries them');

-- A sign-up leaves no trace here until the first turn.
insert into auth.users (id) values (tests.id('signed up'));
select is((select count(*)::int from pawl.users where id = tests.id('signed up')), 0, 'a sign-up makes no users row');
select is((select count(*)::int from pawl.organization_members where user_id = tests.id('signed up')), 0,
  'and no membership');

select * from finish();
rollback;
