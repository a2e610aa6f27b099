-- What people make of answers: what is stored of it, what replaces what, and that an answer it is about is settled anew.
-- (Who may say what, and what makes no sense: feedback_refused.test.sql.)
begin;
select plan(43);

select tests.make_assistant('acme/default'), tests.make_member('ann', 'acme'), tests.make_member('bob', 'acme');
select tests.make_session('s', 'ann', 'acme/default'), tests.make_session('bobs', 'bob', 'acme/default');
select tests.make_exchange('s', 'q' || n) from generate_series(1, 9) n;
select tests.make_exchange('bobs', 'q');

-- All of it was settled long ago, with feedback seven times.
create function pg_temp.settle() returns void
language sql as $$ update pawl.exchanges set signal = 12, settled_at = now() - interval '1 day', revision = 7 $$;
select pg_temp.settle();

-- The present feedback on the answer to a question, and all there ever was, in order.
create function pg_temp.now_on(p_question text, p_session text default 's') returns text
language sql
as $$
  select string_agg(concat_ws(' ', signal, trim_scale(value), nullif(source, 'user'), comment, nullif(metadata, '{}')), ', '
                    order by seq)
  from pawl.response_feedback
  where message_id = tests.answer(p_session || ' ' || p_question) and superseded_at is null
$$;
create function pg_temp.history_of(p_question text) returns text
language sql
as $$
  select string_agg(signal || case when superseded_at is null then '' else ' (over)' end, ', ' order by seq)
  from pawl.response_feedback where message_id = tests.answer('s ' || p_question)
$$;
-- Its exchange: waiting or settled, the signal that counts, how often something happened.
create function pg_temp.state_of(p_question text) returns text
language sql
as $$
  select concat_ws(' ', case when settled_at is null then 'waits' else 'settled' end, signal, revision)
  from pawl.exchanges where message_id = tests.answer('s ' || p_question)
$$;

-- One
select is(tests.collect('ann', 's q1: {"signal": "thumbs_up"}'), '{"stored": 1, "unchanged": 0, "errors": []}',
  'a thumb is stored');
select results_eq(
  $$select organization_id, assistant_id, user_id, signal, kind, source, value, comment, metadata, created_at, superseded_at
    from pawl.response_feedback$$,
  $$values (tests.id('acme'), tests.id('acme/default'), tests.id('ann'), 'thumbs_up', 'thumb', 'user', null::numeric,
            null::text, '{}'::jsonb, now(), null::timestamptz)$$, 'with whose it is, and when');
select is(pg_temp.state_of('q1'), 'waits 12 8', 'its answer is settled anew; until then the old signal counts');
select is(pg_temp.state_of('q2'), 'settled 12 7', 'no other is');

-- The same again
select is(tests.collect('ann', 's q1: {"signal": "thumbs_up"}'), '{"stored": 0, "unchanged": 1, "errors": []}',
  'the same again changes nothing');
select is(pg_temp.history_of('q1'), 'thumbs_up', 'it is there once');
select is(pg_temp.state_of('q1'), 'waits 12 8', 'nor has anything happened to the answer');
select pg_temp.settle();
select is(tests.refusal('ann', tests.collect_sql('s q1: {"signal": "thumbs_up", "comment": null, "metadata": {}}')), 'ok',
  'what is left out is none: nothing at all is written');

-- Another
select is(tests.collect('ann', 's q1: {"signal": "thumbs_down"}') -> 'stored', '1', 'a changed thumb is stored');
select is(pg_temp.history_of('q1'), 'thumbs_up (over), thumbs_down', 'it takes the place of the old one, which stays');
select is((select superseded_at from pawl.response_feedback where signal = 'thumbs_up'), now(), 'with the time of its end');
select is(pg_temp.state_of('q1'), 'waits 12 8', 'the answer is settled anew');
select is(tests.collect('ann', 's q1: {"signal": "thumbs_up"}') -> 'stored', '1', 'and back');
select is(pg_temp.history_of('q1'), 'thumbs_up (over), thumbs_down (over), thumbs_up', 'is one more');
select is(tests.collect('ann', 's q2: ' || said) -> 'stored', stored::text::jsonb, why)
from (values
  (1, '{"signal": "rating", "value": 0.5}', 1, 'a rating'),
  (2, '{"signal": "rating", "value": 0.50}', 0, 'the same in other digits'),
  (3, '{"signal": "rating", "value": 0.6}', 1, 'another value is another'),
  (4, '{"signal": "rating", "value": 0.6, "comment": "why"}', 1, 'so is a comment'),
  (5, '{"signal": "rating", "value": 0.6, "comment": "why", "metadata": {"a": 1, "b": 2}}', 1, 'or metadata'),
  (6, '{"signal": "rating", "value": 0.6, "comment": "why", "metadata": {"b": 2, "a": 1}}', 0, 'in any order'),
  (7, '{"signal": "copy"}', 1, 'another kind'),
  (8, '{"signal": "dwell_time", "value": 75.5}', 1, 'and another')) v (n, said, stored, why)
order by n;
select is(pg_temp.now_on('q2'), 'rating 0.6 why {"a": 1, "b": 2}, copy, dwell_time 75.5', 'stand beside each other');

