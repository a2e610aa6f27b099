-- The live version is watched by what people vote, beside the version before it.
begin;
select plan(38);

select tests.make_assistant('acme/default');
update pawl.loop_settings set user_weight_cap = 0.05;
update pawl.system_prompts set activated_at = now() - interval '100 days' where version = 1 and assistant_id = tests.id('acme/default');
select tests.hold_proof('w', 'acme/default');
create function pg_temp.look() returns jsonb
language sql as $$ select tests.prove('watch_look', tests.id('acme/default')) $$;
-- Votes of as many people on answers of a version that long ago; the last voter voted last.
create function pg_temp.votes(p_label text, p_version integer, p_up integer, p_down integer, p_age interval, p_person text default null) returns void
language plpgsql
as $$
begin
  for n in 1 .. p_up + p_down loop
    perform tests.answered(p_label || n, coalesce(p_person, p_label || n), 'acme/default', p_age - n * interval '1 second',
      jsonb_build_object('prompt_id', tests.id('acme/default v' || p_version), 'prompt_version', p_version));
    insert into pawl.response_feedback (message_id, organization_id, assistant_id, user_id, signal, created_at)
      select message_id, organization_id, assistant_id, user_id, case when n <= p_up then 'thumbs_up' else 'thumbs_down' end, answered_at
      from pawl.exchanges where message_id = tests.id(p_label || n);
  end loop;
