-- Feedback that is not taken: whose answer it is about, who says it, and what makes no sense. Each entry is for itself.
begin;
select plan(71);

select tests.make_assistant('acme/default'), tests.make_member('ann', 'acme'), tests.make_member('bob', 'acme'),
       tests.make_member('amy', 'acme', 'admin');
select tests.make_session('s', 'ann', 'acme/default'), tests.make_session('gone', 'ann', 'acme/default'),
       tests.make_session('bobs', 'bob', 'acme/default');
select tests.make_exchange(session, 'q') from unnest('{s,gone,bobs}'::text[]) session;
select tests.make_exchange('s', 'q2'), tests.make_turn('s', 'unknown', 'An answer of which no exchange is known');
update pawl.sessions set deleted_at = now() where id = tests.id('gone');

-- Whose
select is(tests.refusal(who, sql), outcome, who || ': ' || why)
from (values
  ('anon', tests.collect_sql('s q: {"signal": "copy"}'), 'permission denied', 'without a sign-in'),
  ('nobody', tests.collect_sql('s q: {"signal": "copy"}'), 'unauthorized', 'a token that names no person'),
  ('service', tests.collect_sql('s q: {"signal": "copy"}'), 'user_required', 'the secret key names a person'),
  ('ann', tests.collect_sql('s q: {"signal": "copy"}', format(', p_user_id => %L', tests.id('ann'))),
   'user_not_allowed', 'a person does not'),
  ('amy', tests.collect_sql('s q: {"signal": "copy"}', format(', p_user_id => %L', tests.id('ann'))),
   'user_not_allowed', 'an admin neither')) v (who, sql, outcome, why);
select is(
  tests.collect(who, about || ': {"signal": "copy"}', options),
  '{"stored": 0, "unchanged": 0, "errors": [{"index": 0, "code": "message_not_found"}]}', who || ': ' || about)
from (values
  ('bob', 's q', ''), ('amy', 's q', ''), ('stranger', 's q', ''),
  ('ann', 'gone q', ''), ('ann', 'bobs q', ''), ('ann', 'nothing', ''), ('ann', 's unknown', ''),
  ('service', 's q', format(', p_user_id => %L', tests.id('bob'))),
  ('service', 's q', format(', p_user_id => %L', tests.id('stranger')))) v (who, about, options);
select is(tests.call('ann', format('select public.pawl_collect_feedback(%L)', jsonb_build_array(jsonb_build_object(
    'signal', 'copy', 'message_id', t.user_message_id)))) #>> '{errors,0,code}', 'message_not_found', 'a question')
  from pawl.turns t where t.id = tests.id('s q');
select is((select count(*)::int from pawl.response_feedback), 0, 'nothing of it is stored');
select is((select count(*)::int from pawl.exchanges where revision > 0), 0, 'and nothing happened to an answer');

-- Who says it
select is(tests.collect('ann', format('s q: {"signal": "rating", "value": 1, "source": "%s"}', source)) #>> '{errors,0,code}',
  code, 'a person speaks as ' || source)
from (values ('user', null), ('automated', 'source_not_allowed'), ('llm-judge', 'source_not_allowed'),
             ('admin', 'invalid_entry'), ('', 'invalid_entry')) v (source, code);
select is(
  tests.collect('service', format('s q: {"signal": "%s", "source": "%s"}', signal, source),
    format(', p_user_id => %L', tests.id('ann'))) #>> '{errors,0,code}', 'invalid_entry', source || ' gives a ' || signal)
from (values ('thumbs_up', 'automated'), ('follow_up', 'automated'), ('copy', 'llm-judge')) v (signal, source);

-- What makes no sense
select is(tests.collect('ann', 's q2: ' || said) -> 'errors', '[{"index": 0, "code": "invalid_entry"}]', left(said, 60))
from unnest(array[
  '{}', '{"signal": null}', '{"signal": 1}', '{"signal": "thumbs"}', '{"signal": "THUMBS_UP"}', '{"signal": ["copy"]}',
  '{"signal": "copy", "message_id": null}', '{"signal": "copy", "message_id": "x"}', '{"signal": "copy", "message_id": 7}',
  '{"signal": "copy", "message_id": "00000000-0000-0000-0000-00000000000"}',
  '{"signal": "copy", "value": 1}', '{"signal": "thumbs_up", "value": 0}', '{"signal": "follow_up", "value": "x"}',
  '{"signal": "rating"}', '{"signal": "rating", "value": null}', '{"signal": "rating", "value": "0.5"}',
  '{"signal": "rating", "value": -0.01}', '{"signal": "rating", "value": 1.01}', '{"signal": "rating", "value": true}',
  '{"signal": "dwell_time"}', '{"signal": "dwell_time", "value": -1}', '{"signal": "dwell_time", "value": 1e400}',
  '{"signal": "copy", "comment": 1}', '{"signal": "copy", "comment": ["x"]}', '{"signal": "copy", "metadata": "x"}',
  '{"signal": "copy", "metadata": []}', '{"signal": "copy", "source": 1}',
  format('{"signal": "copy", "comment": "%s"}', repeat('x', 2001)),
  format('{"signal": "copy", "metadata": {"x": "%s"}}', repeat('x', 8192))]) said;
select is(tests.call('ann', format('select public.pawl_collect_feedback(%L)', entries)) -> 'errors',
  '[{"index": 0, "code": "invalid_entry"}]', entries)
from unnest(array['[null]', '["x"]', '[[]]', '[7]']) entries;
select is(tests.refusal('ann', format('select public.pawl_collect_feedback(%L)', entries)), 'entries_invalid', why)
from (values (null, 'nothing'), ('null', 'null'), ('{}', 'no array'), ('"x"', 'a text'), ('[]', 'no entry'),
  ((select jsonb_agg('{}'::jsonb) from generate_series(1, 101))::text, 'over a hundred')) v (entries, why);
select is((select count(*)::int from pawl.response_feedback where message_id = tests.answer('s q2')), 0,
  'nothing of it is stored');

-- What may just be
select is(tests.collect('ann', 's q2: ' || said) -> 'stored', '1', left(said, 60))
from unnest(array[
  '{"signal": "rating", "value": 0}', '{"signal": "rating", "value": 1, "source": null}',
  '{"signal": "dwell_time", "value": 0, "comment": null, "metadata": null}',
  format('{"signal": "copy", "comment": "%s"}', repeat('é', 2000))]) said;

-- Bad ones by their index, good ones stored
select is(
  tests.collect('ann', $$
    s q: {"signal": "thumbs_up"}
    bobs q: {"signal": "thumbs_up"}
    s q: {"signal": "rating", "value": 9, "index": 70}
    gone q: {"signal": "copy", "index": 3}
    s q: {"signal": "rating", "value": 0, "source": "automated", "index": "x"}
    s q: {"signal": "copy"}
  $$),
  '{"stored": 2, "unchanged": 0, "errors": [{"index": 1, "code": "message_not_found"},
    {"index": 70, "code": "invalid_entry"}, {"index": 3, "code": "message_not_found"},
    {"index": 4, "code": "source_not_allowed"}]}', 'each by its index, or its place');
select is((select string_agg(signal, ' ' order by seq) from pawl.response_feedback
           where message_id = tests.answer('s q')), 'rating thumbs_up copy', 'the good ones are stored');

select * from finish();
rollback;
