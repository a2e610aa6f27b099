-- What there is to train on: rows that people validated, that are good enough, that nothing contradicts, and that no test
-- compares versions by.
begin;
select plan(33);

select tests.make_assistant('acme/default'), tests.make_assistant('acme/other'), tests.hold_training(),
       tests.hold_training('w', 'acme/other');
create function pg_temp.stock(p_quality double precision default 0.7) returns jsonb
language sql
as $$ select tests.train('training_stock', format(', %s', p_quality)) $$;
create function pg_temp.teach(p_quality double precision default 0.7) returns text
language sql
as $$
  select string_agg(t.output ->> 'content', ' ' order by t.output ->> 'content') from pawl.teaching_data t
  where t.assistant_id = tests.id('acme/default') and t.feedback_score >= p_quality
$$;
select is(tests.train('training_stock', ', 0.7', p_holder => 'x') ->> 'outcome', 'lease_lost', 'for the holder of the lease');
select is(pg_temp.stock() - 'as_of', '{"outcome": "ok", "types": [], "total": 0, "validated": 0, "last_version_at": null,
  "drift": null, "unfinished": false}', 'nothing at first');

-- Good enough, and a person said so
select tests.taught('good', 'ann', 0.7), tests.taught('bad', 'ann', 0.69999),
       tests.taught('judged', 'ann', 1, null, '{"validated": false, "source": "llm-judge"}'),
       tests.taught('elsewhere', 'ann', 1, null, '{}', 'acme/other');
select is(pg_temp.teach(), 'good', 'what a person found good enough');
select is(pg_temp.teach(0.5), 'bad good', 'or worse, where that is enough');
select tests.answered('untyped', 'ann'), tests.react('untyped', 'thumbs_up');
do $$ begin perform tests.collect_all(jsonb_build_array(tests.collected('untyped'))); end $$;
select is(pg_temp.stock() -> 'types', '[{"question_type": "how_to", "count": 1}, {"question_type": "other", "count": 1}]',
  'by the kind of question; what is of none is other');
select is(pg_temp.stock() -> 'total', '2', 'in all');
select is(pg_temp.stock() -> 'validated', '3', 'of those that people said something of');
delete from pawl.training_data;

-- Contradictions: other answers to the same question
create function pg_temp.asked(p_name text, p_question text, p_score double precision, p_content text default null)
returns void
language sql
as $$
  select tests.taught(p_name, 'ann', p_score, p_content, jsonb_build_object('input_hash', encode(sha256(p_question::bytea), 'hex')))
$$;
select pg_temp.asked('q1 best', 'q1', 0.9), pg_temp.asked('q1 good', 'q1', 0.8), pg_temp.asked('q1 bad', 'q1', 0.1);
select is(pg_temp.teach(), 'q1 best', 'of several answers the best teaches');
select pg_temp.asked('q2 one', 'q2', 0.9), pg_temp.asked('q2 two', 'q2', 0.9);
select is(pg_temp.teach(), 'q1 best', 'of equals none does: nobody knows which is right');
select pg_temp.asked('q2 again', 'q2', 0.9, 'q2 one');
select is(pg_temp.teach(), 'q1 best q2 one', 'unless more people had it');
select pg_temp.asked('q3 one', 'q3', 0.8);
select is(pg_temp.teach(), 'q1 best q2 one q3 one', 'one answer alone contradicts nothing');
select tests.taught('q3 judged', 'ann', 1, null, jsonb_build_object('validated', false, 'source', 'llm-judge',
  'input_hash', encode(sha256('q3'), 'hex')));
select is(pg_temp.teach(), 'q1 best q2 one q3 one', 'nor does what no person said anything of');
select tests.taught('q3 elsewhere', 'ann', 1, null, jsonb_build_object('input_hash', encode(sha256('q3'), 'hex')), 'acme/other');
select is(pg_temp.teach(), 'q1 best q2 one q3 one', 'nor another assistant''s answer');
select is(pg_temp.stock() -> 'total', '3', 'which the stock counts');

-- What versions are judged by
select tests.open_test('acme/default');
create temp table test as select id from pawl.prompt_tests;
insert into pawl.replay_pairs (test_id, stage, number, turn_id, candidate_first)
  select test.id, 'screening', 1, t.id, true from test, pawl.turns t where t.answer_message_id = tests.id('q1 best');