end
$$;
create function pg_temp.seen() returns text
language sql
as $$
  select case l ->> 'outcome' when 'ok' then concat_ws(' ', l #>> '{case,before_up}', 'of', l #>> '{case,before_n}', 'then',
    (select string_agg(case when (o -> 'up')::boolean then '1' else '0' end, '' order by n) from jsonb_array_elements(l #> '{case,observations}') with ordinality x (o, n)))
  else l ->> 'outcome' end from pg_temp.look() l
$$;
create function pg_temp.why_not() returns text
language sql as $$ select case when (l -> 'acts')::boolean then 'acts' else l ->> 'why_not' end from pg_temp.look() l $$;
create function pg_temp.due() returns text
language plpgsql
as $$
declare
  v_task jsonb;
begin
  select pawl.next_proof(a, true) into v_task from pawl.assistants a where id = tests.id('acme/default');
  return coalesce(v_task ->> 'reason', v_task #>> '{task,prove,watch}');
end
$$;

select is(pg_temp.seen(), 'nothing_to_watch', 'nobody has voted');
select pg_temp.votes('early', 1, 7, 3, '20 days');
select is(pg_temp.look() ->> 'why_not' || ' ' || pg_temp.seen(), 'no_version_before 0 of 0 then 1111111000', 'a first version has nothing to be measured by');
select is(pg_temp.due(), 'nothing_to_prove', 'and is not looked at');
-- Promoted ten days ago
create temp table test as select tests.open_test('acme/default') as id;
select tests.begin_proof(id, 'replay') from test;
select tests.decide(id, 'promoted') from test;
select is(pg_temp.seen(), 'nothing_to_watch', 'a version that has just gone live has no votes');
select is(pg_temp.due(), 'nothing_to_prove', 'and is not due');
-- The clock of the record cannot be set back: what is aged is when it went live, which the record may follow.
update pawl.system_prompts set activated_at = now() - interval '10 days' where version = 2 and assistant_id = tests.id('acme/default');
select pg_temp.votes('late', 2, 2, 3, '5 days');
select is(pg_temp.seen(), '7 of 10 then 11000', 'its votes stand beside those on the version before, in the order in which they were given');
select is(pg_temp.due(), 'true', 'and it is due');
select is(pg_temp.why_not(), 'acts', 'a fall takes it back');
select is(pg_temp.look() -> 'prompt_id', to_jsonb(tests.id('acme/default v2')), 'it is the live one');
select is((pg_temp.look() -> 'case') - '{observations,agreement}'::text[], '{"kind": "watch", "level": null, "horizon": null, "min_days": null, "max_days": null,
  "days": null, "unit": null, "floor": -1, "before_up": 7, "before_n": 10}', 'as a case');
select is((select array_agg(k order by k) from jsonb_object_keys(pg_temp.look() #> '{case,observations,0}') k), '{id,up}', 'a vote says no more than that');
select isnt(pg_temp.look() #> '{case,observations,0,id}', pg_temp.look() #> '{case,observations,0,id}', 'under an id that names no one');

-- What counts
create function pg_temp.after(p_sql text) returns text
language plpgsql
as $$
declare
  v_seen text;
begin
  execute p_sql;
  v_seen := pg_temp.seen();
  raise exception using errcode = 'XDONE', message = v_seen;
exception when sqlstate 'XDONE' then return sqlerrm;
end
$$;
select is(pg_temp.after($$select tests.react('late1', 'thumbs_down')$$), '7 of 10 then 10000', 'a thumb that was turned is the last to be given');
select is(pg_temp.after($$select tests.react('late1', 'rating', 0)$$), '7 of 10 then 11000', 'no other signals');
select is(pg_temp.after($$select pg_temp.votes('old', 1, 0, 4, '2 days')$$), '7 of 10 then 11000', 'not later answers of the version before');
select is(pg_temp.after($$select tests.answered('new', 'x', p_age => '15 days'); select tests.react('new', 'thumbs_down')$$), '7 of 10 then 11000',
  'nor votes that came after the change on answers before it');
select is(pg_temp.after($$select pg_temp.votes('canary', 2, 0, 3, '12 days')$$), '7 of 10 then 11000', 'nor what a canary had');
select is(pg_temp.after($$select pg_temp.votes('ancient', 1, 0, 3, '101 days')$$), '7 of 10 then 11000', 'nor what is over ninety days older');
select is(pg_temp.after($$select pg_temp.votes('loud', 2, 0, 9, '2 days', 'loud one')$$), '7 of 10 then 110000', 'one person has one vote, however often they vote');
select is(pg_temp.after($$select pg_temp.votes('fan', 1, 9, 0, '15 days', 'fan')$$), '8 of 11 then 11000', 'before it too');
select is(pg_temp.after($$select pg_temp.votes('torn', 2, 1, 4, '2 days', 'torn one')$$), '7 of 10 then 110001', 'their first'); 
select is(pg_temp.after($$insert into pawl.response_feedback (message_id, organization_id, assistant_id, user_id, signal, source)
  select message_id, organization_id, assistant_id, user_id, 'thumbs_down', 'automated' from pawl.exchanges where message_id = tests.id('late1')$$), '7 of 10 then 11000', 'only people vote');

-- Whether it acts
create function pg_temp.why_after(p_sql text) returns text
language plpgsql
as $$
declare
  v_why text;
begin
  execute p_sql;
  v_why := pg_temp.why_not();
  raise exception using errcode = 'XDONE', message = v_why;
exception when sqlstate 'XDONE' then return sqlerrm;
end
$$;
select is(pg_temp.why_after($$update pawl.loop_settings set updates_paused = true$$), 'paused', 'not while updates are paused');
select is(pg_temp.why_after($$update pawl.system_prompts set locked = true where version = 2$$), 'locked', 'nor on a locked version');
create function pg_temp.steer(p_function text, p_arguments text) returns void
language plpgsql
as $$ begin perform tests.steer('operator', p_function, p_arguments || format(', p_organization_id => %L', tests.id('acme'))); end $$;
select is(pg_temp.why_after($$select tests.make_version('acme/default', 5), pg_temp.steer('activate_prompt', '5');
  select pg_temp.votes('hand', 5, 1, 0, '-1 hour')$$), 'by_hand', 'nor on what a person chose');
select is(pg_temp.why_after($$select tests.make_version('acme/default', 5), pg_temp.steer('activate_prompt', '5'), pg_temp.steer('activate_prompt', '2');
  select pg_temp.votes('hand', 2, 1, 0, '-1 hour')$$), 'by_hand', 'also when it was promoted once before');
select is(pg_temp.why_after($$select tests.make_version('acme/default', 5), pawl.go_live(tests.id('acme/default v5')),
  pawl.record_change(tests.id('acme/default'), 'operator', null, 'force', '{"changed": {"live_version": {"from": 2, "to": 5}}}', null);
  select pg_temp.votes('force', 5, 1, 0, '-1 hour')$$), 'acts', 'but on what was forced');

-- Told of
create function pg_temp.alert() returns text
language sql
as $$
  select tests.prove('alert_fall', tests.id('acme/default'), format(', %L, %L', tests.id('acme/default v2'), '{"words": "Fewer thumbs up."}')) ->> 'suggestion_id'
$$;
select isnt(pg_temp.alert(), null, 'a fall is told of');
select results_eq($$select suggestion_type, priority, status, prompt_id, description like 'Fewer thumbs up.%' from pawl.suggestions$$,
  $$values ('escalation', 'high', 'pending', null::uuid, true)$$, 'to a person');
select is(pg_temp.alert(), null, 'once');
select is((select count(*)::int from pawl.suggestions), 1, 'a version');
update pawl.system_prompts set activated_at = now() - interval '9 days' where version = 2 and assistant_id = tests.id('acme/default');
select isnt(pg_temp.alert(), null, 'or when it goes live again');
select is(tests.live('acme/default'), '2', 'and nothing is changed');
select is(tests.prove('alert_fall', tests.id('acme/default'), format(', %L, %L', tests.id('acme/default v1'), '{}')), '{"outcome": "ok", "suggestion_id": null}', 'a version that is not live is not told of');

-- Bounds
insert into pawl.users (id) select tests.id('voter ' || n) from generate_series(1, 6000) n;
select tests.make_questions('acme/default', 6000, 'recent', p_age => '3 days', p_version => 2), tests.make_questions('acme/default', 2500, 'former', p_age => '30 days');
update pawl.exchanges e set user_id = tests.id('voter ' || v.n) from (
  select tests.id('acme/default ' || l || ' ' || n || ' answer') as id, n from unnest('{recent,former}'::text[]) l, generate_series(1, 6000) n) v where e.message_id = v.id;
insert into pawl.response_feedback (message_id, organization_id, assistant_id, user_id, signal, created_at)
  select message_id, organization_id, assistant_id, user_id, 'thumbs_up', answered_at from pawl.exchanges where session_id in (
    select id from pawl.sessions where user_id = tests.id('chatter'));
-- As autovacuum does.
analyze pawl.response_feedback, pawl.exchanges;
create temp table seen (look jsonb, rows_read bigint);
do $$
declare
  v_before bigint := tests.rows_read();
begin
  insert into seen (look) values (pg_temp.look());
  update seen set rows_read = tests.rows_read() - v_before;
end $$;
select is(jsonb_array_length(look #> '{case,observations}'), 5000, 'the newest five thousand votes are looked at') from seen;
select is(look #> '{case,before_n}', '2000', 'beside two thousand') from seen;
select cmp_ok(rows_read, '<', 60000::bigint, 'and each is read a few times, not once for each of the others') from seen;
select is(pg_temp.due(), 'true', 'and it stays due');

select * from finish();
rollback;
