-- What a learning run decided is stored whole, once, by the holder of a lease that still runs.
begin;
select plan(78);

select tests.make_assistant('acme/default'), tests.make_assistant('acme/other');
create function pg_temp.revision() returns bigint
language sql as $$ select patterns_revision from pawl.assistants where id = tests.id('acme/default') $$;
create function pg_temp.pattern(p_name text) returns text
language sql
as $$
  select concat_ws(' ', state, trim_scale(influence), trim_scale(confidence), 'score', trim_scale(score), 'log_e', log_e, 'from', baseline, trial_year)
  from pawl.learned_patterns where id = tests.id(p_name)
$$;
create function pg_temp.steps(p_name text) returns text
language sql
as $$
  select string_agg(format('%s %s > %s %s: %s', from_state, trim_scale(from_influence), to_state, trim_scale(to_influence), reason), ', ' order by seq)
  from pawl.pattern_transitions where pattern_id = tests.id(p_name)
$$;
-- An update of a pattern: state, influence and reason, and what else differs.
create function pg_temp.to(p_name text, p_state text, p_influence numeric, p_reason text, p_more jsonb default '{}') returns jsonb
language sql
as $$
  select jsonb_build_object('id', tests.id(p_name), 'state', p_state, 'influence', p_influence, 'confidence', 0.5, 'score', null,
    'log_e', null, 'begin_trial', false, 'baseline', null, 'reason', p_reason) || p_more
$$;
-- A run of these updates: what was left, as `why`.
create function pg_temp.decide(variadic p_updates jsonb[]) returns text
language plpgsql
as $$
declare v_answer jsonb;
begin
  perform tests.claim_learning('w1', p_options => ', p_force => true');
  v_answer := tests.record_learning('w1', jsonb_build_object('patterns', to_jsonb(p_updates)));
  return concat_ws(' ', v_answer ->> 'outcome', (
    select string_agg(l ->> 'why', ' ' order by n) from jsonb_array_elements(v_answer -> 'left') with ordinality x (l, n)));
end
$$;

-- Who may
select is(tests.outcome(who, 'select public.pawl_record_learning(null, null, null)'), outcome, who)
from (values ('anon', 'permission denied'), ('nobody', 'permission denied'), ('service', 'lease_lost')) v (who, outcome);
select tests.learned('a', 'active');
do $$ begin perform tests.claim_learning('w1', p_options => ', p_force => true'); end $$;
create temp table away as select jsonb_build_object('patterns', jsonb_build_array(pg_temp.to('a', 'pruned', 0, 'It does not help'))) as r;
select is(tests.record_learning('w2', r) ->> 'outcome', 'lease_lost', 'not who does not hold the lease') from away;
select is(tests.record_learning('w1', r || jsonb_build_object('run_id', tests.id('nothing'))) ->> 'outcome', 'lease_lost', 'nor of a run that there is not') from away;
update pawl.leases set expires_at = now() where kind = 'learning';
select is(tests.record_learning('w1', r) ->> 'outcome', 'lease_lost', 'nor when it ran out') from away;
select is(pg_temp.pattern('a'), 'active 0.93 0.5 score log_e from 10 2026', 'and nothing is stored');

-- A run in which nothing happens
do $$ begin perform tests.answered('x', 'ann', p_more => '{"signal": 50, "question_type": "how_to"}'), tests.claim_learning('w1', p_options => ', p_force => true'), tests.look('w1'); end $$;
select is(tests.record_learning('w1', '{"votes_up": 7, "votes_down": 3}'), '{"outcome": "ok", "patterns_revision": 0, "found": 0, "left": []}', 'nothing new');
select results_eq($$select finished_at, message, people, answers, satisfaction, votes_up, votes_down, patterns_found, patterns_active, crash
  from pawl.learning_runs$$, $$values (now(), 'Nothing new.', 1, 1, 0.5, 7, 3, 0, 1, null::jsonb)$$, 'the run says what it saw');
select is((select format('%s %s', holder, expires_at) from pawl.leases where kind = 'learning' and assistant_id = tests.id('acme/default')), ' ', 'the lease is given back');
create temp table before as select tests.stored() as s;
select is(tests.record_learning('w1', '{"message": "Other"}'), '{"outcome": "ok", "patterns_revision": 0, "found": 0, "left": []}', 'the same once more, after a lost reply, is heard');
select is(tests.record_learning('w1', r) ->> 'outcome', 'ok', 'whatever it says') from away;
select is(tests.stored(), s, 'and changes nothing') from before;

