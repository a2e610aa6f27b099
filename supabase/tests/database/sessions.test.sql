-- A person's own sessions: listed, read, renamed, deleted. Nobody else's, whoever asks.
begin;
select plan(151);

select tests.make_assistant('acme/default'), tests.make_assistant('acme/helper'), tests.make_assistant('globex/default');
select tests.make_member('ann', 'acme'), tests.make_member('ann', 'globex'), tests.make_member('bea', 'acme'),
       tests.make_member('amy', 'acme', 'admin'), tests.make_member('otto', 'acme', 'owner');
-- Ann's are called by how old they are.
select tests.make_session(name, person, assistant, age * interval '1 minute')
from (values ('one', 'ann', 'acme/default', 1), ('two', 'ann', 'acme/helper', 2), ('three', 'ann', 'globex/default', 3),
             ('four', 'ann', 'acme/default', 4), ('five', 'ann', 'acme/helper', 5), ('bea''s', 'bea', 'acme/default', 1),
             ('amy''s', 'amy', 'acme/default', 1)) v (name, person, assistant, age);

create function pg_temp.sql_of(p_what text, p_session text, p_options text default '') returns text
language sql
as $$ select format('select public.pawl_%s_session(%L %s)', p_what, tests.id(p_session), p_options) $$;
create function pg_temp.rename_sql(p_session text, p_title text default 'New', p_options text default '') returns text
language sql as $$ select pg_temp.sql_of('rename', p_session, format(', %L %s', p_title, p_options)) $$;
create function pg_temp.for_user(p_person text) returns text
language sql as $$ select format(', p_user_id => %L', tests.id(p_person)) $$;

-- Who may at all
select is(tests.refusal(who, sql), outcome, format('%s: %s', who, left(sql, 35)))
from (values
    ('anon', '', 'permission denied'), ('nobody', '', 'unauthorized'), ('service', '', 'user_required'),
    ('ann', pg_temp.for_user('bea'), 'user_not_allowed'), ('ann', pg_temp.for_user('ann'), 'user_not_allowed'),
    ('amy', pg_temp.for_user('ann'), 'user_not_allowed')) v (who, options, outcome),
  lateral unnest(array[
    'select public.pawl_list_sessions(p_limit => 1 ' || options || ')', pg_temp.sql_of('get', 'bea''s', options),
    pg_temp.rename_sql('bea''s', p_options => options), pg_temp.sql_of('delete', 'bea''s', options)]) sql;

-- The list -------------------------------------------------------------------------------------------------------------

create function pg_temp.list(p_who text, p_options text default 'p_limit => 20') returns jsonb
language sql as $$ select tests.call(p_who, format('select public.pawl_list_sessions(%s)', p_options)) $$;
create function pg_temp.titles(p_who text, p_options text default 'p_limit => 20') returns text
language sql
as $$
  select string_agg(s ->> 'title', ' ' order by n)
  from jsonb_array_elements(pg_temp.list(p_who, p_options) -> 'sessions') with ordinality x (s, n)
$$;
select is(pg_temp.titles('ann'), 'one two three four five', 'a person''s own, the newest first, of all organisations');
select is(pg_temp.list('ann', 'p_limit => 1') #> '{sessions,0}', jsonb_build_object('session_id', tests.id('one'),
    'title', 'one', 'organization_id', tests.id('acme'), 'assistant', 'default', 'created_at', now() - interval '1 minute',
    'updated_at', now() - interval '1 minute'), 'each with its names and times');
select is(
  (select jsonb_object_agg(s ->> 'title', s -> 'organization_id')
   from jsonb_array_elements(pg_temp.list('ann') -> 'sessions') s where s ->> 'title' in ('two', 'three')),
  jsonb_build_object('two', tests.id('acme'), 'three', tests.id('globex')), 'each with its organisation');
