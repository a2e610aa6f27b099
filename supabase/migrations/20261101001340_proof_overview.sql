-- What people look at of proofs: what is being proved, with the evidence so far, and the receipts of what was decided.
-- For those who may steer (see steering). Texts of conversations are in none of it.

-- A running test: both texts (their difference is the reader's to draw), how far it is, when it may be over.
create function pawl.queue_entry(p_test pawl.prompt_tests) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'version', c.version, 'baseline_version', b.version, 'state', p_test.state, 'method', p_test.method,
    'placebo', p_test.placebo, 'change_reason', c.change_reason, 'content', c.content, 'baseline_content', b.content,
    'started_at', p_test.created_at, 'proof_started_at', p_test.proof_started_at,
    'plan', p_test.plan ->> 'words', 'expected_days', p_test.plan -> 'expected_days',
    'progress', p_test.progress, 'held', p_test.held, 'level', p_test.level,
    'approved', c.approved_at is not null, 'approval_required', s.approval_required,
    'suggestion_id', (pawl.open_suggestion(c.id)).id,
    'judge', jsonb_build_object(
      'model', p_test.judge_model,
      -- Of the revision it is judged by; before that is known nothing is.
      'passed', (
        select j.passed from pawl.judge_trials j
        where j.assistant_id = p_test.assistant_id and j.judge_model = p_test.judge_model
          and j.rubric_id = p_test.rubric_id and j.judge_revision = p_test.judge_revision),
      'kappa', p_test.progress -> 'kappa', 'rated', p_test.progress -> 'rated'))
  from pawl.system_prompts c, pawl.system_prompts b, pawl.loop_settings s
  where c.id = p_test.candidate_id and b.id = p_test.baseline_id and s.assistant_id = p_test.assistant_id
$$;

-- {outcome, queue: […], budget: {year, tests, promoted, level_now, on}, placebos: {tests, screened_out, promoted,
-- rate}}. `level_now` is the chance of a false promotion that the next proof may have, null once the year's tests are
-- used up.
create function public.pawl_list_queue(
  p_assistant text default null, p_organization_id uuid default null, p_user_id uuid default null
) returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  s pawl.steering := pawl.steer(p_assistant, p_organization_id, p_user_id);
  v_settings pawl.loop_settings;
  v_year integer := extract(year from pawl.today());
  v_tests integer;
  v_promoted integer;
begin
  if s.outcome <> 'ok' then
    return jsonb_build_object('outcome', s.outcome);
  end if;
  select * into v_settings from pawl.loop_settings where assistant_id = s.assistant_id;
  select count(*), count(*) filter (where t.state = 'promoted') into v_tests, v_promoted
    from pawl.prompt_tests t where t.assistant_id = s.assistant_id and t.ledger_year = v_year;
  return jsonb_build_object(
    'outcome', 'ok',
    'queue', (
      select coalesce(jsonb_agg(pawl.queue_entry(t)), '[]') from pawl.prompt_tests t
      where t.assistant_id = s.assistant_id and t.state in ('screening', 'proving')),
    'budget', jsonb_build_object(
      'year', v_year, 'tests', v_tests, 'promoted', v_promoted, 'on', v_settings.yearly_budget,
      -- To show it. What a proof goes by is pawl-core's (proof::budget: e-LOND of Xu and Ramdas 2024, 5 % a year, flat
      -- over 60 tests), and written down when it begins.
      'level_now', case
        when not v_settings.yearly_budget then v_settings.fixed_level
        when v_tests < 60 then round(0.05 / 60 * (v_promoted + 1), 6) end),
    'placebos', coalesce(
      (select jsonb_build_object('tests', p.placebos, 'screened_out', p.screened_out, 'promoted', p.promoted,
         'rate', p.share)
       from pawl.placebo_results p where p.assistant_id = s.assistant_id),
      '{"tests": 0, "screened_out": 0, "promoted": 0, "rate": null}'));
end
$$;

