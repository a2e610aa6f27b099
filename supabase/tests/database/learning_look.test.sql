-- What a learning run looks at: every number of a small world, and nothing of other assistants and organisations.
begin;
select plan(47);

select tests.make_assistant('acme/default'), tests.make_assistant('acme/helper'), tests.make_assistant('globex/default');
create function pg_temp.at(p_path text) returns jsonb
language sql
as $$ select tests.look('w1') #> p_path::text[] $$;

-- Who may
select is(tests.refusal(who, format('select public.pawl_learning_look(%L, %L)', tests.id('w1'), tests.id('acme/default'))),
  outcome, who || ' without a lease') from (values ('anon', 'permission denied'), ('service', 'lease_lost')) v (who, outcome);
do $$ begin perform tests.claim_learning('w1', p_options => ', p_force => true'); end $$;
select is(tests.outcome('service', format('select public.pawl_learning_look(%L, %L)', tests.id('w2'), tests.id('acme/default'))),
  'lease_lost', 'another''s lease is none');

-- Nothing there is
create temp table empty as select tests.look('w1') as l;
select is(l - 'now_day' - 'year', '{"settings": {"holdout": 0.07, "cap": 0.10}, "people": 0, "answers": 0, "trials_this_year": 0,
  "others": [], "clusters": [], "patterns": [], "closed": [], "votes": {"watched_days": null, "before_up": 0, "before_n": 0,
  "since": "", "recent_pattern_ids": []}}'::jsonb, 'of nothing it is all there') from empty;
select is((l ->> 'now_day')::int, (now() at time zone 'utc')::date - '1970-01-01'::date, 'today') from empty;
select is((l ->> 'year')::int, extract(year from now() at time zone 'utc')::int, 'this year') from empty;

-- Clusters: about `how_to` twelve tables (100 each, but two of 0), half of them ann's, and four lists (10, 20, 30, 40).
select tests.answered('t' || n, case when n <= 6 then 'ann' else 'bob' end, p_age => '10 days', p_more => jsonb_build_object(
  'question_type', 'how_to', 'response_format', 'table', 'length_class', 'short', 'tools', '["search"]'::jsonb,
  'signal', case when n <= 10 then 100 else 0 end, 'settled_at', now()))
from generate_series(1, 12) n;
select tests.answered('l' || n, 'cat', p_age => '10 days', p_more => jsonb_build_object(
  'question_type', 'how_to', 'response_format', 'list', 'length_class', 'short', 'tools', case when n <= 3 then '["search", "run", "search"]' else '[]' end::jsonb,
  'signal', n * 10, 'settled_at', now()))
from generate_series(1, 4) n;
-- Another question type; no question type; too old; never settled; another assistant's; another organisation's.
select tests.answered('c' || n, 'dan', p_age => '10 days', p_more => jsonb_build_object('question_type', 'code',
  'response_format', 'table', 'signal', -50, 'settled_at', now())) from generate_series(1, 10) n;
select tests.answered('n' || n, 'dan', p_age => '10 days', p_more => jsonb_build_object('response_format', 'table', 'signal', -100, 'settled_at', now()))
from generate_series(1, 2) n;
select tests.answered('o' || n, 'eve', p_age => '91 days', p_more => '{"question_type": "how_to", "response_format": "table", "signal": -100}')
from generate_series(1, 2) n;
select tests.answered('w' || n, 'eve', p_age => '10 days', p_more => '{"question_type": "how_to", "response_format": "table"}')
from generate_series(1, 2) n;
select tests.answered(a || n, 'eve', a, p_age => '10 days', p_more => '{"question_type": "how_to", "response_format": "table", "signal": -100}')
from unnest('{acme/helper,globex/default}'::text[]) a, generate_series(1, 12) n;
do $$ begin
  perform tests.react('t1', 'thumbs_up'), tests.react('t2', 'copy'), tests.react('t2', 'thumbs_down'),
    tests.react('t3', 'rating', 1, 'llm-judge');
  update pawl.response_feedback set superseded_at = now() where message_id = tests.id('t2') and signal = 'copy';
end $$;
create function pg_temp.cluster(p_question_type text, p_dimension text, p_value text) returns jsonb
language sql
as $$
  select c - 'question_type' - 'dimension' - 'value' from jsonb_array_elements(pg_temp.at('{clusters}')) c
  where c @> jsonb_build_object('question_type', p_question_type, 'dimension', p_dimension, 'value', p_value)