select is(pg_temp.titles(who), who || '''s', 'an admin''s list is their own: ' || who)
from unnest('{amy,bea}'::text[]) who;
select is(pg_temp.list('otto'), '{"outcome": "ok", "sessions": [], "next": null}', 'who has none has an empty list');
select is(pg_temp.titles('service', 'p_user_id => ' || quote_literal(tests.id('ann'))), 'one two three four five',
  'the secret key lists those of whom it names');
select is(pg_temp.titles('ann', options), expected, 'of ' || why)
from (values
  ($$p_assistant => 'helper'$$, 'two five', 'one assistant'),
  (format($$p_organization_id => %L$$, tests.id('acme')), 'one two four five', 'one organisation'),
  (format($$p_organization_id => %L, p_assistant => 'default'$$, tests.id('acme')), 'one four', 'one assistant of one'),
  ($$p_assistant => 'nope'$$, null, 'an assistant there is not'),
  (format($$p_organization_id => %L$$, tests.id('nowhere')), null, 'an organisation there is not'))
  v (options, expected, why);
update pawl.sessions set deleted_at = now() where id = tests.id('three');
select is(pg_temp.titles('ann'), 'one two four five', 'what was deleted is gone');
update pawl.sessions set deleted_at = null where id = tests.id('three');
update pawl.sessions set updated_at = now() where id = tests.id('five');
select is(pg_temp.titles('ann'), 'five one two three four', 'what was used last comes first');
update pawl.sessions set updated_at = now() - interval '5 minutes' where id = tests.id('five');

-- Pages: the titles of each, a page after the other until there is no next.
create function pg_temp.pages(p_who text, p_limit integer) returns text
language plpgsql
as $$
declare
  v_page jsonb;
  v_pages text[];
  v_options text := format('p_limit => %s', p_limit);
begin
  for n in 1 .. 20 loop
    v_page := pg_temp.list(p_who, v_options);
    v_pages := v_pages || coalesce(
      (select string_agg(s ->> 'title', ' ' order by i)
       from jsonb_array_elements(v_page -> 'sessions') with ordinality x (s, i)),
      'none');
    if v_page -> 'next' = 'null' then
      return array_to_string(v_pages, ', ');
    end if;
    v_options := format('p_limit => %s, p_before => %L', p_limit, v_page ->> 'next');
  end loop;
  return 'no end';
end
$$;
select is(pg_temp.pages('ann', page_size), expected, 'pages of ' || page_size)
from (values (2, 'one two, three four, five'), (3, 'one two three, four five'), (6, 'one two three four five'),
             (0, 'one, two, three, four, five, none'), (-1, 'one, two, three, four, five, none')) v (page_size, expected);
update pawl.sessions set updated_at = now() - interval '3 minutes' where id = any (
  select tests.id(name) from unnest('{two,three,four}'::text[]) name);
create function pg_temp.sorted(p_pages text) returns text
language sql
as $$
  select string_agg((select string_agg(title, ' ' order by title) from string_to_table(page, ' ') title), ', ' order by n)
  from string_to_table(p_pages, ', ') with ordinality x (page, n)
$$;
select is(pg_temp.sorted(pg_temp.pages('ann', page_size)), expected, 'with three of one time: pages of ' || page_size)
from (values (1, 'one, four three two, five, none'), (2, 'four one three two, five'),
             (3, 'four one three two, five'), (4, 'four one three two, five')) v (page_size, expected);
update pawl.sessions set updated_at = created_at where user_id = tests.id('ann');
select tests.make_session('very old', 'bea', 'acme/default', '1 year 3 microseconds');
select is(pg_temp.pages('bea', 1), 'bea''s, very old, none', 'to the microsecond');
select tests.make_session('bulk ' || n, 'otto', 'acme/default', n * interval '1 second') from generate_series(1, 130) n;
select is(jsonb_array_length(pg_temp.list('otto', options) -> 'sessions'), expected, why)
from (values ('', 20, 'a page is of twenty'), ('p_limit => null', 20, 'also when asked for null'),
             ('p_limit => 1000', 100, 'and of a hundred at most')) v (options, expected, why);
-- Sessions that were imported in one transaction share their moment.
update pawl.sessions set updated_at = now() - interval '1 day' where user_id = tests.id('otto');
select is(
  (select count(distinct title)::int from regexp_matches(pg_temp.pages('otto', 20), 'bulk \d+', 'g') title), 130,
  'of sessions of one moment none is passed over');
select is(jsonb_array_length(pg_temp.list('otto', 'p_limit => 20') -> 'sessions'), 130, 'for their page is longer');
delete from pawl.sessions where user_id = tests.id('otto');

-- A session ------------------------------------------------------------------------------------------------------------

create function pg_temp.get(p_who text, p_session text, p_options text default '') returns jsonb
language sql as $$ select tests.call(p_who, pg_temp.sql_of('get', p_session, p_options)) $$;
-- What was said, in order.
create function pg_temp.said(p_page jsonb) returns text
language sql
as $$
  select string_agg(concat_ws(' ', m ->> 'content', m ->> 'error_code'), ', ' order by n)
  from jsonb_array_elements(p_page -> 'messages') with ordinality x (m, n)
$$;
select is(pg_temp.get('ann', 'one'), jsonb_build_object('outcome', 'ok', 'session',
    pg_temp.list('ann') #> '{sessions,0}', 'messages', '[]'::jsonb, 'next', null), 'a session without turns');
select tests.make_turn('one', 'q1', null, 'open'), tests.make_turn('one', 'q2', 'a2'),
       tests.make_turn('one', 'q3', null, 'failed'), tests.make_turn('four', 'other', 'other');
select is(tests.outcome('service', tests.complete_turn(tests.id('one q1'), 1, 'a1')), 'ok',
  'a turn answered after the next');
select is(pg_temp.said(pg_temp.get('ann', 'one')), 'q1, a1, q2, a2, q3 model_timeout',
  'each question is followed by its answer, or by why there is none');
select tests.make_turn('one', 'q4', null, 'open');
select is(pg_temp.said(pg_temp.get('ann', 'one')), 'q1, a1, q2, a2, q3 model_timeout, q4',
  'one under way has neither yet');
select is(
  (select jsonb_agg(m) from jsonb_array_elements(pg_temp.get('ann', 'one') -> 'messages') m
   where m ->> 'content' like '_1'),
  (select jsonb_agg(jsonb_build_object('message_id', m.id, 'turn', t.seq, 'role', m.role, 'content', m.content,
     'created_at', m.created_at, 'prompt_version', 1, 'model', m.model_used, 'error_code', null) order by m.seq)
   from pawl.turns t join pawl.messages m on m.id in (t.user_message_id, t.answer_message_id)
   where t.id = tests.id('one q1')), 'a message with what there is to say of it');
select is(
  (select string_agg(m ->> 'role', ' ') from jsonb_array_elements(pg_temp.get('ann', 'one') -> 'messages') m),
  'user assistant user assistant user user', 'and who said it');
select is(pg_temp.get('ann', 'one') -> 'next', 'null', 'there is nothing before it');

-- Pages: from the newest turns back.
create function pg_temp.turn_pages(p_limit integer) returns text
language plpgsql
as $$
declare
  v_page jsonb;
  v_pages text[];
  v_options text := format(', p_limit => %s', p_limit);
begin
  for n in 1 .. 20 loop
    v_page := pg_temp.get('ann', 'one', v_options);
    v_pages := v_pages || coalesce(pg_temp.said(v_page), 'none');
    if v_page -> 'next' = 'null' then
      return array_to_string(v_pages, ' | ');
    end if;
    v_options := format(', p_limit => %s, p_before_turn => %s', p_limit, v_page ->> 'next');
  end loop;
  return 'no end';
end
$$;
select is(pg_temp.turn_pages(page_size), expected, 'pages of ' || page_size || ' turns, the newest first')
from (values (3, 'q2, a2, q3 model_timeout, q4 | q1, a1'), (5, 'q1, a1, q2, a2, q3 model_timeout, q4'),
             (0, 'q4 | q3 model_timeout | q2, a2 | q1, a1 | none')) v (page_size, expected);
select tests.make_turn('two', 'q' || n, 'a' || n) from generate_series(1, 230) n;
select is(jsonb_array_length(pg_temp.get('ann', 'two', options) -> 'messages'), expected, why)
from (values ('', 100, 'a page is of fifty turns'), (', p_limit => null', 100, 'also when asked for null'),
             (', p_limit => 1000', 400, 'and of two hundred at most')) v (options, expected, why);
select is(pg_temp.said(pg_temp.get('ann', 'two', ', p_limit => 1')), 'q230, a230', 'the newest first');

-- Whose it is
select is(tests.outcome('service', pg_temp.sql_of('get', 'one', pg_temp.for_user('ann'))), 'ok',
  'the secret key reads for whom it names');
select is(tests.refusal(who, sql), 'session_not_found', format('%s: %s', why, left(sql, 35)))
from (values
    ('bea', 'one', '', 'a colleague''s'), ('amy', 'one', '', 'an admin''s people''s'),
    ('otto', 'one', '', 'an owner''s people''s'), ('stranger', 'one', '', 'someone''s'),
    ('ann', 'nothing', '', 'nobody''s'),
    ('service', 'one', pg_temp.for_user('bea'), 'another''s than the one who is named')) v (who, session, options, why),
  lateral unnest(array[pg_temp.sql_of('get', session, options), pg_temp.rename_sql(session, p_options => options),
                       pg_temp.sql_of('delete', session, options)]) sql;

-- Renamed --------------------------------------------------------------------------------------------------------------

create function pg_temp.title(p_session text) returns text
language sql as $$ select title from pawl.sessions where id = tests.id(p_session) $$;
select is(tests.outcome('ann', pg_temp.rename_sql('four', '  A new title ')), 'ok', 'a person renames their session');
select is(pg_temp.title('four'), 'A new title', 'without blanks around it');
select is(pg_temp.titles('ann'), 'one two three A new title five', 'it stays where it is');
select is(tests.refusal('ann', pg_temp.rename_sql('four', title)), 'title_invalid', why)
from (values ('', 'an empty title'), ('   ', 'a blank one'), (null, 'none'),
             (repeat('é', 201), 'one of 201 letters')) v (title, why);
select is(tests.refusal('ann', pg_temp.rename_sql('four', title)), 'title_invalid', 'one of other blanks')
from unnest(array[E'\n\t', U&'\00a0', U&'\feff', E' \u00a0\n\ufeff\t ', repeat(E' \u00a0', 200)]) title;
select is(tests.outcome('ann', pg_temp.rename_sql('four', E'\u00a0\n B\u00a0 c\ufeff\t ')), 'ok', 'one among blanks');
select is(pg_temp.title('four'), E'B\u00a0 c', 'is without those around it');
select is(tests.outcome('ann', pg_temp.rename_sql('four', repeat(' ', 500) || 'far')), 'ok', 'however many');
select is(pg_temp.title('four'), 'far', 'they are');
select is(tests.outcome('ann', pg_temp.rename_sql('four', repeat('é', 200))), 'ok', 'one of 200');
select is(pg_temp.title('four'), repeat('é', 200), 'is stored whole');
select is(tests.outcome('service', pg_temp.rename_sql('four', 'four', pg_temp.for_user('ann'))), 'ok',
  'the secret key renames for whom it names');
select is(pg_temp.title('four'), 'four', 'too');

-- Deleted --------------------------------------------------------------------------------------------------------------

select tests.make_answers('globex/default', 5);
update pawl.sessions set user_id = tests.id('ann') where id = tests.id('globex/default answer 5 session');
select is(tests.due('globex/default', ', p_force => true'), 'judge', 'five sessions are enough to judge');
select is(tests.outcome('ann', pg_temp.sql_of('delete', 'globex/default answer 5 session')), 'ok',
  'a person deletes one');
select is(tests.due('globex/default', ', p_force => true'), 'insufficient_data', 'it is not judged any more');
select is(tests.outcome('ann', pg_temp.sql_of('delete', 'one')), 'ok', 'another');
select results_eq(
  $$select deleted_at, is_active, title from pawl.sessions where id = tests.id('one')$$, $$values (now(), false, 'one')$$,
  'from this moment on');
select is(pg_temp.titles('ann'), 'two three four five', 'it is in no list');
select is(tests.refusal(who, sql), 'session_not_found', format('nor there for %s: %s', who, left(sql, 35)))
from (values ('ann', ''), ('service', pg_temp.for_user('ann'))) v (who, options),
  lateral unnest(array[
    pg_temp.sql_of('get', 'one', options), pg_temp.rename_sql('one', p_options => options),
    pg_temp.sql_of('delete', 'one', options),
    format('select public.pawl_begin_turn(''on'', %L %s)', tests.id('one'), options)]) sql;
select is(tests.outcome('service', pg_temp.sql_of('delete', 'two', pg_temp.for_user('ann'))), 'ok',
  'the secret key deletes for whom it names');
select is(pg_temp.titles('ann'), 'three four five', 'too');

-- The rows themselves, should the owner expose the schema --------------------------------------------------------------

-- How many rows someone changes.
create function pg_temp.change(p_who text, p_change text, p_session text) returns text
language plpgsql
as $$
declare
  v_sql text := format('update pawl.sessions set %s where id = %L', p_change, tests.id(p_session));
  v_rows integer;
begin
  perform tests.become(p_who);
  execute v_sql;
  get diagnostics v_rows = row_count;
  perform set_config('role', 'none', true);
  return v_rows;
exception when insufficient_privilege then
  return 'permission denied';
end
$$;
select is(pg_temp.change('ann', 'title = ''Mine''', 'three'), '1', 'a person changes the title of their session');
select is(pg_temp.change('ann', column_name || ' = ' || column_name, 'three'), 'permission denied',
          'but not its ' || column_name)
