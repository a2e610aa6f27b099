-- Earlier questions are answered by both versions, compared, and counted once each.
begin;
select plan(55);

select tests.make_assistant('acme/default'), tests.make_member('ann', 'acme');
update pawl.loop_settings set screening_pairs = 20, proof_pairs = 300, history_token_budget = 500, test_tokens_per_day = 1e9,
  test_usd_per_day = 1e6;
create temp table test as select tests.open_test('acme/default') as id;
create function pg_temp.next(p_limit integer default 10) returns jsonb
language sql as $$ select tests.prove('next_pairs', (select id from test), ', ' || p_limit) $$;
create function pg_temp.record(p_pairs jsonb) returns jsonb
language sql as $$ select tests.prove('record_pairs', (select id from test), format(', %L', p_pairs)) $$;
create function pg_temp.said(p_pair jsonb, p_first integer, p_second integer, p_more jsonb default '{}') returns jsonb
language sql
as $$
  select jsonb_build_object('pair_id', p_pair -> 'pair_id', 'baseline_answer', 'of the old one', 'candidate_answer', 'of the new one',
    'first_order', p_first, 'second_order', p_second, 'question_type', 'how_to') || p_more
$$;
-- The places of the pairs that were handed out, and how many of the stage are not judged.
create function pg_temp.numbers(p_answer jsonb) returns jsonb
language sql
as $$
  select jsonb_agg(d.number order by o.n) from jsonb_array_elements(p_answer -> 'pairs') with ordinality o (pair, n)
  join pawl.replay_pairs d on d.id = (o.pair ->> 'pair_id')::uuid
$$;
create function pg_temp.open() returns integer
language sql
as $$
  select (pawl.pairs_wanted(t) - (select count(*) from pawl.replay_pairs p
    where p.test_id = t.id and p.stage = t.state and p.state in ('judged', 'void')))::integer from pawl.prompt_tests t
$$;
create function pg_temp.drawn() returns text[]
language sql
as $$
  select array_agg(m.content order by p.number) from pawl.replay_pairs p
  join pawl.turns t on t.id = p.turn_id join pawl.messages m on m.id = t.user_message_id
  where p.stage = (select state from pawl.prompt_tests)
$$;

-- Too few
select is(pg_temp.next(), '{"outcome": "ok", "pairs": [], "blocked": "insufficient_data"}', 'without questions there are no pairs');
select is((select held from pawl.prompt_tests), 'insufficient_data', 'which the test says');
select tests.make_questions('acme/default', 600, 'old', p_age => '29 days'),
       tests.make_questions('acme/default', 30, 'ancient', p_age => '31 days'),
       tests.make_questions('acme/default', 19, 'gone');
update pawl.sessions set deleted_at = now() where id in (
  select tests.id('acme/default gone ' || n || ' session') from generate_series(1, 19) n);
delete from pawl.exchanges where message_id in (
  select tests.id('acme/default old ' || n || ' answer') from generate_series(20, 600) n);
select is(pg_temp.next() ->> 'blocked', 'insufficient_data',
  'nineteen are not twenty: deleted ones and those of long ago do not count');
insert into pawl.exchanges (message_id, organization_id, assistant_id, session_id, user_id, prompt_id, prompt_version, model,
  answered_at)
select t.answer_message_id, t.organization_id, tests.id('acme/default'), t.session_id, t.user_id, t.prompt_id, 1, 'a-model', t.created_at
from pawl.turns t where t.answer_message_id in (
  select tests.id('acme/default old ' || n || ' answer') from generate_series(20, 600) n);
-- The newest, and what its writer was shown
select tests.make_questions('acme/default', 495, 'new', p_age => '2 days'), tests.make_questions('acme/default', 5, 'shown');
insert into pawl.message_evaluations (message_id, reflection_log_id, prompt_id, overall)
  select tests.id('acme/default shown ' || n || ' answer'), r.id, tests.id('acme/default v1'), 2
  from generate_series(1, 5) n, (select tests.make_reflection('acme/default') as id) r;
update pawl.system_prompts set reflection_log_id = (select id from pawl.reflection_logs) where version = 2;

