-- A model version goes one way from curating to its end, is one at a time, and never becomes another.
begin;
select plan(40);

select tests.make_assistant('acme/default'), tests.make_assistant('acme/other');

-- What status follows which
create function pg_temp.moves(p_from text) returns text
language plpgsql
as $$
declare
  v_to text;
  v_moves text;
begin
  foreach v_to in array '{curating,pending,training,trained,testing,deployed,retired,rejected,failed,rolled_back}'::text[] loop
    begin
      delete from pawl.model_versions;
      perform tests.make_model('acme/default', 1, p_from);
      update pawl.model_versions set status = v_to, reason = 'x' where status <> v_to;
      if found then
        v_moves := concat_ws(' ', v_moves, v_to);
      end if;
    exception when restrict_violation then null;
    end;
  end loop;
  delete from pawl.model_versions;
  return v_moves;
end
$$;
select is(pg_temp.moves('curating'), 'pending failed', 'its dataset is sealed, or it fails');
select is(pg_temp.moves('pending'), 'training trained failed', 'its trainer takes it, may answer before that is on record, or it fails');
select is(pg_temp.moves('training'), 'trained failed', 'it is trained, or fails');
select is(pg_temp.moves('trained'), 'testing deployed rejected failed', 'it is tested; a person may make it live, or reject it');
select is(pg_temp.moves('testing'), 'trained deployed retired rejected rolled_back', 'a test lets it in, rejects it, or leaves it as it was');
select is(pg_temp.moves('deployed'), 'retired rolled_back', 'a live one is replaced, or taken back');
select is(pg_temp.moves('retired'), 'trained testing deployed', 'what was live may be so again');
select is(pg_temp.moves('rolled_back'), 'trained testing deployed', 'also where it was taken back');
select is(pg_temp.moves('rejected'), 'trained testing deployed', 'a rejected one may be tried again');
select is(pg_temp.moves('failed'), null, 'what failed is over');

-- One at a time
select tests.make_model('acme/default', 1, 'curating'), tests.make_model('acme/other', 1, 'curating');
select is((pawl.unfinished_model(tests.id('acme/default'))).id, tests.id('acme/default m1'), 'the unfinished one is found');
select throws_ok($$select tests.make_model('acme/default', 2, 'curating')$$, '23505', null, 'an assistant has one that is not finished');
update pawl.model_versions set status = 'failed', reason = 'too_few_rows' where id = tests.id('acme/default m1');
select is(finished_at, now(), 'a failed one is finished') from pawl.model_versions where id = tests.id('acme/default m1');
select is(pawl.unfinished_model(tests.id('acme/default')) is null, true, 'and then there is none');
select lives_ok($$select tests.make_model('acme/default', 2, 'testing')$$, 'the next may begin');
update pawl.model_versions set status = 'rejected', reason = 'worse' where id = tests.id('acme/default m2');
select tests.make_model('acme/default', 3, 'curating');
select lives_ok($$update pawl.model_versions set status = 'testing', reason = null where id = tests.id('acme/default m2')$$,
  'a person may try a finished one again meanwhile');
select throws_ok($$update pawl.model_versions set status = 'failed', reason = null where id = tests.id('acme/default m3')$$, '23514', null,
  'what failed says why');
select throws_ok($$update pawl.model_versions set reason = 'Sorry, it broke!' where id = tests.id('acme/default m3')$$, '23514', null, 'by a code');
select throws_ok($$insert into pawl.model_versions (organization_id, assistant_id, model_name, number, version, base_model)
  values (tests.id('acme'), tests.id('acme/other'), 'other', 2, 'v3', 'm')$$, '23514', null, 'its name is its number');

