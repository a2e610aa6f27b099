-- Answers wait until what people made of them is settled, page by page; what comes later takes its part back, to the last
-- digit; and no order of runs, failures and corrections makes a difference.
begin;
select plan(64);

select tests.make_assistant('acme/default'), tests.make_assistant('acme/one'), tests.make_assistant('acme/two');
select tests.learned('p');
create function pg_temp.page(p_answer jsonb) returns text
language sql
as $$
  select string_agg(coalesce((
      select m.content from pawl.messages m where m.id = (e ->> 'message_id')::uuid), 'nothing'), ' ' order by n)
  from jsonb_array_elements(p_answer -> 'page') with ordinality x (e, n)
$$;
create function pg_temp.entry(p_name text, p_revision integer, p_signal integer) returns jsonb
language sql
as $$
  select jsonb_build_object('message_id', tests.id(p_name), 'revision', p_revision, 'signal', p_signal)
$$;
-- What counts of an answer: its signal, and whether it waits.
create function pg_temp.counts(p_name text) returns text
language sql
as $$
  select concat_ws(' ', coalesce(signal::text, 'nothing'), case when settled_at is null then 'waits' end)
  from pawl.exchanges where message_id = tests.id(p_name)
$$;
create function pg_temp.run(p_assistant text default 'acme/default') returns text
language sql
as $$
  select format('%s settled, %s corrected', settled, corrected) from pawl.learning_runs
  where assistant_id = tests.id(p_assistant) and finished_at is null
$$;

-- Whose it is
select tests.answered('a1', 'ann', p_age => '3 days'), tests.answered('a2', 'bob', p_age => '2 days'),
       tests.answered('young', 'ann', p_age => '23 hours 59 minutes'),
       tests.answered('foreign', 'ann', 'acme/one', '9 days');
select is(tests.settle('w1') ->> 'outcome', 'lease_lost', 'without a lease there is no page');
select is(tests.claim_learning('w1', p_options => ', p_force => true') ->> 'outcome', 'ok', 'with one');
select is(tests.settle('w2') ->> 'outcome', 'lease_lost', 'another''s is none');
select is(tests.settle('w1', 'acme/one') ->> 'outcome', 'lease_lost', 'nor is another assistant''s');
update pawl.leases set expires_at = now() where kind = 'learning' and holder = tests.id('w1');
select is(tests.settle('w1', p_settled => jsonb_build_array(pg_temp.entry('a1', 0, 30))) ->> 'outcome', 'lease_lost',
  'nor is one that ran out');
select is(pg_temp.counts('a1'), 'nothing waits', 'and nothing is stored by it');
do $$ begin perform tests.claim_learning('w1', p_options => ', p_force => true'); end $$;

-- A page: the oldest first, those that are old enough
select is(pg_temp.page(tests.settle('w1')), 'a1 a2', 'what is older than a day, the oldest first');
update pawl.exchanges set answered_at = now() - interval '24 hours' where message_id = tests.id('young');
select is(pg_temp.page(tests.settle('w1')), 'a1 a2 young', 'a day is old enough');
update pawl.exchanges set answered_at = now() - interval '23 hours 59 minutes' where message_id = tests.id('young');
update pawl.loop_settings set feedback_maturity_hours = 60 where assistant_id = tests.id('acme/default');
select is(pg_temp.page(tests.settle('w1')), 'a1', 'or what is set');
update pawl.loop_settings set feedback_maturity_hours = 0 where assistant_id = tests.id('acme/default');
select is(pg_temp.page(tests.settle('w1')), 'a1 a2 young', 'which may be nothing');
update pawl.loop_settings set feedback_maturity_hours = 24 where assistant_id = tests.id('acme/default');
select is(pg_temp.page(tests.settle('w1', p_limit => 1)), 'a1', 'as many as are asked for');
select is(tests.settle('w1', p_limit => 1) -> 'more', 'true', 'and whether there may be more');
select is(tests.settle('w1', p_limit => 3) -> 'more', 'false', 'or not');
select is(tests.settle('w1', p_limit => limits) -> 'page', '[]', 'none, when ' || limits || ' are asked for')
from unnest('{0,-1}'::int[]) limits;