-- Screening
create temp table page as select pg_temp.next(7) as answer;
select is(answer - 'pairs', '{"outcome": "ok", "blocked": null}', 'then there are') from page;
select is((select held from pawl.prompt_tests), null, 'and nothing holds it up');
select is(pg_temp.numbers(answer), '[1, 2, 3, 4, 5, 6, 7]', 'as many as are asked for') from page;
select is((select array_agg(distinct k order by k) from jsonb_array_elements(answer -> 'pairs') p, jsonb_object_keys(p) k),
  '{baseline_answer,candidate_answer,candidate_first,history,message,pair_id}', 'each with what it takes') from page;
select is((select count(*)::int from jsonb_array_elements(answer -> 'pairs') p
  where p -> 'baseline_answer' <> 'null' or p -> 'candidate_answer' <> 'null' or p -> 'history' <> '[]'), 0, 'and no answers yet') from page;
select pg_temp.next(50);
select is((select count(*)::int from pawl.replay_pairs), 20, 'as many are drawn as it screens by');
select is((select count(distinct turn_id)::int from pawl.replay_pairs), 20, 'each question once');
select is((select count(*)::int from unnest(pg_temp.drawn()) m where m not like 'To new %' and m not like 'To old %'), 0, 'none that was deleted, or shown to its writer, or is too old');
select is((select count(*)::int from unnest(pg_temp.drawn()) m where m in (
  select 'To old ' || n from generate_series(1, 600) n where n not between 15 and 19)), 0, 'all among the newest five hundred');
select cmp_ok((select count(*)::int from pawl.replay_pairs where candidate_first), '<', 20, 'a coin says who is shown first');
select cmp_ok((select count(*)::int from pawl.replay_pairs where candidate_first), '>', 0, 'both ways');
select isnt(pg_temp.drawn(), (select array_agg(m order by m) from unnest(pg_temp.drawn()) m), 'in no order');

-- History
select tests.make_session('talk', 'ann', 'acme/default');
select tests.make_exchange('talk', 'before', '3 hours'), tests.make_exchange('talk', 'then', '2 hours'), tests.make_exchange('talk', 'after', '1 hour');
update pawl.replay_pairs set turn_id = tests.id('talk then') where number = 1;
select is(p -> 'history', '[{"user_message": "before", "answer": "Answer to before"}]', 'what came before a question stands beside it')
  from jsonb_array_elements(pg_temp.next(1) -> 'pairs') p;

-- Recorded
create temp table pairs as select d.number, p as pair from jsonb_array_elements(pg_temp.next(50) -> 'pairs') p
  join pawl.replay_pairs d on d.id = (p ->> 'pair_id')::uuid;
create function pg_temp.pair(p_number integer) returns jsonb
language sql as $$ select pair from pairs where number = p_number $$;
create function pg_temp.observed() returns jsonb
language sql as $$ select jsonb_agg(data order by seq) from pawl.proof_observations $$;
select is(pg_temp.record(jsonb_build_array(pg_temp.said(pg_temp.pair(3), null, null))), '{"outcome": "ok"}', 'answers alone are kept');
select results_eq($$select state, baseline_answer, candidate_answer, heard_at from pawl.replay_pairs where number = 3$$,
  $$values ('answered', 'of the old one', 'of the new one', now())$$, 'until they are compared');
select is(pg_temp.next(1) #> '{pairs,0}', (select pair from pairs where number = 3)
  || '{"baseline_answer": "of the old one", "candidate_answer": "of the new one"}', 'they come first');
select is(pg_temp.record(jsonb_build_array(pg_temp.said(pg_temp.pair(3), 1, 1, '{"baseline_answer": null, "candidate_answer": null}'))),
  '{"outcome": "ok"}', 'verdicts alone settle them');
select is(pg_temp.observed(), '[{"d": 1, "first": 1, "second": 1, "longer": 0, "question_type": "how_to"}]', 'as one observation');
select results_eq($$select state, baseline_answer, candidate_answer from pawl.replay_pairs where number = 3$$,
  $$values ('judged', null::text, null::text)$$, 'and the texts go');
