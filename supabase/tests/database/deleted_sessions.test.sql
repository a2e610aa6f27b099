-- What was said in a session that was deleted is for nobody, though there was a session. (Who sees what else:
-- access_matrix.test.sql.)
begin;
select plan(12);

select tests.make_assistant('acme/default');
select tests.make_member('ann', 'acme'), tests.make_member('bea', 'acme'), tests.make_member('amy', 'acme', 'admin');
select tests.make_session(person || ' session', person, 'acme/default'),
       tests.make_turn(person || ' session', 'question', 'answer')
from unnest('{ann,bea}'::text[]) person;

update pawl.sessions set deleted_at = now() where id = tests.id('bea session');
select is(tests.visible(who, format('pawl.%s where %s = %L', name, key, tests.id('bea session'))), rows,
          format('%s sees %s of %s of a deleted session', who, rows, name))
from (values ('bea', 1), ('amy', 1), ('ann', 0)) v (who, there),
  lateral (values ('sessions', 'id', there), ('messages', 'session_id', 0), ('turns', 'session_id', 0))
    t (name, key, rows);
select is(tests.visible('amy', 'pawl.' || name), rows, format('an admin sees the others'' %s still', name))
from (values ('messages', 2), ('turns', 1)) v (name, rows);
select is(tests.visible('service', format('pawl.messages where session_id = %L', tests.id('bea session'))), 2,
  'service_role sees them until they are swept away');

select * from finish();
rollback;
