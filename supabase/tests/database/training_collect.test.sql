-- What is collected becomes rows of training data: one row a content, whose score is the mean over those who had it; a
-- correction replaces what it corrects, and what was read from older feedback does not count.
begin;
select plan(42);

select tests.make_assistant('acme/default'), tests.make_assistant('acme/other'), tests.hold_training(),
       tests.hold_training('w', 'acme/other');
create function pg_temp.given(p_name text, p_person text default 'ann', p_assistant text default 'acme/default')
returns void
language plpgsql
as $$
begin
  perform tests.answered(p_name, p_person, p_assistant, p_more => '{"question_type": "how_to"}'),
          tests.react(p_name, 'thumbs_up');
end
$$;
create function pg_temp.collect(p_name text, p_score double precision, p_content text default null, p_more jsonb default '{}')
returns integer
language sql
as $$ select tests.collect_all(jsonb_build_array(tests.collected(p_name, p_score, p_content, p_more))) $$;
-- Counts that fit the sources, an origin each, and no more.
create function pg_temp.whole() returns boolean
language sql
as $$
  select bool_and(t.votes = s.votes and t.score_sum = s.score_sum and t.validated_votes = s.validated
    and t.user_votes = s.by_users and t.judge_votes = s.by_judges and s.origins = 1)
  from pawl.training_data t
  cross join lateral (
    select count(*) as votes, sum(round(s.score * 1e6)) as score_sum, count(*) filter (where s.validated) as validated,
           count(*) filter (where s.source = 'user') as by_users,
           count(*) filter (where s.source = 'llm-judge') as by_judges, count(*) filter (where s.is_origin) as origins
    from pawl.training_sources s where s.training_id = t.id) s
$$;
select pg_temp.given(n) from unnest('{a,b,c,d,e}'::text[]) n;

-- A row
select is(pg_temp.collect('a', 0.7, null, '{"masked": {"email": 2}}'), 1, 'one is stored');
select is(to_jsonb(t) - '{id,created_at,updated_at,content_hash,input_hash,kept_for}'::text[], jsonb_build_object(
  'organization_id', tests.id('acme'), 'assistant_id', tests.id('acme/default'), 'model_name', 'default',
  'answered_by', 'a-model', 'input', '{"messages": [{"role": "user", "content": "To a"}]}'::jsonb,
  'output', '{"content": "a"}'::jsonb, 'question_type', 'how_to', 'masked', '{"email": 2}'::jsonb, 'votes', 1,
  'validated_votes', 1, 'user_votes', 1, 'judge_votes', 0, 'score_sum', 700000, 'feedback_score', 0.7,
  'is_validated', true, 'source', 'user'), 'with all that is kept')
from pawl.training_data t;
select is(t.content_hash, sha256('a'), 'under the hash of its content') from pawl.training_data t;
select is(t.input_hash, sha256('To a'), 'and of what was asked') from pawl.training_data t;
select is(to_jsonb(s) - 'given_at', jsonb_build_object('message_id', tests.id('a'), 'assistant_id', tests.id('acme/default'),
  'training_id', t.id, 'user_id', tests.id('ann'), 'score', 0.7, 'validated', true, 'source', 'user', 'is_origin', true),
  'it knows whose it is') from pawl.training_sources s, pawl.training_data t;
select is(pg_temp.collect('a', 0.7), 1, 'the same once more counts');
select is(tests.rows_taught(), 'a 0.7 1 validated user', 'and changes nothing');
select throws_ok($$update pawl.training_data set output = '{}'$$, '23001', null, 'its text never changes');
select throws_ok($$update pawl.training_data set question_type = 'code'$$, '23001', null, 'nor what kind it is of');
savepoint named;
select pg_temp.given('named');
update pawl.exchanges set question_type = 'jane-doe-0791234567' where message_id = tests.id('named');
select is(pg_temp.collect('named', 1), 1, 'one whose client has its own words for what was asked');
select is(question_type, null, 'is of no kind') from pawl.training_data where output ->> 'content' = 'named';
rollback to named;

