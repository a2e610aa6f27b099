-- What is served of learned patterns, what was shown with an answer, and how a pattern is taken back or withdrawn.
begin;
select plan(42);

select tests.make_assistant('acme/default'), tests.make_assistant('acme/other'), tests.make_assistant('globex/default');
select tests.make_member('amy', 'acme', 'admin'), tests.make_member('ann', 'acme'), tests.make_member('gus', 'globex', 'admin');
create function pg_temp.served(p_assistant text default 'acme/default') returns text
language sql
as $$
  select coalesce(string_agg(p ->> 'instruction', ', ' order by n), 'nothing')
  from jsonb_array_elements(pawl.serving_patterns(tests.id(p_assistant))) with ordinality x (p, n)
$$;
create function pg_temp.revision(p_assistant text default 'acme/default') returns bigint
language sql as $$ select patterns_revision from pawl.assistants where id = tests.id(p_assistant) $$;

-- Served
select is(pawl.serving_patterns(tests.id('acme/default')), '[]', 'nothing is learned');
select tests.learned(state, state, jsonb_build_object('question_type', state, 'confidence', confidence))
from (values ('candidate', 0.99), ('trial', 0.5), ('active', 0.9), ('warmdown', 0.4), ('pruned', 0.9), ('reverted', 0.9), ('withdrawn', 0.9)) v (state, confidence);
select tests.learned('foreign', 'active', p_assistant => 'acme/other');
select is(pg_temp.served(), 'Say active, Say trial, Say warmdown', 'what is live, the surest first');
update pawl.learned_patterns set influence = 0 where id = tests.id('warmdown');
select is(pg_temp.served(), 'Say active, Say trial', 'unless it is shown to nobody');
update pawl.learned_patterns set data_source = 'sales' where id = tests.id('active');
select is(pawl.serving_patterns(tests.id('acme/default')) -> 0, jsonb_build_object('id', tests.id('active'), 'question_type', 'active',
  'data_source', 'sales', 'instruction', 'Say active', 'influence', 0.93, 'confidence', 0.9), 'all that choosing it takes');

-- What was shown
select tests.answered('x', 'ann'), tests.answered('y', 'ann');
create function pg_temp.exposures(p_name text) returns text
language sql
as $$
  select string_agg(concat_ws(' ', p.instruction, case when x.shown then 'shown' else 'held back' end, x.propensity,
      case when x.user_id = tests.id('ann') and x.answered_at = now() then 'now' end), ', ' order by p.instruction)
  from pawl.pattern_exposures x join pawl.learned_patterns p on p.id = x.pattern_id where x.message_id = tests.id(p_name)
$$;
create function pg_temp.uses() returns text
language sql
as $$
  select string_agg(concat_ws(' ', instruction, use_count, case when last_used_at = now() then 'now' end), ', ' order by instruction)
  from pawl.learned_patterns where assistant_id = tests.id('acme/default') and use_count > 0
$$;
create function pg_temp.record(p_name text, p_exposures jsonb) returns uuid[]
language sql as $$ select pawl.record_exposures(tests.id(p_name), tests.id('ann'), tests.id('acme/default'), p_exposures) $$;
create function pg_temp.exposure(p_pattern text, p_shown boolean, p_propensity numeric) returns jsonb
language sql as $$ select jsonb_build_object('pattern_id', tests.id(p_pattern), 'shown', p_shown, 'propensity', p_propensity) $$;
select is(pg_temp.record('x', none), '{}', 'nothing applied: ' || coalesce(none::text, 'null')) from unnest('{[],null,NULL}'::jsonb[]) none;
select is(pg_temp.record('x', jsonb_build_array(pg_temp.exposure('active', true, 0.93), pg_temp.exposure('trial', false, 0.5), pg_temp.exposure('reverted', true, 0.5),
  pg_temp.exposure('candidate', true, 0.5), pg_temp.exposure('foreign', true, 0.5), pg_temp.exposure('nothing', true, 0.5))),
  array(select tests.id(p) from unnest('{active,reverted}'::text[]) p order by 1), 'the patterns that were shown');
select is(pg_temp.exposures('x'), 'Say active shown 0.93 now, Say reverted shown 0.5 now, Say trial held back 0.5 now',
  'are stored, and those held back; of this assistant, of those that ever went live');
select is(pg_temp.uses(), 'Say active 1 now, Say reverted 1 now', 'what was shown is used');
select is(pg_temp.record('x', jsonb_build_array(pg_temp.exposure('active', true, 0.93))), '{}', 'once an answer');
select is(pg_temp.uses(), 'Say active 1 now, Say reverted 1 now', 'and counted once');
update pawl.learned_patterns set last_used_at = now() + interval '1 second' where id = tests.id('active');
select is(pg_temp.record('y', jsonb_build_array(pg_temp.exposure('active', true, 0.93), pg_temp.exposure('active', false, 0.93))), array[tests.id('active')], 'each pattern once');
select is((select use_count || ' ' || (last_used_at > now()) from pawl.learned_patterns where id = tests.id('active')), '2 true', 'a later use stays the last');
select is(pg_temp.revision(), 0::bigint, 'what is used is served as before');