select pg_temp.record(jsonb_build_array(pg_temp.said(pg_temp.pair(3), -1, -1)));
select is(jsonb_array_length(pg_temp.observed()), 1, 'a pair counts once');
select pg_temp.record(jsonb_build_array(
  pg_temp.said(pg_temp.pair(6), -1, -1), pg_temp.said(pg_temp.pair(5), -1, 1), pg_temp.said(pg_temp.pair(4), 1, 0),
  pg_temp.said(pg_temp.pair(8), 0, 0, '{"candidate_answer": "longer by a half than", "question_type": "What Ann asked"}'),
  pg_temp.said(pg_temp.pair(7), 0, 0, '{"baseline_answer": "longer by a half than"}'),
  pg_temp.said(pg_temp.pair(9), 0, 0, '{"candidate_answer": "of the new ones", "question_type": null}')));
select is(pg_temp.observed() - 0, '[
  {"d": 0, "first": 1, "second": 0, "longer": 0, "question_type": "how_to"},
  {"d": 0, "first": -1, "second": 1, "longer": 0, "question_type": "how_to"},
  {"d": -1, "first": -1, "second": -1, "longer": 0, "question_type": "how_to"},
  {"d": 0, "first": 0, "second": 0, "longer": -1, "question_type": "how_to"},
  {"d": 0, "first": 0, "second": 0, "longer": 1, "question_type": "other"},
  {"d": 0, "first": 0, "second": 0, "longer": 0, "question_type": "other"}]',
  'in the order of the pairs; orders that disagree are a tie, a tenth more is no longer, and nobody''s words are kept');
select pg_temp.record(jsonb_build_array(pg_temp.said(pg_temp.pair(10), 1, 1, '{"baseline_answer": null}')));
select is(jsonb_array_length(pg_temp.observed()), 7, 'verdicts on no answers are none');
select is(pg_temp.open(), 13, 'the others are left');
select is(jsonb_array_length(pg_temp.next(50) -> 'pairs'), 13, 'and handed out');

-- Gone
select pg_temp.record(jsonb_build_array(pg_temp.said(pg_temp.pair(11), null, null), pg_temp.said(pg_temp.pair(12), null, null)));
update pawl.sessions set deleted_at = now() where id = (select t.session_id from pawl.replay_pairs p join pawl.turns t on t.id = p.turn_id where number = 11);
delete from pawl.sessions where id in (select t.session_id from pawl.replay_pairs p join pawl.turns t on t.id = p.turn_id where number in (12, 13));
select results_eq($$select number, state, baseline_answer, candidate_answer from pawl.replay_pairs where number in (12, 13) order by 1$$,
  $$values (12, 'drawn', null::text, null::text), (13, 'drawn', null, null)$$, 'the answers go with the question');
select pg_temp.record(jsonb_build_array(pg_temp.said(pg_temp.pair(13), null, null)));
select results_eq($$select state, baseline_answer from pawl.replay_pairs where number = 13$$, $$values ('drawn', null::text)$$, 'and come no more');
do $$ begin perform pg_temp.next(50); end $$;
select is(pg_temp.open(), 10, 'three are left out');
select results_eq($$select number, state, baseline_answer, candidate_answer from pawl.replay_pairs where number between 11 and 13 order by 1$$,
  $$values (11, 'void', null::text, null::text), (12, 'void', null, null), (13, 'void', null, null)$$, 'for good, with their texts');
select is(pg_temp.observed() -> 9, '{"d": 0, "first": 0, "second": 0, "longer": 0, "question_type": "other"}', 'and say nothing');
select is(jsonb_array_length(pg_temp.observed()), 10, 'each once');
select pg_temp.record((select jsonb_agg(pg_temp.said(pair, 1, 1)) from pairs));
select is(pg_temp.next(50), '{"outcome": "ok", "pairs": [], "blocked": null}', 'until none is left');
select is(jsonb_array_length(pg_temp.observed()), 20, 'and every pair is one observation');