-- Each step of a life
select is(pg_temp.decide(pg_temp.to('a', 'active', 0.93, null, '{"confidence": 0.8, "score": 0.3}')), 'ok', 'what is only measured');
select is(pg_temp.pattern('a'), 'active 0.93 0.8 score 0.3 log_e from 10 2026', 'is stored');
select is(pg_temp.steps('a'), null, 'is no step');
select is(pg_temp.revision(), 0::bigint, 'and changes nothing that is served');
select is(pg_temp.decide(pg_temp.to('a', 'active', 0.9299999999999999, null, '{"confidence": 0.8, "score": 0.3}')), 'ok', 'a share that went through floating point');
select is(pg_temp.pattern('a') || pg_temp.revision(), 'active 0.93 0.8 score 0.3 log_e from 10 20260', 'is still the same share');
select tests.learned('c', 'candidate', '{"dimension": "length", "value": "short"}');
select is(pg_temp.decide(pg_temp.to('c', 'trial', 0.5, 'Ten signals', '{"begin_trial": true, "baseline": 17}')), 'ok', 'a trial begins');
select is(pg_temp.pattern('c'), format('trial 0.5 0.5 score log_e from 17 %s', extract(year from now() at time zone 'utc')), 'from its baseline, in this year');
select is((select trial_started_at from pawl.learned_patterns where id = tests.id('c')), now(), 'now');
select is(pg_temp.steps('c'), 'candidate 0 > trial 0.5: Ten signals', 'a step with its reason');
select is(pg_temp.revision(), 1::bigint, 'isolates hear of it');
select is(pg_temp.decide(pg_temp.to('c', 'trial', 0.5, null, '{"log_e": 2.5, "begin_trial": true, "baseline": 99}')), 'ok', 'evidence grows');
select is(pg_temp.pattern('c'), format('trial 0.5 0.5 score log_e 2.5 from 17 %s', extract(year from now() at time zone 'utc')), 'from the same baseline');
select is(pg_temp.decide(pg_temp.to('c', 'active', 0.93, 'Adopted', '{"log_e": 7.25}')), 'ok', 'adopted');
select is((select activated_at from pawl.learned_patterns where id = tests.id('c')), now(), 'now');
update pawl.learned_patterns set activated_at = now() - interval '3 days' where id = tests.id('c');
select is(pg_temp.decide(pg_temp.to('c', 'warmdown', 0.8, 'Less sure', '{"log_e": 9, "confidence": 0.4}')), 'ok', 'warmed down');
select is(pg_temp.decide(pg_temp.to('c', 'warmdown', 0.6, 'Less sure still', '{"confidence": 0.4}')), 'ok', 'further');
select is(pg_temp.decide(pg_temp.to('c', 'active', 0.93, 'Sure again')), 'ok', 'and back up');
select is((select activated_at from pawl.learned_patterns where id = tests.id('c')), now() - interval '3 days', 'it was adopted then');
select is(pg_temp.pattern('c'), format('active 0.93 0.5 score log_e 7.25 from 17 %s', extract(year from now() at time zone 'utc')), 'by the evidence of then');
select is(pg_temp.revision(), 5::bigint, 'each was heard of');
select is(pg_temp.decide(pg_temp.to('c', 'pruned', 0, 'Not sure at all')), 'ok', 'given up');
select is(pg_temp.steps('c'), 'candidate 0 > trial 0.5: Ten signals, trial 0.5 > active 0.93: Adopted, active 0.93 > warmdown 0.8: Less sure, '
  || 'warmdown 0.8 > warmdown 0.6: Less sure still, warmdown 0.6 > active 0.93: Sure again, active 0.93 > pruned 0: Not sure at all', 'its life, step by step');
select is(pg_temp.decide(pg_temp.to('c', 'active', 0.93, 'Once more')), 'ok closed', 'what has ended stays ended');
select is(pg_temp.decide(pg_temp.to('nothing', 'active', 0.93, 'Once more')), 'ok closed', 'so does what there is not');
select is(pg_temp.revision(), 6::bigint, 'which nobody need hear of');
select throws_ok($$select pg_temp.decide(pg_temp.to('a', 'pruned', 0, null))$$, '23502', null, 'no step without a reason');
select throws_ok(sql, '23001', null, sql) from unnest(array['update pawl.pattern_transitions set reason = ''No''']) sql;
delete from pawl.learning_runs where finished_at is null;
update pawl.leases set holder = null, expires_at = null;

-- The order that confidence gives is served too
select tests.learned('d', 'active', '{"question_type": "code", "confidence": 0.6}');
select is(pg_temp.decide(pg_temp.to('d', 'active', 0.93, null, '{"confidence": 0.7}'), pg_temp.to('a', 'active', 0.93, null, '{"confidence": 0.75}')), 'ok', 'surer, both');
select is(pg_temp.revision(), 6::bigint, 'in the same order');
select is(pg_temp.decide(pg_temp.to('d', 'active', 0.93, null, '{"confidence": 0.76}'), pg_temp.to('a', 'active', 0.93, null, '{"confidence": 0.75}')), 'ok', 'the one surer than the other');
select is(pg_temp.revision(), 7::bigint, 'changes what is served');

