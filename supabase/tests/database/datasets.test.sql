-- A dataset: begun once, handed out in the order of ids, the same at every call; written part by part; sealed once, if it
-- is large enough; and built again from what was recorded.
begin;
select plan(61);

select tests.make_assistant('acme/default'), tests.make_assistant('acme/other'), tests.make_version('acme/default', 2),
       tests.hold_training();
create function pg_temp.open(p_filters jsonb default '{"quality": 0.7, "held_out_percent": 0}', p_holder text default 'w')
returns jsonb
language sql
as $$
  select tests.train('open_model_version', format(', %L, %L', '{"reason": "forced"}', p_filters), p_holder => p_holder)
$$;
create function pg_temp.model() returns uuid
language sql
as $$ select id from pawl.model_versions order by number desc limit 1 $$;
create function pg_temp.about(p_function text, p_arguments text default '', p_holder text default 'w') returns jsonb
language sql
as $$
  select tests.call('service', format(
    'select public.pawl_%s(%L, %L %s)', p_function, tests.id(p_holder), pg_temp.model(), p_arguments))
$$;
create function pg_temp.texts(p_page jsonb) returns text
language sql
as $$ select string_agg(r #>> '{output,content}', ' ' order by n) from jsonb_array_elements(p_page -> 'rows') with ordinality x (r, n) $$;

-- Begun
update pawl.loop_settings set chat_model = 'a-chat-model' where assistant_id = tests.id('acme/default');
select is(pg_temp.open(p_holder => 'x') ->> 'outcome', 'lease_lost', 'for the holder of the lease');
select is(pg_temp.open('{"quality": 0.7, "keep": {"code": 0.5}, "held_out_percent": 10}') -> 'version', jsonb_build_object(
  'id', pg_temp.model(), 'version', 'v1', 'number', 1, 'status', 'curating', 'base_model', 'a-chat-model', 'prompt_version', 1,
  'filters', '{"quality": 0.7, "keep": {"code": 0.5}, "held_out_percent": 10}'::jsonb, 'cursor', null, 'parts', 0, 'rows', 0,
  'created_at', now()), 'one is begun');
select is((select to_jsonb(m) - '{id,created_at,updated_at}'::text[] from pawl.model_versions m), jsonb_strip_nulls(jsonb_build_object(
  'organization_id', tests.id('acme'), 'assistant_id', tests.id('acme/default'), 'model_name', 'default', 'number', 1,
  'version', 'v1', 'status', 'curating', 'base_model', 'a-chat-model', 'prompt_id', tests.id('acme/default v1'), 'metrics', '{}'::jsonb,
  'config', jsonb_build_object('why', '{"reason": "forced"}'::jsonb, 'as_of', now(), 'base_model', 'a-chat-model',
    'prompt_version', 1, 'filters', '{"quality": 0.7, "keep": {"code": 0.5}, "held_out_percent": 10}'::jsonb)))
  || '{"reason": null, "base_url": null, "model": null, "manifest": null, "manifest_sha256": null, "samples": null,
    "finished_at": null, "deployed_at": null}', 'for the prompt that is live, from the model that serves it');
select is(pg_temp.open() ->> 'outcome', 'unfinished', 'one at a time');
select is(pg_temp.open() #>> '{version,id}', pg_temp.model()::text, 'that one');
select is((select count(*)::int from pawl.model_versions), 1, 'and no other');
select is(tests.call('service', format('select public.pawl_claim_training(%L, %L, ''other'')', tests.id('w'), tests.id('acme')))
  #> '{claim,task,train}', '{"slug": "other", "version": null}', 'another assistant has none');
update pawl.leases set holder = null, expires_at = null where assistant_id = tests.id('acme/default');
select is(tests.call('service', format('select public.pawl_claim_training(%L, %L, ''default'')', tests.id('w'), tests.id('acme')))
  #>> '{claim,task,train,version,id}', pg_temp.model()::text, 'whoever claims it is told to go on');
update pawl.system_prompts set state = 'retired' where id = tests.id('acme/default v1');
update pawl.model_versions set status = 'failed', reason = 'x';
select is(pg_temp.open() ->> 'outcome', 'no_active_prompt', 'without a prompt there is nothing to tune for');
update pawl.system_prompts set state = 'active' where id = tests.id('acme/default v1');

-- Its rows
select tests.taught('good', 'ann', 0.7), tests.taught('bad', 'ann', 0.6), tests.taught('better', 'ann', 1),
       tests.taught('judged', 'ann', 1, null, '{"validated": false}'), tests.taught('elsewhere', 'ann', 1, p_assistant => 'acme/other');
create function pg_temp.row(p_name text) returns uuid
language sql
as $$ select coalesce((select id from pawl.training_data where output ->> 'content' = p_name), tests.id('row ' || p_name)) $$;
select is(pg_temp.open() #>> '{version,version}', 'v2', 'the next has the next number');
select tests.taught('late', 'ann', 1);
update pawl.training_data set created_at = now() + interval '1 second' where output ->> 'content' = 'late';
create function pg_temp.in_order(p_names text[]) returns text
language sql
as $$ select string_agg(n, ' ' order by pg_temp.row(n)) from unnest(p_names) n $$;
select is(pg_temp.about('dataset_page', p_holder => 'x'), '{"outcome": "lease_lost"}', 'for the holder of the lease');
select is(pg_temp.texts(pg_temp.about('dataset_page')), pg_temp.in_order('{good,better}'),
  'what teaches, is good enough and was there when it was begun, by id');
select is(pg_temp.about('dataset_page') -> 'next', 'null', 'that is the end');
select is(pg_temp.about('dataset_page') -> 'system_prompt', '"Prompt 1 of acme/default"', 'with the prompt it is tuned for');
select is((select r from jsonb_array_elements(pg_temp.about('dataset_page') -> 'rows') r where r #>> '{output,content}' = 'good'),
  jsonb_build_object('id', pg_temp.row('good'), 'question_type', 'how_to', 'held_out', false, 'output', '{"content": "good"}'::jsonb,
    'input', '{"messages": [{"role": "user", "content": "To good"}]}'::jsonb), 'what stands in a row');
select is(pg_temp.about('dataset_page') -> 'recorded', '{"parts": [], "by_type": {}, "masked": {}}', 'nothing of it is recorded');

-- Page by page: rows looked at, not rows handed out
create function pg_temp.walk(p_limit integer) returns text
language plpgsql
as $$
declare
  v_after text := 'null';
  v_page jsonb;
  v_all text[];
begin
  loop
    v_page := pg_temp.about('dataset_page', format(', %s, %s', v_after, p_limit));
    v_all := v_all || coalesce(pg_temp.texts(v_page), '-');
    exit when v_page -> 'next' = 'null' or cardinality(v_all) > 20;
    v_after := quote_literal(v_page ->> 'next');
  end loop;
  return array_to_string(v_all, '|');
end
$$;
select is(replace(replace(pg_temp.walk(1), '-|', ''), '|-', ''), replace(pg_temp.in_order('{good,better}'), ' ', '|'), 'one by one it is the same');
select is(array_length(string_to_array(pg_temp.walk(1), '|'), 1), 5, 'every row is looked at once: those that do not teach too');
select is(pg_temp.about('dataset_page', format(', %L', pg_temp.row('good'))) -> 'system_prompt', 'null', 'the prompt comes once');

-- Shares: by the hash of the text, nothing else
select tests.make_assistant('acme/many'), tests.hold_training('w', 'acme/many');
insert into pawl.training_data (
  organization_id, assistant_id, model_name, input, output, question_type, content_hash, input_hash, votes, validated_votes, score_sum)
  select tests.id('acme'), tests.id('acme/many'), 'many', '{}', jsonb_build_object('content', n),
         case when n % 2 = 0 then 'code' when n % 4 = 1 then 'data' end, sha256(n::text::bytea),
         sha256(('asked ' || n)::bytea), 1, 1, 1000000
  from generate_series(1, 400) n;
-- Four exchanges a conversation.
create function pg_temp.conversation(n integer) returns uuid
language sql
as $$ select tests.id('acme/many question ' || ((n - 1) / 4 * 4 + 1) || ' session') $$;
select tests.make_questions('acme/many', 400);
update pawl.exchanges e set session_id = pg_temp.conversation(n) from generate_series(1, 400) n
  where e.message_id = tests.id('acme/many question ' || n || ' answer');
insert into pawl.training_sources (message_id, assistant_id, training_id, user_id, score, validated, source, is_origin)
  select tests.id('acme/many question ' || (t.output ->> 'content') || ' answer'), t.assistant_id, t.id, tests.id('chatter'), 1, true,
         'user', true
  from pawl.training_data t where t.assistant_id = tests.id('acme/many');
create function pg_temp.many(p_filters jsonb) returns jsonb
language plpgsql
as $$
begin
  update pawl.model_versions set status = 'failed', reason = 'x' where finished_at is null;
  perform tests.train('open_model_version', format(', ''{}'', %L', p_filters), 'acme/many');
  return tests.call('service', format('select public.pawl_dataset_page(%L, %L, null, 1000)', tests.id('w'), (
    select id from pawl.model_versions where assistant_id = tests.id('acme/many') and finished_at is null)));
end
$$;
create function pg_temp.kept(p_page jsonb, p_type text) returns integer
language sql
as $$ select count(*)::integer from jsonb_array_elements(p_page -> 'rows') r where r ->> 'question_type' = p_type $$;
create temp table half as select pg_temp.many('{"quality": 0.5, "keep": {"code": 0.5, "other": 0}, "held_out_percent": 25}') as page;
select is(pg_temp.kept(page, 'code'), (
  select count(*)::int from generate_series(2, 400, 2) n where ('x' || left(encode(sha256(n::text::bytea), 'hex'), 8))::bit(32)::bigint < 2147483648),
  'of a kind the share that is kept, by the first four bytes of the content''s hash') from half;
select ok(pg_temp.kept(page, 'code') between 80 and 120, 'which is about as many') from half;
select is(pg_temp.kept(page, 'data'), 100, 'of what is not named all') from half;
select is(pg_temp.kept(page, 'other'), 0, 'what has no kind is other') from half;
select is(pg_temp.many('{"quality": 0.5, "keep": {"code": 0.5, "other": 0}, "held_out_percent": 25}'), page || jsonb_build_object('system_prompt', page -> 'system_prompt'),
  'the same at every call, and of the next version') from half;
select is((select count(*)::int from jsonb_array_elements(page -> 'rows') r where (r ->> 'held_out')::boolean), (
  select count(*)::int from jsonb_array_elements(page -> 'rows') r
  where get_byte(uuid_send(pg_temp.conversation((r #>> '{output,content}')::int)), 15) < 64), 'held out by the conversation''s last byte') from half;
select is((select array_agg(n order by n) from (
  select count(distinct r ->> 'held_out') as n from jsonb_array_elements(page -> 'rows') r
  group by pg_temp.conversation((r #>> '{output,content}')::int)) x where n > 1), null, 'each with all that was said in it') from half;
select cmp_ok((select count(*)::int from jsonb_array_elements(page -> 'rows') r where (r ->> 'held_out')::boolean), '>', 20,
  'some are') from half;
select is(jsonb_array_length(pg_temp.many('{}') -> 'rows'), 400, 'without filters all of them');
select is((select count(*)::int from jsonb_array_elements(pg_temp.many('{"held_out_percent": 100}') -> 'rows') r
  where (r ->> 'held_out')::boolean), 400, 'a hundred percent are all');

-- Recorded
update pawl.model_versions set status = 'failed', reason = 'x' where finished_at is null;
do $$ begin perform pg_temp.open(); end $$;
create or replace function pg_temp.model() returns uuid
language sql
as $$ select id from pawl.model_versions where assistant_id = tests.id('acme/default') order by number desc limit 1 $$;
create function pg_temp.part(p_number integer, p_names text[], p_split text default 'train') returns jsonb
language sql
as $$
  select jsonb_build_object('number', p_number, 'split', p_split, 'path', p_split || p_number, 'rows', cardinality(p_names),
    'bytes', 10 * p_number, 'sha256', repeat(p_number::text, 64), 'ids', (
      select coalesce(jsonb_agg(pg_temp.row(n) order by o), '[]') from unnest(p_names) with ordinality x (n, o)))
$$;
create function pg_temp.record(p_cursor text, variadic p_parts jsonb[]) returns text
language sql
as $$ select pg_temp.about('record_parts', format(', %L, %L', pg_temp.row(p_cursor), to_jsonb(p_parts))) ->> 'outcome' $$;
select is(pg_temp.about('record_parts', ', null, ''[]''', 'x') ->> 'outcome', 'lease_lost', 'for the holder of the lease');
select is(pg_temp.record('good', pg_temp.part(1, '{good,better}'), pg_temp.part(1, '{bad}', 'held_out')), 'ok', 'parts are recorded');
select is(pg_temp.record('bad', pg_temp.part(1, '{judged}')), 'already', 'a number once');
select is(pg_temp.record('bad', pg_temp.part(2, '{judged}'), pg_temp.part(1, '{judged}')), 'already', 'also of several');
select is((pg_temp.open() -> 'version') - '{id,created_at,filters}'::text[], jsonb_build_object('version', 'v3', 'number', 3, 'status', 'curating',
  'base_model', 'a-chat-model', 'prompt_version', 1, 'cursor', pg_temp.row('good'), 'parts', 1, 'rows', 3), 'whoever goes on knows where');
update pawl.training_data set masked = '{"email": 2}' where output ->> 'content' in ('good', 'bad');
update pawl.training_data set masked = '{"email": 1, "phone": 1}' where output ->> 'content' = 'better';
select is(pg_temp.about('dataset_page') -> 'recorded', jsonb_build_object('by_type', '{"how_to": 3}'::jsonb,
  'masked', '{"email": 5, "phone": 1}'::jsonb, 'parts', jsonb_build_array(
    jsonb_build_object('number', 1, 'split', 'train', 'path', 'train1', 'rows', 2, 'bytes', 10, 'sha256', repeat('1', 64)),
    jsonb_build_object('number', 1, 'split', 'held_out', 'path', 'held_out1', 'rows', 1, 'bytes', 10, 'sha256', repeat('1', 64)))),
  'what is recorded, at the end');
select is(pg_temp.about('dataset_page', ', null, 1') -> 'recorded', 'null', 'and only there');
select is(pg_temp.record('bad', pg_temp.part(2, '{judged,gone}'), pg_temp.part(2, '{elsewhere}', 'held_out')), 'ok',
  'what is gone, or another''s, is passed over');

-- Built again
create function pg_temp.again(p_part integer, p_split text default 'train') returns jsonb
language sql
as $$
  select tests.call('service', format('select public.pawl_dataset_rows(%L, %s, %L)', pg_temp.model(), p_part, p_split))
$$;
select is(pg_temp.again(1) - 'rows', jsonb_build_object('outcome', 'ok', 'missing', 0, 'path', 'train1', 'sha256', repeat('1', 64),
  'system_prompt', 'Prompt 1 of acme/default'), 'a part, with what it was stored as');
select is(pg_temp.texts(pg_temp.again(1)), 'good better', 'in its order');
select is(pg_temp.again(1) #> '{rows,0}', jsonb_build_object('id', pg_temp.row('good'), 'output', '{"content": "good"}'::jsonb,
  'input', '{"messages": [{"role": "user", "content": "To good"}]}'::jsonb), 'with the texts');
select is(pg_temp.texts(pg_temp.again(1, 'held_out')), 'bad', 'of either split');
select is(pg_temp.again(2) -> 'missing', '1', 'what was gone is missing');
select is(pg_temp.again(2, 'held_out') -> 'missing', '1', 'as is another assistant''s');
select is(pg_temp.again(3), '{"outcome": "no_part"}', 'there is no other part');
select is(tests.call('service', format('select public.pawl_dataset_rows(%L, 1, %L)', gen_random_uuid(), 'train')),
  '{"outcome": "not_found"}', 'nor a part of no version');

-- Sealed
create function pg_temp.seal(p_needed integer, p_sha text default 'sha') returns jsonb
language sql
as $$ select pg_temp.about('seal_dataset', format(', %L, %L', jsonb_build_object('min_samples', p_needed), p_sha)) $$;
select is(pg_temp.about('seal_dataset', ', ''{}'', ''sha''', 'x') ->> 'outcome', 'lease_lost', 'for the holder of the lease');
select is(pg_temp.seal(6), '{"outcome": "closed", "status": "failed"}', 'one of which rows are gone');
select is((select status || ' ' || reason from pawl.model_versions where id = pg_temp.model()), 'failed rows_gone', 'has failed');
select is((select count(*)::int from pawl.webhook_deliveries), 0, 'and nobody is told where it lies');
do $$ begin perform pg_temp.open(), pg_temp.record('good', pg_temp.part(1, '{good,better,judged}'), pg_temp.part(1, '{bad,late}', 'held_out')); end $$;
select is(pg_temp.seal(5), '{"outcome": "ok"}', 'a dataset of as many rows as are needed');
select is((select to_jsonb(m) from (select status, manifest, manifest_sha256, samples from pawl.model_versions where id = pg_temp.model()) m),
  '{"status": "pending", "manifest": {"min_samples": 5}, "manifest_sha256": "sha", "samples": 5}', 'is whole');
select is((select to_jsonb(d) from pawl.webhook_deliveries d), jsonb_build_object('model_version_id', pg_temp.model(),
  'webhook_id', 'msg_' || replace(pg_temp.model()::text, '-', ''), 'state', 'waiting', 'attempts', 0, 'next_at', now(), 'sent_at', null,
  'delivered_at', null, 'last_status', null, 'last_error', null), 'and its trainer is to be told');
select is(pg_temp.seal(5), '{"outcome": "ok"}', 'once: the same again');
select is(pg_temp.seal(5, 'other'), '{"outcome": "closed", "status": "pending"}', 'and another one is too late');
select is(pg_temp.record('x', pg_temp.part(3, '{}')), 'closed', 'as is a part');
select is(pg_temp.about('dataset_page'), '{"outcome": "closed", "status": "pending"}', 'nor is there a row');
savepoint sealed;
select is(pg_temp.about('claim_delivery') ->> 'outcome', 'ok', 'its trainer can be told');
rollback to sealed;
delete from pawl.training_data where output ->> 'content' = 'late';
select is(pg_temp.about('claim_delivery') ->> 'outcome', 'not_ready', 'not when a row is gone by then');
select is((select m.status || ' ' || m.reason || ' ' || d.state from pawl.model_versions m join pawl.webhook_deliveries d on d.model_version_id = m.id
  where m.id = pg_temp.model()), 'failed rows_gone given_up', 'it has failed then');
update pawl.model_versions set status = 'failed', reason = 'x' where status <> 'failed';
do $$ begin perform pg_temp.open(), pg_temp.record('x', pg_temp.part(1, '{good,better}')); end $$;
select is(pg_temp.seal(3), '{"outcome": "too_few", "samples": 2, "needed": 3}', 'one that is too small');
select is((select status || ' ' || reason || ' ' || samples from pawl.model_versions where id = pg_temp.model()), 'failed too_few_rows 2', 'has failed');

select * from finish();
rollback;
