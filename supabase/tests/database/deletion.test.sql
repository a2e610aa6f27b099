-- What belongs together goes together: nothing of a full loop stands in the way of deleting an organisation.
begin;
select plan(4);

select tests.make_assistant('acme/default'), tests.make_member('ann', 'acme');
do $$ begin perform tests.begin_turn('ann', 'hi', ', p_idempotency_key => ''a key'''); end $$;
insert into pawl.usage (organization_id, day, purpose, model) values (tests.id('acme'), pawl.today(), 'chat', 'a-model');
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

select lives_ok(
  $$delete from pawl.organizations where id = tests.id('acme'); set constraints all immediate$$,
  'the organisation goes, with all that is its own');

select * from finish();
rollback;
