-- What an instruction is worded from: three people's best liked answers, and never a conversation that was deleted.
begin;
select plan(19);

select tests.make_assistant('acme/default'), tests.make_assistant('acme/other'), tests.make_member('amy', 'acme', 'admin');
create function pg_temp.look(p_dimension text default 'format', p_value text default 'table') returns jsonb
language sql
as $$
  select tests.call('service', format('select public.pawl_pattern_examples(%L, ''how_to'', %L, %L)', tests.id('acme/default'), p_dimension, p_value))
$$;
create function pg_temp.answers(p_dimension text default 'format', p_value text default 'table') returns text
language sql
as $$
  select coalesce(string_agg(e ->> 'answer', ' ' order by n), 'none')
  from jsonb_array_elements(pg_temp.look(p_dimension, p_value) -> 'examples') with ordinality x (e, n)
$$;
select is(tests.outcome(who, format('select public.pawl_pattern_examples(%L, ''how_to'', ''format'', ''table'')', tests.id('acme/default'))), 'permission denied', who)
from unnest('{anon,amy}'::text[]) who;
select is((pg_temp.look() ->> 'prompt_id')::uuid, (select id from pawl.system_prompts where is_active and assistant_id = tests.id('acme/default')), 'the live prompt, which the cost is counted for');
select is(pg_temp.look() - 'prompt_id', '{"outcome": "ok", "examples": [], "feedback_ids": [], "user_messages": [], "current_prompt": "Prompt 1 of acme/default", "protected_clauses": []}', 'nothing was said');

create function pg_temp.answer(p_name text, p_person text, p_signal integer, p_age interval default '10 days', p_more jsonb default '{}') returns void
language sql
as $$
  select tests.answered(p_name, p_person, p_age => p_age, p_more => jsonb_build_object('question_type', 'how_to', 'response_format', 'table',
    'length_class', 'short', 'tools', '["search"]'::jsonb, 'signal', p_signal) || p_more)
$$;
select pg_temp.answer('ann60', 'ann', 60), pg_temp.answer('ann50', 'ann', 50), pg_temp.answer('bob30', 'bob', 30), pg_temp.answer('cat0', 'cat', 0),
       pg_temp.answer('dan30', 'dan', 30, '9 days'), pg_temp.answer('dan30b', 'dan', 30, '11 days'), pg_temp.answer('eve20', 'eve', 20);
select is(pg_temp.answers(), 'ann60 dan30 bob30', 'the three best liked, of three people, the newest of equals');
update pawl.exchanges set signal = 0 where message_id in (tests.id('dan30'), tests.id('dan30b'), tests.id('eve20'));
select is(pg_temp.answers(), 'ann60 bob30', 'and no more than were liked');
update pawl.exchanges set signal = 30 where message_id in (tests.id('dan30'), tests.id('dan30b'));
select is(pg_temp.answers('length', 'short'), 'ann60 dan30 bob30', 'by length');
select is(pg_temp.answers('tool', 'search'), 'ann60 dan30 bob30', 'by tool');
select is(pg_temp.answers('tool', 'run') || ' ' || pg_temp.answers('length', 'long') || ' ' || pg_temp.answers('colour', 'red'), 'none none none', 'of that cluster alone');
select is(pg_temp.look() #> '{examples,0}', '{"user_message": "To ann60", "answer": "ann60"}', 'beside what was asked');
select is((select count(*) || ' ' || string_agg(m #>> '{}', ', ' order by n) filter (where n <= 3) from jsonb_array_elements(pg_temp.look() -> 'user_messages') with ordinality x (m, n)),
  '7 To ann60, To dan30, To bob30', 'theirs first, then others of the cluster');
-- What is none of theirs
select pg_temp.answer('deleted', 'fay', 100), pg_temp.answer('old', 'fay', 100, '91 days'), pg_temp.answer('code', 'fay', 100, p_more => '{"question_type": "code"}'),
       tests.answered('foreign', 'fay', 'acme/other', p_more => '{"question_type": "how_to", "response_format": "table", "signal": 100}');
update pawl.sessions set deleted_at = now() where id = tests.id('deleted session');
select is(pg_temp.answers(), 'ann60 dan30 bob30', 'not what was deleted, long ago, about something else or another assistant''s');
select is(pg_temp.look()::text ~ 'To (deleted|old|code|foreign)', false, 'nor asked there');
-- What people said of them
do $$ begin perform tests.react('ann60', 'thumbs_down'), tests.react('ann50', 'thumbs_up'); end $$;
create temp table said as select tests.react('ann60', 'thumbs_up') as id union all select tests.react('ann60', 'copy') union all select tests.react('dan30', 'copy');
do $$ begin perform tests.react('bob30', 'rating', 1, 'llm-judge'); end $$;
select is((select array_agg(f #>> '{}' order by 1) from jsonb_array_elements(pg_temp.look() -> 'feedback_ids') f), (select array_agg(id::text order by 1) from said), 'as it stands, by people');
-- Long ones, many, and what the prompt is
update pawl.messages set content = repeat('ä', 1600) where id in (tests.id('ann60'), tests.id('ann60 question'));
select is(char_length(pg_temp.look() #>> '{examples,0,answer}') || ' ' || char_length(pg_temp.look() #>> '{examples,0,user_message}'), '1500 1500', 'cut');
select pg_temp.answer('more ' || n, 'gil', 0, '1 day') from generate_series(1, 30) n;
select is(jsonb_array_length(pg_temp.look() -> 'user_messages'), 20, 'up to twenty messages');
select is(pg_temp.look() #>> '{user_messages,1}', 'To dan30', 'among them those of the examples');
update pawl.loop_settings set protected_clauses = '{Be kind.}';
select is(pg_temp.look() -> 'protected_clauses', '["Be kind."]', 'clauses');

-- Nothing to word for
update pawl.system_prompts set state = 'retired' where is_active and assistant_id = tests.id('acme/default');
select is(pg_temp.look(), '{"outcome": "no_active_prompt"}', 'without a live prompt');

select * from finish();
rollback;
