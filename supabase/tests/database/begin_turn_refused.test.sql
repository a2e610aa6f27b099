-- A turn that is refused says why and leaves nothing behind: no message, no session, no membership, no user.
begin;
select plan(33);

select tests.make_assistant('acme/default'), tests.make_assistant('acme/helper'), tests.make_assistant('globex/default'),
       tests.make_assistant('several/one'), tests.make_assistant('several/two'), tests.make_assistant('silent/default');
update pawl.system_prompts set state = 'retired' where is_active and assistant_id = tests.id('silent/default');
select tests.make_member('ann', 'acme'), tests.make_member('bob', 'globex'), tests.make_member('both', 'acme'),
       tests.make_member('both', 'globex'), tests.make_member('sam', 'several'), tests.make_member('sid', 'silent');
insert into pawl.users (id) values (tests.id('gone'));
select tests.make_session(name, person, org || '/default')
from (values ('ann session', 'acme', 'ann'), ('ann deleted', 'acme', 'ann'), ('bob session', 'globex', 'bob'),
             ('both session', 'acme', 'both'), ('gone session', 'acme', 'gone')) v (name, org, person);
update pawl.sessions set deleted_at = now() where id = tests.id('ann deleted');

-- Arguments name ids in braces.
create function pg_temp.begin_turn(p_who text, p_arguments text) returns text
language sql
as $$
  select tests.refusal(p_who, 'select public.pawl_begin_turn(' || (
    select string_agg(case when n % 2 = 0 then quote_literal(tests.id(part)) else part end, '' order by n)
    from regexp_split_to_table(p_arguments, '[{}]') with ordinality s (part, n)) || ')')
$$;

select is(pg_temp.begin_turn(who, arguments), outcome, why)
from (values
  ('anon', $$'hi'$$, 'permission denied', 'anon has no turn'),
  ('nobody', $$'hi'$$, 'unauthorized', 'a token that names no person has none'),
  ('service', $$'hi'$$, 'user_required', 'the secret key names a person'),
  ('ann', $$'hi', p_user_id => {bob}$$, 'user_not_allowed', 'a person speaks for no other'),
  ('ann', $$'hi', p_user_id => {ann}$$, 'user_not_allowed', 'nor needs to name themselves'),
  ('ann', $$''$$, 'message_empty', 'an empty message'),
  ('ann', $$E' \n\t '$$, 'message_empty', 'a message of blanks'),
  ('ann', $$null$$, 'message_empty', 'no message'),
  ('ann', $$repeat('a', 32769)$$, 'message_too_long', 'one byte over 32 KiB'),
  ('ann', $$repeat('é', 16385)$$, 'message_too_long', 'bytes are counted, not letters'),
  ('ann', $$repeat(' ', 32769)$$, 'message_too_long', 'also of one that is blank'),
  ('ann', $$repeat(E'\u00a0\ufeff', 10)$$, 'message_empty', 'blanks are blanks'),
  ('both', $$'hi'$$, 'organization_required', 'a member of several chooses one'),
  ('both', $$'hi', {bob session}$$, 'organization_required', 'a foreign session chooses none for them'),
  ('ann', $$'hi', p_organization_id => {globex}$$, 'organization_not_found', 'a foreign organisation'),
  ('ann', $$'hi', p_organization_id => {nowhere}$$, 'organization_not_found', 'an unknown one looks the same'),
  ('newcomer', $$'hi', p_organization_id => {acme}$$, 'organization_not_found', 'nobody joins a closed one'),
  ('service', $$'hi', p_user_id => {ann}, p_organization_id => {globex}$$, 'organization_not_found',
   'nor does the secret key put a person into one'),
  ('gone', $$'hi', {gone session}$$, 'organization_not_found', 'who left keeps no session there'),
  ('ann', $$'hi', p_assistant => 'nope'$$, 'assistant_not_found', 'an unknown assistant'),
  ('ann', $$'hi', p_assistant => ''$$, 'assistant_not_found', 'an assistant without a name'),
  ('sam', $$'hi'$$, 'assistant_not_found', 'of several assistants none is the default'),
  ('ann', $$'hi', {nowhere}$$, 'session_not_found', 'an unknown session'),
  ('ann', $$'hi', {both session}$$, 'session_not_found', 'a colleague''s session'),
  ('ann', $$'hi', {bob session}$$, 'session_not_found', 'a session of another organisation'),
  ('newcomer', $$'hi', {ann session}$$, 'session_not_found', 'a newcomer does not join through a foreign session'),
  ('ann', $$'hi', {ann deleted}$$, 'session_not_found', 'a session that was deleted'),
  ('ann', $$'hi', {ann session}, p_assistant => 'helper'$$, 'session_not_found', 'a session with another assistant'),
  ('both', $$'hi', {both session}, p_organization_id => {globex}$$, 'session_not_found', 'a session elsewhere'),
  ('service', $$'hi', {ann session}, p_user_id => {bob}$$, 'session_not_found', 'the secret key mixes no persons'),
  ('sid', $$'hi'$$, 'no_active_prompt', 'an assistant without a live prompt')
) v (who, arguments, outcome, why);

-- What a token says of its role counts for nothing: the role of the request does.
select is(
  tests.refusal('ann', format($$
    with forged as materialized (
      select set_config('request.jwt.claims', '{"sub": "%s", "role": "service_role"}', true) as claims)
    select public.pawl_begin_turn('hi', p_user_id => %L) from forged where claims <> ''
  $$, tests.id('ann'), tests.id('bob'))),
  'user_not_allowed', 'a claimed role makes no secret key');

update pawl.organizations set open_to_sign_ups = false;
select is(pg_temp.begin_turn('newcomer', $$'hi'$$), 'organization_not_found', 'nobody joins where nothing is open');

select * from finish();
rollback;
