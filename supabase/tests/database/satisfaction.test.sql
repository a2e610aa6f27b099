-- How people take the answers, and how many patterns there are, by day of UTC.
begin;
select plan(24);

select tests.make_assistant('acme/default'), tests.make_assistant('acme/quiet'), tests.make_assistant('globex/default');
select tests.make_member('ann', 'acme'), tests.make_member('amy', 'acme', 'admin'), tests.make_member('gus', 'globex', 'admin');
select tests.make_session('s', 'ann', 'acme/default'), tests.make_session('g', 'gus', 'globex/default');

-- Midnight of UTC, so many days ago.
create function pg_temp.midnight(p_days integer default 0) returns timestamptz
language sql as $$ select (((now() at time zone 'utc')::date - p_days)::timestamp) at time zone 'utc' $$;
-- An answer to `q<n>` at some time, its signal in hundredths, and the present feedback on it (old ones in brackets).
create function pg_temp.make_answer(
  p_n integer, p_at timestamptz, p_signal integer, p_patterns boolean, p_said text default '{}'
) returns void
language plpgsql
as $$
begin
  perform tests.make_exchange('s', 'q' || p_n, now() - p_at);
  update pawl.exchanges
    set signal = p_signal, patterns_shown = case when p_patterns then array[tests.id('a pattern')] else '{}' end
    where message_id = tests.answer('s q' || p_n);
  insert into pawl.response_feedback (message_id, organization_id, assistant_id, user_id, signal, superseded_at, source, value)
    select tests.answer('s q' || p_n), tests.id('acme'), tests.id('acme/default'), tests.id('ann'), btrim(said, '()'),
           case when said like '(%' then now() end,
           case btrim(said, '()') when 'follow_up' then 'automated' else 'user' end,
           case btrim(said, '()') when 'rating' then 1 end
    from unnest(p_said::text[]) said;
end
$$;
-- Two days ago: four without patterns, one of them over midnight's edge, and one with; yesterday nothing; today one.
select pg_temp.make_answer(1, pg_temp.midnight(2), 100, false, '{thumbs_up,copy,rating}'),
       pg_temp.make_answer(2, pg_temp.midnight(2) + interval '1 hour', -100, false, '{(thumbs_up),thumbs_down,follow_up}'),
       pg_temp.make_answer(3, pg_temp.midnight(2) + interval '2 hours', null, false, '{(thumbs_up),(follow_up)}'),
       pg_temp.make_answer(4, pg_temp.midnight(1) - interval '1 microsecond', 30, false, '{follow_up}'),
       pg_temp.make_answer(5, pg_temp.midnight(2), 50, true, '{thumbs_up}'),
       pg_temp.make_answer(6, pg_temp.midnight(), null, true);
-- What counts now is shown, also while it is settled anew.
update pawl.exchanges set settled_at = now() where message_id = tests.answer('s q1');
select tests.make_exchange('g', 'q', interval '1 minute');