-- Withdrawn
create function pg_temp.steps(p_name text) returns text
language sql
as $$
  select string_agg(format('%s %s > %s %s: %s', from_state, trim_scale(from_influence), to_state, trim_scale(to_influence), reason), ', ' order by seq)
  from pawl.pattern_transitions where pattern_id = tests.id(p_name)
$$;
do $$ begin perform pawl.withdraw_pattern(tests.id('active'), 'Forgotten'), pawl.withdraw_pattern(tests.id('nothing'), 'Forgotten'); end $$;
select is((select concat_ws(' ', state, influence, coalesce(instruction, 'no text'), use_count) from pawl.learned_patterns where id = tests.id('active')),
  'withdrawn 0 no text 2', 'a pattern is withdrawn: its text goes, the numbers stay');
select is(pg_temp.steps('active'), 'active 0.93 > withdrawn 0: Forgotten', 'a step of its life');
select is(pg_temp.served(), 'Say trial', 'it is served no more');
select is(pg_temp.revision(), 1::bigint, 'which isolates hear of');
do $$ begin perform pawl.withdraw_pattern(tests.id('active'), 'Once more'); end $$;
select is(pg_temp.steps('active') || pg_temp.revision(), 'active 0.93 > withdrawn 0: Forgotten1', 'once');
do $$ begin perform pawl.withdraw_pattern(tests.id('pruned'), 'Forgotten'), pawl.withdraw_pattern(tests.id('candidate'), 'Forgotten'); end $$;
select is((select count(*)::int from pawl.learned_patterns where instruction is null), 4, 'so is what has ended, or never went live');
select is(pg_temp.revision(), 1::bigint, 'of which isolates need not hear');

-- Taken back by a person
create function pg_temp.revert(p_name text) returns text
language sql as $$ select quote_literal(tests.id(p_name)) $$;
select is(tests.steered('amy', 'revert_pattern', pg_temp.revert('trial')), jsonb_build_object('action', 'revert_pattern',
  'about', jsonb_build_object('pattern_id', tests.id('trial')),
  'changed', '{"state": {"from": "trial", "to": "reverted"}, "influence": {"from": 0.5, "to": 0}}'::jsonb), 'an admin takes a pattern back');
select is(pg_temp.steps('trial'), 'trial 0.5 > reverted 0: Taken back by a person: a reason', 'which its life says, and why');
select is(pg_temp.served() || pg_temp.revision(), 'nothing2', 'from that moment nobody is told it');
select is((select instruction from pawl.learned_patterns where id = tests.id('trial')), 'Say trial', 'its text can still be read');
select is(tests.unmoved('amy', 'revert_pattern', pg_temp.revert('trial')), 'ok, nothing changed', 'once more changes nothing');
select is(tests.unmoved('amy', 'revert_pattern', pg_temp.revert('pruned')), 'ok, nothing changed', 'nor does taking back what has ended');
select tests.learned('fresh', 'candidate', '{"question_type": "fresh"}');
select is(tests.steered('amy', 'revert_pattern', pg_temp.revert('fresh')) -> 'changed', '{"state": {"from": "candidate", "to": "reverted"}}', 'a candidate is never tried');
select is(pg_temp.revision(), 2::bigint, 'and was not served');
select is(tests.call('amy', format('select public.pawl_revert_pattern(%L)', tests.id('warmdown'))) ->> 'outcome', 'ok', 'without a reason');
select is(pg_temp.steps('warmdown'), 'warmdown 0 > reverted 0: Taken back by a person.', 'none is made up');
select is(tests.refusal(who, format('select public.pawl_revert_pattern(%L)', tests.id(name))), outcome, concat_ws(' ', who, name, outcome))
from (values ('anon', 'foreign', 'permission denied'), ('nobody', 'foreign', 'unauthorized'), ('ann', 'foreign', 'forbidden'), ('gus', 'foreign', 'pattern_not_found'),
  ('amy', 'nothing', 'pattern_not_found'), ('service', 'nothing', 'pattern_not_found')) v (who, name, outcome);
select is(tests.unmoved('amy', 'revert_pattern', quote_literal(tests.id('foreign')) || ', p_user_id => ' || quote_literal(tests.id('amy'))),
  'user_not_allowed', 'for nobody else');
select is(tests.outcome('amy', format('select public.pawl_revert_pattern(%L, repeat(''x'', 1001))', tests.id('foreign'))), 'reason_too_long', 'in not too many words');
select is(tests.outcome('operator', format('select public.pawl_revert_pattern(%L)', tests.id('foreign'))), 'ok', 'the operator may');
select is(pg_temp.served('acme/other') || pg_temp.revision('acme/other') || pg_temp.revision(), 'nothing12', 'of the pattern''s own assistant');

select * from finish();
rollback;
