-- How people take the answers, and what is learned from it: for an organisation's admins, by assistant and day of UTC.

-- Every signal with what its answer was made with.
create view pawl.feedback_provenance with (security_invoker = true) as
  select f.id, f.seq, f.message_id, f.organization_id, f.assistant_id, f.user_id, f.signal, f.kind, f.source, f.value,
         f.comment, f.metadata, f.created_at, f.superseded_at,
         e.session_id, e.prompt_id, e.prompt_version, e.model, e.tools, e.question_type, e.data_source,
         e.response_format, e.length_class, e.answer_characters, e.patterns_shown, e.answered_at
  from pawl.response_feedback f join pawl.exchanges e using (message_id);

-- The answers of a day, those given with learned patterns and those without. Rates are shares of all of them: silence
-- is information. `satisfaction` is the mean signal (-1 to 1) of those settled, null where none is yet; and the same on
-- the scale of 1 to 5. A day without answers has no row.
create view pawl.satisfaction_by_day with (security_invoker = true) as
  select d.organization_id, d.assistant_id, d.day, d.with_patterns, d.answers, d.thumbs_up, d.thumbs_down, d.follow_ups,
         d.thumbs_up::numeric / d.answers as thumbs_up_rate,
         d.follow_ups::numeric / d.answers as follow_up_rate,
         d.settled, d.satisfaction, 3 + 2 * d.satisfaction as satisfaction_1_to_5
  from (
    select e.organization_id, e.assistant_id, (e.answered_at at time zone 'utc')::date as day,
           e.patterns_shown <> '{}' as with_patterns, count(*) as answers,
           count(*) filter (where f.thumb = 'thumbs_up') as thumbs_up,
           count(*) filter (where f.thumb = 'thumbs_down') as thumbs_down,
           count(*) filter (where f.followed_up) as follow_ups,
           count(e.signal) as settled, avg(e.signal) / 100 as satisfaction
    from pawl.exchanges e
    -- One row an answer.
    cross join lateral (
      select max(r.signal) filter (where r.kind = 'thumb' and r.source = 'user') as thumb,
             bool_or(r.kind = 'follow_up') as followed_up
      from pawl.response_feedback r where r.message_id = e.message_id and r.superseded_at is null
    ) f
    group by 1, 2, 3, 4
  ) d;

-- Learned patterns at the end of each day since the assistant was made, today as they are now: how many had been found,
-- and how many were active (live after their trial, and more likely than not to help).
create view pawl.pattern_counts with (security_invoker = true) as
  with stages as (
    -- From when to when a pattern stood as a transition left it.
    select p.assistant_id, t.created_at as since,
           lead(t.created_at) over (partition by t.pattern_id order by t.seq) as until,
           t.to_state in ('active', 'warmdown') and t.confidence > 0.5 as active
    from pawl.pattern_transitions t join pawl.learned_patterns p on p.id = t.pattern_id
  )
  select a.organization_id, a.id as assistant_id, d.day,
         (select count(*) from pawl.learned_patterns p where p.assistant_id = a.id and p.created_at < d.ends)
           as discovered,
         case when d.ends > now() then
           (select count(*) from pawl.learned_patterns p
            where p.assistant_id = a.id and p.state in ('active', 'warmdown') and p.confidence > 0.5)
         else
           (select count(*) from stages s
            where s.assistant_id = a.id and s.active and s.since < d.ends and (s.until is null or s.until >= d.ends))
         end as active
  from pawl.assistants a
  -- Whoever reads its settings, reads its patterns: admins.
  join pawl.loop_settings l on l.assistant_id = a.id
  cross join lateral (
    select n::date as day, (n + interval '1 day') at time zone 'utc' as ends
    from generate_series(
      date_trunc('day', a.created_at at time zone 'utc'), now() at time zone 'utc', interval '1 day') n
  ) d;

revoke all on pawl.feedback_provenance, pawl.satisfaction_by_day, pawl.pattern_counts
  from public, anon, authenticated, service_role;
grant select on pawl.feedback_provenance, pawl.satisfaction_by_day, pawl.pattern_counts to authenticated, service_role;
