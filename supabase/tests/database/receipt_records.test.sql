-- A receipt holds all that a decision was made from, is never changed, and tells when something of it was.
begin;
select plan(47);

select tests.make_assistant('acme/default');
update pawl.loop_settings set judge_model = 'a-judge', chat_model = 'a-chat', screening_pairs = 30, judge_floor = 0.25;
create temp table test as select tests.open_test('acme/default') as id;
select tests.prove('begin_test', id, ', 7') from test;
select tests.observe(id, 'screening', 'pair', '{"d": 1, "first": 1, "second": 1, "longer": 0, "question_type": "other"}', 3)
from test;
select tests.begin_proof(id, 'replay', '{"level": 0.000833}', '{"kind": "screening"}', '{"decision": "pass", "wins": 3}')
from test;
insert into pawl.proof_observations (about_id, kind, stage, data)
  select test.id, 'pair', 'proving',
         jsonb_build_object('d', n % 2, 'first', n % 2, 'second', 1, 'longer', 0, 'question_type', 'how_to')
  from test, generate_series(1, 40) n order by n;
create temp table decided as select tests.prove('decide_test', id, format(', %L, %L, %L, %L', 'promoted', 'better',
  '{"kind": "replay", "level": 0.000833, "horizon": 1000, "agreement": [[0]], "floor": 0.25}',
  '{"decision": "promote", "reason": "better", "log_e": 7.31, "at": 38}')) as answer from test;
create function pg_temp.receipt() returns setof pawl.promotion_receipts
language sql
as $$ select r.* from pawl.promotion_receipts r, decided d where r.id = (d.answer ->> 'receipt_id')::uuid $$;
create function pg_temp.sha(p_text text) returns text
language sql as $$ select encode(sha256(convert_to(p_text, 'UTF8')), 'hex') $$;

-- What it holds
select is((select array_agg(k order by k) from jsonb_object_keys((select document from pg_temp.receipt())) k),
  '{baseline,candidate,case,chat_model,judge,ledger,level,method,placebo,plan,ruling,screening,settings}',
  'everything has its place');
select is(document -> 'candidate', jsonb_build_object(
    'version', 2, 'sha256', pg_temp.sha('Prompt 2 of acme/default'), 'model', 'a-chat'),
  'the hash of the version, and what serves it') from pg_temp.receipt();
select is(document -> 'baseline', jsonb_build_object(
    'version', 1, 'sha256', pg_temp.sha('Prompt 1 of acme/default'), 'model', 'a-chat'),
  'and of the one it beat') from pg_temp.receipt();
select is(document -> 'judge', (
  select jsonb_build_object('model', 'a-judge', 'revision', 7, 'rubric_id', r.id, 'rubric_version', 1,
    'rubric_sha256', pg_temp.sha(r.criteria::text))
  from pawl.rubrics r where r.assistant_id = tests.id('acme/default')), 'the judge and its rubric') from pg_temp.receipt();
select is(document - '{candidate,baseline,judge,settings,screening,plan}'::text[], jsonb_build_object(
    'placebo', false, 'chat_model', 'a-chat', 'method', 'replay', 'level', 0.000833,
    'ledger', jsonb_build_object('year', extract(year from pawl.today()), 'position', 1),
    'case', '{"kind": "replay", "level": 0.000833, "horizon": 1000, "agreement": [[0]], "floor": 0.25}'::jsonb,
    'ruling', '{"decision": "promote", "reason": "better", "log_e": 7.31, "at": 38}'::jsonb),
  'what was ruled on, and the ruling') from pg_temp.receipt();