-- Proof
create temp table screened as select screening_pool as pool from pawl.prompt_tests;
select is(tests.begin_proof(id, 'replay') ->> 'outcome', 'ok', 'the proof begins') from test;
select is(pg_temp.next(50) - 'pairs', '{"outcome": "ok", "blocked": null}', 'with pairs of its own');
select is((select count(*)::int from pawl.prompt_tests t, screened s where t.proof_pool && s.pool), 0, 'of other questions');
select is((select cardinality(proof_pool) from pawl.prompt_tests), 300, 'as many as it may take');
select is((select count(*)::int from pawl.prompt_tests t, unnest(proof_pool) turn where turn in (
  select tests.id('acme/default shown ' || n) from generate_series(1, 5) n)), 0, 'but what its writer was shown');
do $$ begin
  for i in 1 .. 6 loop
    perform pg_temp.record((select jsonb_agg(pg_temp.said(p, 1, 1)) from jsonb_array_elements(pg_temp.next(50) -> 'pairs') p));
  end loop;
end $$;
select is((select count(*)::int from pawl.replay_pairs where stage = 'proving' and state = 'judged'), 300, 'as many as its horizon');
select is((select count(*)::int from pawl.replay_pairs where stage = 'proving' and (asked_at, heard_at) = (now(), now())), 300, 'each heard of');
select is((select count(distinct turn_id)::int from pawl.replay_pairs where stage = 'proving'), 300, 'each question once');
select isnt(pg_temp.drawn(), (select array_agg(m order by m) from unnest(pg_temp.drawn()) m), 'in no order');
select is(pg_temp.next(50), '{"outcome": "ok", "pairs": [], "blocked": null}', 'and no more');
select is((select count(*)::int from pawl.proof_observations where stage = 'proving'), 300, 'each one observation');
select is((select count(*)::int from pawl.proof_observations where stage = 'screening'), 20, 'apart from those of the screening');

-- A pool in which a conversation was deleted
select tests.make_assistant('acme/small');
update pawl.loop_settings set screening_pairs = 20, test_usd_per_day = 1000;
select tests.make_questions('acme/small', 119);
update test set id = tests.open_test('acme/small');
select pg_temp.next(1);
select is(cardinality(screening_pool), 20, 'twenty are fixed') from pawl.prompt_tests, test where prompt_tests.id = test.id;
delete from pawl.sessions where id in (
  select t.session_id from pawl.turns t, pawl.prompt_tests x, test where x.id = test.id and t.id = any (x.screening_pool[2:3]));
update pawl.replay_pairs set asked_at = now() - interval '1 day' where test_id = (select id from test);
select is(pg_temp.numbers(pg_temp.next(4)), '[1, 4, 5, 6]',
  'what went before it was drawn is passed over');
select results_eq($$select number, now() - asked_at, heard_at from pawl.replay_pairs p, test where p.test_id = test.id order by 1$$,
  $$values (1, interval '1 day', null::timestamptz), (2, null, null), (3, null, null), (4, '0', null), (5, '0', null), (6, '0', null)$$, 'when each was first asked is kept');
select results_eq($$select number, state, turn_id from pawl.replay_pairs p, test where p.test_id = test.id and number in (2, 3) order by 1$$,
  $$values (2, 'void', null::uuid), (3, 'void', null)$$, 'and counts as a tie');
select tests.begin_proof(id, 'replay') from test;
select is(pg_temp.next(1), '{"outcome": "ok", "pairs": [], "blocked": "insufficient_data"}', 'a proof needs a hundred more');
select tests.make_questions('acme/small', 3, 'more');
select is(pg_temp.next(1) - 'pairs', '{"outcome": "ok", "blocked": null}', 'and goes on when they are there, with as many as there are');
select is(tests.prove('proof_look', id) #> '{case,horizon}', '102', 'which is where it ends') from test;

-- A canary has none
select tests.make_assistant('acme/canary');
update test set id = tests.open_test('acme/canary');
select tests.begin_proof(id, 'canary') from test;
select is(pg_temp.next(1), '{"outcome": "ok", "pairs": [], "blocked": null}', 'a canary has no pairs');

select * from finish();
rollback;
