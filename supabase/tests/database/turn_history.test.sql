-- History: the answered turns of this session, in order, the newest that fit in 50 turns, 256 KiB
-- and three bytes for each token of the assistant's budget.
begin;
select plan(18);

select tests.make_assistant('acme/default'), tests.make_member('ann', 'acme');
select tests.make_session(name, 'ann', 'acme/default') from unnest('{few,many,large,larger,wide,elsewhere,told}'::text[]) name;
create function pg_temp.budget(p_tokens integer) returns void
language sql
as $$ update pawl.loop_settings set history_token_budget = p_tokens where assistant_id = tests.id('acme/default') $$;
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

-- With the largest budget there is.
select pg_temp.budget(2147483647);
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

-- The budget
create function pg_temp.told(p_tokens integer) returns text
language plpgsql
as $$
begin
  perform pg_temp.budget(p_tokens);
  return (select string_agg(h ->> 'user_message', ' ' order by n)
          from jsonb_array_elements(pg_temp.history('told')) with ordinality x (h, n));
end
$$;
-- Of 3, 30, 300 and 30 bytes.
select tests.make_turn('told', 'q1', 'a'), tests.make_turn('told', 'q2', repeat('é', 14)),
       tests.make_turn('told', 'q3', repeat('a', 298)), tests.make_turn('told', 'q4', repeat('a', 28));
select is(pg_temp.told(tokens), expected, 'a budget of ' || tokens)
from (values (121, 'q1 q2 q3 q4'), (120, 'q2 q3 q4'), (119, 'q3 q4'), (110, 'q3 q4'), (109, 'q4'), (10, 'q4'),
             (9, null), (0, null)) v (tokens, expected);

select * from finish();
rollback;
