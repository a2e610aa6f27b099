-- What people see of learning: patterns, what speaks for each, what became of it, and what the last run said.
begin;
select plan(22);

select tests.make_assistant('acme/default'), tests.make_assistant('acme/helper'), tests.make_assistant('globex/default');
select tests.make_member('amy', 'acme', 'admin'), tests.make_member('ann', 'acme'), tests.make_member('gus', 'globex', 'admin');
create function pg_temp.look(p_arguments text default '''active''', p_assistant text default 'default', p_who text default 'amy') returns jsonb
language sql
as $$
  select tests.call(p_who, format('select public.pawl_list_patterns(%s, p_assistant => %L)', p_arguments, p_assistant))
$$;
create function pg_temp.listed(p_arguments text, p_assistant text default 'default') returns text
language sql
as $$
  select coalesce(string_agg(p ->> 'instruction', ', ' order by n), 'none')
  from jsonb_array_elements(pg_temp.look(p_arguments, p_assistant) -> 'patterns') with ordinality x (p, n)
$$;

select is(pg_temp.look(), '{"outcome": "ok", "patterns": [], "last_run": null}', 'nothing is learned');
select tests.learned('a', 'active', jsonb_build_object('confidence', 0.9, 'score', 0.4, 'use_count', 7, 'last_used_at', now(), 'activated_at', now(),
    'created_at', now() - interval '3 days', 'data_source', 'sales')),
  tests.learned('b', 'candidate', jsonb_build_object('created_at', now() - interval '2 days')),
  tests.learned('c', 'trial', jsonb_build_object('created_at', now() - interval '1 day', 'question_type', 'code')),
  tests.learned('w', 'withdrawn', jsonb_build_object('created_at', now() - interval '9 days')),
  tests.learned('h', 'active', p_assistant => 'acme/helper'), tests.learned('g', 'active', p_assistant => 'globex/default');
create temp table seen as select pg_temp.look() #> '{patterns,0}' as p;
select is(p - 'evidence' - 'transitions', jsonb_build_object('pattern_id', tests.id('a'), 'at', now() - interval '3 days', 'type', 'response_format',
  'question_type', 'how_to', 'data_source', 'sales', 'dimension', 'format', 'value', 'table', 'instruction', 'Say a', 'state', 'active', 'influence', 0.93,
  'confidence', 0.9, 'score', 0.4, 'uses', 7, 'last_used_at', now(), 'activated_at', now()), 'a pattern') from seen;
select is(pg_temp.listed('null'), 'Say c, Say b, Say a', 'all there are, the newest first');
select is(jsonb_array_length(pg_temp.look('null') -> 'patterns'), 4, 'one of them without a text');
select is(pg_temp.listed('''trial'''), 'Say c', 'of one state');
select is(pg_temp.listed('''active''', 'helper'), 'Say h', 'of one assistant');

-- In words
create function pg_temp.words(p_state text) returns text
language sql as $$ select pg_temp.look(quote_literal(p_state)) #>> '{patterns,0,evidence}' $$;
select is(pg_temp.words('candidate'), 'Not tried. It was found by 12 answers like it.', 'a candidate');
select is(pg_temp.words('trial'), 'Tried; no answer has been counted yet.', 'one that was tried just now');
insert into pawl.users (id) values (tests.id('bob'));
insert into pawl.pattern_evidence
  select tests.id('c'), tests.id(who), p, 10, 6, 300, 2500000, z, 1, 1, 1, 1, 1
  from (values ('ann', 1, 500000), ('ann', 2, 200000), ('bob', 1, -100000)) v (who, p, z);
select is(pg_temp.words('trial'), 'It applied to 30 answers of 2 people and was shown with 18 of them. '
  || 'It is estimated to change how an answer is received by +0.08, on a scale from -1 to 1.', 'one that has evidence');
update pawl.pattern_evidence set z = -z, shown = 0;
select matches(pg_temp.words('trial'), 'shown with 0 of them.* by -0.08,', 'also where it does harm');

-- Its life
insert into pawl.pattern_transitions (pattern_id, from_state, to_state, to_influence, confidence, reason)
  select tests.id('a'), 'active', 'active', 0.1 * n, 0.5, 'Step ' || n from generate_series(1, 7) n;
select is((select string_agg(t ->> 'reason', ', ' order by n) from jsonb_array_elements(pg_temp.look() #> '{patterns,0,transitions}') with ordinality x (t, n)),
  'Step 7, Step 6, Step 5, Step 4, Step 3', 'the last five steps, the newest first');
select is(pg_temp.look() #> '{patterns,0,transitions,0}', jsonb_build_object('at', now(), 'from', 'active', 'to', 'active', 'influence', 0.7,
  'confidence', 0.5, 'reason', 'Step 7'), 'each with its reason');

-- The last run
do $$ begin perform tests.claim_learning('w1', p_options => ', p_force => true'); end $$;
select is(pg_temp.look() -> 'last_run', 'null', 'a run that goes on has nothing to say');
do $$ begin
  perform tests.record_learning('w1', '{"message": "First."}');
  update pawl.learning_runs set finished_at = now() - interval '1 hour';
  perform tests.claim_learning('w1', p_options => ', p_force => true');
  perform tests.record_learning('w1', '{"message": "Too few people.", "votes_up": 2, "votes_down": 1, "satisfaction": 0.25}');
end $$;
select is(pg_temp.look() -> 'last_run', jsonb_build_object('at', now(), 'message', 'Too few people.', 'settled', 0, 'corrected', 0, 'people', null, 'answers', null,
  'found', 0, 'active', 1, 'satisfaction', 0.25, 'votes_up', 2, 'votes_down', 1, 'crash', null), 'the last one that ended does');

-- Page by page; what was found in one moment is not torn apart
delete from pawl.learned_patterns where assistant_id = tests.id('acme/helper');
select tests.learned('n' || n, 'pruned', jsonb_build_object('created_at', now() - (n / 3) * interval '1 day'), 'acme/helper') from generate_series(3, 122) n;
create function pg_temp.pages(p_limit integer) returns setof text
language plpgsql
as $$
declare v_page jsonb; v_before text;
begin
  for n in 1 .. 200 loop
    v_page := pg_temp.look(format('p_limit => %s %s', p_limit, case when v_before is not null then format(', p_before => %L', v_before) end), 'helper') -> 'patterns';
    exit when v_page = '[]';
    return query select p ->> 'instruction' from jsonb_array_elements(v_page) p;
    v_before := v_page -> -1 ->> 'at';
  end loop;
end
$$;
select is((select count(*) || ' ' || count(distinct p) from pg_temp.pages(7) p), '120 120', 'page by page all are shown, each once');
select is(jsonb_array_length(pg_temp.look('p_limit => ' || l, 'helper') -> 'patterns'), rows, 'a limit of ' || l)
from (values ('0', 3), ('null', 21), ('101', 102)) v (l, rows);

-- Who may
select is(tests.outcome(who, 'select public.pawl_list_patterns()'), outcome, who || ' ' || outcome)
from (values ('anon', 'permission denied'), ('nobody', 'unauthorized'), ('ann', 'forbidden')) v (who, outcome);
select is((select string_agg(p ->> 'instruction', ' ') from jsonb_array_elements(pg_temp.look(p_who => 'gus') -> 'patterns') p), 'Say g', 'each organisation its own');

select * from finish();
rollback;
