-- Protected clauses: every later version holds them word for word, whoever writes it and whenever they were protected.
begin;
select plan(35);

select tests.make_assistant('acme/default'), tests.make_version('acme/default', 2), tests.make_assistant('acme/helper');
select tests.make_member('amy', 'acme', 'admin');
update pawl.loop_settings set cooldown_hours = 0;
create temp table owed as select tests.make_reflection('acme/default', p_age => '1 minute') as id;
create function pg_temp.clauses() returns jsonb
language sql as $$ select to_jsonb(protected_clauses) from pawl.loop_settings where assistant_id = tests.id('acme/default') $$;

-- Protected while an update is being written
select is(tests.begin_update(id), 'ok', 'an update is begun without any clause') from owed;
select is(tests.steered('amy', 'protect_clauses', $$'{Never swear.,Prompt 1}'$$), '{"action": "protect",
    "about": {"missing": [1]}, "changed": {"protected_clauses": {"from": [], "to": ["Never swear.", "Prompt 1"]}}}',
  'a person protects clauses, and hears which the live version lacks');
select is(tests.steered('amy', 'protect_clauses', $$array['Never swear.', 'Prompt 1', E' Be kind.\r\n\t']$$) -> 'about',
  '{"missing": [1, 3]}', 'others in their place');
select is(pg_temp.clauses(), '["Never swear.", "Prompt 1", " Be kind.\r\n\t"]', 'are kept as they were given');
select is(tests.unmoved('amy', 'protect_clauses', $$array['Never swear.', 'Prompt 1', E' Be kind.\r\n\t']$$),
  'ok, nothing changed', 'protecting them again is nothing');
create function pg_temp.submitted(p_content text) returns text
language plpgsql
as $$
declare
  v_before text := tests.stored();
  v_answer jsonb := (select tests.submit(id, 'acme/default v1', p_content) from owed);
begin
  return concat_ws(' ', v_answer ->> 'outcome', v_answer ->> 'clauses',
                   case when tests.stored() <> v_before then 'and written' end);
end
$$;
select is(pg_temp.submitted(content), outcome, 'submitting ' || content)
from (values
  ('Better', 'clauses_missing [1, 2, 3]'),
  ('Never swear. Prompt 1', 'clauses_missing [3]'),
  ('never swear. Prompt 1. Be kind.', 'clauses_missing [1]'),
  ('Never  swear. Prompt 1. Be kind.', 'clauses_missing [1]'),
  ('Never swear. Be kind.', 'clauses_missing [2]')) v (content, outcome);
select is((select tests.call('service', format('select public.pawl_begin_update(%L)', id)) -> 'protected_clauses' from owed),
  pg_temp.clauses(), 'the next writer is told of them');
select is(tests.live('acme/default'), '1', 'nothing went live');
select is(pg_temp.submitted('Prompt 1. Be kind. Never swear.'), 'submitted and written',
  'a text that holds them does, in any order and without the space around them');

-- What people write
select is(tests.unmoved('amy', 'write_prompt', '''Never swear.'''), 'clauses_missing, {"clauses": [2, 3]}',
  'nor does a person write a version without');
select is(tests.unmoved('amy', 'write_prompt', '''Never swear.'', true'), 'clauses_missing, {"clauses": [2, 3]}',
  'to go live');
do $$ begin perform tests.steer('amy', 'force_version', '3'); end $$;
select is(tests.steered('amy', 'write_prompt', '''Prompt 1. Never swear. Be kind.''') #> '{about,version}', '4',
  'one that holds them is written');

-- What there was before
select is(tests.steered('amy', 'activate_prompt', '2'), '{"action": "activate", "about": {"version": 2,
    "missing_clauses": [1, 2, 3]}, "changed": {"live_version": {"from": 3, "to": 2}}}',
  'an older version without them can be gone back to, and its lack is named');
select is(tests.steered('amy', 'rollback_prompt', '1') #> '{about,missing_clauses}', '[1, 3]', 'by a rollback too');
select is(tests.steered('amy', 'rollback_prompt', '3') -> 'about', '{"version": 3}',
  'where none is missing none is named');
select is(tests.due('acme/helper'), 'insufficient_data', 'another assistant');
select is(tests.steered('amy', 'write_prompt', '''Swear.'', p_assistant => ''helper''') ->> 'action', 'write',
  'has its own');

-- How many and how long
select is(tests.unmoved('amy', 'protect_clauses', clauses), 'clauses_invalid', what)
from (values
  ('null', 'no list'),
  ('array[''a'', null]', 'a clause that is none'),
  ('array[''a'', '''']', 'an empty clause'),
  (E'array[''a'', E'' \\t\\n '']', 'a blank one'),
  ('array[array[''a''], array[''b'']]', 'a list of lists, which no writer could read'),
  ('array[repeat(''ä'', 2001)]', 'one of more than 2,000 characters'),
  ('array_fill(''a''::text, array[51])', 'more than 50')) v (clauses, what);
select is(tests.steered('amy', 'protect_clauses', 'array_fill(repeat(''ä'', 2000), array[50])') ->> 'action', 'protect',
  '50 of 2,000 characters');
select is(jsonb_array_length(pg_temp.clauses()), 50, 'are kept');
select is(tests.steered('amy', 'protect_clauses', '''{}''') #> '{changed,protected_clauses,to}', '[]',
  'none protects nothing');
select is(tests.steered('amy', 'write_prompt', '''Swear.''') ->> 'action', 'write',
  'and anything may be written again');

-- With nothing live there is nothing that could lack them.
update pawl.system_prompts set state = 'retired' where is_active and assistant_id = tests.id('acme/default');
select is(tests.steered('amy', 'protect_clauses', '''{x}''') -> 'about', '{"missing": []}', 'where nothing is live');
select is(tests.unmoved('amy', 'write_prompt', '''X'''), 'clauses_missing, {"clauses": [1]}',
  'the next version is held to them');
select throws_ok($$select tests.call('amy', 'with x as (update pawl.loop_settings set protected_clauses = ''{}'' returning 1)
    select to_jsonb(count(*)) from x')$$, '42501', null, 'nobody protects unrecorded');

select * from finish();
rollback;
