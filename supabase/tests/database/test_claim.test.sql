-- What has to be proved is handed to one worker at a time, and nobody else moves it on.
begin;
select plan(47);

select tests.make_assistant('acme/default'), tests.make_assistant('acme/helper');
update pawl.loop_settings set judge_model = 'a-judge', chat_model = 'a-chat', max_answer_tokens = 900,
  history_token_budget = 700 where assistant_id = tests.id('acme/default');
create function pg_temp.claim(p_holder text, p_assistant text default 'acme/default', p_options text default '') returns jsonb
language plpgsql
as $$
begin
  perform pg_sleep(0.002);
  return tests.call('service', format(
    'select public.pawl_claim_proof(%L, p_organization_id => %L, p_assistant => %L %s)', tests.id(p_holder),
    tests.id(split_part(p_assistant, '/', 1)), split_part(p_assistant, '/', 2), p_options));
end
$$;
create function pg_temp.claimed(p_holder text, p_assistant text default 'acme/default') returns text
language sql
as $$
  select case when c -> 'claim' <> 'null' then 'claimed' else c #>> '{skipped,0,reason}' end
  from pg_temp.claim(p_holder, p_assistant) c
$$;
create function pg_temp.release(p_holder text, p_assistant text default 'acme/default') returns text
language sql
as $$
  select tests.outcome('service', format('select public.pawl_release_proof(%L, %L)', tests.id(p_holder), tests.id(p_assistant)))
$$;

select is(pg_temp.claimed('w1'), 'nothing_to_prove', 'without a test and without votes there is nothing to do');
create temp table test as select tests.open_test('acme/default') as id;
update pawl.leases set holder = null, expires_at = null where kind = 'proof';
select is((select p.state from pawl.system_prompts p where p.id = tests.id('acme/default v2')), 'screening',
  'a version in test says so');
create temp table claim as select pg_temp.claim('w1') as answer;
select is(answer -> 'claim' -> 'about', jsonb_build_object('organization_id', tests.id('acme'),
  'assistant_id', tests.id('acme/default'), 'assistant', 'default'), 'its assistant is claimed') from claim;
select is(answer #> '{claim,task,prove}', jsonb_build_object('watch', false, 'test', jsonb_build_object(
  'test_id', test.id, 'state', 'screening', 'method', null, 'judge_model', 'a-judge',
  'candidate', jsonb_build_object('id', tests.id('acme/default v2'), 'version', 2, 'content', 'Prompt 2 of acme/default',
    'model', 'a-chat', 'base_url', null),
  'baseline', jsonb_build_object('id', tests.id('acme/default v1'), 'version', 1, 'content', 'Prompt 1 of acme/default',
    'model', 'a-chat', 'base_url', null),
  'rubric', (select jsonb_build_object('id', r.id, 'criteria', r.criteria) from pawl.rubrics r
             where r.assistant_id = tests.id('acme/default')),
  'chat_model', 'a-chat', 'max_answer_tokens', 900, 'history_token_budget', 700)),
  'with all that its worker needs') from claim, test;
select is((select extract(epoch from expires_at - now())::int from pawl.leases
           where assistant_id = tests.id('acme/default') and kind = 'proof'), 160, 'for as long as a request may last');
select is(pg_temp.claimed('w2'), 'in_progress', 'another is told that it is in progress');
select is(pg_temp.claimed('w2', 'acme/helper'), 'nothing_to_prove', 'and finds nothing elsewhere');

-- The others' calls
create temp table calls (function text, about text, arguments text);
insert into calls values
  ('begin_test', 'test', ', 1'), ('record_judge_trial', 'test', $$, 1, true, '[]', '[]'$$), ('next_pairs', 'test', ''),
  ('record_pairs', 'test', $$, '[]', '[]'$$), ('next_units', 'test', ''), ('record_units', 'test', $$, '[]', '[]'$$),
  ('proof_look', 'test', ''), ('begin_proof', 'test', $$, '{}', '{}', '{}'$$), ('note_ruling', 'test', $$, '{}'$$),
  ('decide_test', 'test', $$, 'rejected', 'worse', '{}', '{}'$$), ('watch_look', 'assistant', ''),
  ('roll_back', 'assistant', format(', %L, now(), %L, %L', tests.id('acme/default v1'), '{}', '{}')),
  ('alert_fall', 'assistant', format(', %L, %L', tests.id('acme/default v1'), '{}'));
create function pg_temp.refused(p_function text, p_about text, p_arguments text, p_holder text) returns text
language sql
as $$
  select tests.refusal('service', tests.prove_sql(p_function,
    case p_about when 'test' then (select id from test) else tests.id('acme/default') end, p_arguments, p_holder))
$$;
select is(pg_temp.refused(function, about, arguments, 'w2'), 'lease_lost', function || ' is the holder''s alone') from calls;
update pawl.leases set expires_at = now() where kind = 'proof';
select is(pg_temp.refused(function, about, arguments, 'w1'), 'lease_lost', function || ' is not for a lease that ran out')
from calls;

