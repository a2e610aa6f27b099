-- A person is forgotten: what is theirs goes, and nothing that was learned from them stays as it was.
begin;
select plan(37);

select tests.make_assistant(name) from unnest('{acme/default,acme/helper,globex/default,initech/default}'::text[]) name;
select tests.make_member('ann', 'acme'), tests.make_member('bob', 'acme'), tests.make_member('amy', 'acme', 'admin'),
       tests.make_member('ann', 'initech');
update pawl.users set email = 'ann@example.com', metadata = '{"name": "Ann"}' where id = tests.id('ann');
select tests.make_session('anns', 'ann', 'acme/default'), tests.make_session('bobs', 'bob', 'acme/default'),
       tests.make_session('anns elsewhere', 'ann', 'acme/helper');
select tests.make_exchange('anns', 'q' || n), tests.make_exchange('bobs', 'q' || n) from generate_series(1, 3) n;
select tests.make_exchange('anns elsewhere', 'q');
do $$ begin
  perform tests.collect('ann', 'anns q1: {"signal": "thumbs_up", "comment": "Ann was here"}'),
          tests.collect('bob', 'bobs q1: {"signal": "thumbs_up"}');
end $$;

-- Worded from Ann and Bob; measured by both; measured by Bob; measured by Ann and given up; measured by Ann elsewhere.
select tests.make_pattern('acme/default', 'worded'),
       tests.make_pattern('acme/default', 'both', 'trial', p_question_type => 'code'),
       tests.make_pattern('acme/default', 'bobs', p_question_type => 'data'),
       tests.make_pattern('acme/default', 'over', 'pruned'),
       tests.make_pattern('acme/default', 'gone', 'withdrawn'),
       tests.make_pattern('acme/helper', 'one');
insert into pawl.pattern_sources (pattern_id, feedback_id, user_id)
  select tests.id(p || ' of acme/default'), f.id, f.user_id
  from (values ('worded', 'ann'), ('worded', 'bob'), ('bobs', 'bob'), ('gone', 'ann')) v (p, who)
  join pawl.response_feedback f on f.user_id = tests.id(who);
create function pg_temp.expose(p_pattern text, p_turn text, p_shown boolean, p_age interval default '1 hour') returns void
language sql
as $$
  insert into pawl.pattern_exposures (pattern_id, message_id, user_id, shown, propensity, answered_at)
    select tests.id(p_pattern), e.message_id, e.user_id, p_shown, 0.5, now() - p_age from pawl.exchanges e
    where e.message_id = tests.answer(p_turn);
  insert into pawl.pattern_evidence
    select tests.id(p_pattern), e.user_id, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 from pawl.exchanges e
    where e.message_id = tests.answer(p_turn) on conflict do nothing;
$$;
select pg_temp.expose('worded of acme/default', 'anns q1', true), pg_temp.expose('both of acme/default', 'anns q1', true),
       pg_temp.expose('both of acme/default', 'anns q2', true), pg_temp.expose('both of acme/default', 'anns q3', false),
       pg_temp.expose('both of acme/default', 'bobs q1', true, '3 hours'),
       pg_temp.expose('both of acme/default', 'bobs q2', true, '2 hours'),
       pg_temp.expose('both of acme/default', 'bobs q3', false, '0'), pg_temp.expose('bobs of acme/default', 'bobs q1', true),
       pg_temp.expose('over of acme/default', 'anns q1', true), pg_temp.expose('one of acme/helper', 'anns elsewhere q', false);
update pawl.learned_patterns set use_count = 4, last_used_at = now() - interval '1 hour', updated_at = '-infinity';
update pawl.leases set checked_at = now();
-- A run over the helper is under way.
insert into pawl.learning_runs (id, organization_id, assistant_id, settled)
  values (tests.id('run'), tests.id('acme'), tests.id('acme/helper'), 5);