select is(pg_temp.teach(), 'q2 one q3 one', 'a question that versions are compared by');
insert into pawl.replay_pairs (test_id, stage, number, turn_id, candidate_first)
  select test.id, 'screening', 2, t.id, true from test, pawl.turns t where t.answer_message_id = tests.id('q2 again');
select is(pg_temp.teach(), 'q3 one', 'also where another conversation had the same');
update pawl.replay_pairs set turn_id = null where number = 2;
select is(pg_temp.teach(), 'q3 one', 'and for good');
delete from pawl.replay_pairs;
select is(pg_temp.teach(), 'q3 one', 'long after the test');
select tests.taught('later', 'ann', 1), tests.taught('free', 'ann', 1);
update pawl.exchanges set session_id = tests.id('q1 best session') where message_id = tests.id('later');
select is(pg_temp.teach(), 'free q3 one', 'nor does what was said later in that conversation teach: it comes with the question');
insert into pawl.canary_units (test_id, user_id, session_id, candidate, propensity)
  select test.id, tests.id('ann'), tests.id('q3 one session'), false, 0.2 from test;
select is(pg_temp.teach(), 'free', 'a conversation that they are compared by');
delete from pawl.canary_units;
select is(pg_temp.teach(), 'free', 'for good');
create function pg_temp.person(p_name text, p_age interval) returns void
language sql
as $$
  insert into pawl.users (id) values (tests.id(p_name)) on conflict do nothing;
  insert into pawl.canary_units (test_id, user_id, candidate, propensity, assigned_at)
    select test.id, tests.id(p_name), true, 0.2, now() - p_age from test;
  delete from pawl.canary_units;
$$;
do $$ begin perform pg_temp.person('ann', '1 day'); end $$;
select is(pg_temp.teach(), 'free', 'a person is one by the conversations begun since then');
do $$ begin perform pg_temp.person('ann', '10 days'); end $$;
select is(pg_temp.teach(), 'free', 'for seven days');
do $$ begin perform pg_temp.person('bob', '3 days'); end $$;
select is(pg_temp.teach(), 'free', 'that person alone');
select is(pg_temp.stock() -> 'total', '1', 'which the stock counts');
do $$ begin perform pg_temp.person('ann', '3 days'); end $$;
select is(pg_temp.teach(), null, 'those');

-- Why one would train
insert into pawl.drift_metrics (id, organization_id, assistant_id, model_name, metric_type, drift_score, alert_triggered, details, created_at)
  select tests.id(n), tests.id('acme'), tests.id('acme/default'), 'default', 'feedback_score', score, alert, '{"p_value": 0.001}', at
  from (values ('old alert', 0.5, true, now() - interval '3 days'), ('alert', 0.4, true, now() - interval '2 days'),
    ('quiet', 0.1, false, now() - interval '1 day')) v (n, score, alert, at);
select is(pg_temp.stock() -> 'drift', jsonb_build_object('id', tests.id('alert'), 'metric_type', 'feedback_score',
  'drift_score', 0.4, 'p_value', 0.001, 'at', now() - interval '2 days'), 'the newest alert');
insert into pawl.model_versions (
  organization_id, assistant_id, model_name, number, version, base_model, status, reason, created_at, finished_at)
  values (tests.id('acme'), tests.id('acme/default'), 'default', 1, 'v1', 'a-model', 'failed', 'x', now() - interval '2 days' - interval '1 second', now());
select is(pg_temp.stock() #>> '{drift,id}', tests.id('alert')::text, 'since the newest version was begun');
select is((pg_temp.stock() ->> 'last_version_at')::timestamptz, now() - interval '2 days' - interval '1 second', 'which is when');
select is(pg_temp.stock() -> 'unfinished', 'false', 'it is done with');
insert into pawl.model_versions (organization_id, assistant_id, model_name, number, version, base_model, created_at)
  values (tests.id('acme'), tests.id('acme/default'), 'default', 2, 'v2', 'a-model', now() - interval '1 day');
select is(pg_temp.stock() -> 'drift', 'null', 'an alert makes one version');
select is(pg_temp.stock() -> 'unfinished', 'true', 'one at a time');
select ok((pg_temp.stock() ->> 'as_of')::timestamptz = now(), 'all of it as it is now');

select * from finish();
rollback;