create function pg_temp.days(p_who text, p_columns text) returns setof text
language sql
as $$
  select d ->> 'line' from jsonb_array_elements(tests.call(p_who, format(
    'select coalesce(jsonb_agg(jsonb_build_object(''line'', concat_ws('' '', %s)) order by day, with_patterns), ''[]'')
     from pawl.satisfaction_by_day where assistant_id = %L', p_columns, tests.id('acme/default')))) d
$$;
set local timezone = 'America/Los_Angeles';
select results_eq(
  $$select pg_temp.days('amy', '(now() at time zone ''utc'')::date - day, with_patterns, answers, thumbs_up, thumbs_down,
    follow_ups, settled')$$,
  $$values ('2 f 4 1 1 2 3'), ('2 t 1 1 0 0 1'), ('0 t 1 0 0 0 0')$$,
  'answers and what was said of them by day, whatever the reader''s clock');
select results_eq(
  $$select pg_temp.days('amy', 'round(thumbs_up_rate, 4), round(follow_up_rate, 4)')$$,
  $$values ('0.2500 0.5000'), ('1.0000 0.0000'), ('0.0000 0.0000')$$, 'rates are of all answers');
select results_eq(
  $$select pg_temp.days('amy', 'trim_scale(satisfaction), trim_scale(satisfaction_1_to_5)')$$,
  $$values ('0.1 3.2'), ('0.5 4'), ('')$$, 'the mean is of those settled, on both scales');
reset timezone;
select is(tests.visible(who, 'pawl.satisfaction_by_day'), days, format('%s sees %s rows', who, days))
from (values ('amy', 3), ('gus', 1), ('ann', 0), ('service', 4), ('anon', -1)) v (who, days);

-- Provenance
select is(
  tests.call('amy', format($$select to_jsonb(p) - '{id,seq,session_id,prompt_id,created_at,message_id}'::text[]
    from pawl.feedback_provenance p where p.message_id = %L and p.signal = 'rating'$$, tests.answer('s q1'))),
  jsonb_build_object(
    'organization_id', tests.id('acme'), 'assistant_id', tests.id('acme/default'), 'user_id', tests.id('ann'),
    'signal', 'rating', 'kind', 'rating', 'source', 'user', 'value', 1, 'comment', null, 'metadata', '{}'::jsonb,
    'superseded_at', null, 'prompt_version', 1, 'model', 'a-model', 'tools', '[]'::jsonb, 'question_type', 'how_to',
    'data_source', null, 'response_format', 'prose', 'length_class', 'short', 'answer_characters', 20,
    'patterns_shown', '[]'::jsonb, 'answered_at', pg_temp.midnight(2)),
  'what was said, with what the answer was made with');
select is(tests.visible(who, 'pawl.feedback_provenance'), said, format('%s sees %s', who, said))
from (values ('amy', 10), ('gus', 0), ('ann', 0), ('service', 10), ('anon', -1)) v (who, said);

-- Patterns: one found four days ago, active three days ago and in doubt since; one found and on trial yesterday; one that
-- was active for a few hours two days ago; one of another assistant's.
update pawl.assistants set created_at = pg_temp.midnight(5) + interval '7 hours' where id = tests.id('acme/default');
select tests.make_pattern('acme/default', 'table', 'warmdown', 0.8, 0.45),
       tests.make_pattern('acme/default', 'list', 'trial', p_question_type => 'code'),
       tests.make_pattern('acme/default', 'code', 'reverted'), tests.make_pattern('globex/default', 'table');
create function pg_temp.went(p_value text, p_at timestamptz, p_from text, p_to text, p_confidence numeric) returns void
language sql
as $$
  insert into pawl.pattern_transitions (pattern_id, from_state, to_state, to_influence, confidence, reason, created_at)
    values (tests.id(p_value || ' of acme/default'), p_from, p_to, 0, p_confidence, 'a reason', p_at);
  update pawl.learned_patterns set created_at = p_at
    where p_from is null and id = tests.id(p_value || ' of acme/default');
$$;
select pg_temp.went('table', pg_temp.midnight(4), null, 'candidate', 0.6),
       pg_temp.went('table', pg_temp.midnight(4) + interval '1 hour', 'candidate', 'trial', 0.6),
       pg_temp.went('table', pg_temp.midnight(3) + interval '1 hour', 'trial', 'active', 0.9),
       pg_temp.went('table', pg_temp.midnight(0), 'active', 'warmdown', 0.45),
       pg_temp.went('code', pg_temp.midnight(2) + interval '1 hour', null, 'candidate', 0.6),
       pg_temp.went('code', pg_temp.midnight(2) + interval '2 hours', 'candidate', 'active', 0.9),
       pg_temp.went('code', pg_temp.midnight(2) + interval '9 hours', 'active', 'reverted', 0.9),
       pg_temp.went('list', pg_temp.midnight(1), null, 'candidate', 0.6),
       pg_temp.went('list', pg_temp.midnight(1), 'candidate', 'trial', 0.6);
create function pg_temp.counts(p_who text, p_assistant text) returns text
language sql
as $$
  select tests.call(p_who, format(
    'select to_jsonb(string_agg(format(''%%s/%%s'', active, discovered), '' '' order by day)) from pawl.pattern_counts
     where assistant_id = %L', tests.id(p_assistant))) #>> '{}'
$$;
set local timezone = 'Asia/Tokyo';
select is(pg_temp.counts('amy', 'acme/default'), '0/0 0/1 1/1 1/2 1/3 0/3',
  'active and found, day by day since it was made; a day on which nothing happened is as the one before');
reset timezone;
select is(tests.call('amy', $$select to_jsonb(max(day)) from pawl.pattern_counts$$) #>> '{}',
  (now() at time zone 'utc')::date::text, 'the last is today');
update pawl.learned_patterns set confidence = 0.55 where id = tests.id('table of acme/default');
select is(pg_temp.counts('amy', 'acme/default'), '0/0 0/1 1/1 1/2 1/3 1/3', 'today is as it is now, also in warmdown');
update pawl.learned_patterns set confidence = 0.5 where id = tests.id('table of acme/default');
select is(pg_temp.counts('amy', 'acme/default'), '0/0 0/1 1/1 1/2 1/3 0/3', 'half is not more likely than not');
select is(pg_temp.counts('amy', 'acme/quiet'), '0/0', 'an assistant without patterns has none');
select is(tests.visible(who, 'pawl.pattern_counts'), days, format('%s sees %s days', who, days))
from (values ('amy', 7), ('gus', 1), ('ann', 0), ('nobody', 0), ('anon', -1)) v (who, days);

select * from finish();
rollback;