-- Who may
create function pg_temp.forget_sql(p_who text) returns text
language sql as $$ select format('select public.pawl_forget_user(%L)', tests.id(p_who)) $$;
select is(tests.refusal(who, pg_temp.forget_sql('ann')), outcome, who || ' forgets nobody')
from (values ('anon', 'permission denied'), ('ann', 'permission denied'), ('amy', 'permission denied')) v (who, outcome);
select is(tests.refusal(who, pg_temp.forget_sql('nobody known')), 'user_not_found', who || ': nobody is nobody')
from unnest('{service,operator}'::text[]) who;
select is(tests.refusal('service', 'select public.pawl_forget_user(null)'), 'user_not_found', 'nor is nothing');

-- Forgotten
create temp table before as select * from pawl.learned_patterns;
create temp table others as
  select tests.stored() as everything,
         (select jsonb_agg(e order by e.message_id) from pawl.exchanges e where e.user_id = tests.id('bob')) as exchanges,
         (select jsonb_agg(e order by e.pattern_id) from pawl.pattern_evidence e where e.user_id = tests.id('bob')) as evidence;
select is(tests.call('service', pg_temp.forget_sql('ann')),
  '{"outcome": "ok", "patterns_withdrawn": 1, "patterns_recomputed": 2}', 'a person is forgotten');
set constraints all immediate;
create function pg_temp.rows_of(p_person text) returns text
language plpgsql
as $$
declare
  v_table regclass;
  v_found boolean;
  v_all text;
begin
  for v_table in
    select c.oid::regclass from pg_class c where c.relnamespace = 'pawl'::regnamespace and c.relkind = 'r'
  loop
    execute format('select exists (select from %s t where t::text like %L)', v_table, '%' || tests.id(p_person) || '%')
      into v_found;
    v_all := concat_ws(' ', v_all, case when v_found then v_table::text end);
  end loop;
  return btrim(v_all);
end
$$;
select is(pg_temp.rows_of('ann'), 'pawl.audit_log', 'their id is in no row but the record''s');
select is((select count(*)::int from pawl.audit_log where detail::text || coalesce(reason, '') ~* 'ann'), 0,
  'which holds no name');
select is((select jsonb_agg(e order by e.message_id) from pawl.exchanges e), exchanges, 'the exchanges of others stay')
  from others;
select is((select jsonb_agg(e order by e.pattern_id) from pawl.pattern_evidence e), evidence,
  'and what their answers say of patterns') from others;

-- Worded from them
select results_eq(
  $$select state, instruction, influence from pawl.learned_patterns where id = tests.id('worded of acme/default')$$,
  $$values ('withdrawn', null::text, 0::numeric)$$, 'a pattern worded from them is withdrawn');
select results_eq(
  $$select from_state, to_state, to_influence, reason from pawl.pattern_transitions$$,
  $$values ('active', 'withdrawn', 0::numeric, 'A person whose conversation it was worded from is forgotten')$$,
  'once, with the reason');
select cmp_ok(patterns_revision, '>', 0::bigint, 'it is served no more') from pawl.assistants
  where id = tests.id('acme/default');
select is(p.state, b.state, 'the state of ' || p.value || ' stays')
  from pawl.learned_patterns p join before b using (id) where p.value <> 'worded' order by p.value, p.assistant_id;

-- Measured by them
select results_eq(
  $$select value, use_count, last_used_at from pawl.learned_patterns where assistant_id = tests.id('acme/default')
    and value in ('both', 'bobs', 'over') order by value$$,
  $$values ('bobs', 4::bigint, now() - interval '1 hour'), ('both', 2::bigint, now() - interval '2 hours'),
           ('over', 3::bigint, null::timestamptz)$$, 'what it was used for is without theirs');
select results_eq(
  $$select assistant_id, settled, finished_at from pawl.learning_runs order by settled$$,
  $$values (tests.id('acme/default'), 0, null::timestamptz), (tests.id('acme/helper'), 5, null::timestamptz)$$,
  'a learning run is due, where none is under way');
select results_eq(
  $$select a.slug, a.organization_id from pawl.leases l join pawl.assistants a on a.id = l.assistant_id
    where l.checked_at = '-infinity' and l.kind = 'learning' order by 1$$,
  $$values ('default', tests.id('acme')), ('helper', tests.id('acme'))$$, 'before any other');
