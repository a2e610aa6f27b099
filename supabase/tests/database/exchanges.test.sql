-- What is kept of an exchange to learn from: its characteristics, and the patterns that its answer was given with.
begin;
select plan(60);

select tests.make_assistant('acme/default'), tests.make_version('acme/default', 2), tests.make_assistant('acme/helper'),
       tests.make_member('ann', 'acme');
update pawl.organization_settings set user_requests_per_minute = null where organization_id = tests.id('acme');
select tests.make_pattern('acme/default', 'table'), tests.make_pattern('acme/default', 'list', 'candidate'),
       tests.make_pattern('acme/default', 'code', 'warmdown', p_question_type => 'code'),
       tests.make_pattern('acme/helper', 'table');

create function pg_temp.begin_turn(p_traits text, p_options text default '') returns jsonb
language sql
as $$ select tests.begin_turn('ann', 'Hi', format(', p_assistant => ''default'', p_traits => %L %s', p_traits, p_options)) $$;
create function pg_temp.traits(p_turn jsonb) returns jsonb
language sql
as $$ select traits from pawl.turns where id = (p_turn ->> 'turn_id')::uuid $$;

-- What is known of a question
select is(pg_temp.traits(pg_temp.begin_turn(given)), kept::jsonb, why)
from (values
  ('{"question_type": "how_to", "data_source": "sales-2", "tools": ["search", "SQL runner"]}',
   '{"question_type": "how_to", "data_source": "sales-2", "tools": ["search", "SQL runner"]}', 'traits are stored'),
  (null, '{}', 'none'), ('{}', '{}', 'an empty set'),
  ('{"question_type": "code", "mood": "bad", "tools": []}', '{"question_type": "code", "tools": []}',
   'what nobody knows is left out'),
  ('{"question_type": "code", "data_source": null, "tools": null}', '{"question_type": "code"}', 'so is what is null'),
  (format('{"question_type": "%s"}', repeat('a', 64)), format('{"question_type": "%s"}', repeat('a', 64)),
   'names have up to 64 characters'),
  (format('{"tools": ["%s"]}', repeat('é', 200)), format('{"tools": ["%s"]}', repeat('é', 200)), 'those of tools 200'),
  ((select jsonb_build_object('tools', jsonb_agg('t' || n)) from generate_series(1, 50) n)::text,
   (select jsonb_build_object('tools', jsonb_agg('t' || n)) from generate_series(1, 50) n)::text, 'of which there are 50'))
  v (given, kept, why);
select is((tests.begin_turn('ann', 'Hi', ', p_assistant => ''default''') ->> 'outcome'), 'ok', 'nobody has to state any');
select is(
  tests.refusal(who, format('select public.%s(''Hi'', p_assistant => ''default'', p_user_id => %L, p_traits => %L)',
    function, case who when 'service' then tests.id('ann') end, traits)), 'traits_invalid', left(traits, 50))
from (values ('ann', 'pawl_begin_turn'), ('service', 'pawl_prepare_turn')) w (who, function),
  unnest(array[
    '[]', '"x"', 'null', '7', '{"question_type": "How to"}', '{"question_type": ""}', '{"question_type": "-a"}',
    '{"question_type": 1}', '{"question_type": ["how_to"]}', '{"data_source": "a.b"}', '{"data_source": "a\nb"}',
    '{"data_source": "a\n"}', format('{"question_type": "%s"}', repeat('a', 65)), '{"tools": "search"}',
    '{"tools": {"a": 1}}', '{"tools": [1]}', '{"tools": [null]}',
    '{"tools": [" "]}', format('{"tools": ["%s"]}', repeat('a', 201)),
    (select jsonb_build_object('tools', jsonb_agg('t' || n)) from generate_series(1, 51) n)::text,
    format('{"other": "%s"}', repeat('a', 4096))]) traits
where who = 'ann' or traits = '[]';

