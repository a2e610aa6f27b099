-- What a trainer says of a model counts once, and only if it is of the dataset that it was given.
begin;
select plan(47);

select tests.make_assistant('acme/default'), tests.make_model('acme/default', 1, 'training');
create function pg_temp.parts(p_more jsonb default '{}') returns jsonb
language sql
as $$
  select jsonb_build_object('manifest_sha256', repeat('a', 64), 'parts', jsonb_build_object(
    'acme/default/v1/train-00001.jsonl', repeat('b', 64), 'acme/default/v1/held-out-00001.jsonl', repeat('c', 64))) || p_more
$$;
create function pg_temp.say_sql(p_status text, p_more jsonb default '{}', p_id text default 'cb1') returns text
language sql
as $$
  select format('select public.pawl_training_callback(%L, %L, %L, %L, %L, %L, %L, %L)', p_id,
    coalesce(p_more ->> 'of', tests.id('acme/default m1')::text), p_status,
    coalesce(p_more -> 'metrics', '{"accuracy": 0.93, "eval_loss": 1.25}'), coalesce(p_more -> 'dataset', pg_temp.parts()),
    coalesce(p_more ->> 'base_url', 'https://models.example.com/v1'), coalesce(p_more ->> 'model', 'tuned'), p_more ->> 'error')
$$;
create function pg_temp.say(p_status text, p_more jsonb default '{}', p_id text default 'cb1') returns jsonb
language sql as $$ select tests.call('service', pg_temp.say_sql(p_status, p_more, p_id)) $$;
-- What it answers to something that is to change nothing.
create function pg_temp.refused(p_status text, p_more jsonb) returns text
language plpgsql
as $$
declare
  v_before text := tests.stored();
  v_answer jsonb := pg_temp.say(p_status, p_more);
begin
  return concat_ws(' ', v_answer ->> 'outcome', v_answer ->> 'part', v_answer ->> 'status',
    case when tests.stored() <> v_before then '(and something was written)' end);
end
$$;

-- Not
select is(pg_temp.refused('succeeded', jsonb_build_object('of', gen_random_uuid())), 'version_not_found', 'of a version there is not');
select is(pg_temp.refused('succeeded', jsonb_build_object('dataset', 'null'::jsonb)), 'part_missing manifest', 'without a word of the dataset');
select is(pg_temp.refused('succeeded', jsonb_build_object('dataset', pg_temp.parts() - 'manifest_sha256')), 'part_missing manifest', 'or of the manifest');
select is(pg_temp.refused('succeeded', jsonb_build_object('dataset', pg_temp.parts() - 'parts')), 'part_missing acme/default/v1/held-out-00001.jsonl', 'or of the parts');
select is(pg_temp.refused('succeeded', jsonb_build_object('dataset', pg_temp.parts('{"parts": []}'))), 'part_missing acme/default/v1/held-out-00001.jsonl', 'or none that can be read');
select is(pg_temp.refused('succeeded', jsonb_build_object('dataset', pg_temp.parts(jsonb_build_object('parts', jsonb_build_object('acme/default/v1/held-out-00001.jsonl', repeat('c', 64)))))),
  'part_missing acme/default/v1/train-00001.jsonl', 'of each part');
select is(pg_temp.refused('succeeded', jsonb_build_object('dataset', pg_temp.parts(jsonb_build_object('manifest_sha256', repeat('0', 64))))), 'dataset_changed manifest', 'another manifest');
select is(pg_temp.refused('succeeded', jsonb_build_object('dataset', jsonb_set(pg_temp.parts(), '{parts,acme/default/v1/train-00001.jsonl}', to_jsonb(repeat('0', 64))))),
  'dataset_changed acme/default/v1/train-00001.jsonl', 'another part');
select is(pg_temp.refused('succeeded', jsonb_build_object('dataset', jsonb_set(pg_temp.parts(), '{parts,more.jsonl}', to_jsonb(repeat('0', 64))))),
  'dataset_changed more.jsonl', 'one part too many');
select is(pg_temp.refused('succeeded', '{"base_url": " "}'), 'model_missing', 'without saying where it answers');
select is(pg_temp.refused('succeeded', '{"model": ""}'), 'model_missing', 'or by what name');
select throws_ok(pg_temp.say_sql('done'), 'P0001', null, 'a word that is none is a mistake of the caller''s');
select is(tests.model('acme/default', 1), 'training', 'it is in training as it was');

-- Accepted
savepoint training;
select is(pg_temp.say('accepted') ->> 'status', 'training', 'a trainer may say that it is at work');
select is(pg_temp.refused('accepted', '{}'), 'replayed', 'each word counts once');
select is((select count(*)::int from pawl.eval_results), 0, 'there is nothing to measure yet');
select is(pg_temp.say('succeeded', p_id => 'cb2') ->> 'outcome', 'ok', 'more words follow');
rollback to training;