select is((select count(*)::int from pawl.leases where checked_at = '-infinity'), 2, 'of its kind alone');

-- The record
select results_eq(
  $$select assistant_id, organization_id, actor, actor_id, action, reason, detail - 'user_id' from pawl.audit_log order by id$$,
  $$select tests.id(a), tests.id(split_part(a, '/', 1)), 'service', null::uuid, 'forget', null::text,
           jsonb_build_object('patterns_withdrawn', w, 'patterns_recomputed', r)
    from (values ('acme/default', 1, 1), ('acme/helper', 0, 1), ('initech/default', 0, 0)) v (a, w, r) order by tests.id(a)$$,
  'a record for each assistant, also where they only belonged');
select is((select count(distinct detail ->> 'user_id') from pawl.audit_log), 1::bigint, 'by their id');
select is(tests.refusal('service', pg_temp.forget_sql('ann')), 'user_not_found', 'once');

-- Others
select is(tests.call('operator', pg_temp.forget_sql('bob')),
  '{"outcome": "ok", "patterns_withdrawn": 1, "patterns_recomputed": 1}', 'the database''s owner forgets another');
select is((select count(*)::int from pawl.pattern_evidence) + (select count(*)::int from pawl.exchanges), 0,
  'nothing is left to learn from');
select is((select string_agg(distinct actor, ' ') from pawl.audit_log where detail ->> 'user_id' = tests.id('bob')::text),
  'operator', 'in their name');
select is((select string_agg(value, ' ' order by value) from pawl.learned_patterns where state = 'withdrawn'),
  'bobs gone worded', 'an instruction of anybody who is gone is withdrawn');
select is(tests.call('service', pg_temp.forget_sql('amy')) ->> 'outcome', 'ok', 'who never said a thing');

-- An instruction outlives the conversation it was worded from, but not the person
select tests.make_member('cleo', 'acme'), tests.make_session('cleos', 'cleo', 'acme/default'),
       tests.make_exchange('cleos', 'q'), tests.make_pattern('acme/default', 'cleos', p_question_type => 'writing');
do $$ begin perform tests.collect('cleo', 'cleos q: {"signal": "thumbs_up"}'); end $$;
insert into pawl.pattern_sources (pattern_id, feedback_id, user_id)
  select tests.id('cleos of acme/default'), f.id, f.user_id from pawl.response_feedback f
  where f.user_id = tests.id('cleo');
delete from pawl.sessions where id = tests.id('cleos');
select is((select state from pawl.learned_patterns where value = 'cleos'), 'active', 'erasing a session withdraws nothing');
select is((tests.call('service', pg_temp.forget_sql('cleo')) ->> 'patterns_withdrawn')::integer, 1,
  'forgetting its person does');

-- What is only a candidate is to be found anew, and a run that has looked at what is gone decides nothing
select tests.make_member('dora', 'acme'), tests.make_session('doras', 'dora', 'acme/default'),
       tests.make_pattern('acme/default', 'hers', 'candidate', p_question_type => 'data'),
       tests.make_pattern('acme/default', 'not hers', 'candidate', p_question_type => 'travel');
select tests.make_exchange('doras', 'q');
update pawl.exchanges set question_type = 'data' where user_id = tests.id('dora');
update pawl.leases set holder = tests.id('a run'), expires_at = now() + interval '1 minute' where kind = 'learning';
select tests.make_pattern('acme/default', 'measured', p_question_type => 'music');
select pg_temp.expose('measured of acme/default', 'doras q', true);
select is(tests.call('service', pg_temp.forget_sql('dora')) ->> 'outcome', 'ok', 'somebody else');
select is((select string_agg(value, ', ') from pawl.learned_patterns where state = 'candidate'), 'not hers',
  'candidates that their answers were among are gone');
select is((select holder from pawl.leases where kind = 'learning' and assistant_id = tests.id('acme/default')), null,
  'who was at it has lost the lease');

-- A forgotten person is a newcomer
select tests.make_member('ann', 'acme');
select is(tests.begin_turn('ann', 'Hi') ->> 'outcome', 'ok', 'and may come back');

select * from finish();
rollback;
