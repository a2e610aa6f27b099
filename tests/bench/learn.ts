/**
 * `scripts/bench learn`: what a learning run costs, and whether it costs the same a signal however much is stored.
 *
 * The built functions run on the local stack with a real Postgres. CPU is that of reflection-loop's whole process as the
 * kernel counts it (wasm, JSON, fetch, garbage collection and just-in-time compilation), so it is more than what the
 * wasm alone takes; Postgres and the gateway have processes of their own.
 */
import { startStack } from "../../scripts/local/stack.ts";
import { startPostgres } from "../postgres/server.ts";
import { fillWorld, type World } from "./learn_world.ts";
import { writeFile } from "./results.ts";

const USUAL: World = { answers: 12_000, patterns: 850, people: 400 };
const LARGE_SIGNALS = 1_000_000;
/** What the platform lets a request have is 2 s of CPU. */
const MOST_CPU_IN_ALL = 1.5;
const MOST_CPU_A_CALL = 1;
/** A signal of the last quarter of a long run may cost this much more than one of the first. */
const MOST_GROWTH = 1.25;

interface Call {
  settled: number;
  /** Seconds of reflection-loop's process. */
  cpu: number;
  seconds: number;
}

const signals = sizeFrom(Deno.args);
const usual = await measure("12,000 new signals, 850 patterns", USUAL);
const large = signals > 0
  ? await measure(`${signals.toLocaleString("en")} signals`, { ...USUAL, answers: signals })
  : [];
const wrong = [...judgeUsual(usual), ...(large.length > 0 ? judgeLarge(large, signals) : [])];
const file = await writeFile("learn.json", { usual, large, wrong });
console.log(`\n${file}`);
wrong.forEach((line) => console.error(`NOT MET: ${line}`));
Deno.exit(wrong.length > 0 ? 1 : 0);

function sizeFrom(args: string[]): number {
  const [name, value, ...others] = args;
  if (name === undefined) return LARGE_SIGNALS;
  if (name === "--signals" && /^\d+$/u.test(value ?? "") && others.length === 0) return Number(value);
  console.error("learn: the only argument is --signals N, for the long run; 0 leaves it out");
  Deno.exit(2);
}

/** Calls reflection-loop until nothing is left, once everything is warm. */
async function measure(name: string, world: World): Promise<Call[]> {
  console.log(`\n${name}`);
  const server = await startPostgres();
  const stack = await startStack({ storage: { databaseUrl: server.url }, log: () => {} });
  try {
    const learn = async (): Promise<Call & { more: boolean }> => {
      const { pid } = stack.functions.process("reflection-loop");
      const [cpu, began] = [cpuSecondsOf(pid), performance.now()];
      const response = await fetch(`${stack.url}/functions/v1/reflection-loop`, {
        method: "POST",
        headers: { apikey: stack.secretKey, "content-type": "application/json" },
        body: JSON.stringify({ only: "learning", force: true }),
      });
      const { learning, more } = await response.json();
      if (!response.ok || learning[0]?.failed) throw new Error(`reflection-loop failed: ${JSON.stringify(learning)}`);
      const seconds = (performance.now() - began) / 1000;
      return { settled: learning[0].settled, cpu: cpuSecondsOf(pid) - cpu, seconds, more };
    };
    // The first call of an isolate loads and compiles.
    await learn();
    const filling = performance.now();
    await fillWorld(stack.database, world);
    console.log(`  filled in ${Math.round((performance.now() - filling) / 1000)} s`);
    const calls: Call[] = [];
    for (let more = true; more;) {
      const { more: left, ...call } = await learn();
      calls.push(call);
      more = left && call.settled > 0;
      report(calls);
    }
    const [{ waiting }] = await stack.database.query(
      "select count(*)::integer as waiting from pawl.exchanges where settled_at is null",
    );
    if (waiting > 0) throw new Error(`${waiting} answers were not settled`);
    return calls;
  } finally {
    await stack.stop();
    await server.stop();
  }
}

function report(calls: Call[]): void {
  const { settled, cpu, seconds } = calls.at(-1)!;
  if (calls.length > 20 && calls.length % 10 !== 0 && settled > 0) return;
  console.log(
    `  call ${String(calls.length).padStart(3)}: ${String(settled).padStart(6)} settled, ` +
      `${cpu.toFixed(2)} s CPU, ${seconds.toFixed(1)} s`,
  );
}

function judgeUsual(calls: Call[]): string[] {
  const [inAll, most] = [sum(calls, "cpu"), Math.max(...calls.map(({ cpu }) => cpu))];
  console.log(`  in all ${inAll.toFixed(2)} s CPU (allowed ${MOST_CPU_IN_ALL}), at most ${most.toFixed(2)} s a call`);
  return [
    ...inAll > MOST_CPU_IN_ALL ? [`${inAll.toFixed(2)} s CPU in all`] : [],
    ...most > MOST_CPU_A_CALL ? [`a call with ${most.toFixed(2)} s CPU`] : [],
  ];
}

function judgeLarge(calls: Call[], signals: number): string[] {
  const settled = sum(calls, "settled");
  const most = Math.max(...calls.map(({ cpu }) => cpu));
  // The last call has the rest of the answers, and the look at what they say.
  const whole = calls.slice(0, -1);
  const quarter = Math.max(1, Math.floor(whole.length / 4));
  const growth = (what: "cpu" | "seconds") => cost(whole.slice(-quarter), what) / cost(whole.slice(0, quarter), what);
  const [cpu, seconds] = [growth("cpu"), growth("seconds")];
  console.log(
    `  ${settled} settled in ${calls.length} calls, ${sum(calls, "seconds").toFixed(0)} s; ` +
      `at most ${most.toFixed(2)} s CPU a call\n` +
      `  a signal of the last quarter against the first: ${cpu.toFixed(2)}× CPU, ${seconds.toFixed(2)}× time ` +
      `(allowed ${MOST_GROWTH}×)`,
  );
  return [
    ...settled < signals ? [`only ${settled} settled`] : [],
    ...most > MOST_CPU_A_CALL ? [`a call with ${most.toFixed(2)} s CPU`] : [],
    ...cpu > MOST_GROWTH ? [`CPU a signal grew ${cpu.toFixed(2)}×`] : [],
    ...seconds > MOST_GROWTH ? [`time a signal grew ${seconds.toFixed(2)}×`] : [],
  ];
}

function cost(calls: Call[], what: "cpu" | "seconds"): number {
  return sum(calls, what) / sum(calls, "settled");
}

function sum(calls: Call[], what: keyof Call): number {
  return calls.reduce((total, call) => total + call[what], 0);
}

/** User and system time, of all threads. */
function cpuSecondsOf(pid: number): number {
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1].split(" ");
  const ticksASecond = 100;
  return (Number(fields[11]) + Number(fields[12])) / ticksASecond;
}