-- Before it is on record that it heard
set constraints all immediate;
alter table pawl.model_versions disable trigger keep_model_version;
update pawl.model_versions set status = 'pending';
alter table pawl.model_versions enable trigger keep_model_version;
set constraints all deferred;
update pawl.webhook_deliveries set state = 'sending', attempts = 2, next_at = now() + interval '10 minutes';
savepoint pending;
select is(pg_temp.say('accepted') ->> 'status', 'training', 'it may answer before the webhook is recorded');
select is(state || ' ' || (delivered_at = now()), 'delivered true', 'who answers has heard') from pawl.webhook_deliveries;
rollback to pending;
select is(pg_temp.say('succeeded') ->> 'status', 'trained', 'also at its end');
select is(state, 'delivered', 'so that it is not told again') from pawl.webhook_deliveries;
rollback to pending;
select is(pg_temp.say('failed', '{"error": "Out of memory!"}') ->> 'status', 'failed', 'or when it fails');
select is(state, 'delivered', 'then too') from pawl.webhook_deliveries;
select is(tests.model('acme/default', 1), 'failed trainer_failed', 'its words are not stored');
rollback to training;

-- Failed
select is(pg_temp.say('failed', '{"error": "out_of_memory"}') - 'assistant_id' - 'organization_id', '{"outcome": "ok", "status": "failed", "assistant": "default"}', 'a trainer may fail');
select is(tests.model('acme/default', 1), 'failed out_of_memory', 'and say why');
select results_eq($$select suggestion_type, title from pawl.suggestions$$, $$values ('escalation', 'The training of model v1 failed')$$, 'people are told');
select is(pg_temp.refused('succeeded', '{}'), 'replayed', 'and that is that');
select is(tests.refusal('service', pg_temp.say_sql('succeeded', p_id => 'cb2')), 'not_training', 'also with another word');
select is(model || base_url, null, 'it has no model') from pawl.model_versions;
rollback to training;

-- Succeeded
select is(pg_temp.say('succeeded'), jsonb_build_object('outcome', 'ok', 'status', 'trained', 'organization_id', tests.id('acme'),
  'assistant_id', tests.id('acme/default'), 'assistant', 'default'), 'it is trained, and whose it is');
select is(base_url || ' ' || model, 'https://models.example.com/v1 tuned', 'it has its model') from pawl.model_versions;
select is(metrics, '{"accuracy": 0.93, "eval_loss": 1.25}', 'with what is said of it') from pawl.model_versions;
select is(finished_at, null, 'it is not decided on') from pawl.model_versions;
select results_eq($$select eval_type, score, organization_id, assistant_id, model_version_id from pawl.eval_results order by 1$$,
  $$values ('accuracy', 0.93::float8, tests.id('acme'), tests.id('acme/default'), tests.id('acme/default m1')),
    ('eval_loss', 1.25, tests.id('acme'), tests.id('acme/default'), tests.id('acme/default m1'))$$, 'each measure a row');
select is((select count(*)::int from pawl.system_prompts where model_version_id is not null), 0, 'nothing serves it');
select is(pg_temp.refused('succeeded', '{}'), 'replayed', 'the same again is replayed');
select is(tests.refusal('service', pg_temp.say_sql('failed', p_id => 'cb2')), 'not_training', 'what was said is not unsaid');
select is((select count(*)::int from pawl.eval_results), 2, 'nor measured twice');
rollback to training;
select is(pg_temp.say('succeeded', '{"metrics": {"accuracy": 0.9, "Bad Name": 1, "note": "fine", "f1": null}}') ->> 'outcome', 'ok', 'what is no measure');
select is((select string_agg(eval_type, ' ') from pawl.eval_results), 'accuracy', 'is not stored as one');
rollback to training;
select is(pg_temp.say('succeeded', '{"metrics": null}') ->> 'outcome', 'ok', 'a trainer need not measure');
select is(metrics, '{}', 'then there is none') from pawl.model_versions;
rollback to training;

-- What has not been sent
set constraints all immediate;
alter table pawl.model_versions disable trigger keep_model_version;
update pawl.model_versions set status = 'curating';
alter table pawl.model_versions enable trigger keep_model_version;
set constraints all deferred;
select is(pg_temp.refused('succeeded', '{}'), 'not_training curating', 'a dataset that is not complete trains nothing');
set constraints all immediate;
alter table pawl.model_versions disable trigger keep_model_version;
update pawl.model_versions set status = 'rejected', base_url = 'https://x.example', model = 'm';
alter table pawl.model_versions enable trigger keep_model_version;
set constraints all deferred;
select is(pg_temp.refused('succeeded', '{}'), 'not_training rejected', 'what was decided stands');

-- With one connection nobody waits for anybody: what they lock, and in which order, is all there is to look at.
select matches(regexp_replace(p.prosrc, '\s+', ' ', 'g'),
  'organizations .* for key share; perform from pawl.assistants .* for key share; select \* into v_version .* for no key update',
  p.proname || ' locks in the order in which an organisation is deleted')
from pg_proc p where p.proname in ('pawl_training_callback', 'pawl_record_delivery') order by p.proname;

select * from finish();
rollback;