from unnest('{id,organization_id,assistant_id,user_id,created_at,updated_at,metadata}'::text[]) column_name;
select is(pg_temp.change(who, what, 'three'), '0', format('%s changes no other''s: %s', who, what))
from unnest('{bea,amy,otto,nobody}'::text[]) who, unnest('{title = title,deleted_at = now()}'::text[]) what;
select is(pg_temp.change('anon', 'title = title', 'three'), 'permission denied', 'anon changes nothing');
select is(pg_temp.change('ann', what, 'three'), 'permission denied', 'a session is deleted now: ' || what)
from unnest(array['deleted_at = now() - interval ''1 day''', 'deleted_at = now() + interval ''1 day''',
                  'deleted_at = ''-infinity''', 'deleted_at = ''infinity''',
                  'deleted_at = now() - interval ''1 microsecond''', 'title = ''x'', deleted_at = ''epoch''']) what;
select is((select format('%s %s', title, is_active) from pawl.sessions where id = tests.id('three')), 'Mine t',
  'it is not');
select is(pg_temp.change('ann', 'title = ''three'', deleted_at = null', 'three'), '1', 'one that is not deleted stays so');
select is(pg_temp.change('ann', 'deleted_at = now()', 'three'), '1', 'a person deletes their session');
select is(pg_temp.change('ann', what, 'three'), '0', 'and does not change one that is deleted: ' || what)
from unnest('{title = title,deleted_at = null}'::text[]) what;
select throws_ok(
  $$update pawl.sessions set title = repeat('x', 201) where id = tests.id('four')$$,
  '23514', null, 'no title is over 200 letters');

select * from finish();
rollback;
