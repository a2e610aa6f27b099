-- A rubric that the loop could not read is refused when it is stored.
begin;
select plan(12);

create function pg_temp.criterion(p_change jsonb default '{}') returns jsonb
language sql as $$
  select '{"key": "depth", "description": "Why?", "weight": 1, "anchors": ["a", "b", "c", "d", "e"]}'::jsonb || p_change
$$;
select is(pawl.is_rubric(criteria), expected, why)
from (values
  (jsonb_build_array(pg_temp.criterion()), true, 'one criterion'),
  (jsonb_build_array(pg_temp.criterion() - 'weight'), true, 'a weight may be left out'),
  (jsonb_build_array(pg_temp.criterion(), pg_temp.criterion('{"key": "tone"}')), true, 'two criteria'),
  ('[]', false, 'none'),
  ('{}', false, 'no list'),
  ('[{"key": "x"}]', false, 'a criterion without description and anchors'),
  (jsonb_build_array(pg_temp.criterion(), pg_temp.criterion()), false, 'two of one key'),
  (jsonb_build_array(pg_temp.criterion('{"weight": 0}')), false, 'a weight of 0'),
  (jsonb_build_array(pg_temp.criterion('{"weight": "1"}')), false, 'a weight in quotes'),
  (jsonb_build_array(pg_temp.criterion('{"anchors": ["a", "b"]}')), false, 'two anchors'),
  (jsonb_build_array(pg_temp.criterion('{"anchors": [1, 2, 3, 4, 5]}')), false, 'anchors that are no text')
) v (criteria, expected, why);

select tests.make_assistant('acme/default');
select throws_ok(
  $$select tests.call('service', 'insert into pawl.rubrics (assistant_id, version, criteria)
      select id, 2, ''[{"key": "x"}]'' from pawl.assistants where slug = ''default'' limit 1 returning criteria')$$,
  '23514', null, 'and the table holds the secret key to it');

select * from finish();
rollback;
