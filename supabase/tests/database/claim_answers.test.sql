-- What the judge is given.
begin;
select plan(18);

select tests.make_assistant('acme/default'), tests.make_version('acme/default', 2), tests.make_assistant('acme/helper');
select tests.make_answers('acme/default', 7);

-- Claims, gives back, and returns the part that is to be judged.
create function pg_temp.judge(p_options text default '') returns jsonb
language plpgsql
as $$
declare
  v_claim jsonb := tests.claim('w1', 'acme/default', p_options);
begin
  perform tests.release('w1', 'acme/default');
  return v_claim #> '{claim,task,judge}';
end
$$;
create function pg_temp.answers(p_options text default '') returns text
language sql
as $$
  select string_agg(e #>> '{exchange,answer}', ', ' order by n)
  from jsonb_array_elements(pg_temp.judge(p_options) -> 'exchanges') with ordinality x (e, n)
$$;

select is(pg_temp.judge() -> 'prompt',
  jsonb_build_object('id', tests.id('acme/default v1'), 'version', 1, 'content', 'Prompt 1 of acme/default'),
  'the version that answered, with its text');
select is(pg_temp.judge() -> 'rubric',
  (select jsonb_build_object('id', id, 'criteria', criteria) from pawl.rubrics where assistant_id = tests.id('acme/default')),
  'the rubric in use');
select is(pg_temp.judge() -> 'thresholds', '{"auto_update": 2.5, "suggestion": 3.5, "acceptable": 4.0}',
  'what a score calls for');
select is(array[(pg_temp.judge() ->> 'window_start')::timestamptz, (pg_temp.judge() ->> 'window_end')::timestamptz],
  array[now() - interval '24 hours', now()], 'the window');
select is(pg_temp.judge() ->> 'judge_model', 'claude-sonnet-5-5', 'the model that judges');
select is(
  (select e from jsonb_array_elements(pg_temp.judge() -> 'exchanges') e
   where e ->> 'message_id' = tests.id('acme/default answer 3')::text),
  jsonb_build_object('message_id', tests.id('acme/default answer 3'),
    'exchange', '{"user_message": "To answer 3", "answer": "answer 3"}'::jsonb),
  'an answer, by its id, beside the message it answers');
select is(pg_temp.answers(), 'answer 7, answer 6, answer 5, answer 4, answer 3, answer 2, answer 1', 'the newest first');
update pawl.loop_settings set max_conversations = 5 where assistant_id = tests.id('acme/default');
select is(pg_temp.answers(), 'answer 7, answer 6, answer 5, answer 4, answer 3', 'no more than asked for');
update pawl.loop_settings set max_conversations = 20 where assistant_id = tests.id('acme/default');

-- A later turn of the first session: beside its answer stands its own question, neither earlier ones nor a lost one.
with m as (
  insert into pawl.messages (session_id, role, content, prompt_id)
    values (tests.id('acme/default answer 1 session'), 'user', 'A lost question', null),
           (tests.id('acme/default answer 1 session'), 'user', 'The last question', null),
           (tests.id('acme/default answer 1 session'), 'assistant', 'The last answer', tests.id('acme/default v1'))
    returning id, content, session_id)
insert into pawl.turns (
    session_id, organization_id, user_id, prompt_id, user_message_id, answer_message_id, status, error_code)
  select q.session_id, tests.id('acme'), tests.id('chatter'), tests.id('acme/default v1'), q.id, a.id,
         case when a.id is null then 'failed' else 'completed' end, case when a.id is null then 'model_timeout' end
  from m q left join m a on a.content = 'The last answer' and q.content = 'The last question'
  where q.content <> 'The last answer';
select is(
  (select jsonb_agg(e -> 'exchange') from jsonb_array_elements(pg_temp.judge() -> 'exchanges') e
   where e #>> '{exchange,answer}' in ('The last answer', 'answer 1')),
  '[{"user_message": "The last question", "answer": "The last answer"},
    {"user_message": "To answer 1", "answer": "answer 1"}]',
  'only the user message directly before an answer is given');

-- Once judged, or discarded, never again
insert into pawl.message_evaluations (message_id, reflection_log_id, prompt_id, overall, discarded)
  select tests.id('acme/default ' || name), r, tests.id('acme/default v1'), overall, overall is null
  from tests.make_reflection('acme/default', 'none', p_age => '7 hours') r,
       (values ('answer 7', 3), ('answer 6', null)) v (name, overall);
select is(pg_temp.answers(), 'The last answer, answer 5, answer 4, answer 3, answer 2, answer 1',
  'neither a judged nor a discarded answer is given again');
insert into pawl.message_evaluations (message_id, reflection_log_id, prompt_id, overall)
  select tests.id('acme/default ' || name), r, tests.id('acme/default v1'), 3
  from tests.make_reflection('acme/default', 'none', p_age => '7 hours') r, unnest('{answer 5,answer 4}'::text[]) name;
select is(tests.due('acme/default', ', p_force => true'), 'insufficient_data', 'and they do not count as waiting');

-- Nor is what its person deleted
select tests.make_answers('acme/default', 6, 'private', '30 seconds');
select is(pg_temp.answers(), 'The last answer, private 6, private 5, private 4, private 3, private 2, private 1, '
  'answer 3, answer 2, answer 1', 'answers of sessions that are there');
update pawl.sessions set deleted_at = now() where id = tests.id('acme/default private 4 session');
select is(pg_temp.answers(), 'The last answer, private 6, private 5, private 3, private 2, private 1, '
  'answer 3, answer 2, answer 1', 'without those of a deleted one');
update pawl.sessions set deleted_at = now() where id = any (
  select tests.id(format('acme/default private %s session', n)) from generate_series(1, 6) n);
select is(tests.due('acme/default', ', p_force => true'), 'insufficient_data', 'which nobody waits for either');

-- The live version's answers, and no other's
select tests.make_answers('acme/default', 5, 'second', p_version => 2), tests.make_answers('acme/helper', 5, 'helper');
select is(tests.due('acme/default', ', p_force => true'), 'insufficient_data', 'other versions'' answers are not waited for');
update pawl.system_prompts set state = 'retired' where id = tests.id('acme/default v1');
update pawl.system_prompts set state = 'active' where id = tests.id('acme/default v2');
select is(pg_temp.answers(', p_force => true'), 'second 5, second 4, second 3, second 2, second 1',
  'nor given, nor another assistant''s');
select is(pg_temp.judge(', p_force => true') #>> '{prompt,content}', 'Prompt 2 of acme/default',
  'with the prompt that made them');
-- Promised to one version and served by another, an answer belongs to the one that served it.
update pawl.messages set prompt_id = tests.id('acme/default v1'), prompt_version = 1
  where id = tests.id('acme/default second 5 question');
select is(pg_temp.answers(', p_force => true'), 'second 5, second 4, second 3, second 2, second 1',
  'an answer belongs to the version that was served');

select * from finish();
rollback;
