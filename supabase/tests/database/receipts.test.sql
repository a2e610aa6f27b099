-- What was decided and from what: who reads a receipt, page by page, and whether it is still what was decided by.
begin;
select plan(29);

select tests.make_assistant('acme/default'), tests.make_version('acme/default', 2), tests.make_assistant('acme/helper'),
       tests.make_version('acme/helper', 2), tests.make_assistant('globex/default'), tests.make_version('globex/default', 2);
select tests.make_member('amy', 'acme', 'admin'), tests.make_member('gus', 'globex', 'admin'), tests.make_member('max', 'acme');
select tests.make_receipt('one', 'acme/default', '2 hours', p_pairs => 3),
       tests.make_receipt('other', 'acme/helper'), tests.make_receipt('theirs', 'globex/default');
create function pg_temp.receipt(p_name text default 'one') returns jsonb
language sql
as $$
  select coalesce(r -> 'receipt', r)
  from tests.call('amy', format('select public.pawl_get_receipt(%L)', tests.id(p_name))) r
$$;
create function pg_temp.matches(p_name text default 'one') returns text
language sql
as $$
  select format('digest %s, prompts %s', r ->> 'digest_matches', r ->> 'prompts_match') from pg_temp.receipt(p_name) r
$$;

-- A receipt
create temp table summary as select jsonb_build_object('receipt_id', tests.id('one'), 'at', now() - interval '2 hours',
  'decision', 'reject', 'reason', 'worse', 'version', 2, 'baseline_version', 1, 'method', 'replay', 'placebo', false,
  'log_e', -0.5, 'observations', 3) as s;
select is(tests.call('amy', 'select public.pawl_list_receipts(''default'')'),
  jsonb_build_object('outcome', 'ok', 'receipts', jsonb_build_array(s)), 'what was decided') from summary;
select is(pg_temp.receipt() - '{document,observations,digest_matches,prompts_match}'::text[], s - 'observations', 'and one of it') from summary;
select is(pg_temp.receipt() -> 'document', (select document from pawl.promotion_receipts where id = tests.id('one')),
  'with all that was written down');
select is(pg_temp.receipt() -> 'observations', (
    select jsonb_agg(jsonb_build_object('id', tests.id('one pair ' || n), 'd', -1, 'first', -1, 'second', -1, 'longer', 0,
      'question_type', 'other') order by n) from generate_series(1, 3) n), 'and all that was observed, in its order');
select is(pg_temp.matches(), 'digest true, prompts true', 'which is what was decided by');

-- Whose
select is(tests.refusal(who, format('select public.pawl_get_receipt(%L)', tests.id('one'))), outcome, who || ' asks for it')
from (values ('amy', 'ok'), ('service', 'ok'), ('operator', 'ok'), ('max', 'forbidden'), ('gus', 'receipt_not_found'),
             ('stranger', 'receipt_not_found'), ('nobody', 'unauthorized'), ('anon', 'permission denied')) v (who, outcome);
select is(pg_temp.receipt(name) ->> 'outcome', 'receipt_not_found', 'there is none to see: ' || name)
from unnest('{theirs,nothing}'::text[]) name;
select is(tests.outcome('amy', 'select public.pawl_get_receipt(null)'), 'receipt_not_found', 'nor without a number');
select is(jsonb_array_length(tests.call(who, format('select public.pawl_list_receipts(%L)', assistant)) -> 'receipts'), 1,
  format('%s sees those of %s', who, assistant))
from (values ('amy', 'default'), ('amy', 'helper'), ('gus', 'default')) v (who, assistant);

-- Page by page
select tests.make_receipt('page ' || n, 'acme/default', n * interval '1 minute') from generate_series(1, 25) n;
create function pg_temp.page(p_arguments text) returns integer[]
language sql
as $$
  select array_agg(round(extract(epoch from now() - (r ->> 'at')::timestamptz) / 60)::integer order by n)
  from jsonb_array_elements(
    tests.call('amy', format('select public.pawl_list_receipts(''default'', %s)', p_arguments)) -> 'receipts')
    with ordinality x (r, n)
$$;
select is(pg_temp.page('p_limit => 3'), '{1,2,3}', 'the newest first');
select is(pg_temp.page('p_limit => 3, p_before => now() - interval ''3 minutes'''), '{4,5,6}', 'then those before');
select is(cardinality(pg_temp.page('p_limit => null')), 20, 'twenty at a time');
select is(cardinality(pg_temp.page('p_limit => 1000')), 26, 'or more');

-- Written by a decision: it matches as it is.
do $$ begin perform tests.steer('amy', 'test_version', '2, p_assistant => ''helper'''); end $$;
select tests.hold('acme/helper', p_proved => true);
create temp table promoted as
  select pawl.promote_test(id) as said from pawl.prompt_tests where assistant_id = tests.id('acme/helper');
select is((tests.call('amy', format('select public.pawl_get_receipt(%L)', said ->> 'receipt_id')) -> 'receipt')
    - '{receipt_id,at,document}'::text[], '{"decision": "promote", "reason": "better", "version": 2, "baseline_version": 1,
    "method": "replay", "placebo": false, "log_e": 7.2, "observations": [], "digest_matches": true, "prompts_match": true}',
  'the receipt of a promotion') from promoted;

-- Screened before: those observations are held to their hash, too.
insert into pawl.proof_observations (id, about_id, kind, stage, data)
  values (tests.id('screened'), tests.id('s'), 'pair', 'screening', '{"d": 1}');
select tests.make_receipt('screened one', 'acme/default', p_document => jsonb_build_object('screening', jsonb_build_object(
  'observation_ids', jsonb_build_array(tests.id('screened')),
  'observations_digest', encode(pawl.observations_digest(array[tests.id('screened')]), 'hex'))));
select is(pg_temp.matches('screened one'), 'digest true, prompts true', 'what it was screened by matches');

-- Changed: by whoever owns the database, past the trigger that keeps the record.
select tests.make_receipt('of another text', 'acme/default', p_document => '{"baseline": {"version": 1, "sha256": "00"}}'),
       tests.make_receipt('of no version', 'acme/default', p_document => '{"candidate": {"version": 99, "sha256": "00"}}');
select is(pg_temp.matches(name), 'digest true, prompts false', name)
from unnest('{of another text,of no version}'::text[]) name;
alter table pawl.proof_observations disable trigger keep_record;
update pawl.proof_observations set data = data || '{"d": 0}' where id in (tests.id('one pair 2'), tests.id('screened'));
select is(pg_temp.matches(name), 'digest false, prompts true', 'an observation changed: ' || name)
from unnest('{one,screened one}'::text[]) name;

select * from finish();
rollback;