-- A place is one pattern's
select tests.learned(name, 'candidate', jsonb_build_object('value', name)) from unnest('{e,f,g}'::text[]) name;
create function pg_temp.try(p_name text) returns jsonb
language sql as $$ select pg_temp.to(p_name, 'trial', 0.5, 'Worth a try', '{"begin_trial": true, "baseline": 1}') $$;
select is(pg_temp.decide(pg_temp.try('e'), pg_temp.to('a', 'active', 0.9, 'Less')), 'ok slot_taken', 'a place that is taken');
select is(pg_temp.pattern('e') || ', ' || pg_temp.pattern('a'), 'candidate 0 0.5 score log_e from, active 0.9 0.5 score log_e from 10 2026', 'stays so, and the rest is stored');
select is(pg_temp.decide(pg_temp.try('e'), pg_temp.try('f'), pg_temp.to('a', 'pruned', 0, 'Enough')), 'ok slot_taken', 'one that is given up in the same run is free');
select is((select string_agg(state, ' ' order by value) from pawl.learned_patterns where value in ('e', 'f', 'table') and dimension = 'format' and question_type = 'how_to'),
  'trial candidate pruned', 'for the first who asks');
-- A person takes it back while the run thinks.
do $$ begin perform tests.steer('operator', 'revert_pattern', format('%L', tests.id('e'))); end $$;
select is(pg_temp.decide(pg_temp.to('e', 'active', 0.93, 'Adopted')), 'ok closed', 'what a person took back is not brought back');
select is((select state from pawl.learned_patterns where id = tests.id('e')), 'reverted', 'it stays taken back');

-- Candidates
do $$ begin perform tests.answered('y', 'bob'), tests.answered('z', 'cat'), tests.answered('foreign', 'cat', 'acme/other'); end $$;
create temp table said as select name, tests.react(name, 'thumbs_up') as id from unnest('{x,y,z,foreign}'::text[]) name;
create function pg_temp.candidate(p_value text, p_sources text[], p_more jsonb default '{}') returns jsonb
language sql
as $$
  select jsonb_build_object('pattern_type', 'response_format', 'question_type', 'how_to', 'data_source', null, 'dimension', 'format',
    'value', p_value, 'instruction', 'Use a ' || p_value, 'confidence', 0.7, 'prior_mean', 0.15, 'prior_sd', 0.1, 'signal_count', 12,
    'feedback_ids', (select coalesce(jsonb_agg(id), '[]') from said where name = any (p_sources)), 'model', 'small', 'reason', 'People like a ' || p_value) || p_more
$$;
create function pg_temp.find(variadic p_candidates jsonb[]) returns text
language plpgsql
as $$
declare v_answer jsonb;
begin
  perform tests.claim_learning('w1', p_options => ', p_force => true');
  v_answer := tests.record_learning('w1', jsonb_build_object('candidates', to_jsonb(p_candidates)));
  return concat_ws(' ', v_answer ->> 'outcome', v_answer ->> 'found', (
    select string_agg(concat_ws(' ', l ->> 'question_type', l ->> 'dimension', l ->> 'value', l ->> 'why'), ', ' order by n)
    from jsonb_array_elements(v_answer -> 'left') with ordinality x (l, n)));
end
$$;
select is(pg_temp.find(pg_temp.candidate('list', '{x,y,z}')), 'ok 1', 'one is found');
create temp table list as select * from pawl.learned_patterns where value = 'list';
select results_eq($$select organization_id, assistant_id, pattern_type, question_type, data_source, dimension, instruction, model, state, influence, confidence, prior_mean, prior_sd, signal_count, use_count, baseline from list$$,
  $$values (tests.id('acme'), tests.id('acme/default'), 'response_format', 'how_to', null::text, 'format', 'Use a list', 'small', 'candidate', 0::numeric, 0.7, 0.15::float8, 0.1::float8, 12, 0::bigint, null::smallint)$$, 'with all that is known of it');
select is((select array_agg(feedback_id order by feedback_id) from pawl.pattern_sources join list on id = pattern_id), (select array_agg(id order by id) from said where name <> 'foreign'), 'and what it was worded from');
select results_eq('select from_state, to_state, from_influence, to_influence, t.confidence, reason, run_id is not null from pawl.pattern_transitions t join list on list.id = pattern_id',
  $$values (null::text, 'candidate', null::numeric, 0::numeric, 0.7, 'People like a list', true)$$, 'its life begins');