-- What stands in it
select is((tests.settle('w1') #> '{page,0}'), jsonb_build_object('message_id', tests.id('a1'), 'revision', 0,
  'user_id', tests.id('ann'), 'period', floor(extract(epoch from now() - interval '3 days') / 2592000)::int, 'signal', null,
  'answer_characters', 300, 'exposures', '[]'::jsonb, 'reactions', '{"thumb": null, "copied": false, "followed_up": false,
  "dwell_seconds": null, "rating": null}'::jsonb), 'an answer that nobody reacted to');
create function pg_temp.reactions() returns text
language sql
as $$ select jsonb_strip_nulls(tests.settle('w1') #> '{page,0,reactions}')::text $$;
do $$ begin perform tests.react('a1', 'thumbs_up'); end $$;
select is(pg_temp.reactions(), '{"thumb": "up", "copied": false, "followed_up": false}', 'a thumb');
do $$ begin perform tests.react('a1', 'thumbs_down'); end $$;
select is(pg_temp.reactions(), '{"thumb": "down", "copied": false, "followed_up": false}', 'the one that stands');
do $$ begin perform tests.react('a1', 'copy'), tests.react('a1', 'follow_up', p_source => 'automated'),
  tests.react('a1', 'dwell_time', 61.5), tests.react('a1', 'rating', 0.25),
  tests.react('a1', 'rating', 1, 'llm-judge'), tests.react('a1', 'rating', 0.9, 'automated'); end $$;
select is(pg_temp.reactions(), '{"thumb": "down", "copied": true, "rating": 0.25, "followed_up": true, "dwell_seconds": 61.5}',
  'and all there is, of a rating the person''s own');
select is(tests.settle('w1') #> '{page,0,revision}', '8', 'with how often something came');
insert into pawl.users (id) values (tests.id('eve')) on conflict do nothing;
insert into pawl.response_feedback (message_id, organization_id, assistant_id, user_id, signal)
  select message_id, organization_id, assistant_id, tests.id('eve'), 'thumbs_up' from pawl.exchanges where message_id = tests.id('a2');
select is(tests.settle('w1') #> '{page,1,reactions,thumb}', 'null', 'another person''s thumb is none');
delete from pawl.response_feedback;
update pawl.exchanges set revision = 0;
select tests.learned('q', 'trial', '{"dimension": "length", "baseline": -5}');
select tests.exposed('p', 'a1', true, 0.5), tests.exposed('q', 'a1', false, 0.25), tests.exposed('p', 'a2', false, 0.5);
select is(tests.settle('w1') #> '{page,0,exposures}', (select jsonb_agg(x order by x ->> 'pattern_id') from (values
  (jsonb_build_object('pattern_id', tests.id('p'), 'shown', true, 'propensity', 0.5, 'baseline', 10)),
  (jsonb_build_object('pattern_id', tests.id('q'), 'shown', false, 'propensity', 0.25, 'baseline', -5))) v (x)),
  'the patterns that applied, and what they are measured against');

-- Stored
create temp table page as select tests.settle('w1') -> 'page' as p;
do $$ begin perform tests.react('a1', 'thumbs_up'); end $$;
update page set p = tests.settle('w1') -> 'page';
select is(tests.settle_page('w1', 'acme/default', p) -> 'page', '[]', 'a page is stored and there is no other') from page;
select is(pg_temp.counts('a1'), '100', 'a signal counts');
select is(pg_temp.counts('a2'), '0', 'silence too');
select is(pg_temp.counts('young'), 'nothing waits', 'who was not asked waits');
select is(pg_temp.counts('foreign'), 'nothing waits', 'and other assistants');
select is((select settled_at from pawl.exchanges where message_id = tests.id('a1')), now(), 'settled now');
select is(tests.evidence('p'), 'ann: 1 1 100 250000 45 2025 45 90 135 180, bob: 1 0 0 250000 5 25 5 10 15 20',
  'what it says of a pattern is its person''s');
select is(tests.evidence('q'), 'ann: 1 0 0 187500 -26 676 -26 -52 -78 -104', 'of each pattern');
select is(pg_temp.run(), '2 settled, 0 corrected', 'the run counts them');

-- The same page once more
create temp table before as select tests.stored() as s;
select is(tests.settle_page('w1', 'acme/default', p) ->> 'outcome', 'ok', 'the same page once more') from page;
select is(tests.stored(), s, 'changes nothing') from before;

-- A correction
do $$ begin perform tests.react('a1', 'thumbs_down'); end $$;
select is(pg_temp.counts('a1'), '100 waits', 'what changed its mind still counts as it did');
select is(pg_temp.page(tests.settle('w1')), 'a1', 'and is next');
select is(tests.settle('w1') #> '{page,0,signal}', '100', 'with what it counted');
update page set p = tests.settle('w1') -> 'page';
-- Somebody says something else before it is stored.
do $$ begin perform tests.react('a1', 'copy'); end $$;
select is(tests.settle_page('w1', 'acme/default', p) #>> '{page,0,reactions,copied}', 'true',
  'what came in between is read with the next page') from page;
select is(pg_temp.counts('a1'), '100 waits', 'and nothing of the first is stored');
select is(pg_temp.run(), '2 settled, 0 corrected', 'nor counted');
select is(tests.evidence('p'), 'ann: 1 1 100 250000 45 2025 45 90 135 180, bob: 1 0 0 250000 5 25 5 10 15 20', 'nor added');
select is(tests.settle_all('w1'), 1, 'then it is stored');
select is(pg_temp.counts('a1'), '-100', 'as it stands');
select is(tests.evidence('p'), 'ann: 1 1 -100 250000 -55 3025 -55 -110 -165 -220, bob: 1 0 0 250000 5 25 5 10 15 20',
  'in place of what it said before');
select is(pg_temp.run(), '2 settled, 1 corrected', 'a correction');
-- Back again: as if nothing had been.
do $$ begin perform tests.react('a1', 'thumbs_up'), tests.settle_all('w1'); end $$;
select is(tests.evidence('p'), 'ann: 1 1 100 250000 45 2025 45 90 135 180, bob: 1 0 0 250000 5 25 5 10 15 20',
  'a mind that was changed back leaves no trace');

-- What a page may say: of its own assistant's answers, and of patterns that applied
update pawl.exchanges set settled_at = null where message_id = tests.id('a2');
select is(tests.settle('w1', p_settled => jsonb_build_array(pg_temp.entry('foreign', 0, 100), pg_temp.entry('nothing', 0, 100),
  pg_temp.entry('a2', 1, 100), pg_temp.entry('young', -1, 100), jsonb_build_object('message_id', tests.id('young'), 'revision', 0))) ->> 'outcome', 'ok', 'an answer of another assistant, of nobody, of another revision');
select is(pg_temp.counts('foreign') || ', ' || pg_temp.counts('a2') || ', ' || pg_temp.counts('young'), 'nothing waits, 0 waits, nothing waits',
  'is none of theirs');
select is(tests.settle('w1', p_settled => jsonb_build_array(pg_temp.entry('a2', 0, 0)), p_evidence => jsonb_build_array(
  jsonb_build_object('message_id', tests.id('a2'), 'pattern_id', tests.id('q'), 'n', 1, 'shown', 1, 'shown_sum', 1, 'info', 1,
    'z', 1, 'zz', 1, 'wealth', '[1,1,1,1]'::jsonb),
  jsonb_build_object('message_id', tests.id('a1'), 'pattern_id', tests.id('p'), 'n', 1, 'shown', 1, 'shown_sum', 1, 'info', 1,
    'z', 1, 'zz', 1, 'wealth', '[1,1,1,1]'::jsonb))) ->> 'outcome', 'ok', 'a pattern that did not apply, an answer not on the page');
select is(pg_temp.counts('a2'), '0', 'what was in order is stored');
select is(tests.evidence('p') || tests.evidence('q'), 'ann: 1 1 100 250000 45 2025 45 90 135 180, bob: 1 0 0 250000 5 25 5 10 15 20'
  || 'ann: 1 0 0 187500 -26 676 -26 -52 -78 -104', 'and no more');

-- Periods
select tests.answered('old', 'bob', p_age => '100 days'), tests.exposed('p', 'old');
do $$ begin perform tests.settle_all('w1'); end $$;
select is((select array_agg(period order by period) from pawl.pattern_evidence where pattern_id = tests.id('p') and user_id = tests.id('bob')),
  array[floor(extract(epoch from now() - interval '100 days') / 2592000)::int, floor(extract(epoch from now() - interval '2 days') / 2592000)::int],
  'a person''s answers are summed up by 30 days');

-- Who is gone, or going
do $$ begin perform tests.react('a2', 'thumbs_up'), tests.react('a1', 'copy'); end $$;
update page set p = tests.settle('w1') -> 'page';
delete from pawl.users where id = tests.id('bob');
select is(tests.settle_page('w1', 'acme/default', p) ->> 'outcome', 'ok', 'a page with a person who is deleted') from page;
select is((select count(*)::int from pawl.pattern_evidence where user_id = tests.id('bob')), 0, 'says nothing of them');
select is(pg_temp.counts('a1'), '100', 'and all of the others');
select is(tests.settle('w1') -> 'page', '[]', 'nothing waits');

-- Page after page: each goes on after the last, whatever becomes of it, and at the end begins again
select tests.answered('b' || n, 'cat', p_age => '5 days' - n * interval '1 hour') from generate_series(1, 5) n;
select is(pg_temp.page(tests.settle('w1', p_limit => 2)), 'b1 b2', 'a page');
select is(pg_temp.page(tests.settle('w1', p_settled => jsonb_build_array(pg_temp.entry('b1', 0, 1), pg_temp.entry('b2', 7, 1)), p_limit => 2)),
  'b3 b4', 'the next, although one was not stored');
do $$ begin perform tests.react('b1', 'thumbs_up'); end $$;
select is(pg_temp.page(tests.settle('w1', p_settled => jsonb_build_array(pg_temp.entry('b3', 0, 1), pg_temp.entry('b4', 0, 1)), p_limit => 2)),
  'b5', 'and the last');
select is(pg_temp.page(tests.settle('w1', p_settled => jsonb_build_array(pg_temp.entry('b5', 0, 1)), p_limit => 2)),
  'b1 b2', 'then what was left over, and what changed meanwhile');
select is(tests.settle_all('w1', p_limit => 1), 2, 'until nothing waits');

-- Any order: the same events in two assistants, in one go and in the worst of ways
select tests.learned(a || ' p', 'trial', p_assistant => 'acme/' || a) from unnest('{one,two}'::text[]) a;
select tests.answered(format('%s %s', a, n), (array['ann','cat','dan'])[1 + n % 3], 'acme/' || a, n * interval '11 days'),
       tests.exposed(a || ' p', format('%s %s', a, n), n % 2 = 0, 0.5)
from unnest('{one,two}'::text[]) a, generate_series(1, 9) n;
delete from pawl.exchanges where message_id = tests.id('foreign');
do $$
declare v_page jsonb; v_other jsonb;
begin
  perform tests.claim_learning('w1', 'acme/one'), tests.claim_learning('w1', 'acme/two');
  -- In the worst of ways: pages of two, stored late, twice and not at all, by several holders, between changes of mind.
  perform tests.react('two 1', 'thumbs_up'), tests.react('two 2', 'thumbs_up'), tests.react('two 9', 'copy');
  v_page := tests.settle('w1', 'acme/two', p_limit => 4) -> 'page';
  perform tests.react('two 9', 'thumbs_down'), tests.react('two 4', 'thumbs_up');
  perform tests.settle_page('w1', 'acme/two', v_page, 2), tests.settle_page('w1', 'acme/two', v_page, 2);
  v_other := tests.settle('w1', 'acme/two', p_limit => 5) -> 'page';
  update pawl.leases set expires_at = now() where kind = 'learning' and assistant_id = tests.id('acme/two');
  perform tests.claim_learning('w2', 'acme/two'), tests.settle_page('w1', 'acme/two', v_other);
  perform tests.react('two 1', 'thumbs_down'), tests.settle_all('w2', 'acme/two', 3), tests.react('two 2', 'thumbs_down');
  perform tests.settle_page('w2', 'acme/two', v_other), tests.settle_page('w2', 'acme/two', v_page);
  perform tests.react('two 9', 'thumbs_up'), tests.react('two 3', 'copy'), tests.settle_all('w2', 'acme/two', 1);
  perform tests.react('two 5', 'thumbs_up'), tests.settle_all('w2', 'acme/two');
  -- In one go: what they thought in the end.
  perform tests.react('one 1', 'thumbs_down'), tests.react('one 2', 'thumbs_down'), tests.react('one 3', 'copy'),
    tests.react('one 4', 'thumbs_up'), tests.react('one 5', 'thumbs_up'), tests.react('one 9', 'thumbs_up');
  perform tests.settle_all('w1', 'acme/one');
end
$$;
select is(tests.evidence('two p'), tests.evidence('one p'), 'any order of pages, failures and changes of mind comes to the same');
select matches(tests.evidence('one p'), '^ann: \d+ \d+ .*, cat: .*, dan: ', 'which is something');
select is((select array_agg(signal order by answered_at) from pawl.exchanges where assistant_id = tests.id('acme/two')),
  (select array_agg(signal order by answered_at) from pawl.exchanges where assistant_id = tests.id('acme/one')), 'answer by answer');
-- A person is forgotten: the rest is as if they had never been.
delete from pawl.users where id = tests.id('cat');
select is(tests.evidence('two p'), (
  select string_agg(part, ', ' order by name, period) from (
    select name, period, format('%s: %s', name, concat_ws(' ', sum(said[1]), sum(said[2]), sum(said[3]), sum(said[4]),
      sum(said[5]), sum(said[6]), sum(said[7]), sum(said[8]), sum(said[9]), sum(said[10]))) as part
    from (
      select case e.user_id when tests.id('ann') then 'ann' else 'dan' end as name, pawl.period_of(e.answered_at) as period,
             tests.said(e.signal, 10, x.shown, 0.5) as said
      from pawl.exchanges e join pawl.pattern_exposures x using (message_id) where e.assistant_id = tests.id('acme/two')) a
    group by name, period) b), 'and after a person is forgotten it is what the others'' answers come to');

select * from finish();
rollback;