$$;
select is((select string_agg(concat_ws(' ', c ->> 'question_type', c ->> 'dimension', c ->> 'value'), ', ' order by n)
  from jsonb_array_elements(pg_temp.at('{clusters}')) with ordinality x (c, n)),
  'code format table, how_to format table, how_to length short, how_to tool search', 'clusters of ten answers and more');
-- 12 answers, Σ 1000, Σ² 100000; of the lists Σ 100, Σ² 3000. Cut to ±30: Σ 300, Σ² 9000; 10, 20, 30 and 40 become Σ 90,
-- Σ² 2300.
select is(pg_temp.cluster('how_to', 'format', 'table'), jsonb_build_object('n', 12, 'people', 2, 'top_share', 0.5, 'reacted', 2,
  'mean', round(1000 / 12.0 / 100, 9), 'variance', round((100000 - 1000 * 1000 / 12.0) / 11 / 10000, 9),
  'rest_n', 4, 'rest_mean', 0.25, 'rest_variance', round((3000 - 100 * 100 / 4.0) / 3 / 10000, 9),
  'cut_mean', 0.25, 'cut_variance', round((9000 - 300 * 300 / 12.0) / 11 / 10000, 9),
  'rest_cut_mean', 0.225, 'rest_cut_variance', round((2300 - 90 * 90 / 4.0) / 3 / 10000, 9)), 'tables beside lists');
-- Every answer is short.
select is(pg_temp.cluster('how_to', 'length', 'short') - '{variance,mean,cut_mean,cut_variance}'::text[], '{"n": 16, "people": 3, "top_share": 0.375000, "reacted": 2,
  "rest_n": 0, "rest_mean": null, "rest_variance": null, "rest_cut_mean": null, "rest_cut_variance": null}', 'short answers beside nothing');
-- With the tool: the tables and l1 to l3 (Σ 1060); without it l4. One that ran twice ran once.
select is(pg_temp.cluster('how_to', 'tool', 'search') - '{variance,cut_mean,cut_variance}'::text[], jsonb_build_object('n', 15, 'people', 3, 'top_share', 0.4,
  'reacted', 2, 'mean', round(1060 / 15.0 / 100, 9), 'rest_n', 1, 'rest_mean', 0.4, 'rest_variance', null,
  'rest_cut_mean', 0.3, 'rest_cut_variance', null), 'a tool beside answers without it');