select is((select patterns_found from pawl.learning_runs where id = (select run_id from pawl.pattern_transitions t join list on list.id = pattern_id)), 1, 'the run counts it');
select is(pg_temp.revision(), 10::bigint, 'it is not served');
select is(pg_temp.find(pg_temp.candidate('list', '{x}')), 'ok 0 how_to format list known', 'it is not found twice');
select is(pg_temp.find(pg_temp.candidate('list', '{x}', '{"data_source": "sales"}'), pg_temp.candidate('list', '{x}', '{"question_type": "code"}'), pg_temp.candidate('list', '{x}', '{"question_type": "code"}')),
  'ok 2 code format list known', 'but for other data and other questions, each once');
update pawl.learned_patterns set state = 'pruned' where id = (select id from list);
select is(pg_temp.find(pg_temp.candidate('list', '{x}')), 'ok 1', 'and again when it has ended');
select is(pg_temp.find(pg_temp.candidate('prose', '{x,foreign}')), 'ok 0 how_to format prose sources_gone', 'another assistant''s people are no source');
delete from pawl.users where id = tests.id('bob');
select is(pg_temp.find(pg_temp.candidate('prose', '{x,y}'), pg_temp.candidate('code', '{z}')), 'ok 1 how_to format prose sources_gone',
  'what was worded from a person who is forgotten is not stored, the rest is');
select is(pg_temp.find(pg_temp.candidate('prose', '{}')), 'ok 0 how_to format prose sources_gone', 'nor what came from nothing');
select is((select count(*)::int from pawl.learned_patterns where value = 'prose'), 0, 'no trace of them');

-- A crash
create function pg_temp.alerts() returns text
language sql
as $$
  select string_agg(concat_ws(' ', suggestion_type, priority, status, title || ':', description), '; ' order by created_at, description)
  from pawl.suggestions where assistant_id = tests.id('acme/default')
$$;
create function pg_temp.crash(variadic p_updates jsonb[] default '{}') returns text
language plpgsql
as $$
begin
  perform tests.claim_learning('w1', p_options => ', p_force => true');
  return tests.record_learning('w1', jsonb_build_object('patterns', to_jsonb(p_updates), 'crash', '{"fell_from": 0.8, "fell_to": 0.455, "votes": 210}'::jsonb)) ->> 'outcome';
end
$$;
select is(pg_temp.crash(), 'ok', 'a crash, and nothing that could have made it');
select is(pg_temp.alerts(), 'escalation critical pending Satisfaction crashed: Thumbs up fell from 80 % of votes to 46 %, over the last 210 votes. '
  || 'No learned pattern went live in that time: the cause is another.', 'people are told');
select is((select crash from pawl.learning_runs where crash is not null), '{"fell_from": 0.8, "fell_to": 0.455, "votes": 210}', 'and the run says so');
select is(pg_temp.crash(), 'ok', 'the same crash');
select is((select count(*)::int from pawl.suggestions), 1, 'is told once');
select is(pg_temp.crash(pg_temp.to('d', 'reverted', 0, 'Satisfaction crashed')), 'ok', 'patterns are taken back');
select matches(pg_temp.alerts(), 'Learned patterns taken back: 1, those that went live last.', 'which people are told');
select is((select state || ' ' || influence from pawl.learned_patterns where id = tests.id('d')), 'reverted 0', 'and done');
update pawl.suggestions set created_at = now() - interval '15 days';
select is(pg_temp.crash(), 'ok', 'another crash, weeks later');
select is((select count(*)::int from pawl.suggestions), 3, 'is told again');

-- A year's trials are the organisation's
select tests.learned('tried ' || n, 'pruned', jsonb_build_object('question_type', 'tried', 'trial_year', extract(year from now() at time zone 'utc')),
  p_assistant => 'acme/other') from generate_series(1, 60 - (select count(*)::int from pawl.learned_patterns p
  where p.organization_id = tests.id('acme') and p.trial_year = extract(year from now() at time zone 'utc'))) n;
select tests.learned('late', 'candidate', '{"question_type": "late"}');
select is(pg_temp.decide(pg_temp.to('late', 'trial', 0.5, 'Ten signals', '{"begin_trial": true, "baseline": 1}')), 'ok budget', 'sixty are enough, whosever they were');
select is((select state from pawl.learned_patterns where id = tests.id('late')), 'candidate', 'it waits');
delete from pawl.learned_patterns where id = tests.id('tried 1');
select is(pg_temp.decide(pg_temp.to('late', 'trial', 0.5, 'Ten signals', '{"begin_trial": true, "baseline": 1}')), 'ok', 'the sixtieth may begin');
select is((select state from pawl.learned_patterns where id = tests.id('late')), 'trial', 'and does');

select * from finish();
rollback;
