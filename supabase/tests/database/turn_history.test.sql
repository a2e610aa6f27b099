-- History: the answered turns of this session, in order, the newest that fit in 50 turns and 256 KiB.
begin;
select plan(10);

select tests.make_assistant('acme/default'), tests.make_member('ann', 'acme');
select tests.make_session(name, 'ann', 'acme/default') from unnest('{few,many,large,larger,wide,elsewhere}'::text[]) name;
-- Their turns are all of one moment, as within a transaction: created_at says nothing of the order.
create function pg_temp.history(p_session text) returns jsonb
language sql
as $$
  select tests.call('ann', format('select public.pawl_begin_turn(''next'', %L)', tests.id(p_session))) -> 'history'
$$;

select is(pg_temp.history('few'), '[]', 'a session''s first turn has no history');
select tests.make_turn('few', 'q1', 'a1'), tests.make_turn('elsewhere', 'other', 'other');
select tests.make_turn('few', 'q2', 'never', 'failed'), tests.make_turn('few', 'q3', 'not yet', 'open');
select tests.make_turn('few', 'q4', 'a4');
select is(pg_temp.history('few'),
  '[{"user_message": "q1", "answer": "a1"}, {"user_message": "q4", "answer": "a4"}]',
  'only answered turns of this session, oldest first');

select tests.make_turn('many', 'q' || n, 'a' || n) from generate_series(1, 50) n;
select is(jsonb_array_length(pg_temp.history('many')), 50, 'fifty turns are given');
select tests.make_turn('many', 'q51', 'a51');
select is(jsonb_array_length(pg_temp.history('many')), 50, 'of fifty-one, fifty');
select is(pg_temp.history('many') #>> '{0,user_message}', 'q2', 'without the oldest');
select is(pg_temp.history('many') #>> '{49,answer}', 'a51', 'the newest last');

select tests.make_turn('large', 'old', 'old'), tests.make_turn('large', 'q', repeat('a', 256 * 1024 - 1));
select is((select string_agg(h ->> 'user_message', ' ') from jsonb_array_elements(pg_temp.history('large')) h), 'q',
  'a turn of exactly 256 KiB is given, and none before it');
select tests.make_turn('larger', 'old', 'old'), tests.make_turn('larger', 'q', repeat('a', 256 * 1024));
select is(pg_temp.history('larger'), '[]', 'one byte more and it is not, nor is what was before it');
select tests.make_turn('wide', 'old', 'old'), tests.make_turn('wide', 'q1', repeat('é', 64 * 1024)),
       tests.make_turn('wide', 'q2', repeat('é', 64 * 1024 - 3));
select is((select string_agg(h ->> 'user_message', ' ') from jsonb_array_elements(pg_temp.history('wide')) h), 'q1 q2',
  'bytes are counted, not letters');
select tests.make_turn('wide', 'q3', 'a3');
select is((select string_agg(h ->> 'user_message', ' ') from jsonb_array_elements(pg_temp.history('wide')) h), 'q2 q3',
  'turns are whole and the newest come first');

select * from finish();
rollback;