-- A turn tried again is of the kind that is said then, or of the one it was
create function pg_temp.again(p_traits text) returns jsonb
language plpgsql
as $$
begin
  update pawl.turns t set status = 'failed', error_code = 'model_timeout'
    from pawl.idempotency_keys k where k.turn_id = t.id and k.key = 'again';
  return pg_temp.traits(pg_temp.begin_turn(p_traits, ', p_idempotency_key => ''again'''));
end
$$;
select is(pg_temp.again(given), kept::jsonb, why)
from (values (1, '{"question_type": "code"}', '{"question_type": "code"}', 'a turn'),
             (2, null, '{"question_type": "code"}', 'tried again without a word keeps its traits'),
             (3, '{"question_type": "data"}', '{"question_type": "data"}', 'or has those said then')) v (n, given, kept, why)
order by n;

-- What an answer leaves
create temp table turn as
  select pg_temp.begin_turn('{"question_type": "how_to", "data_source": "sales", "tools": ["search", "clock"]}') as begun;
create function pg_temp.complete(p_options text default '', p_attempt integer default 1) returns text
language sql
as $$
  select tests.complete_turn((begun ->> 'turn_id')::uuid, p_attempt, 'Größe', p_options => p_options) from turn
$$;
create function pg_temp.exposures(variadic p_patterns text[]) returns text
language sql
as $$
  select jsonb_agg(jsonb_build_object('pattern_id', tests.id(split_part(p, ':', 1)), 'shown', split_part(p, ':', 2) = 'shown',
    'propensity', 0.8))::text from unnest(p_patterns) p
$$;
select is(tests.outcome('service', pg_temp.complete(p_attempt => 2)), 'superseded', 'an answer of no attempt');
select is((select count(*)::int from pawl.exchanges), 0, 'leaves none');
create temp table answered as
  select tests.call('service', pg_temp.complete(format(
    ', p_prompt_id => %L, p_tools => ''{clock,map}'', p_learning => %L', tests.id('acme/default v2'), format(
    '{"response_format": "table", "length_class": "long", "answer_characters": 1600, "exposures": %s}',
    pg_temp.exposures('table of acme/default:shown', 'code of acme/default:held', 'table of acme/helper:shown')))))
  as result;
select is(result ->> 'outcome', 'ok', 'an answer') from answered;
select results_eq(
  $$select message_id, organization_id, assistant_id, session_id, user_id, prompt_id, prompt_version, model,
           question_type, data_source, response_format, length_class, answer_characters, answered_at, revision, signal,
           settled_at from pawl.exchanges$$,
  $$select (result ->> 'answer_id')::uuid, tests.id('acme'), tests.id('acme/default'), (begun ->> 'session_id')::uuid,
           tests.id('ann'), tests.id('acme/default v2'), 2, 'a-model', 'how_to', 'sales', 'table', 'long', 1600, now(), 0,
           null::smallint, null::timestamptz from turn, answered$$,
  'leaves an exchange with all that is known of it, which waits to be settled');
select is((select tools from pawl.exchanges), '{clock,map,search}', 'with the tools of both, each once');
select is((select patterns_shown from pawl.exchanges), array[tests.id('table of acme/default')],
  'with the patterns shown that are its assistant''s');
select results_eq(
  $$select pattern_id, message_id = (select message_id from pawl.exchanges), user_id, shown, propensity
    from pawl.pattern_exposures order by shown$$,
  $$values (tests.id('code of acme/default'), true, tests.id('ann'), false, 0.8::real),
           (tests.id('table of acme/default'), true, tests.id('ann'), true, 0.8::real)$$,
  'each that applied is noted, also one that was held back');
select is(tests.refusal('service', pg_temp.complete(format(', p_learning => %L', format('{"exposures": %s}',
    pg_temp.exposures('table of acme/default:shown'))))), 'ok', 'completed again, nothing is written');

-- Little is known
create function pg_temp.exchange_of(p_options text, p_answer text default 'Größe', p_traits text default '{}') returns text
language plpgsql
as $$
declare
  v_answer jsonb := tests.call('service', tests.complete_turn(
    (pg_temp.begin_turn(p_traits) ->> 'turn_id')::uuid, 1, p_answer, p_options => p_options));
