-- What belongs together goes together: nothing of a full loop stands in the way of deleting an organisation.
begin;
select plan(5);

select tests.make_assistant('acme/default'), tests.make_member('ann', 'acme');
do $$ begin perform tests.begin_turn('ann', 'hi', ', p_idempotency_key => ''a key'''); end $$;
insert into pawl.usage (organization_id, day, purpose, model) values (tests.id('acme'), pawl.today(), 'chat', 'a-model');
select tests.make_session('s', 'ann', 'acme/default'), tests.make_exchange('s', 'q', '1 second');
do $$ begin
  perform tests.collect('ann', 's q: {"signal": "copy"}');
  perform tests.begin_turn('ann', 'hi', format(', p_session_id => %L', tests.id('s')));
end $$;
select tests.make_answers('acme/default', 3), tests.make_version('acme/default', 2);
update pawl.loop_settings set min_conversations = 1 where assistant_id = tests.id('acme/default');
select tests.claim('w1', 'acme/default');
select is(
  tests.record('w1', 'acme/default', jsonb_build_array(tests.evaluation('acme/default answer 3', 2))) ->> 'outcome',
  'ok', 'an answer is judged');

-- An answer erased while it was judged: the rest is stored all the same.
delete from pawl.messages where id = tests.id('acme/default answer 2');
select is(
  tests.record('w1', 'acme/default', jsonb_build_array(
    tests.evaluation('acme/default answer 2', 2), tests.evaluation('acme/default answer 1', 4))) ->> 'outcome',
  'ok', 'one that is gone is passed over');
select is((select count(*)::int from pawl.message_evaluations), 2, 'and the others are kept');

-- And all that was learned.
select tests.answered('liked', 'ann'), tests.learned('pattern', 'trial'), tests.exposed('pattern', 'liked');
do $$
declare v_said uuid := tests.react('liked', 'thumbs_up');
begin
  perform tests.claim_learning('w1', p_options => ', p_force => true'), tests.settle_all('w1');
  perform tests.record_learning('w1', jsonb_build_object('patterns', jsonb_build_array(jsonb_build_object('id', tests.id('pattern'),
      'state', 'active', 'influence', 0.93, 'confidence', 0.9, 'log_e', 9, 'reason', 'It helps')),
    'crash', '{"fell_from": 0.8, "fell_to": 0.4, "votes": 210}'::jsonb,
    'candidates', jsonb_build_array(jsonb_build_object('pattern_type', 'query_style', 'question_type', 'data', 'dimension', 'tool',
      'value', 'search', 'instruction', 'Search', 'confidence', 0.6, 'prior_mean', 0.1, 'prior_sd', 0.1, 'signal_count', 10,
      'feedback_ids', jsonb_build_array(v_said), 'model', 'small', 'reason', 'People like it'))));
  perform tests.steer('operator', 'revert_pattern', format('%L', tests.id('pattern')));
end
$$;
select is((select count(*)::int from pawl.pattern_transitions t join pawl.pattern_evidence using (pattern_id)), 2, 'something is learned');
select lives_ok(
  $$delete from pawl.organizations where id = tests.id('acme'); set constraints all immediate$$,
  'the organisation goes, with all that is its own');

select * from finish();
rollback;