-- What it is
create function pg_temp.changing(p_what text) returns text
language sql
as $$ select format('update pawl.model_versions set %s where id = tests.id(''acme/other m9'')', p_what) $$;
delete from pawl.model_versions where assistant_id = tests.id('acme/other');
select tests.make_model('acme/other', 9, 'trained');
select throws_ok(pg_temp.changing($$model = 'another'$$), '23001', null, 'its name at the provider does not change');
select throws_ok(pg_temp.changing($$base_url = 'https://elsewhere.example.com'$$), '23001', null, 'nor where it answers');
select throws_ok(pg_temp.changing($$base_url = null$$), '23001', null, 'nor is it forgotten');
select throws_ok(pg_temp.changing($$manifest = '{}'$$), '23001', null, 'nor what it was made from');
select throws_ok(pg_temp.changing($$manifest_sha256 = repeat('9', 64)$$), '23001', null, 'nor the hash of that');
select throws_ok(pg_temp.changing($$config = '{}'$$), '23001', null, 'nor by which filters');
select throws_ok(pg_temp.changing($$base_model = 'another'$$), '23001', null, 'nor what it was tuned from');
select throws_ok(pg_temp.changing($$assistant_id = tests.id('acme/default')$$), '23001', null, 'nor whose it is');
select throws_ok(pg_temp.changing($$created_at = created_at - interval '1 day'$$), '23001', null, 'nor since when');
select lives_ok(pg_temp.changing($$metrics = '{"accuracy": 0.9}'$$), 'what is said of it may');

-- Since when it serves
update pawl.model_versions set status = 'testing' where id = tests.id('acme/other m9');
update pawl.model_versions set status = 'deployed' where id = tests.id('acme/other m9');
select is(deployed_at, now(), 'it says since when it is live') from pawl.model_versions where number = 9;
set constraints all immediate;
alter table pawl.model_versions disable trigger keep_model_version;
update pawl.model_versions set deployed_at = now() - interval '3 days', updated_at = now() - interval '3 days' where number = 9;
alter table pawl.model_versions enable trigger keep_model_version;
set constraints all deferred;
update pawl.model_versions set status = 'retired' where number = 9;
update pawl.model_versions set status = 'deployed' where number = 9;
select is(deployed_at, now() - interval '3 days', 'in the hands of another version with the same model it goes on') from pawl.model_versions where number = 9;
update pawl.model_versions set status = 'retired' where number = 9;
set constraints all immediate;
alter table pawl.model_versions disable trigger keep_model_version;
update pawl.model_versions set updated_at = now() - interval '2 days' where number = 9;
alter table pawl.model_versions enable trigger keep_model_version;
set constraints all deferred;
update pawl.model_versions set status = 'deployed' where number = 9;
select is(deployed_at, now(), 'brought back later it begins anew') from pawl.model_versions where number = 9;

-- Versions of a prompt
select tests.make_model('acme/other', 10, 'trained');
insert into pawl.system_prompts (id, assistant_id, version, content, model_version_id)
  values (tests.id('tuned'), tests.id('acme/other'), 2, 'Prompt 1 of acme/other', tests.id('acme/other m10'));
select is((pawl.model_of(tests.id('acme/other v1')))::text, '(claude-sonnet-5-5,)', 'a version without a model is served by the assistant''s');
select is((pawl.model_of(tests.id('tuned')))::text, '(tuned-10,https://models.example.com:8443/v1)', 'another by its own');
select throws_ok($$update pawl.system_prompts set model_version_id = null where id = tests.id('tuned')$$, '23001', null, 'which never changes');
select throws_ok($$update pawl.system_prompts set model_version_id = tests.id('acme/other m10') where id = tests.id('acme/other v1')$$, '23001', null, 'nor does one get a model later');
update pawl.loop_settings set chat_model = 'claude-haiku-5-5';
select is((pawl.model_of(tests.id('acme/other v1'))).model || ' ' || (pawl.model_of(tests.id('tuned'))).model, 'claude-haiku-5-5 tuned-10',
  'the setting is about those without');
set constraints all immediate;
select lives_ok($$set constraints all deferred$$, 'what a version refers to is there');
select lives_ok($$delete from pawl.assistants where id = tests.id('acme/other'); set constraints all immediate$$, 'they go with their assistant');
select is((select count(*)::int from pawl.model_versions where assistant_id = tests.id('acme/other')), 0, 'all');

select * from finish();
rollback;
