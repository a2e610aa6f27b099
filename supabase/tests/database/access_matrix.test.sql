-- Which rows each right on a table or view reaches, for each who may ask. Every right is really used: as that person,
-- on rows of two organisations, and taken back. An object of the catalogue without a row below fails, and a row without
-- an object.
begin;

-- `nobody` is a token that names no person, `stranger` a person of no organisation, `other_member` one of the other
-- organisation, and its admin: nobody outside is stronger.
create function pg_temp.personas() returns text[]
language sql immutable
as $$ select '{anon,nobody,stranger,member,other_member,admin,owner,service}'::text[] $$;

-- `-` may not; `none` may, and reaches no row; `own` rows of their own person; `org` of their organisation; `all`. The
-- rights that no statement shows (REFERENCES, TRIGGER, MAINTAIN) are in access.test.sql.
create temp table expected (object text, "right" text, reached text, primary key (object, "right"));
insert into expected values
  --                                     anon nobody stranger member other_member admin owner service
  ('assistants',            'SELECT',   '-    none   none     org    org          org   org   all'),
  ('assistants',            'INSERT',   '-    -      -        -      -            -     -     all'),
  ('assistants',            'UPDATE',   '-    -      -        -      -            -     -     all'),
  ('assistants',            'DELETE',   '-    -      -        -      -            -     -     all'),
  ('assistants',            'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('audit_log',             'SELECT',   '-    none   none     none   org          org   org   all'),
  ('audit_log',             'INSERT',   '-    -      -        -      -            -     -     -'),
  ('audit_log',             'UPDATE',   '-    -      -        -      -            -     -     -'),
  ('audit_log',             'DELETE',   '-    -      -        -      -            -     -     -'),
  ('audit_log',             'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('daily_usage',           'SELECT',   '-    none   none     none   org          org   org   all'),
  ('daily_usage',           'INSERT',   '-    -      -        -      -            -     -     -'),
  ('daily_usage',           'UPDATE',   '-    -      -        -      -            -     -     -'),
  ('daily_usage',           'DELETE',   '-    -      -        -      -            -     -     -'),
  ('daily_usage',           'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('exchanges',              'SELECT',   '-    none   none     none   org          org   org   all'),
  ('exchanges',              'INSERT',   '-    -      -        -      -            -     -     all'),
  ('exchanges',              'UPDATE',   '-    -      -        -      -            -     -     all'),
  ('exchanges',              'DELETE',   '-    -      -        -      -            -     -     all'),
  ('exchanges',              'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('feedback_provenance',    'SELECT',   '-    none   none     none   org          org   org   all'),
  ('feedback_provenance',    'INSERT',   '-    -      -        -      -            -     -     -'),
  ('feedback_provenance',    'UPDATE',   '-    -      -        -      -            -     -     -'),
  ('feedback_provenance',    'DELETE',   '-    -      -        -      -            -     -     -'),
  ('feedback_provenance',    'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('idempotency_keys',      'SELECT',   '-    -      -        -      -            -     -     all'),
  ('idempotency_keys',      'INSERT',   '-    -      -        -      -            -     -     all'),
  ('idempotency_keys',      'UPDATE',   '-    -      -        -      -            -     -     all'),
  ('idempotency_keys',      'DELETE',   '-    -      -        -      -            -     -     all'),
  ('idempotency_keys',      'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('leases',                'SELECT',   '-    -      -        -      -            -     -     all'),
  ('leases',                'INSERT',   '-    -      -        -      -            -     -     all'),
  ('leases',                'UPDATE',   '-    -      -        -      -            -     -     all'),
  ('leases',                'DELETE',   '-    -      -        -      -            -     -     all'),
  ('leases',                'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('loop_settings',         'SELECT',   '-    none   none     none   org          org   org   all'),
  ('loop_settings',         'INSERT',   '-    -      -        -      -            -     -     all'),
  ('loop_settings',         'UPDATE',   '-    -      -        -      -            -     -     all'),
  ('loop_settings',         'DELETE',   '-    -      -        -      -            -     -     all'),
  ('loop_settings',         'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('message_evaluations',   'SELECT',   '-    none   none     none   org          org   org   all'),
  ('message_evaluations',   'INSERT',   '-    -      -        -      -            -     -     all'),
  ('message_evaluations',   'UPDATE',   '-    -      -        -      -            -     -     all'),
  ('message_evaluations',   'DELETE',   '-    -      -        -      -            -     -     all'),
  ('message_evaluations',   'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('messages',              'SELECT',   '-    none   none     own    org          org   org   all'),
  ('messages',              'INSERT',   '-    -      -        -      -            -     -     all'),
  ('messages',              'UPDATE',   '-    -      -        -      -            -     -     all'),
  ('messages',              'DELETE',   '-    -      -        -      -            -     -     all'),
  ('messages',              'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('model_prices',          'SELECT',   '-    all    all      all    all          all   all   all'),
  ('model_prices',          'INSERT',   '-    -      -        -      -            -     -     all'),
  ('model_prices',          'UPDATE',   '-    -      -        -      -            -     -     all'),
  ('model_prices',          'DELETE',   '-    -      -        -      -            -     -     all'),
  ('model_prices',          'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('organization_members',  'SELECT',   '-    none   none     own    org          org   org   all'),
  ('organization_members',  'INSERT',   '-    -      -        -      -            -     -     all'),
  ('organization_members',  'UPDATE',   '-    -      -        -      -            -     -     all'),
  ('organization_members',  'DELETE',   '-    -      -        -      -            -     -     all'),
  ('organization_members',  'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('organization_settings', 'SELECT',   '-    none   none     none   org          org   org   all'),
  ('organization_settings', 'INSERT',   '-    -      -        -      -            -     -     all'),
  ('organization_settings', 'UPDATE',   '-    -      -        -      -            -     -     all'),
  ('organization_settings', 'DELETE',   '-    -      -        -      -            -     -     all'),
  ('organization_settings', 'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('organizations',         'SELECT',   '-    none   none     org    org          org   org   all'),
  ('organizations',         'INSERT',   '-    -      -        -      -            -     -     all'),
  ('organizations',         'UPDATE',   '-    -      -        -      -            -     -     all'),
  ('organizations',         'DELETE',   '-    -      -        -      -            -     -     all'),
  ('organizations',         'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('pattern_counts',         'SELECT',   '-    none   none     none   org          org   org   all'),
  ('pattern_counts',         'INSERT',   '-    -      -        -      -            -     -     -'),
  ('pattern_counts',         'UPDATE',   '-    -      -        -      -            -     -     -'),
  ('pattern_counts',         'DELETE',   '-    -      -        -      -            -     -     -'),
  ('pattern_counts',         'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('reflection_logs',       'SELECT',   '-    none   none     none   org          org   org   all'),
  ('reflection_logs',       'INSERT',   '-    -      -        -      -            -     -     all'),
  ('reflection_logs',       'UPDATE',   '-    -      -        -      -            -     -     all'),
  ('reflection_logs',       'DELETE',   '-    -      -        -      -            -     -     all'),
  ('reflection_logs',       'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('response_feedback',      'SELECT',   '-    none   none     own    org          org   org   all'),
  ('response_feedback',      'INSERT',   '-    -      -        -      -            -     -     all'),
  ('response_feedback',      'UPDATE',   '-    -      -        -      -            -     -     all'),
  ('response_feedback',      'DELETE',   '-    -      -        -      -            -     -     all'),
  ('response_feedback',      'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('rubrics',               'SELECT',   '-    none   none     none   org          org   org   all'),
  ('rubrics',               'INSERT',   '-    -      -        -      -            -     -     all'),
  ('rubrics',               'UPDATE',   '-    -      -        -      -            -     -     all'),
  ('rubrics',               'DELETE',   '-    -      -        -      -            -     -     all'),
  ('rubrics',               'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('satisfaction_by_day',    'SELECT',   '-    none   none     none   org          org   org   all'),
  ('satisfaction_by_day',    'INSERT',   '-    -      -        -      -            -     -     -'),
  ('satisfaction_by_day',    'UPDATE',   '-    -      -        -      -            -     -     -'),
  ('satisfaction_by_day',    'DELETE',   '-    -      -        -      -            -     -     -'),
  ('satisfaction_by_day',    'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('sessions',              'SELECT',   '-    none   none     own    org          org   org   all'),
  ('sessions',              'INSERT',   '-    -      -        -      -            -     -     all'),
  -- Their title and deletion; which columns: access.test.sql.
  ('sessions',              'UPDATE',   '-    none   none     own    own          own   own   all'),
  ('sessions',              'DELETE',   '-    -      -        -      -            -     -     all'),
  ('sessions',              'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('suggestions',           'SELECT',   '-    none   none     none   org          org   org   all'),
  ('suggestions',           'INSERT',   '-    -      -        -      -            -     -     all'),
  ('suggestions',           'UPDATE',   '-    -      -        -      -            -     -     all'),
  ('suggestions',           'DELETE',   '-    -      -        -      -            -     -     all'),
  ('suggestions',           'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('system_prompts',        'SELECT',   '-    none   none     none   org          org   org   all'),
  ('system_prompts',        'INSERT',   '-    -      -        -      -            -     -     all'),
  ('system_prompts',        'UPDATE',   '-    -      -        -      -            -     -     all'),
  ('system_prompts',        'DELETE',   '-    -      -        -      -            -     -     all'),
  ('system_prompts',        'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('turn_attempts',         'SELECT',   '-    -      -        -      -            -     -     all'),
  ('turn_attempts',         'INSERT',   '-    -      -        -      -            -     -     all'),
  ('turn_attempts',         'UPDATE',   '-    -      -        -      -            -     -     all'),
  ('turn_attempts',         'DELETE',   '-    -      -        -      -            -     -     all'),
  ('turn_attempts',         'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('turns',                 'SELECT',   '-    none   none     own    org          org   org   all'),
  ('turns',                 'INSERT',   '-    -      -        -      -            -     -     all'),
  ('turns',                 'UPDATE',   '-    -      -        -      -            -     -     all'),
  ('turns',                 'DELETE',   '-    -      -        -      -            -     -     all'),
  ('turns',                 'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('usage',                 'SELECT',   '-    none   none     none   org          org   org   all'),
  ('usage',                 'INSERT',   '-    -      -        -      -            -     -     all'),
  ('usage',                 'UPDATE',   '-    -      -        -      -            -     -     all'),
  ('usage',                 'DELETE',   '-    -      -        -      -            -     -     all'),
  ('usage',                 'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('user_usage',            'SELECT',   '-    none   none     own    org          org   org   all'),
  ('user_usage',            'INSERT',   '-    -      -        -      -            -     -     all'),
  ('user_usage',            'UPDATE',   '-    -      -        -      -            -     -     all'),
  ('user_usage',            'DELETE',   '-    -      -        -      -            -     -     all'),
  ('user_usage',            'TRUNCATE', '-    -      -        -      -            -     -     -'),
  -- An admin too: of others they see the id alone, in organization_members.
  ('users',                 'SELECT',   '-    none   none     own    own          own   own   all'),
  ('users',                 'INSERT',   '-    -      -        -      -            -     -     all'),
  ('users',                 'UPDATE',   '-    -      -        -      -            -     -     all'),
  ('users',                 'DELETE',   '-    -      -        -      -            -     -     all'),
  ('users',                 'TRUNCATE', '-    -      -        -      -            -     -     -');

-- Learned patterns: for admins.
insert into expected values
  ('learned_patterns',      'SELECT',   '-    none   none     none   org          org   org   all'),
  ('learned_patterns',      'INSERT',   '-    -      -        -      -            -     -     all'),
  ('learned_patterns',      'UPDATE',   '-    -      -        -      -            -     -     all'),
  ('learned_patterns',      'DELETE',   '-    -      -        -      -            -     -     all'),
  ('learned_patterns',      'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('agent_runs',           'SELECT',   '-    none   none     none   org          org   org   all'),
  ('agent_runs',           'INSERT',   '-    -      -        -      -            -     -     all'),
  ('agent_runs',           'UPDATE',   '-    -      -        -      -            -     -     all'),
  ('agent_runs',           'DELETE',   '-    -      -        -      -            -     -     all'),
  ('agent_runs',           'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('agent_traces',         'SELECT',   '-    none   none     none   org          org   org   all'),
  ('agent_traces',         'INSERT',   '-    -      -        -      -            -     -     all'),
  ('agent_traces',         'UPDATE',   '-    -      -        -      -            -     -     all'),
  ('agent_traces',         'DELETE',   '-    -      -        -      -            -     -     all'),
  ('agent_traces',         'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('tool_calls',           'SELECT',   '-    none   none     none   org          org   org   all'),
  ('tool_calls',           'INSERT',   '-    -      -        -      -            -     -     all'),
  ('tool_calls',           'UPDATE',   '-    -      -        -      -            -     -     all'),
  ('tool_calls',           'DELETE',   '-    -      -        -      -            -     -     all'),
  ('tool_calls',           'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('learning_runs',         'SELECT',   '-    none   none     none   org          org   org   all'),
  ('learning_runs',         'INSERT',   '-    -      -        -      -            -     -     all'),
  ('learning_runs',         'UPDATE',   '-    -      -        -      -            -     -     all'),
  ('learning_runs',         'DELETE',   '-    -      -        -      -            -     -     all'),
  ('learning_runs',         'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('pattern_evidence',      'SELECT',   '-    none   none     none   org          org   org   all'),
  ('pattern_evidence',      'INSERT',   '-    -      -        -      -            -     -     all'),
  ('pattern_evidence',      'UPDATE',   '-    -      -        -      -            -     -     all'),
  ('pattern_evidence',      'DELETE',   '-    -      -        -      -            -     -     all'),
  ('pattern_evidence',      'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('pattern_exposures',     'SELECT',   '-    none   none     none   org          org   org   all'),
  ('pattern_exposures',     'INSERT',   '-    -      -        -      -            -     -     all'),
  ('pattern_exposures',     'UPDATE',   '-    -      -        -      -            -     -     all'),
  ('pattern_exposures',     'DELETE',   '-    -      -        -      -            -     -     all'),
  ('pattern_exposures',     'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('pattern_sources',       'SELECT',   '-    none   none     none   org          org   org   all'),
  ('pattern_sources',       'INSERT',   '-    -      -        -      -            -     -     all'),
  ('pattern_sources',       'UPDATE',   '-    -      -        -      -            -     -     all'),
  ('pattern_sources',       'DELETE',   '-    -      -        -      -            -     -     all'),
  ('pattern_sources',       'TRUNCATE', '-    -      -        -      -            -     -     -'),
  ('pattern_transitions',   'SELECT',   '-    none   none     none   org          org   org   all'),
  ('pattern_transitions',   'INSERT',   '-    -      -        -      -            -     -     all'),
  ('pattern_transitions',   'UPDATE',   '-    -      -        -      -            -     -     -'),
  ('pattern_transitions',   'DELETE',   '-    -      -        -      -            -     -     all'),
  ('pattern_transitions',   'TRUNCATE', '-    -      -        -      -            -     -     -');

-- Versions that prove themselves: for admins, but who was sent where and what was observed.
insert into expected values
  ('canary_units',          'SELECT',    '-    -      -        -      -            -     -     all'),
  ('canary_units',          'INSERT',    '-    -      -        -      -            -     -     all'),
  ('canary_units',          'UPDATE',    '-    -      -        -      -            -     -     all'),
  ('canary_units',          'DELETE',    '-    -      -        -      -            -     -     all'),
  ('canary_units',          'TRUNCATE',  '-    -      -        -      -            -     -     -'),
  ('judge_trials',          'SELECT',    '-    none   none     none   org          org   org   all'),
  ('judge_trials',          'INSERT',    '-    -      -        -      -            -     -     all'),
  ('judge_trials',          'UPDATE',    '-    -      -        -      -            -     -     all'),
  ('judge_trials',          'DELETE',    '-    -      -        -      -            -     -     all'),
  ('judge_trials',          'TRUNCATE',  '-    -      -        -      -            -     -     -'),
  ('judging_sessions',      'SELECT',    '-    -      -        -      -            -     -     all'),
  ('judging_sessions',      'INSERT',    '-    -      -        -      -            -     -     all'),
  ('judging_sessions',      'UPDATE',    '-    -      -        -      -            -     -     all'),
  ('judging_sessions',      'DELETE',    '-    -      -        -      -            -     -     all'),
  ('judging_sessions',      'TRUNCATE',  '-    -      -        -      -            -     -     -'),
  ('placebo_results',       'SELECT',    '-    none   none     none   org          org   org   all'),
  ('placebo_results',       'INSERT',    '-    -      -        -      -            -     -     -'),
  ('placebo_results',       'UPDATE',    '-    -      -        -      -            -     -     -'),
  ('placebo_results',       'DELETE',    '-    -      -        -      -            -     -     -'),
  ('placebo_results',       'TRUNCATE',  '-    -      -        -      -            -     -     -'),
  ('promotion_receipts',    'SELECT',    '-    none   none     none   org          org   org   all'),
  ('promotion_receipts',    'INSERT',    '-    -      -        -      -            -     -     -'),
  ('promotion_receipts',    'UPDATE',    '-    -      -        -      -            -     -     -'),
  ('promotion_receipts',    'DELETE',    '-    -      -        -      -            -     -     -'),
  ('promotion_receipts',    'TRUNCATE',  '-    -      -        -      -            -     -     -'),
  ('prompt_tests',          'SELECT',    '-    none   none     none   org          org   org   all'),
  ('prompt_tests',          'INSERT',    '-    -      -        -      -            -     -     all'),
  ('prompt_tests',          'UPDATE',    '-    -      -        -      -            -     -     all'),
  ('prompt_tests',          'DELETE',    '-    -      -        -      -            -     -     all'),
  ('prompt_tests',          'TRUNCATE',  '-    -      -        -      -            -     -     -'),
  ('proof_observations',    'SELECT',    '-    -      -        -      -            -     -     all'),
  ('proof_observations',    'INSERT',    '-    -      -        -      -            -     -     -'),
  ('proof_observations',    'UPDATE',    '-    -      -        -      -            -     -     -'),
  ('proof_observations',    'DELETE',    '-    -      -        -      -            -     -     -'),
  ('proof_observations',    'TRUNCATE',  '-    -      -        -      -            -     -     -'),
  ('replay_pairs',          'SELECT',    '-    -      -        -      -            -     -     all'),
  ('replay_pairs',          'INSERT',    '-    -      -        -      -            -     -     all'),
  ('replay_pairs',          'UPDATE',    '-    -      -        -      -            -     -     all'),
  ('replay_pairs',          'DELETE',    '-    -      -        -      -            -     -     all'),
  ('replay_pairs',          'TRUNCATE',  '-    -      -        -      -            -     -     -'),
  ('test_ledger',           'SELECT',    '-    none   none     none   org          org   org   all'),
  ('test_ledger',           'INSERT',    '-    -      -        -      -            -     -     -'),
  ('test_ledger',           'UPDATE',    '-    -      -        -      -            -     -     -'),
  ('test_ledger',           'DELETE',    '-    -      -        -      -            -     -     -'),
  ('test_ledger',           'TRUNCATE',  '-    -      -        -      -            -     -     -'),
  ('test_usage',            'SELECT',    '-    none   none     none   org          org   org   all'),
  ('test_usage',            'INSERT',    '-    -      -        -      -            -     -     all'),
  ('test_usage',            'UPDATE',    '-    -      -        -      -            -     -     all'),
  ('test_usage',            'DELETE',    '-    -      -        -      -            -     -     all'),
  ('test_usage',            'TRUNCATE',  '-    -      -        -      -            -     -     -');

-- Training data, datasets, and what passes between Pawl and a trainer
insert into expected values
  --                                         anon nobody stranger member other_member admin owner service
  ('dataset_parts',         'SELECT',     '-    none   none     none   org          org   org   all'),
  ('dataset_parts',         'INSERT',     '-    -      -        -      -            -     -     all'),
  ('dataset_parts',         'UPDATE',     '-    -      -        -      -            -     -     all'),
  ('dataset_parts',         'DELETE',     '-    -      -        -      -            -     -     all'),
  ('dataset_parts',         'TRUNCATE',   '-    -      -        -      -            -     -     -'),
  ('dataset_rows',          'SELECT',     '-    -      -        -      -            -     -     all'),
  ('dataset_rows',          'INSERT',     '-    -      -        -      -            -     -     all'),
  ('dataset_rows',          'UPDATE',     '-    -      -        -      -            -     -     all'),
  ('dataset_rows',          'DELETE',     '-    -      -        -      -            -     -     all'),
  ('dataset_rows',          'TRUNCATE',   '-    -      -        -      -            -     -     -'),
  ('drift_metrics',         'SELECT',     '-    none   none     none   org          org   org   all'),
  ('drift_metrics',         'INSERT',     '-    -      -        -      -            -     -     all'),
  ('drift_metrics',         'UPDATE',     '-    -      -        -      -            -     -     all'),
  ('drift_metrics',         'DELETE',     '-    -      -        -      -            -     -     all'),
  ('drift_metrics',         'TRUNCATE',   '-    -      -        -      -            -     -     -'),
  ('eval_results',          'SELECT',     '-    none   none     none   org          org   org   all'),
  ('eval_results',          'INSERT',     '-    -      -        -      -            -     -     all'),
  ('eval_results',          'UPDATE',     '-    -      -        -      -            -     -     all'),
  ('eval_results',          'DELETE',     '-    -      -        -      -            -     -     all'),
  ('eval_results',          'TRUNCATE',   '-    -      -        -      -            -     -     -'),
  ('teaching_data',         'SELECT',     '-    -      -        -      -            -     -     -'),
  ('teaching_data',         'INSERT',     '-    -      -        -      -            -     -     -'),
  ('teaching_data',         'UPDATE',     '-    -      -        -      -            -     -     -'),
  ('teaching_data',         'DELETE',     '-    -      -        -      -            -     -     -'),
  ('teaching_data',         'TRUNCATE',   '-    -      -        -      -            -     -     -'),
  ('training_callbacks',    'SELECT',     '-    -      -        -      -            -     -     all'),
  ('training_callbacks',    'INSERT',     '-    -      -        -      -            -     -     all'),
  ('training_callbacks',    'UPDATE',     '-    -      -        -      -            -     -     all'),
  ('training_callbacks',    'DELETE',     '-    -      -        -      -            -     -     all'),
  ('training_callbacks',    'TRUNCATE',   '-    -      -        -      -            -     -     -'),
  ('training_data',         'SELECT',     '-    none   none     none   org          org   org   all'),
  ('training_data',         'INSERT',     '-    -      -        -      -            -     -     all'),
  ('training_data',         'UPDATE',     '-    -      -        -      -            -     -     all'),
  ('training_data',         'DELETE',     '-    -      -        -      -            -     -     all'),
  ('training_data',         'TRUNCATE',   '-    -      -        -      -            -     -     -'),
  ('training_sources',      'SELECT',     '-    -      -        -      -            -     -     all'),
  ('training_sources',      'INSERT',     '-    -      -        -      -            -     -     all'),
  ('training_sources',      'UPDATE',     '-    -      -        -      -            -     -     all'),
  ('training_sources',      'DELETE',     '-    -      -        -      -            -     -     all'),
  ('training_sources',      'TRUNCATE',   '-    -      -        -      -            -     -     -'),
  ('webhook_deliveries',    'SELECT',     '-    -      -        -      -            -     -     all'),
  ('webhook_deliveries',    'INSERT',     '-    -      -        -      -            -     -     all'),
  ('webhook_deliveries',    'UPDATE',     '-    -      -        -      -            -     -     all'),
  ('webhook_deliveries',    'DELETE',     '-    -      -        -      -            -     -     all'),
  ('webhook_deliveries',    'TRUNCATE',   '-    -      -        -      -            -     -     -');

-- Tuned models
insert into expected values
  --                                         anon nobody stranger member other_member admin owner service
  ('model_versions',        'SELECT',     '-    none   none     none   org          org   org   all'),
  ('model_versions',        'INSERT',     '-    -      -        -      -            -     -     all'),
  ('model_versions',        'UPDATE',     '-    -      -        -      -            -     -     all'),
  ('model_versions',        'DELETE',     '-    -      -        -      -            -     -     all'),
  ('model_versions',        'TRUNCATE',   '-    -      -        -      -            -     -     -');

-- Whose a row `t` is: its organisation and, where it is a person's, the person.
create temp table places (object text primary key, organization text, person text default 'null::uuid');
insert into places values
  ('idempotency_keys',     '(select x.organization_id from pawl.turns x where x.id = t.turn_id)', 'user_id'),
  ('messages',             '(select s.organization_id from pawl.sessions s where s.id = t.session_id)',
                           '(select s.user_id from pawl.sessions s where s.id = t.session_id)'),
  ('organization_members', 'organization_id', 'user_id'),
  ('response_feedback',    'organization_id', 'user_id'),
  ('sessions',             'organization_id', 'user_id'),
  ('turn_attempts',        'organization_id', 'user_id'),
  ('turns',                'organization_id', 'user_id'),
  ('user_usage',           'organization_id', 'user_id'),
  ('users',                '(select m.organization_id from pawl.organization_members m where m.user_id = t.id)', 'id');
insert into places values
  ('assistants',            'organization_id'),
  ('audit_log',             'organization_id'),
  ('daily_usage',           'organization_id'),
  ('exchanges',             'organization_id'),
  ('feedback_provenance',   'organization_id'),
  ('pattern_counts',        'organization_id'),
  ('satisfaction_by_day',   'organization_id'),
  ('message_evaluations',   '(select a.organization_id from pawl.system_prompts p join pawl.assistants a '
                            'on a.id = p.assistant_id where p.id = t.prompt_id)'),
  ('model_prices',          'null::uuid'),
  ('organization_settings', 'organization_id'),
  ('organizations',         'id'),
  ('usage',                 'organization_id');
insert into places select object, '(select a.organization_id from pawl.assistants a where a.id = t.assistant_id)'
  from unnest('{leases,loop_settings,reflection_logs,rubrics,suggestions,system_prompts}'::text[]) object;
insert into places values
  ('agent_runs',        'organization_id', 'null::uuid'),
  ('agent_traces',      '(select r.organization_id from pawl.agent_runs r where r.id = t.run_id)', 'null::uuid'),
  ('tool_calls',        '(select r.organization_id from pawl.agent_traces x join pawl.agent_runs r on r.id = x.run_id '
                        'where x.id = t.trace_id)', 'null::uuid'),
  ('learned_patterns',  'organization_id', 'null::uuid'),
  ('learning_runs',     'organization_id', 'null::uuid'),
  ('pattern_evidence',  '(select p.organization_id from pawl.learned_patterns p where p.id = t.pattern_id)', 'user_id'),
  ('pattern_exposures', '(select p.organization_id from pawl.learned_patterns p where p.id = t.pattern_id)', 'user_id'),
  ('pattern_sources',   '(select p.organization_id from pawl.learned_patterns p where p.id = t.pattern_id)',
                        '(select f.user_id from pawl.response_feedback f where f.id = t.feedback_id)'),
  ('pattern_transitions', '(select p.organization_id from pawl.learned_patterns p where p.id = t.pattern_id)', 'null::uuid');
insert into places values
  ('canary_units',       '(select x.organization_id from pawl.prompt_tests x where x.id = t.test_id)', 'user_id'),
  ('judge_trials',       '(select a.organization_id from pawl.assistants a where a.id = t.assistant_id)', 'null::uuid'),
  ('judging_sessions',   '(select s.organization_id from pawl.sessions s where s.id = t.session_id)',
                         '(select s.user_id from pawl.sessions s where s.id = t.session_id)'),
  ('placebo_results',    '(select a.organization_id from pawl.assistants a where a.id = t.assistant_id)', 'null::uuid'),
  ('promotion_receipts', 'organization_id', 'null::uuid'),
  ('prompt_tests',       'organization_id', 'null::uuid'),
  ('proof_observations', '(select x.organization_id from pawl.prompt_tests x where x.id = t.about_id)', 'null::uuid'),
  ('replay_pairs',       '(select x.organization_id from pawl.prompt_tests x where x.id = t.test_id)', 'null::uuid'),
  ('test_ledger',        '(select a.organization_id from pawl.assistants a where a.id = t.assistant_id)', 'null::uuid'),
  ('test_usage',         '(select a.organization_id from pawl.assistants a where a.id = t.assistant_id)', 'null::uuid');
insert into places
  select object, '(select m.organization_id from pawl.model_versions m where m.id = t.model_version_id)'
  from unnest('{dataset_parts,dataset_rows,training_callbacks,webhook_deliveries}'::text[]) object;
insert into places values
  ('drift_metrics',    'organization_id', 'null::uuid'),
  ('eval_results',     'organization_id', 'null::uuid'),
  ('teaching_data',    'organization_id', 'null::uuid'),
  ('training_data',    'organization_id', 'null::uuid'),
  ('training_sources', '(select e.organization_id from pawl.exchanges e where e.message_id = t.message_id)', 'user_id');

insert into places values ('model_versions', 'organization_id', 'null::uuid');

-- The world -----------------------------------------------------------------------------------------------------------

-- In each organisation, and for each person in it, rows of every table.
create function pg_temp.populate(p_organization text, p_people jsonb) returns void
language plpgsql
as $$
declare
  v_id uuid := tests.id(p_organization);
  v_assistant text := p_organization || '/default';
  v_person text;
  v_reflection uuid;
begin
  perform tests.make_assistant(v_assistant), tests.make_version(v_assistant, 2);
  v_reflection := tests.make_reflection(v_assistant);
  for v_person in select jsonb_object_keys(p_people) loop
    perform tests.make_member(v_person, p_organization, p_people ->> v_person),
            tests.make_session(v_person || ' session', v_person, v_assistant),
            tests.make_exchange(v_person || ' session', 'question');
    insert into pawl.response_feedback (message_id, organization_id, assistant_id, user_id, signal)
      select e.message_id, e.organization_id, e.assistant_id, e.user_id, 'thumbs_up' from pawl.exchanges e
      where e.message_id = tests.answer(v_person || ' session question');
    insert into pawl.idempotency_keys (user_id, key, message_hash, turn_id)
      values (tests.id(v_person), 'a key', '', tests.id(v_person || ' session question'));
    insert into pawl.user_usage (organization_id, user_id, day, tokens)
      values (v_id, tests.id(v_person), pawl.today(), 1);
    insert into pawl.message_evaluations (message_id, reflection_log_id, prompt_id, overall)
      select t.answer_message_id, v_reflection, t.prompt_id, 3 from pawl.turns t
      where t.id = tests.id(v_person || ' session question');
  end loop;
  insert into pawl.suggestions (assistant_id, reflection_log_id, suggestion_type, priority, title, description)
    values (tests.id(v_assistant), v_reflection, 'prompt_change', 'low', 't', 'd');
  insert into pawl.audit_log (organization_id, assistant_id, actor, action)
    values (v_id, tests.id(v_assistant), 'loop', 'submit');
  insert into pawl.usage (organization_id, day, purpose, model) values (v_id, pawl.today(), 'chat', 'a-model');
end
$$;
select pg_temp.populate('acme', '{"member": "member", "colleague": "member", "admin": "admin", "owner": "owner"}');
select pg_temp.populate('globex', '{"other_member": "admin", "other_colleague": "member"}');

-- What was learned from them.
create function pg_temp.learn(p_organization text, p_people text[]) returns void
language plpgsql
as $$
declare
  v_assistant text := p_organization || '/default';
  v_person text;
begin
  perform tests.learned(p_organization || ' pattern', p_assistant => v_assistant);
  insert into pawl.learning_runs (organization_id, assistant_id) values (tests.id(p_organization), tests.id(v_assistant));
  with run as (
    insert into pawl.agent_runs (organization_id, assistant_id, agent_type)
      values (tests.id(p_organization), tests.id(v_assistant), 'reflection-loop') returning id
  ), trace as (
    insert into pawl.agent_traces (run_id, span_name, span_type, start_time) select id, 's', 'step', now() from run returning id
  )
  insert into pawl.tool_calls (trace_id, tool_name) select id, 't' from trace;
  insert into pawl.pattern_transitions (pattern_id, to_state, to_influence, confidence, reason)
    values (tests.id(p_organization || ' pattern'), 'active', 0.5, 0.5, 'r');
  foreach v_person in array p_people loop
    perform tests.answered(v_person || ' answered', v_person, v_assistant);
    insert into pawl.pattern_sources (pattern_id, feedback_id, user_id)
      select tests.id(p_organization || ' pattern'), tests.react(v_person || ' answered', 'thumbs_up'), tests.id(v_person);
    perform tests.exposed(p_organization || ' pattern', v_person || ' answered');
    insert into pawl.pattern_evidence values (tests.id(p_organization || ' pattern'), tests.id(v_person), 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
  end loop;
end
$$;
select pg_temp.learn('acme', '{member,colleague,admin,owner}'), pg_temp.learn('globex', '{other_member,other_colleague}');

-- A proof that goes on with people in it, and a placebo that was promoted.
create function pg_temp.prove(p_organization text, p_people text[]) returns void
language plpgsql
as $$
declare
  v_assistant text := p_organization || '/default';
  v_test uuid;
begin
  insert into pawl.system_prompts (assistant_id, version, content, placebo)
    values (tests.id(v_assistant), 98, 'Tested', false), (tests.id(v_assistant), 99, 'The same', true);
  select pawl.open_test(p, tests.id(v_assistant || ' v1')) into v_test
    from pawl.system_prompts p where p.assistant_id = tests.id(v_assistant) and p.version = 99;
  update pawl.prompt_tests
    set state = 'promoted', method = 'canary', level = 0.01, proof_started_at = now(), decided_at = now() where id = v_test;
  update pawl.system_prompts set state = 'rejected' where assistant_id = tests.id(v_assistant) and version = 99;
  insert into pawl.promotion_receipts (
    organization_id, assistant_id, test_id, decision, reason, document, observation_ids, observations_digest)
    values (tests.id(p_organization), tests.id(v_assistant), v_test, 'promote', 'better', '{}', '{}', '');
  select pawl.open_test(p, tests.id(v_assistant || ' v1')) into v_test
    from pawl.system_prompts p where p.assistant_id = tests.id(v_assistant) and p.version = 98;
  update pawl.prompt_tests
    set state = 'proving', method = 'canary', level = 0.01, proof_started_at = now(), ledger_year = 2026, ledger_position = 1
    where id = v_test;
  insert into pawl.judge_trials (assistant_id, judge_model, rubric_id, judge_revision, passed, attacks)
    select t.assistant_id, t.judge_model, t.rubric_id, 1, true, '[]' from pawl.prompt_tests t where t.id = v_test;
  insert into pawl.canary_units (test_id, user_id, candidate, propensity)
    select v_test, tests.id(person), true, 0.2 from unnest(p_people) person;
  insert into pawl.replay_pairs (test_id, stage, number, candidate_first) values (v_test, 'screening', 1, true);
  insert into pawl.proof_observations (about_id, kind, stage, data) values (v_test, 'pair', 'screening', '{}');
  insert into pawl.test_usage (assistant_id, day) values (tests.id(v_assistant), pawl.today());
end
$$;
select pg_temp.prove('acme', '{member,colleague,admin,owner}'), pg_temp.prove('globex', '{other_member,other_colleague}');

-- A model whose dataset is being written of what they said.
create function pg_temp.train(p_organization text, p_people text[]) returns void
language plpgsql
as $$
declare
  v_assistant uuid := tests.id(p_organization || '/default');
  v_model uuid := tests.id(p_organization || ' model');
begin
  insert into pawl.training_data (
    id, organization_id, assistant_id, model_name, input, output, content_hash, input_hash)
    select tests.id(person || ' row'), tests.id(p_organization), v_assistant, 'default', '{}', '{}',
           sha256(person::bytea), sha256(person::bytea)
    from unnest(p_people) person;
  insert into pawl.training_sources (
    message_id, assistant_id, training_id, user_id, score, validated, source, is_origin)
    select tests.id(person || ' answered'), v_assistant, tests.id(person || ' row'), tests.id(person), 1, true, 'user', true
    from unnest(p_people) person;
  insert into pawl.model_versions (id, organization_id, assistant_id, model_name, number, version, base_model)
    values (v_model, tests.id(p_organization), v_assistant, 'default', 1, 'v1', 'a-model');
  insert into pawl.dataset_parts (model_version_id, number, split, path, rows, bytes, sha256, cursor)
    values (v_model, 1, 'train', 'p', 1, 1, repeat('0', 64), v_model);
  insert into pawl.dataset_rows values (v_model, 1, 'train', 1, tests.id(p_people[1] || ' row'));
  insert into pawl.eval_results (organization_id, assistant_id, model_version_id, eval_type, score)
    values (tests.id(p_organization), v_assistant, v_model, 'accuracy', 0.5);
  insert into pawl.drift_metrics (organization_id, assistant_id, model_name, metric_type)
    values (tests.id(p_organization), v_assistant, 'default', 'feedback_score');
  insert into pawl.webhook_deliveries (model_version_id, webhook_id) values (v_model, p_organization);
  insert into pawl.training_callbacks (callback_id, model_version_id) values (p_organization, v_model);
end
$$;
select pg_temp.train('acme', '{member,colleague,admin,owner}'), pg_temp.train('globex', '{other_member,other_colleague}');

create temp view objects as
  select c.relname::text as object, c.relkind, c.oid
  from pg_class c where c.relnamespace = 'pawl'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f');

-- Every row there is, as text, with its place in the table (a view has none) and whose it is.
create temp table world (object text, row text, place tid, organization uuid, person uuid);
do $$
declare
  v record;
begin
  for v in select * from places join objects using (object) loop
    execute format('insert into world select %L, t::text, %s, %s, %s from pawl.%I t', v.object,
      case when v.relkind = 'v' then 'null' else 't.ctid' end, v.organization, v.person, v.object);
  end loop;
end
$$;

-- What someone reaches ------------------------------------------------------------------------------------------------

-- The statements in which a right shows, on the columns that a statement may set; one that adds a row says which row it
-- is a copy of. A copy that is let in fails by its key, and a column set to itself breaks nothing.
create function pg_temp.statements(p_object text, p_right text) returns table (statement text, copied text)
language sql
as $$
  with columns as (
    select quote_ident(a.attname) as name
    from pg_attribute a join objects o on o.oid = a.attrelid
    where o.object = p_object and a.attnum > 0 and not a.attisdropped
      and a.attgenerated = '' and a.attidentity <> 'a'
  )
  select format('select array_agg(t::text) from pawl.%I t', p_object), null where p_right = 'SELECT'
  union all
  select format('insert into pawl.%1$I (%2$s) select %2$s from (select (%3$L::pawl.%1$I).*) t',
                p_object, (select string_agg(name, ', ') from columns), w.row), w.row
    from world w where w.object = p_object and p_right = 'INSERT'
  union all
  select format('update pawl.%I set %s = %2$s', p_object, name), null from columns where p_right = 'UPDATE'
  union all
  select format('delete from pawl.%I', p_object), null where p_right = 'DELETE'
  union all
  select format('truncate pawl.%I', p_object), null where p_right = 'TRUNCATE'
$$;

-- The rows that someone's statement read, added, changed or took away; null where it was denied. Whatever it did is
-- undone.
create function pg_temp.attempt(p_who text, p_object text, p_statement text, p_copied text) returns text[]
language plpgsql
as $$
declare
  v_read text[];
  v_gone text[];
begin
  perform tests.become(p_who);
  if p_statement like 'select %' then
    execute p_statement into v_read;
  else
    execute p_statement;
  end if;
  perform set_config('role', 'none', true);
  if p_statement not like 'select %' then
    execute format('select array_agg(w.row) from world w where w.object = %L
      and not exists (select from pawl.%I t where t.ctid = w.place)', p_object, p_object) into v_gone;
  end if;
  raise exception 'done' using errcode = 'XDONE';
exception
  when sqlstate 'XDONE' then return coalesce(v_read, v_gone, array_remove(array[p_copied], null));
  when insufficient_privilege then return null;
  -- Nobody writes to a view that joins, nor to one of what is computed.
  when object_not_in_prerequisite_state or wrong_object_type or generated_always then return null;
  when integrity_constraint_violation then return array[p_copied];
end
$$;

create function pg_temp.reached(p_who text, p_object text, p_right text) returns text[]
language plpgsql
as $$
declare
  v record;
  v_rows text[];
  v_all text[];
begin
  for v in select * from pg_temp.statements(p_object, p_right) loop
    v_rows := pg_temp.attempt(p_who, p_object, v.statement, v.copied);
    v_all := case when v_rows is null then v_all else coalesce(v_all, '{}') || v_rows end;
  end loop;
  return v_all;
end
$$;

-- The word for those rows.
create function pg_temp.word(p_who text, p_object text, p_reached text[]) returns text
language sql
as $$
  with me as (
    select tests.id(p_who) as id, (
      select organization_id from pawl.organization_members where user_id = tests.id(p_who)) as organization
  ), meant as (
    select 'none' as word, '{}'::text[] as rows
    union all select 'own', array_agg(w.row) from world w, me where w.object = p_object and w.person = me.id
    union all select 'org', array_agg(w.row) from world w, me
      where w.object = p_object and w.organization = me.organization
    union all select 'all', array_agg(w.row) from world w where w.object = p_object
  )
  select case when p_reached is null then '-' else coalesce(
    (select string_agg(word, '=') from meant where rows @> p_reached and rows <@ p_reached),
    cardinality(p_reached) || ' rows')
  end
$$;

create function pg_temp.told(p_words text[]) returns text
language sql
as $$ select string_agg(who || ' ' || word, ', ') from unnest(pg_temp.personas(), p_words) v (who, word) $$;

-- The matrix ----------------------------------------------------------------------------------------------------------

select plan((select count(*)::int from expected) + 2);

-- A word is told from another by rows that it leaves out.
select is_empty(
  $$select p.object, o.name from places p, unnest('{acme,globex}'::text[]) o (name)
    where p.organization <> 'null::uuid'
      and not exists (select from world w where w.object = p.object and w.organization = tests.id(o.name))$$,
  'each organisation has rows of everything');
select is_empty(
  $$select p.object, who
    from places p, unnest('{member,colleague,other_member,other_colleague,admin,owner}'::text[]) who
    where p.person <> 'null::uuid'
      and not exists (select from world w where w.object = p.object and w.person = tests.id(who))$$,
  'each person has rows of all that persons have');

select is(
    (select pg_temp.told(array_agg(pg_temp.word(who, o.object, pg_temp.reached(who, o.object, r.right)) order by n))
     from unnest(pg_temp.personas()) with ordinality p (who, n) where o.object is not null),
    pg_temp.told(regexp_split_to_array(e.reached, ' +')),
    coalesce(e.right || ' on ' || e.object, r.right || ' on ' || o.object || ', which nobody expected'))
  from (objects o cross join unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE}'::text[]) r ("right"))
  full join expected e on e.object = o.object and e.right = r.right
  order by coalesce(e.object, o.object), coalesce(e.right, r.right);

select * from finish();
rollback;
