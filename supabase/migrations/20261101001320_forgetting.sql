-- A person is forgotten.

-- Deletes a person with all that is theirs (the sign-in, in Supabase Auth, is not Pawl's to delete). An instruction
-- worded from one of their conversations is withdrawn for good; other patterns go on without what their answers said of
-- them, and a learning run over these is due at once; candidates that their answers were among are to be found anew. Of
-- training data go the rows whose text was theirs, and others lose what this person made of them. For the secret key and
-- the database's owner. It is recorded for every assistant they talked to, and for the default one where they belonged:
-- their id and numbers, nothing they said or were called. {outcome: ok, patterns_withdrawn, patterns_recomputed}. Further
-- outcome: user_not_found.
create function public.pawl_forget_user(p_user_id uuid) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  v_actor constant text := case when pawl.is_service() then 'service' else 'operator' end;
  v_worded uuid[];
  v_measured uuid[];
  v_pattern_id uuid;
begin
  -- In the order in which turns, feedback, learning and steering take them: nothing of theirs is under way after this.
  perform pg_advisory_xact_lock(hashtextextended('pawl turn ' || p_user_id, 0));
  perform from pawl.sessions where user_id = p_user_id order by id for update;
  perform from pawl.turns where user_id = p_user_id order by id for update;
  perform from pawl.exchanges where user_id = p_user_id order by message_id for update;
  if not exists (select from pawl.users where id = p_user_id) then
    return jsonb_build_object('outcome', 'user_not_found');
  end if;

  v_worded := array(
    select distinct s.pattern_id from pawl.pattern_sources s where s.user_id = p_user_id order by 1);
  v_measured := array(
    select e.pattern_id from pawl.pattern_evidence e where e.user_id = p_user_id
    union
    select x.pattern_id from pawl.pattern_exposures x where x.user_id = p_user_id
    order by 1);
  -- Of the assistants also those that they talked to, or may steer: who changes versions holds the assistant, then the
  -- test, and names them in what they decided.
  perform from pawl.assistants a
    where a.id in (select p.assistant_id from pawl.learned_patterns p where p.id = any (v_worded || v_measured))
       or a.id in (select s.assistant_id from pawl.sessions s where s.user_id = p_user_id)
       or a.organization_id in (select m.organization_id from pawl.organization_members m where m.user_id = p_user_id)
    order by a.id for no key update;
  perform from pawl.learned_patterns where id = any (v_worded || v_measured) order by id for no key update;
  -- Who records what was observed holds the test before its pairs and units.
  perform from pawl.prompt_tests t
    where t.id in (
      select u.test_id from pawl.canary_units u where u.user_id = p_user_id
      union all
      select r.test_id from pawl.turns q join pawl.replay_pairs r on r.turn_id = q.id where q.user_id = p_user_id)
    order by t.id for no key update;
  v_worded := array(
    select p.id from pawl.learned_patterns p where p.id = any (v_worded) and p.state <> 'withdrawn' order by p.id);
  v_measured := array(
    select p.id from pawl.learned_patterns p
    where p.id = any (v_measured) and p.id <> all (v_worded) and p.state in ('trial', 'active', 'warmdown')
    order by p.id);

  -- What was found among others by what they liked, and never tried, is to be found anew.
  delete from pawl.learned_patterns p
    where p.state = 'candidate' and p.id <> all (v_worded) and exists (
      select from pawl.exchanges e
      where e.user_id = p_user_id and e.assistant_id = p.assistant_id and e.question_type = p.question_type);
  foreach v_pattern_id in array v_worded loop
    perform pawl.withdraw_pattern(v_pattern_id, 'A person whose conversation it was worded from is forgotten');
  end loop;
  update pawl.learned_patterns p
    set use_count = greatest(p.use_count - u.uses, 0),
        last_used_at = (select max(x.answered_at) from pawl.pattern_exposures x
          where x.pattern_id = p.id and x.shown and x.user_id <> p_user_id),
        updated_at = now()
    from (
      select x.pattern_id, count(*) as uses from pawl.pattern_exposures x
      where x.user_id = p_user_id and x.shown group by x.pattern_id
    ) u
    where p.id = u.pattern_id;
  -- The lease before the run, as who claims them goes. A run that has begun is gone on with as soon as somebody looks; who
  -- is at it has seen what is gone now, and loses the lease.
  update pawl.leases l set checked_at = '-infinity', holder = null, expires_at = null
    where l.kind = 'learning'
      and l.assistant_id in (select p.assistant_id from pawl.learned_patterns p where p.id = any (v_measured));
  insert into pawl.learning_runs (organization_id, assistant_id)
    select distinct p.organization_id, p.assistant_id from pawl.learned_patterns p where p.id = any (v_measured)
    on conflict do nothing;
  -- Whoever collects or writes a dataset holds this lease before any row of training data; what they have read may be
  -- this person's, so it is taken from them.
  perform from pawl.leases l
    where l.kind = 'training' and l.assistant_id in (
      select e.assistant_id from pawl.exchanges e where e.user_id = p_user_id)
    order by l.assistant_id for update;
  update pawl.leases l set holder = null, expires_at = null
    where l.kind = 'training' and l.holder is not null and l.assistant_id in (
      select e.assistant_id from pawl.exchanges e where e.user_id = p_user_id);
  -- In the order in which deleting a conversation takes them.
  perform from pawl.training_data t
    where t.id in (select x.training_id from pawl.training_sources x where x.user_id = p_user_id)
       or t.kept_for in (select e.message_id from pawl.exchanges e where e.user_id = p_user_id)
    order by t.id for update;

  perform pawl.record_change(a.id, v_actor, null, 'forget', jsonb_build_object(
      'user_id', p_user_id,
      'patterns_withdrawn', count(*) filter (where p.id = any (v_worded)),
      'patterns_recomputed', count(*) filter (where p.id = any (v_measured))), null)
    from pawl.assistants a
    left join pawl.learned_patterns p on p.assistant_id = a.id and p.id = any (v_worded || v_measured)
    where p.id is not null
       or a.id in (select s.assistant_id from pawl.sessions s where s.user_id = p_user_id)
       or a.id in (select pawl.find_assistant(m.organization_id, null) from pawl.organization_members m
                   where m.user_id = p_user_id)
    group by a.id order by a.id;
  delete from pawl.users where id = p_user_id;
  return jsonb_build_object('outcome', 'ok',
    'patterns_withdrawn', cardinality(v_worded), 'patterns_recomputed', cardinality(v_measured));
end
$$;

revoke execute on function public.pawl_forget_user(uuid) from public, anon, authenticated, service_role;
grant execute on function public.pawl_forget_user(uuid) to service_role;
