-- What is being proved: both texts, the evidence so far, what was planned, who has to approve it; the year's budget, and
-- what placebos came to.
begin;
select plan(26);

select tests.make_assistant('acme/default'), tests.make_version('acme/default', 2), tests.make_version('acme/default', 3),
       tests.make_assistant('acme/helper'), tests.make_version('acme/helper', 2);
select tests.make_member('amy', 'acme', 'admin');
create function pg_temp.look(p_assistant text default 'default') returns jsonb
language sql as $$ select tests.call('amy', format('select public.pawl_list_queue(%L)', p_assistant)) $$;
create function pg_temp.entry() returns jsonb language sql as $$ select pg_temp.look() #> '{queue,0}' $$;
create function pg_temp.year() returns integer language sql as $$ select extract(year from pawl.today())::integer $$;

-- Nothing
select is(pg_temp.look(), jsonb_build_object('outcome', 'ok', 'queue', '[]'::jsonb,
    'budget', jsonb_build_object('year', pg_temp.year(), 'tests', 0, 'promoted', 0, 'on', true, 'level_now', 0.000833),
    'placebos', '{"tests": 0, "screened_out": 0, "promoted": 0, "rate": null}'::jsonb), 'nothing is being proved');

-- In its screening
do $$ begin perform tests.steer('amy', 'test_version', '2'); end $$;
select is(pg_temp.entry(), jsonb_build_object('version', 2, 'baseline_version', 1, 'state', 'screening', 'method', null,
    'placebo', false, 'change_reason', null, 'content', 'Prompt 2 of acme/default',
    'baseline_content', 'Prompt 1 of acme/default', 'started_at', now(), 'proof_started_at', null, 'plan', null,
    'expected_days', null, 'progress', '{}'::jsonb, 'held', null, 'approved', false, 'approval_required', false,
    'suggestion_id', null, 'level', null,
    'judge', '{"model": "claude-sonnet-5-5", "passed": null, "kappa": null, "rated": null}'::jsonb),
  'a version in its screening');
select is(jsonb_array_length(pg_temp.look() -> 'queue'), 1, 'alone');
select is(pg_temp.look('helper') -> 'queue', '[]', 'another assistant''s queue is its own');

-- In its proof
update pawl.loop_settings set approval_required = true where assistant_id = tests.id('acme/default');
insert into pawl.suggestions (id, assistant_id, suggestion_type, priority, title, description, prompt_id)
  values (tests.id('asked'), tests.id('acme/default'), 'prompt_change', 'high', 't', 'd', tests.id('acme/default v2'));
update pawl.prompt_tests set state = 'proving', method = 'canary', level = 0.000833, proof_started_at = now(),
  held = 'awaiting_approval', judge_revision = 2, plan = '{"words": "About nine days.", "expected_days": 9}',
  progress = '{"log_e": 1.5, "n": 40, "kappa": 0.4, "rated": 55, "words": "Not decided yet."}'
  where candidate_id = tests.id('acme/default v2');
insert into pawl.judge_trials (assistant_id, judge_model, rubric_id, judge_revision, passed, attacks)
  select t.assistant_id, t.judge_model, t.rubric_id, r.revision, r.revision = 2, '[]'
  from pawl.prompt_tests t, (values (1), (2), (3)) r (revision) where t.candidate_id = tests.id('acme/default v2');
select is(pg_temp.entry() -> key, value, format('its %s', key))
from (values
  ('state', '"proving"'::jsonb), ('method', '"canary"'), ('level', '0.000833'), ('proof_started_at', to_jsonb(now())),
  ('plan', '"About nine days."'), ('expected_days', '9'), ('held', '"awaiting_approval"'), ('approval_required', 'true'),
  ('suggestion_id', to_jsonb(tests.id('asked'))), ('approved', 'false'),
  ('progress', '{"log_e": 1.5, "n": 40, "kappa": 0.4, "rated": 55, "words": "Not decided yet."}'),
  ('judge', '{"model": "claude-sonnet-5-5", "passed": true, "kappa": 0.4, "rated": 55}')) v (key, value);
-- (What is in test is never about a version of the past, whatever it was written after.)
do $$ begin perform tests.steer('amy', 'approve_suggestion', quote_literal(tests.id('asked'))); end $$;
select is(pg_temp.entry() -> 'approved', 'true', 'a person has approved it');
select is(pg_temp.entry() -> 'held', 'null', 'nothing holds it up any more');
do $$ begin perform tests.steer('amy', 'reject_version', '2'); end $$;
select is(pg_temp.look() -> 'queue', '[]', 'and what a person rejected is proved no longer');

-- The budget of the year
create function pg_temp.ended(p_state text, p_position integer, p_year integer, p_placebo boolean default false) returns void
language sql
as $$
  insert into pawl.prompt_tests (organization_id, assistant_id, candidate_id, baseline_id, state, judge_model, rubric_id,
    chat_model, settings, method, level, ledger_year, ledger_position, proof_started_at, decided_at, placebo)
  select a.organization_id, a.id, tests.id('acme/default v3'), tests.id('acme/default v1'), p_state, 'm', r.id, 'm', '{}',
         'replay', 0.01, p_year, p_position, now(), now(), p_placebo
  from pawl.assistants a join pawl.rubrics r on r.assistant_id = a.id where a.id = tests.id('acme/default')
$$;
select pg_temp.ended('promoted', 1, pg_temp.year() - 1), pg_temp.ended('rejected', 1, pg_temp.year()),
       pg_temp.ended('promoted', 2, pg_temp.year()), pg_temp.ended('promoted', 3, pg_temp.year());
select is(pg_temp.look() -> 'budget', jsonb_build_object('year', pg_temp.year(), 'tests', 3, 'promoted', 2, 'on', true,
  'level_now', 0.0025), 'promotions of this year earn the next one its level');
select is(pg_temp.look('helper') #> '{budget,tests}', '0', 'each assistant has a year of its own');
select pg_temp.ended('rejected', n, pg_temp.year()) from generate_series(4, 60) n;
select is(pg_temp.look() #> '{budget,level_now}', 'null', 'after sixty there is none');
update pawl.loop_settings set yearly_budget = false, fixed_level = 0.02 where assistant_id = tests.id('acme/default');
select is((pg_temp.look() -> 'budget') - '{year,tests,promoted}'::text[], '{"on": false, "level_now": 0.02}',
  'without it each has the same');

-- Placebos
select pg_temp.ended(state, null, null, true) from unnest('{promoted,rejected,rejected,closed}'::text[]) state;
update pawl.prompt_tests set proof_started_at = null, method = null, level = null
  where id = (select id from pawl.prompt_tests where placebo and state = 'rejected' limit 1);
select is(pg_temp.look() -> 'placebos', '{"tests": 3, "screened_out": 1, "promoted": 1, "rate": 0.3333}',
  'what placebos came to, of those that were decided');
select is(pg_temp.look('helper') #> '{placebos,tests}', '0', 'of this assistant');

-- Of the conversations nothing is read.
select tests.make_answers('acme/default', 3);
select is(tests.rows_read('amy', 'select public.pawl_list_queue(''default'')'), 0::bigint, 'and no conversation is read');

select * from finish();
rollback;