-- The same content
select is(pg_temp.collect('b', 0.2, 'a', '{"validated": false, "source": "automated"}'), 1, 'another has the same');
select is(tests.rows_taught(), 'a 0.45 2 validated user', 'one row, the mean of both; a person spoke for it');
select is(pg_temp.collect('c', 0.6, 'a', '{"validated": false, "source": "llm-judge"}'), 1, 'and a judge');
select is(tests.rows_taught(), 'a 0.5 3 validated user', 'is one voice more');
select is(pg_temp.collect('a', 0.1), 1, 'a correction');
select is(tests.rows_taught(), 'a 0.3 3 validated user', 'replaces its own score');
select ok(pg_temp.whole(), 'the counts are those of the sources');
select is(pg_temp.collect('b', null), 1, 'one that teaches nothing any more');
select is(tests.rows_taught(), 'a 0.35 2 validated user', 'is not counted any more');
select is((select count(*)::int from pawl.exchanges where collected_revision = revision), 3, 'and waits no more');
select is(pg_temp.collect('c', 0.9, 'else'), 1, 'one whose content is another now');
select is(tests.rows_taught(), 'a 0.1 1 validated user, c 0.9 1 validated user', 'has a row of its own');
select is(pg_temp.collect('c', 0.9, 'else', '{"validated": false, "source": "llm-judge"}'), 1, 'a judge alone');
select is(tests.rows_taught(), 'a 0.1 1 validated user, c 0.9 1 llm-judge', 'validates nothing');
select is(pg_temp.collect('c', 0.9, 'third', '{"validated": false, "source": "llm-judge"}'), 1, 'one with a row of its own');
select is(tests.rows_taught(), 'a 0.1 1 validated user, c 0.9 1 llm-judge', 'leaves none behind');
select ok(pg_temp.whole(), 'the counts are those of the sources');

-- Of one page
select is(tests.collect_all(jsonb_build_array(tests.collected('d', 1, 'same'), tests.collected('e', 0.5, 'same'),
  tests.collected('d', 0, 'same'))), 2, 'two of one page with one content, one of them twice');
select is(tests.rows_taught(), 'a 0.1 1 validated user, c 0.9 1 llm-judge, d 0.75 2 validated user', 'are one row, the first''s');
select is((select message_id from pawl.training_sources s join pawl.training_data t on t.id = s.training_id
  where s.is_origin and t.output ->> 'content' = 'd'), tests.id('d'), 'and its text goes with the first');

-- The text of one that teaches nothing any more goes, and the other is collected anew.
select is(pg_temp.collect('d', null), 1, 'the first takes it back');
select is(tests.rows_taught(), 'a 0.1 1 validated user, c 0.9 1 llm-judge', 'and its text goes');
select is(tests.train('training_page') #>> '{page,0,answer}', 'e', 'the other waits again');
select is(tests.train('training_page', format(', %L', jsonb_build_array(tests.collected('e', 0.5, 'same')))) -> 'page', '[]',
  'until it is collected');
select is(tests.rows_taught(), 'a 0.1 1 validated user, c 0.9 1 llm-judge, e 0.5 1 validated user', 'with its own text');
select ok(pg_temp.whole(), 'the counts are those of the sources');

-- What does not count
do $$ begin perform tests.react('a', 'copy'); end $$;
select is(pg_temp.collect('a', 1, null, '{"revision": 1}'), 0, 'what was read before somebody said something else');
select pg_temp.given('foreign', 'ann', 'acme/other');
select is(pg_temp.collect('foreign', 1), 0, 'another assistant''s');
select is(tests.collect_all(jsonb_build_array(tests.collected('a') || jsonb_build_object('message_id', tests.id('gone')))), 0,
  'what is gone');
update pawl.sessions set deleted_at = now() where id = tests.id('a session');
select is(pg_temp.collect('a', 1), 0, 'what was deleted');
select is(tests.rows_taught(), 'c 0.9 1 llm-judge, e 0.5 1 validated user', 'none of it is stored');

select * from finish();
rollback;