begin
  return (
    select concat_ws(' ', coalesce(question_type, '?'), coalesce(response_format, '?'), coalesce(length_class, '?'),
                     answer_characters, tools, patterns_shown)
    from pawl.exchanges where message_id = (v_answer ->> 'answer_id')::uuid);
end
$$;
select is(pg_temp.exchange_of(options), exchange, coalesce(nullif(options, ''), 'nothing'))
from (values
  ('', '? ? ? 5 {} {}'), (', p_learning => null', '? ? ? 5 {} {}'), (', p_learning => ''{}''', '? ? ? 5 {} {}'),
  (', p_tools => null', '? ? ? 5 {} {}'), (', p_tools => ''{b,a,b}''', '? ? ? 5 {a,b} {}'),
  (', p_learning => ''{"response_format": "prose", "exposures": null}''', '? prose ? 5 {} {}'),
  (', p_learning => ''{"length_class": "short", "exposures": []}''', '? ? short 5 {} {}')) v (options, exchange);
select is(pg_temp.exchange_of('', p_traits => '{"question_type": "code", "tools": ["x"]}'), 'code ? ? 5 {x} {}',
  'by the question alone');
select is(
  pg_temp.exchange_of(format(', p_learning => %L', format('{"exposures": %s}', pg_temp.exposures('nothing:shown')))),
  '? ? ? 5 {} {}', 'a pattern that is gone is passed over');

-- No answer, no exchange; a late one that was given up as lost, one
create temp table late as select pg_temp.begin_turn('{"question_type": "data"}') as begun;
create temp view exchanges_of_late as
  select e.question_type from pawl.exchanges e join pawl.turns t on t.answer_message_id = e.message_id
  join late on t.id = (begun ->> 'turn_id')::uuid;
update pawl.turns set status = 'failed', error_code = 'turn_lost', lost_attempts = 1 from late
  where id = (begun ->> 'turn_id')::uuid;
select is((select count(*)::int from exchanges_of_late), 0, 'a turn without an answer has none');
select is(tests.outcome('service', tests.complete_turn((begun ->> 'turn_id')::uuid)), 'ok', 'a lost answer turns up')
from late;
select is((select question_type from exchanges_of_late), 'data', 'and has one');

-- Which patterns are served
select is((pg_temp.begin_turn('{}') ->> 'patterns_revision')::bigint, a.patterns_revision,
  'a turn begins with the number of the patterns'' set') from pawl.assistants a where a.id = tests.id('acme/default');
update pawl.assistants set patterns_revision = 41 where id = tests.id('acme/default');
select is(pg_temp.begin_turn('{}') ->> 'patterns_revision', '41', 'which changes with it');
select is(
  tests.call('service', format('select public.pawl_prepare_turn(''Hi'', p_assistant => ''default'', p_user_id => %L)',
    tests.id('ann'))) ->> 'patterns_revision', '41', 'a prepared one too');
create temp table context as
  select tests.call('service', format('select public.pawl_serving_context(%L)', tests.id('acme/default v2'))) as served;
select is(served - '{patterns,content}'::text[], '{"outcome": "ok", "version": 2, "endpoint": null, "patterns_revision": 41}',
  'the text of a version comes with the number of the set') from context;
select is(
  (select jsonb_object_agg(p ->> 'id', p - 'id') from context, jsonb_array_elements(served -> 'patterns') p),
  jsonb_build_object(
    tests.id('table of acme/default'), '{"question_type": "how_to", "data_source": null, "influence": 0.5,
      "instruction": "Answer with a table", "confidence": 0.8}'::jsonb,
    tests.id('code of acme/default'), '{"question_type": "code", "data_source": null, "influence": 0.5,
      "instruction": "Answer with a code", "confidence": 0.8}'::jsonb), 'and with the live ones of its assistant');

-- Who erases a session erases them
delete from pawl.sessions where user_id = tests.id('ann');
select is((select count(*)::int from pawl.exchanges) + (select count(*)::int from pawl.pattern_exposures), 0,
  'they go with their session');

select * from finish();
rollback;
