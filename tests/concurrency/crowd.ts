/**
 * Many sessions that start at the same moment, each with a role and claims of its own, as PostgREST takes them on.
 *
 * Every session opens its transaction and stops at a gate, an advisory lock. Only when Postgres says that all of them
 * stand there does it open, and each goes on inside the server, with no round trip between the gate and its call.
 */
import postgres from "postgres";

/** `service`, or the id of a person. */
export type Caller = "service" | string;

export interface Call {
  as: Caller;
  /** One statement or several; the last of them gives the answer. */
  sql: string;
}

export interface Told {
  // deno-lint-ignore no-explicit-any -- each scenario knows what it asked
  answer?: any;
  /** What each statement of the call gave. */
  // deno-lint-ignore no-explicit-any -- as above
  answers: any[];
  error?: { code: string; message: string };
}

export interface Crowd {
  atOnce(calls: Call[]): Promise<Told[]>;
  /**
   * One after the other in this order, each in its own session, all of them begun while another session holds what
   * `held` locks; each waits for the first lock that it meets, or goes through.
   */
  inLineBehind(held: string, calls: Call[]): Promise<Told[]>;
  /** Begins `work` of other sessions, and holds what `held` locks until so many of them wait. */
  holding<T>(held: string, waiting: number, work: () => Promise<T>): Promise<T>;
  /** A call alone; throws where the database raises. */
  // deno-lint-ignore no-explicit-any -- as above
  one(call: Call): Promise<any>;
  /** Asks over and over, in a session of its own, while `work` runs; returns every answer there was. */
  watching(sql: string, work: () => Promise<void>): Promise<Set<string>>;
  close(): Promise<void>;
}

/** A call of an SQL function; an argument left undefined keeps its default. */
export function rpc(as: Caller, name: string, values: Record<string, unknown> = {}): Call {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return { as, sql: `select public.${name}(${given.map(([key, value]) => `${key} => ${literal(value)}`).join(", ")})` };
}

export function literal(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (Array.isArray(value)) return `array[${value.map(literal).join(", ")}]::text[]`;
  return `'${(typeof value === "string" ? value : JSON.stringify(value)).replaceAll("'", "''")}'`;
}

type Connection = postgres.ReservedSql;

interface Session {
  connection: Connection;
  pid: number;
}

const GATE = "(7, 7)";
/** Far beyond what it takes: a crowd that is not complete by then never will be. */
const PATIENCE_MS = 60_000;

export async function openCrowd(url: string): Promise<Crowd> {
  const pool = postgres(url, { max: 120, onnotice() {}, connection: { application_name: "crowd" } });
  const keeper = await pool.reserve();
  // In no transaction: one sees who waits as it was at its first look.
  const observer = await pool.reserve();
  const sessions: Session[] = [];
  const gather = async (count: number) => {
    const missing = Array.from({ length: Math.max(0, count - sessions.length) }, async () => {
      const connection = await pool.reserve();
      const [{ pid }] = await connection`select pg_backend_pid() as pid`;
      return { connection, pid };
    });
    sessions.push(...await Promise.all(missing));
    return sessions.slice(0, count);
  };
  return {
    atOnce: async (calls) => {
      const present = await gather(calls.length);
      await keeper.unsafe(`select pg_advisory_lock${GATE}`);
      const gate = `select pg_advisory_xact_lock_shared${GATE}`;
      const going = calls.map((call, index) => go(present[index], call, gate));
      try {
        await allWait(observer, going);
      } finally {
        await keeper.unsafe(`select pg_advisory_unlock${GATE}`);
      }
      return await Promise.all(going);
    },
    inLineBehind: async (held, calls) => {
      const present = await gather(calls.length);
      const going: Promise<Told>[] = [];
      await keeper.unsafe(`begin; ${held}`);
      try {
        for (const [index, call] of calls.entries()) {
          going.push(go(present[index], call, "select"));
          await waitsOrIsThrough(observer, present[index], going[index]);
        }
      } finally {
        await keeper.unsafe("commit");
      }
      return await Promise.all(going);
    },
    holding: async (held, waiting, work) => {
      await keeper.unsafe(`begin; ${held}`);
      const working = work();
      let failed = false;
      working.catch(() => failed = true);
      try {
        await until(async () => failed || await count(observer, WAITING) >= waiting);
      } finally {
        await keeper.unsafe("commit");
      }
      return await working;
    },
    one: async (call) => {
      const [session] = await gather(1);
      const { answer, error } = await go(session, call, "select");
      if (error) throw new Error(`${error.code}: ${error.message} (${call.sql})`);
      return answer;
    },
    watching: async (sql, work) => {
      const connection = await pool.reserve();
      const seen = new Set<string>();
      let over = false;
      const look = async () => {
        do seen.add(JSON.stringify((await connection.unsafe(sql).values()).flat())); while (!over);
      };
      const looking = look();
      try {
        await work();
      } finally {
        over = true;
        await looking;
        connection.release();
      }
      return seen;
    },
    close: async () => {
      for (const connection of [keeper, observer, ...sessions.map((session) => session.connection)]) {
        connection.release();
      }
      await pool.end({ timeout: 5 });
    },
  };
}

/** In one message, so that nothing comes between its statements. */
async function go({ connection }: Session, { as, sql }: Call, gate: string): Promise<Told> {
  const role = as === "service" ? "service_role" : "authenticated";
  const person = as === "service" ? "" : as;
  const claims = person ? { role, sub: person } : { role };
  const settings = { role, "request.jwt.claims": JSON.stringify(claims), "request.jwt.claim.sub": person };
  const taken = Object.entries(settings).map(([name, value]) =>
    `set_config(${literal(name)}, ${literal(value)}, true)`
  );
  try {
    const results = await connection.unsafe(`begin; select ${taken.join(", ")}; ${gate}; ${sql}; commit`);
    // The driver lists what gave rows: behind `begin`, the settings and the gate, the call's own.
    // deno-lint-ignore no-explicit-any -- which its types do not tell
    const answers = [...(results as any)].slice(3).map((rows) => rows[0] && Object.values(rows[0])[0]);
    return { answer: answers.at(-1), answers };
  } catch (error) {
    await connection.unsafe("rollback");
    const { code, message } = error as postgres.PostgresError;
    return { answers: [], error: { code, message } };
  }
}

const AT_GATE = `select count(*)::integer as count from pg_locks
  where locktype = 'advisory' and (classid, objid) = ${GATE} and not granted
    and database = (select oid from pg_database where datname = current_database())`;
const WAITING = `select count(*)::integer as count from pg_stat_activity
  where datname = current_database() and wait_event_type = 'Lock'`;

async function allWait(observer: Connection, going: Promise<Told>[]): Promise<void> {
  let early: Told | undefined;
  for (const one of going) one.then((told) => early ??= told);
  await until(async () => {
    if (early) throw new Error(`came through a closed gate: ${JSON.stringify(early)}`);
    return await count(observer, AT_GATE) === going.length;
  });
}

async function waitsOrIsThrough(observer: Connection, { pid }: Session, going: Promise<Told>): Promise<void> {
  let through = false;
  going.then(() => through = true);
  const waiting =
    `select count(*)::integer as count from pg_stat_activity where pid = ${pid} and wait_event_type = 'Lock'`;
  await until(async () => through || await count(observer, waiting) === 1);
}

async function count(observer: Connection, sql: string): Promise<number> {
  return (await observer.unsafe(sql))[0].count;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!await condition()) {
    if (Date.now() > end) throw new Error("the crowd does not come together");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