-- A receipt without its document.
create function pawl.receipt_summary(p_receipt pawl.promotion_receipts) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'receipt_id', p_receipt.id, 'at', p_receipt.at, 'decision', p_receipt.decision, 'reason', p_receipt.reason,
    'version', p_receipt.document #> '{candidate,version}',
    'baseline_version', p_receipt.document #> '{baseline,version}',
    'method', p_receipt.document -> 'method', 'placebo', coalesce(p_receipt.document -> 'placebo', 'false'),
    'log_e', p_receipt.document #> '{ruling,log_e}', 'observations', cardinality(p_receipt.observation_ids))
$$;

-- {outcome, receipts: […]}: newest first, those before p_before; up to 100.
create function public.pawl_list_receipts(
  p_assistant text default null, p_organization_id uuid default null, p_before timestamptz default null,
  p_limit integer default 20, p_user_id uuid default null
) returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  s pawl.steering := pawl.steer(p_assistant, p_organization_id, p_user_id);
begin
  if s.outcome <> 'ok' then
    return jsonb_build_object('outcome', s.outcome);
  end if;
  return jsonb_build_object('outcome', 'ok', 'receipts', (
    select coalesce(jsonb_agg(pawl.receipt_summary(r) order by r.at desc, r.id), '[]') from (
      select * from pawl.promotion_receipts
      where assistant_id = s.assistant_id and at < coalesce(p_before, 'infinity')
      order by at desc, id limit pawl.page(p_limit)) r));
end
$$;

-- True where the text of the version that a receipt names has the hash that it names.
create function pawl.matches_prompt(p_assistant_id uuid, p_named jsonb) returns boolean
language sql stable
set search_path = ''
as $$
  select exists (
    select from pawl.system_prompts p
    where p.assistant_id = p_assistant_id and to_jsonb(p.version) = p_named -> 'version'
      and encode(sha256(convert_to(p.content, 'UTF8')), 'hex') = p_named ->> 'sha256')
$$;

-- {outcome, receipt: {…, document, observations, digest_matches, prompts_match}}: a receipt with all that was observed,
-- as core::proof reads it, in its order. `digest_matches`: the observations are those that were decided by, and those of
-- the screening before it are those; `prompts_match`: both texts are. For a decision about an assistant the caller may
-- steer. Outcome besides: receipt_not_found.
create function public.pawl_get_receipt(p_receipt_id uuid, p_user_id uuid default null) returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  s pawl.steering;
  r pawl.promotion_receipts;
begin
  select * into r from pawl.promotion_receipts where id = p_receipt_id;
  s := pawl.steer_of(r.assistant_id, 'receipt_not_found', p_user_id);
  if s.outcome <> 'ok' then
    return jsonb_build_object('outcome', s.outcome);
  end if;
  return jsonb_build_object('outcome', 'ok', 'receipt', pawl.receipt_summary(r) || jsonb_build_object(
    'document', r.document,
    'observations', (
      select coalesce(jsonb_agg(o.data || jsonb_build_object('id', o.id) order by o.seq), '[]')
      from pawl.proof_observations o where o.id = any (r.observation_ids)),
    'digest_matches', pawl.observations_digest(r.observation_ids) = r.observations_digest
      and (not coalesce(r.document -> 'screening' ? 'observation_ids', false)
        or encode(pawl.observations_digest(array(
             select i::uuid from jsonb_array_elements_text(r.document #> '{screening,observation_ids}') i)), 'hex')
           = r.document #>> '{screening,observations_digest}'),
    'prompts_match', pawl.matches_prompt(r.assistant_id, r.document -> 'candidate')
      and pawl.matches_prompt(r.assistant_id, r.document -> 'baseline')));
end
$$;

revoke execute on function
  pawl.queue_entry(pawl.prompt_tests),
  pawl.receipt_summary(pawl.promotion_receipts),
  pawl.matches_prompt(uuid, jsonb),
  public.pawl_list_queue(text, uuid, uuid),
  public.pawl_list_receipts(text, uuid, timestamptz, integer, uuid),
  public.pawl_get_receipt(uuid, uuid)
from public, anon, authenticated, service_role;
grant execute on function
  public.pawl_list_queue(text, uuid, uuid),
  public.pawl_list_receipts(text, uuid, timestamptz, integer, uuid),
  public.pawl_get_receipt(uuid, uuid)
to authenticated, service_role;