select is(pg_temp.claim('w1', p_options => ', p_watch => true') #>> '{skipped,0,reason}', 'nothing_to_prove', 'a test is not claimed with what is watched');

-- Given back
select is(pg_temp.claimed('w1'), 'claimed', 'a lease that ran out is taken');
select is(pg_temp.release('w2') || ' ' || pg_temp.release('w1') || ' ' || pg_temp.release('w1'), 'lease_lost ok lease_lost',
  'its holder gives it back, once');

-- Compared with what is no more
create function pg_temp.after(p_sql text) returns text
language plpgsql
as $$
declare
  v_claimed text;
begin
  execute p_sql;
  v_claimed := pg_temp.claimed('w1');
  raise exception using errcode = 'XDONE', message = concat_ws(', ', v_claimed, (
      select string_agg(concat_ws(' ', t.state, t.reason), ' ' order by t.reason = 'yearly_budget', t.reason) from pawl.prompt_tests t), (
      select p.state from pawl.system_prompts p where p.id = tests.id('acme/default v2')), (
      select string_agg(concat_ws(' ', c.actor, c.action, c.detail ->> 'why', c.detail -> 'changed'), '; ' order by c.id)
      from pawl.audit_log c));
exception when sqlstate 'XDONE' then return sqlerrm;
end
$$;
select is(pg_temp.after($$update pawl.loop_settings set judge_model = 'another'$$),
  'claimed, closed judge_changed screening, screening, loop close judge_changed {"state": {"to": "draft", "from": "screening"}}; '
  'loop test {"state": {"to": "screening", "from": "draft"}}',
  'another judge closes the test, and the version is tested again by the new one');
select is(pg_temp.after($$update pawl.rubrics set is_active = false where assistant_id = tests.id('acme/default');
  insert into pawl.rubrics (assistant_id, version, is_active, criteria) select assistant_id, 2, true, criteria
  from pawl.rubrics where assistant_id = tests.id('acme/default')$$),
  'claimed, closed judge_changed screening, screening, loop close judge_changed {"state": {"to": "draft", "from": "screening"}}; '
  'loop test {"state": {"to": "screening", "from": "draft"}}',
  'and so does another rubric');
select is(pg_temp.after($$update pawl.loop_settings set judge_model = 'another', updates_paused = true$$),
  'nothing_to_prove, closed judge_changed, draft, loop close judge_changed {"state": {"to": "draft", "from": "screening"}}',
  'not while updates are paused');
select is(pg_temp.after($$select pawl.close_test(tests.id('acme/default'), 'judge_changed'),
  tests.make_version('acme/default', 3), pawl.go_live(tests.id('acme/default v3'))$$),
  'nothing_to_prove, closed judge_changed, rejected, loop close judge_changed {"state": {"to": "draft", "from": "screening"}}; '
  'loop close baseline_changed {"state": {"to": "rejected", "from": "draft"}}',
  'nor against another version than it was written to replace');
select is(pg_temp.after($$select pawl.close_test(tests.id('acme/default'), 'judge_changed');
  update pawl.system_prompts set state = 'rejected' where id = tests.id('acme/default v2')$$),
  'nothing_to_prove, closed judge_changed, rejected, loop close judge_changed {"state": {"to": "draft", "from": "screening"}}',
  'nor when a person has rejected it since');
select is(pg_temp.after($$update pawl.loop_settings set judge_model = 'another' where assistant_id = tests.id('acme/default');
  do $do$ begin perform pg_temp.claimed('w1'); update pawl.leases set holder = null, expires_at = null where kind = 'proof';
    perform pawl.close_test(tests.id('acme/default'), 'yearly_budget'); end $do$ $$),
  'nothing_to_prove, closed judge_changed closed yearly_budget, draft, loop close judge_changed {"state": {"to": "draft", "from": "screening"}}; '
  'loop test {"state": {"to": "screening", "from": "draft"}}; loop close yearly_budget {"state": {"to": "draft", "from": "screening"}}',
  'nor when that test ended too');
select is(pg_temp.after($$update pawl.loop_settings set chat_model = 'another'$$),
  'nothing_to_prove, closed baseline_changed, rejected, loop close baseline_changed {"state": {"to": "rejected", "from": "screening"}}',
  'and another model of the chats');
select is(pg_temp.after($$update pawl.loop_settings set screening_pairs = 100, updates_paused = true$$), 'claimed, screening, screening',
  'other settings do not, nor does a pause');
select is(pg_temp.after($$update pawl.prompt_tests set held = 'insufficient_data', created_at = now() - interval '29 days'$$), 'claimed, screening, screening',
  'nor do too few questions, for a month');
select is(pg_temp.after($$update pawl.prompt_tests set held = 'insufficient_data', created_at = now() - interval '31 days'$$),
  'nothing_to_prove, closed insufficient_data, draft, loop close insufficient_data {"state": {"to": "draft", "from": "screening"}}',
  'then it makes room for others');

-- Ended
update pawl.prompt_tests set state = 'closed', decided_at = now(), reason = 'by_hand';
select tests.hold_proof('w1', 'acme/default');
select is(string_agg(distinct tests.prove(function, test.id, arguments, 'w1')::text, ' '),
  '{"reason": "by_hand", "outcome": "closed"}', 'a test that has ended is gone on with by nobody')
from calls, test where about = 'test';

select * from finish();
rollback;
