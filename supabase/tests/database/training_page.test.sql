-- Answers with feedback wait to be collected, and are handed out page by page, the oldest first, with all that is known of
-- them.
begin;
select plan(34);

select tests.make_assistant('acme/default'), tests.make_assistant('acme/other');
create function pg_temp.page(p_arguments text default '') returns text
language sql
as $$
  select string_agg(e ->> 'answer', ' ' order by n)
  from jsonb_array_elements(tests.train('training_page', p_arguments) -> 'page') with ordinality x (e, n)
$$;

-- Whose it is
select tests.answered('a1', 'ann', p_age => '3 days'), tests.answered('a2', 'bob', p_age => '2 days'),
       tests.answered('young', 'ann', p_age => '23 hours 59 minutes'), tests.answered('silent', 'ann', p_age => '4 days'),
       tests.answered('foreign', 'ann', 'acme/other', '9 days');
do $$ begin perform tests.react(n, 'thumbs_up') from unnest('{a1,a2,young,foreign}'::text[]) n; end $$;
select is(tests.train('training_page'), '{"outcome": "lease_lost"}', 'without a lease there is no page');
select is(tests.call('service', format('select public.pawl_claim_training(%L, %L, %L)', tests.id('w'), tests.id('acme'),
  'default')) #> '{claim,task,train}', '{"slug": "default", "version": null}', 'a claim says what there is');
select is(tests.call('service', format('select public.pawl_claim_training(%L, %L, %L)', tests.id('x'), tests.id('acme'),
  'default')) #>> '{skipped,0,reason}', 'in_progress', 'one at a time');
select is(tests.train('training_page', p_holder => 'x') ->> 'outcome', 'lease_lost', 'another''s is none');
select is(tests.train('training_page', p_about => 'acme/other') ->> 'outcome', 'lease_lost', 'nor another assistant''s');
select is(tests.train('release_training') ->> 'outcome', 'ok', 'it is given back');
select is(tests.train('release_training') ->> 'outcome', 'lease_lost', 'once');
select tests.hold_training();

-- Which
select is(pg_temp.page(), 'a1 a2', 'what has feedback and is older than a day, the oldest first');
update pawl.loop_settings set feedback_maturity_hours = 0 where assistant_id = tests.id('acme/default');
select is(pg_temp.page(), 'a1 a2 young', 'or as old as is set');
select is(pg_temp.page(', ''[]'', 2'), 'a1 a2', 'as many as are asked for');
select is(pg_temp.page(', ''[]'', 0'), null, 'or none');
update pawl.sessions set deleted_at = now() where id = tests.id('a2 session');
select is(pg_temp.page(), 'a1 young', 'none of a conversation that was deleted');
select is((select collected_revision from pawl.exchanges where message_id = tests.id('a2')), 1, 'which waits no more');

-- On and on
select is(tests.collect_all(jsonb_build_array(tests.collected('young'))), 1, 'one is collected');
select is(pg_temp.page(), 'a1', 'and the others are left');
do $$ begin perform tests.react('young', 'copy'); end $$;
select is(pg_temp.page(), 'a1 young', 'until somebody says something else');
select is(pg_temp.page(format(', %L, 9', jsonb_build_array(tests.collected('a1', p_more => '{"revision": 9}')))), 'young',
  'a page goes on after the last, though that did not count');
select is(pg_temp.page(format(', %L, 9', jsonb_build_array(tests.collected('a1', null)))), 'young', 'and though it did');
select is(pg_temp.page(format(', %L, 9', jsonb_build_array(tests.collected('young', p_more => '{"revision": 1}')))), 'young',
  'and begins again where that was the end');
select is(pg_temp.page(format(', %L, 9', jsonb_build_array(tests.collected('young')))), null, 'until nothing waits');

-- What stands in it
do $$ begin perform tests.react('a1', 'thumbs_up'); end $$;
select is(tests.train('training_page') #> '{page,0}', jsonb_build_object('message_id', tests.id('a1'), 'revision', 2,
  'message', 'To a1', 'history', '[]'::jsonb, 'answer', 'a1', 'model', 'a-model', 'question_type', null, 'other', null,
  'reactions', '{"thumb": "up", "copied": false, "followed_up": false, "dwell_seconds": null, "rating": null,
    "answer_characters": 300}'::jsonb), 'a thumb');
do $$ begin perform tests.react('a1', 'thumbs_down'), tests.react('a1', 'copy'), tests.react('a1', 'dwell_time', 61.5),
  tests.react('a1', 'follow_up', p_source => 'automated'), tests.react('a1', 'rating', 0.25),
  tests.react('a1', 'rating', 0.9, 'llm-judge'); end $$;
select is(tests.train('training_page') #> '{page,0,reactions}', '{"thumb": "down", "copied": true, "followed_up": true,
  "dwell_seconds": 61.5, "rating": 0.25, "answer_characters": 300}', 'all there is, of a rating the person''s own');
select is(tests.train('training_page') #> '{page,0,other}', '{"source": "llm-judge", "value": 0.9}', 'a judge''s beside it');
do $$ begin perform tests.react('a1', 'rating', 0.5, 'automated'); end $$;
select is(tests.train('training_page') #> '{page,0,other}', '{"source": "automated", "value": 0.5}',
  'what was measured before what a judge thinks');
update pawl.response_feedback set superseded_at = now() where source = 'automated' and signal = 'rating';
insert into pawl.users (id) values (tests.id('eve')) on conflict do nothing;
update pawl.response_feedback set user_id = tests.id('eve') where source = 'llm-judge';
select is(tests.train('training_page') #> '{page,0,other}', 'null', 'not what stands no more, nor what is another person''s');

-- What was said before: six exchanges, none that failed, none that came later
select tests.make_session('long', 'ann', 'acme/default');
select tests.make_turn('long', 'q' || n, 'r' || n) from generate_series(1, 8) n;
select tests.make_turn('long', 'failed', null, 'failed'), tests.make_exchange('long', 'last', '2 days'),
       tests.make_turn('long', 'later', 'r');
update pawl.exchanges set revision = 1 where message_id = tests.answer('long last');
create function pg_temp.history() returns text
language sql
as $$
  select string_agg(concat_ws('/', h ->> 'user_message', h ->> 'answer'), ' ' order by n)
  from jsonb_array_elements(tests.train('training_page') -> 'page') e,
       jsonb_array_elements(e -> 'history') with ordinality x (h, n)
  where e ->> 'message' = 'last'
$$;
select is(pg_temp.history(), 'q3/r3 q4/r4 q5/r5 q6/r6 q7/r7 q8/r8', 'the six before it, the oldest first');
update pawl.messages set content = repeat('x', 65530) where id = tests.answer('long q7');
select is(pg_temp.history(), 'q7/' || repeat('x', 65530) || ' q8/r8', 'as many of them as come to 64 KiB');
update pawl.messages set content = repeat('x', 65531) where id = tests.answer('long q7');
select is(pg_temp.history(), 'q8/r8', 'and none after one that is longer');

-- A page holds 4 MiB, and one answer at least.
update pawl.messages set content = repeat('x', 5000000) where id in (tests.id('a1'), tests.answer('long last'));
select is(jsonb_array_length(tests.train('training_page') -> 'page'), 1, 'a long one is a page of its own');
select is(jsonb_array_length(tests.train('training_page', format(', %L', jsonb_build_array(tests.collected('a1')))) -> 'page'), 1,
  'and so is the next');
update pawl.messages set content = 'a1' where id = tests.id('a1');
update pawl.exchanges set collected_revision = null where message_id = tests.id('a1');
select is(pg_temp.page(), 'a1', 'what comes before it is not held up');

-- The same questions at the same cost, however many were asked before
select tests.make_questions('acme/other', 400, p_age => '2 days');
update pawl.exchanges set revision = 1 where assistant_id = tests.id('acme/other');
select tests.hold_training('w', 'acme/other');
select is(jsonb_array_length(tests.train('training_page', ', ''[]'', 1000', 'acme/other') -> 'page'), 401, 'all of them at once');
update pawl.exchanges set collected_revision = revision where assistant_id = tests.id('acme/other');
select ok(tests.rows_read('service', format('select public.pawl_training_page(%L, %L)', tests.id('w'), tests.id('acme/other'))) < 20,
  'what was collected is not read again');
select is(tests.train('training_page', ', null, null', 'acme/other') -> 'page', '[]', 'nothing given is nothing to store');

select * from finish();
rollback;