select is(pg_temp.cluster('code', 'format', 'table') #>> '{mean}', '-0.500000000', 'each question type by itself');
select is(pg_temp.cluster('code', 'format', 'table') -> 'variance', '0.000000000', 'all alike');
select is(pg_temp.at('{people}'), '4', 'people with a settled answer');
select is(pg_temp.at('{answers}'), '28', 'and their answers');
select is((select format('%s of %s, %s', people, answers, satisfaction) from pawl.learning_runs), format('4 of 28, %s',
  round((1000 + 100 - 500 - 200) / 28.0 / 100, 9)), 'the run notes them, and the mean signal');

-- An answer that was told to look so says nothing of it, only of the rest.
select tests.learned('lists', 'active', '{"value": "list"}');
update pawl.exchanges set patterns_shown = array[tests.id('lists')] where message_id = tests.id('t12');
select is(pg_temp.cluster('how_to', 'format', 'table') -> 'n', '11', 'an answer told its format, of any value, does not count for formats');
select is(pg_temp.cluster('how_to', 'length', 'short') -> 'n', '16', 'but for lengths');
update pawl.exchanges set patterns_shown = array[tests.id('lists')] where message_id = tests.id('l4');
select is(pg_temp.cluster('how_to', 'format', 'table') -> 'rest_n', '3', 'nor for the rest');
update pawl.exchanges set patterns_shown = '{}';

-- Patterns
delete from pawl.learned_patterns;
select tests.learned('candidate', 'candidate', '{"created_at": "2026-01-01T00:00:00Z"}');
update pawl.learned_patterns set created_at = now() - interval '20 days', signal_count = 11 where id = tests.id('candidate');
select tests.learned('live', 'active', jsonb_build_object('dimension', 'length', 'value', 'long', 'score', 0.25, 'log_e', 4.5, 'confidence', 0.9,
  'activated_at', now() - interval '2 days', 'last_used_at', now() - interval '36 hours', 'instruction', 'Ünïcode', 'created_at', now() - interval '10 days'));
select tests.learned(state || ' one', state) from unnest('{pruned,reverted,withdrawn}'::text[]) state;
select tests.learned('foreign', 'trial', p_assistant => 'acme/helper', p_more => jsonb_build_object('log_e', 2.5, 'trial_year', extract(year from now()))),
       tests.learned('foreign adopted', 'pruned', p_assistant => 'acme/helper', p_more => jsonb_build_object('activated_at', now(), 'trial_year', extract(year from now()))),
       tests.learned('foreign old', 'pruned', p_assistant => 'acme/helper', p_more => '{"trial_year": 2020}'),
       tests.learned('farther', 'trial', p_assistant => 'globex/default');
update pawl.learned_patterns set trial_year = extract(year from now()) where id in (tests.id('live'), tests.id('farther'));
update pawl.learned_patterns set trial_year = 2020 where state in ('reverted', 'withdrawn', 'pruned') and assistant_id = tests.id('acme/default');
select is((select jsonb_agg(p -> 'id') from jsonb_array_elements(pg_temp.at('{patterns}')) p), jsonb_build_array(tests.id('candidate'), tests.id('live')),
  'what may be decided, and no other''s');
select is(pg_temp.at('{patterns,0}'), jsonb_build_object('id', tests.id('candidate'), 'question_type', 'how_to', 'dimension', 'format',
  'value', 'table', 'state', 'candidate', 'influence', 0, 'confidence', 0.5, 'score', null, 'baseline', null, 'prior_mean', 0.1, 'prior_sd', 0.2,
  'log_e', null, 'trial_year', null, 'signal_count', 23, 'idle_days', 20.0000, 'days_active', null, 'instruction_length', 13,
  'totals', '{"n": 0, "shown": 0, "shown_sum": 0, "info": 0, "z": 0, "zz": 0, "wealth": [0, 0, 0, 0]}'::jsonb, 'people', 0, 'trial_days', null,
  'winners', '[]'::jsonb, 'top', '[]'::jsonb, 'recent', '[]'::jsonb), 'a candidate, and the answers of its cluster since it was found');
select is(pg_temp.at('{patterns,1}') - '{totals,top,winners,recent,prior_mean,prior_sd}'::text[], jsonb_build_object('id', tests.id('live'), 'question_type', 'how_to', 'dimension', 'length',
  'value', 'long', 'state', 'active', 'influence', 0.93, 'confidence', 0.9, 'score', 0.25, 'baseline', 10, 'log_e', 4.5,
  'trial_year', extract(year from now())::int, 'signal_count', 12, 'idle_days', 1.5, 'trial_days', 30.0, 'days_active', 2.0, 'instruction_length', 7, 'people', 0),
  'a live pattern');
update pawl.learned_patterns set created_at = now() - interval '5 days' where id = tests.id('candidate');
select is(pg_temp.at('{patterns,1,signal_count}'), '11', 'what came before it was found is in its count');
update pawl.learned_patterns set created_at = now() - interval '20 days', data_source = 'sales' where id = tests.id('candidate');
select is(pg_temp.at('{patterns,0,signal_count}'), '11', 'of its data source');
update pawl.learned_patterns set data_source = null where id = tests.id('candidate');
-- Evidence: fifteen people of the period that runs, with 1 to 15 answers; the last with as much three and four periods ago.
insert into pawl.users (id) select tests.id('person ' || n) from generate_series(1, 15) n;
insert into pawl.pattern_evidence
  select tests.id('live'), tests.id('person ' || n), pawl.period_of(now()) - p, n, 1, 2, 3, -4, 5, 6, 7, 8, 9
  from generate_series(1, 15) n, unnest('{0,3,4}'::int[]) p where p = 0 or n = 15;
select is(pg_temp.at('{patterns,1,totals}'), '{"n": 135, "shown": 16, "shown_sum": 32, "info": 48, "z": -64, "zz": 80, "wealth": [102, 119, 136, 153]}',
  'totals of four periods, fortunes of all time');
select is(pg_temp.at('{patterns,1,people}'), '15', 'of fifteen people');
select is((select jsonb_agg(t -> 'n') from jsonb_array_elements(pg_temp.at('{patterns,1,top}')) t), '[30, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3]',
  'the thirteen most active, for a cap of a tenth');
select is(pg_temp.at('{patterns,1,top,0}'), '{"n": 30, "shown": 2, "shown_sum": 4, "info": 6, "z": -8, "zz": 10, "wealth": [18, 21, 24, 27]}', 'with what is theirs');
select is(concat_ws(' ', jsonb_array_length(pg_temp.at('{patterns,1,winners}')), pg_temp.at('{patterns,1,winners,0,wealth}'), pg_temp.at('{patterns,1,winners,1,wealth}')),
  '3 [18, 21, 24, 27] [6, 7, 8, 9]', 'and the three whose answers speak for it most');
update pawl.loop_settings set user_weight_cap = 0.3;
select is(jsonb_array_length(pg_temp.at('{patterns,1,top}')), 7, 'seven for a cap of three tenths');
delete from pawl.pattern_evidence where period = pawl.period_of(now()) - 4;
update pawl.pattern_evidence set period = pawl.period_of(now()) - 4 where user_id = tests.id('person 1');
select is(pg_temp.at('{patterns,1,people}'), '14', 'who has nothing but old answers is none of them');
select is(pg_temp.at('{patterns,1,totals,wealth}'), '[96, 112, 128, 144]', 'and yet their fortune counts');
-- Signals it was shown with
select tests.exposed('live', 't' || n, n <> 2) from generate_series(1, 4) n;
update pawl.pattern_exposures x set answered_at = now() - interval '1 day' + n * interval '1 minute'
  from generate_series(1, 4) n where x.message_id = tests.id('t' || n);
update pawl.exchanges e set signal = case n when 4 then null else n end, settled_at = null
  from generate_series(1, 4) n where e.message_id = tests.id('t' || n);
select is(pg_temp.at('{patterns,1,recent}'), '[1, 3]', 'signals of what it was shown with and that are settled, the oldest first');
select tests.answered('x' || n, 'ann', p_age => n * interval '1 minute', p_more => jsonb_build_object('signal', n % 100)),
       tests.exposed('live', 'x' || n) from generate_series(1, 205) n;
select is(jsonb_array_length(pg_temp.at('{patterns,1,recent}')) || ' ' || (pg_temp.at('{patterns,1,recent,0}') #>> '{}') || ' ' || (pg_temp.at('{patterns,1,recent,199}') #>> '{}'),
  '200 0 1', 'two hundred of them, the newest');
delete from pawl.exchanges where answered_at > now() - interval '1 day';

-- What there was
select is(pg_temp.at('{trials_this_year}'), '3', 'trials of the organisation, of this year');
select is((select jsonb_agg(o order by o ->> 'log_e') from jsonb_array_elements(pg_temp.at('{others}')) o),
  '[{"log_e": 0, "adopted": true}, {"log_e": 2.5, "adopted": false}]', 'its other assistants''');
update pawl.learned_patterns set updated_at = now() - interval '36 hours' where id = tests.id('pruned one');
insert into pawl.pattern_transitions (pattern_id, to_state, to_influence, confidence, reason, created_at)
  select tests.id('reverted one'), state, 0, 0.5, 'r', now() - age
  from (values ('trial', interval '2 days'), ('reverted', interval '91 days')) v (state, age);
select is(pg_temp.at('{closed}'), '[{"question_type": "how_to", "dimension": "format", "value": "table", "days_ago": 1.5000, "by_person": false},
  {"question_type": "how_to", "dimension": "format", "value": "table", "days_ago": 0.0000, "by_person": false}]', 'what has ended in 90 days');

-- Votes: b before the watch, s since; the thumbs of t1 and t2 are older.
delete from pawl.response_feedback;
create function pg_temp.vote(p_name text, p_person text, p_up boolean, p_age interval) returns void
language plpgsql
as $$
begin
  perform tests.answered(p_name, p_person, p_age => p_age), tests.react(p_name, case when p_up then 'thumbs_up' else 'thumbs_down' end);
  update pawl.response_feedback set created_at = now() - p_age + interval '1 second' where message_id = tests.id(p_name);
end
$$;
select pg_temp.vote('b1', 'ann', true, '3 days'), pg_temp.vote('b2', 'bob', false, '89 days'), pg_temp.vote('b3', 'bob', true, '91 days'),
       pg_temp.vote('s1', 'ann', true, '1 day'), pg_temp.vote('s2', 'bob', false, '2 hours'), pg_temp.vote('s3', 'cat', true, '3 hours');
select is(pg_temp.at('{votes}'), jsonb_build_object('watched_days', 2.0, 'before_up', 1, 'before_n', 2, 'since', '110',
  'recent_pattern_ids', jsonb_build_array(tests.id('live'))), 'votes before and since a pattern went live, in the order of the answers');
do $$ begin perform tests.react('s2', 'thumbs_up'), tests.react('s3', 'rating', 0), tests.react('s1', 'copy'); end $$;
select is(pg_temp.at('{votes,since}'), '"111"', 'thumbs as they stand, and nothing else');
select pg_temp.vote('e' || n, 'eve', false, '5 hours' - n * interval '1 minute') from generate_series(1, 22) n;
select is(pg_temp.at('{votes,since}'), to_jsonb('1' || repeat('0', 8) || '11'), 'three tenths of them a person''s, the newest');
select tests.learned('other', 'warmdown', jsonb_build_object('question_type', 'other', 'activated_at', now() - interval '10 days')),
       tests.learned('gone', 'reverted', jsonb_build_object('question_type', 'gone', 'activated_at', now() - interval '11 days')),
       tests.learned('ancient', 'active', jsonb_build_object('question_type', 'ancient', 'activated_at', now() - interval '14 days'));
select is(pg_temp.at('{votes}') #- '{since}', jsonb_build_object('watched_days', 10.0, 'before_up', 0, 'before_n', 1,
  'recent_pattern_ids', jsonb_build_array(tests.id('other'), tests.id('live'))), 'the watch is from the earliest of the last 14 days that is live');
delete from pawl.learned_patterns where activated_at is not null;
select is(pg_temp.at('{votes}') #- '{since}', '{"watched_days": null, "before_up": 0, "before_n": 1, "recent_pattern_ids": []}', 'without one there is none');
select is(pg_temp.at('{votes,since}'), to_jsonb('11' || repeat('0', 8) || '11'), 'and the votes are of 14 days');
update pawl.exchanges set answered_at = now() - interval '15 days' where message_id = tests.id('b1');
select is(pg_temp.at('{votes,before_up}'), '1', 'those before are earlier');

-- Very many votes
with messages as (
  insert into pawl.messages (session_id, role, content)
    select tests.id('b1 session'), 'assistant', 'many' from generate_series(1, 510) returning id
), exchanges as (
  insert into pawl.exchanges (
    message_id, organization_id, assistant_id, session_id, user_id, prompt_id, prompt_version, model, answered_at)
  select m.id, e.organization_id, e.assistant_id, e.session_id, e.user_id, e.prompt_id, 1, 'a-model', now() - interval '20 days'
  from messages m, pawl.exchanges e where e.message_id = tests.id('b1')
  returning *
)
insert into pawl.response_feedback (message_id, organization_id, assistant_id, user_id, signal, created_at)
  select message_id, organization_id, assistant_id, user_id, 'thumbs_up', now() - interval '19 days' from exchanges;
select pg_temp.vote('newest', 'zoe', false, '16 days');
select is(pg_temp.at('{votes}') - 'since', '{"watched_days": null, "before_up": 150, "before_n": 151, "recent_pattern_ids": []}',
  'five hundred before it, the newest, and of those three tenths a person''s');
update pawl.loop_settings set user_weight_cap = 1;
select is(pg_temp.at('{votes}') - 'since', '{"watched_days": null, "before_up": 499, "before_n": 500, "recent_pattern_ids": []}', 'all of them without a cap');

-- Nothing of another assistant's, in any number
create temp table seen as select tests.look('w1') as l;
delete from pawl.assistants where id <> tests.id('acme/default');
select is(tests.look('w1') - 'others' - 'trials_this_year', l - 'others' - 'trials_this_year', 'without other assistants it is the same') from seen;
select is(tests.look('w1') -> 'trials_this_year', '0', 'but for the family of tries');

select * from finish();
rollback;