-- Many at once
select is(
  tests.collect('ann', $$
    s q3: {"signal": "thumbs_up"}
    s q4: {"signal": "copy"}
    s q3: {"signal": "thumbs_down"}
    s q3: {"signal": "thumbs_down"}
    s q3: {"signal": "copy"}
    s q1: {"signal": "thumbs_up"}
    s q3: {"signal": "thumbs_up"}
  $$),
  '{"stored": 5, "unchanged": 2, "errors": []}', 'many about one answer: each is held against the one before it');
select is(pg_temp.history_of('q3'), 'thumbs_up (over), thumbs_down (over), copy, thumbs_up', 'the later one counts');
select is(pg_temp.state_of('q3'), 'waits 12 8', 'for the answer it is one change');
select is(pg_temp.state_of('q4'), 'waits 12 8', 'and one for each other');
select is(tests.collect('ann', $$
    s q1: {"signal": "thumbs_up"}
    s q1: {"signal": "thumbs_down"}
    s q1: {"signal": "thumbs_up"}
  $$), '{"stored": 2, "unchanged": 1, "errors": []}', 'there and back from what is there');
select is(tests.collect('ann', $$
    s q7: {"signal": "thumbs_up"}
    s q7: {"signal": "copy"}
    s q8: {"signal": "copy"}
    s q7: {"signal": "thumbs_up"}
  $$), '{"stored": 3, "unchanged": 1, "errors": []}', 'the one before it is the one of its kind and answer');
select is(pg_temp.history_of('q1'),
  'thumbs_up (over), thumbs_down (over), thumbs_up (over), thumbs_down (over), thumbs_up', 'is in the history');
select is((select tests.collect('ann', string_agg(format('s q%s: {"signal": "dwell_time", "value": %s}', n % 9 + 1, n), E'\n'))
           from generate_series(1, 100) n), '{"stored": 100, "unchanged": 0, "errors": []}', 'a hundred');
select is((select count(*)::int from pawl.response_feedback where kind = 'dwell_time' and superseded_at is null), 9,
  'leave one of a kind for each answer');
select is(pg_temp.now_on('q2'), 'rating 0.6 why {"a": 1, "b": 2}, copy, dwell_time 100', 'the last');

-- By a backend, and by others than people
select is(tests.collect('service', $$
    bobs q: {"signal": "thumbs_up"}
    bobs q: {"signal": "rating", "value": 1}
    bobs q: {"signal": "rating", "value": 0.2, "source": "llm-judge"}
    bobs q: {"signal": "rating", "value": 0.3, "source": "automated"}
  $$, format(', p_user_id => %L', tests.id('bob'))),
  '{"stored": 4, "unchanged": 0, "errors": []}', 'the secret key speaks for a person, for a judge and for a program');
select is(tests.collect('service', $$
    bobs q: {"signal": "rating", "value": 1}
    bobs q: {"signal": "rating", "value": 0.2, "source": "llm-judge"}
  $$, format(', p_user_id => %L', tests.id('bob'))) -> 'unchanged', '2', 'each has one of its own');
select is(pg_temp.now_on('q', 'bobs'), 'thumbs_up, rating 1, rating 0.2 llm-judge, rating 0.3 automated',
  'none takes another''s place');
select is((select count(*)::int from pawl.response_feedback where user_id = tests.id('bob')), 4, 'all of them the person''s');

-- As often as anybody needs, and not without end
select is(
  (select tests.collect('ann', string_agg(format('s q5: {"signal": "rating", "value": 0.%s}', 100 + n), E'\n'))
   from generate_series(1, 80) n) - 'errors', '{"stored": 80, "unchanged": 0}', 'eighty changes of one answer');
select is(
  (select tests.collect('ann', string_agg(case n when 5 then 's q6: {"signal": "copy"}'
     else format('s q5: {"signal": "rating", "value": 0.%s}', 200 + n) end, E'\n' order by n))
   from generate_series(1, 12) n),
  '{"stored": 10, "unchanged": 0, "errors": [
    {"index": 10, "code": "too_many_changes"}, {"index": 11, "code": "too_many_changes"}]}',
  'a hundred are enough, of that answer');
select is(pg_temp.now_on('q5'), 'dwell_time 94, rating 0.21', 'what was last before that stands');

-- Should the owner expose the schema: what belongs to a deleted conversation its person reads alone
select tests.make_member('amy', 'acme', 'admin');
create function pg_temp.read_by(p_who text) returns text
language sql
as $$
  select tests.call(p_who, 'select to_jsonb(concat_ws('' '', (select count(*) from pawl.response_feedback where user_id = '
    || quote_literal(tests.id('bob')) || '), (select count(*) from pawl.exchanges where user_id = '
    || quote_literal(tests.id('bob')) || ')))') #>> '{}'
$$;
do $$ begin perform tests.collect('bob', 'bobs q: {"signal": "copy", "comment": "my secret"}'); end $$;
select is(pg_temp.read_by('amy'), '5 1', 'an admin reads what people said of answers');
update pawl.sessions set deleted_at = now() where id = tests.id('bobs');
select is(pg_temp.read_by('amy'), '0 0', 'until they delete the conversation');
select is(pg_temp.read_by('bob'), '5 0', 'what they said stays theirs');

select * from finish();
rollback;
