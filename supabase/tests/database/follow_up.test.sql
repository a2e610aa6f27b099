-- A message that comes within 30 s of the answer before it is a follow-up, which the database notes by its own clock.
begin;
select plan(24);

select tests.make_assistant('acme/default'), tests.make_member('ann', 'acme');
update pawl.organization_settings set user_requests_per_minute = null where organization_id = tests.id('acme');
select tests.make_session(name, 'ann', 'acme/default')
  from unnest('{at once,29 s,30 s,31 s,twice,other,failed,limited,future,older}'::text[]) name;

-- A message in a session, and what its last answer has: who said what, how often.
create function pg_temp.said(p_session text, p_options text default '') returns text
language sql
as $$
  select tests.begin_turn('ann', 'And?', format(', p_session_id => %L %s', tests.id(p_session), p_options)) ->> 'outcome'
$$;
create function pg_temp.noted(p_turn text) returns text
language sql
as $$
  select concat_ws(' ', count(f.id), e.revision, case when e.settled_at is null then 'waits' else 'settled' end)
  from pawl.exchanges e left join pawl.response_feedback f using (message_id)
  where e.message_id = tests.answer(p_turn) group by e.message_id
$$;

-- How long after
select tests.make_exchange(name, 'q', age::interval)
from (values ('at once', '0'), ('29 s', '29 seconds'), ('30 s', '30 seconds'), ('31 s', '31 seconds'),
             ('future', '-1 second')) v (name, age);
update pawl.exchanges set signal = 5, settled_at = now();
select is(pg_temp.said(name), 'ok', 'a message ' || name)
from unnest('{at once,29 s,30 s,31 s,future}'::text[]) name;
select is(pg_temp.noted(name || ' q'), noted, name || ' after the answer')
from (values ('at once', '1 1 waits'), ('29 s', '1 1 waits'), ('30 s', '0 0 settled'), ('31 s', '0 0 settled'))
  v (name, noted);
select is(pg_temp.noted('future q'), '0 0 settled', 'one that was on its way before the answer came');
select results_eq(
  $$select organization_id, assistant_id, user_id, signal, source, value from pawl.response_feedback
    where message_id = tests.answer('29 s q')$$,
  $$values (tests.id('acme'), tests.id('acme/default'), tests.id('ann'), 'follow_up', 'automated', null::numeric)$$,
  'it is the person''s, by the database''s word');

-- Once
select is(pg_temp.said('29 s'), 'ok', 'a second message');
select is(pg_temp.noted('29 s q'), '1 1 waits', 'before there is another answer is no second follow-up');
select tests.make_exchange('twice', 'q', '10 seconds');
select is(pg_temp.said('twice', ', p_idempotency_key => ''k'''), 'ok', 'a message with a key');
delete from pawl.response_feedback;
update pawl.turns set status = 'failed', error_code = 'model_timeout'
  where session_id = tests.id('twice') and status = 'open';
select is(pg_temp.said('twice', ', p_idempotency_key => ''k'''), 'ok', 'tried again');
select is(pg_temp.noted('twice q'), '0 1 waits', 'is no message of its own');

-- Of the session's last answer
select tests.make_exchange('older', 'q1', '25 seconds'), tests.make_exchange('older', 'q2', '5 seconds');
select is(pg_temp.said('older'), 'ok', 'after two answers');
select is(pg_temp.noted('older q1') || ', ' || pg_temp.noted('older q2'), '0 0 waits, 1 1 waits', 'it follows the last');
select tests.make_exchange('other', 'q', '5 seconds');
select is(tests.begin_turn('ann', 'Something else') ->> 'outcome', 'ok', 'a message that opens a session');
select is(pg_temp.noted('other q'), '0 0 waits', 'follows nothing in another');
select tests.make_exchange('failed', 'q', '20 seconds'), tests.make_turn('failed', 'broken', null, 'failed', '10 seconds');
select is(pg_temp.said('failed'), 'ok', 'after one that failed');
select is(pg_temp.noted('failed q'), '1 1 waits', 'it follows the answer before that');

-- One that is refused is none
select tests.make_exchange('limited', 'q', '5 seconds');
update pawl.organization_settings set user_requests_per_minute = 1 where organization_id = tests.id('acme');
select is(pg_temp.said('limited'), 'limited', 'a message over a limit');
select is(pg_temp.noted('limited q'), '0 0 waits', 'is none');

select * from finish();
rollback;