select is((document #>> '{settings,judge_floor}') || ' ' || (document #>> '{settings,screening_pairs}'), '0.25 30',
  'the settings') from pg_temp.receipt();
select is((document -> 'screening') - 'observation_ids' - 'observations_digest',
  '{"case": {"kind": "screening"}, "ruling": {"decision": "pass", "wins": 3}}', 'its screening') from pg_temp.receipt();
select is(jsonb_array_length(document #> '{screening,observation_ids}'), 3, 'with what that was ruled on')
from pg_temp.receipt();
select is(observation_ids, (
  select array_agg(o.id order by o.seq) from pawl.proof_observations o where stage = 'proving'),
  'every observation, in order') from pg_temp.receipt();
select is(observations_digest, pawl.observations_digest(observation_ids), 'and their digest') from pg_temp.receipt();
select is(encode(observations_digest, 'hex'), (
  select pg_temp.sha(string_agg(o.id || ' pair proving ' || o.data, E'\n' order by o.seq))
  from pawl.proof_observations o where stage = 'proving'), 'which anybody can compute') from pg_temp.receipt();
select is(pawl.observations_digest((select array_agg(i order by i) from unnest(observation_ids) i)), observations_digest,
  'in the order of the observations, not of the ids') from pg_temp.receipt();

-- Nobody changes it
select tests.make_member('amy', 'acme', 'admin'), tests.make_member('max', 'acme');
create temp table attempts as
  select t, r, s from unnest('{promotion_receipts,proof_observations}'::text[]) t,
    unnest('{none,service_role,authenticated}'::text[]) r,
    unnest(array['update pawl.%I set id = id', 'delete from pawl.%I', 'truncate pawl.%I']) s;
create function pg_temp.attempt(p_role text, p_sql text) returns text
language plpgsql
as $$
begin
  perform set_config('role', p_role, true);
  execute p_sql;
  perform set_config('role', 'none', true);
  return 'done';
exception when others then
  return sqlstate;
end
$$;
select is(pg_temp.attempt(r, format(s, t)), case r when 'none' then '23001' else '42501' end, format(s, t) || ' by ' || r)
from attempts;
grant update, delete on pawl.promotion_receipts, pawl.proof_observations to service_role;
select is(pg_temp.attempt('service_role', format(s, t)), '23001', format(s, t) || ' by one who was given the right')
from attempts where r = 'service_role' and s not like 'truncate%';
revoke update, delete on pawl.promotion_receipts, pawl.proof_observations from service_role;

-- What was changed all the same shows
create function pg_temp.tampered(p_sql text) returns boolean
language plpgsql
as $$
declare
  v_same boolean;
begin
  alter table pawl.proof_observations disable trigger keep_record;
  execute p_sql;
  select r.observations_digest = pawl.observations_digest(r.observation_ids) into v_same from pg_temp.receipt() r;
  raise exception using errcode = 'XDONE', message = (not v_same)::text;
exception when sqlstate 'XDONE' then return sqlerrm::boolean;
end
$$;
select is(pg_temp.tampered('select'), false, 'as it is, it is the same');
select is(pg_temp.tampered(format($$update pawl.proof_observations set %s where id = %L$$, change, observation_ids[17])), true,
  'a change of ' || change || ' is noticed')
from pg_temp.receipt(), unnest(array[$$data = data || '{"d": -1}'$$, $$stage = 'screening'$$, $$kind = 'unit'$$]) change;
select is(pg_temp.tampered(format('delete from pawl.proof_observations where id = %L', observation_ids[40])), true,
  'one that was taken away, too') from pg_temp.receipt();
select is(pg_temp.tampered(format($$delete from pawl.proof_observations where id = %L;
    insert into pawl.proof_observations (id, about_id, kind, stage, data) values (%1$L, %L, 'pair', 'proving',
      '{"d": 0, "first": 0, "second": 1, "longer": 0, "question_type": "how_to"}')$$, observation_ids[2], test_id)), true,
  'and one that changed its place') from pg_temp.receipt();
select is(pg_temp.tampered($$select tests.observe((select id from test), 'proving', 'pair', '{"d": 1}')$$), false,
  'what was observed later is no part of it');

-- Who reads it
select is(tests.visible(who, 'pawl.promotion_receipts'), receipts, who || ' sees so many receipts')
from (values ('amy', 1), ('max', 0), ('anon', -1)) v (who, receipts);
select is(tests.visible('amy', 'pawl.proof_observations') || ' ' || tests.visible('service', 'pawl.proof_observations'),
  '-1 43', 'the secret key reads observations');

-- It outlives what it is about
delete from pawl.organizations where id = tests.id('acme');
set constraints all immediate;
select is((select count(*)::int from pawl.promotion_receipts) || ' ' || (select count(*)::int from pawl.proof_observations),
  '1 43', 'an organisation that goes leaves it');
select is((select count(*)::int from pawl.prompt_tests), 0, 'but nothing else');

select * from finish();
rollback;
