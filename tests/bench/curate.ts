/**
 * `scripts/bench curate`: what it costs to make a dataset of 100,000 rated answers, an invocation and a row.
 *
 * The built functions run on the local stack with a real Postgres and the stand-in for Storage. What is measured is
 * retrain-trigger's whole process, as the kernel counts it: CPU is user and system time of all its threads (wasm, JSON,
 * fetch, garbage collection, just-in-time compilation); memory is the most that was resident during an invocation, with
 * Deno itself, and what of that came on top of the process at rest. Postgres, the gateway and Storage have processes of
 * their own. One invocation collects or curates as much as it may, and says that there is more.
 */
import assert from "node:assert/strict";
import { startStack } from "../../scripts/local/stack.ts";
import { startTrainer, type Trainer } from "../e2e/trainer.ts";
import { startPostgres } from "../postgres/server.ts";
import { fillWorld } from "./curate_world.ts";
import { writeFile } from "./results.ts";

const ROWS = 100_000;
/** What the platform gives a request. */
const MOST_CPU = 2;
const MOST_MEGABYTES = 256;
/** A row of the last quarter of the invocations may cost this much more than one of the first. */
const MOST_GROWTH = 1.25;

interface Call {
  /** Answers that were collected, and rows that were curated. */
  rows: number;
  cpu: number;
  seconds: number;
  /** Resident at most; and at rest, before it. */
  peak: number;
  rest: number;
}

const rows = sizeFrom(Deno.args);
const measured = await measure(rows);
const wrong = judge(measured);
const file = await writeFile("curate.json", { rows, ...measured, wrong });
console.log(`\n${file}`);
wrong.forEach((line) => console.error(`NOT MET: ${line}`));
Deno.exit(wrong.length > 0 ? 1 : 0);

function sizeFrom(args: string[]): number {
  const [name, value, ...others] = args;
  if (name === undefined) return ROWS;
  if (name === "--rows" && /^[1-9]\d*$/u.test(value ?? "") && others.length === 0) return Number(value);
  console.error("curate: the only argument is --rows N");
  Deno.exit(2);
}

interface Measured {
  collecting: Call[];
  curating: Call[];
  rebuilding: Call[];
  /** Of the dataset: its rows, its files, and whether each was made again with the same bytes. */
  dataset: { rows: number; files: number; identical: boolean; changeNoticed: boolean };
}

async function measure(answers: number): Promise<Measured> {
  const server = await startPostgres();
  const secret = `whsec_${crypto.getRandomValues(new Uint8Array(32)).toBase64()}`;
  const trainer = startTrainer({ secret, training: () => [] });
  const functionEnvironment = {
    ML_WEBHOOK_URL: trainer.url,
    ML_WEBHOOK_SECRET: secret,
    ML_MIN_SAMPLES_FOR_RETRAIN: "10",
  };
  const stack = await startStack({ storage: { databaseUrl: server.url }, functionEnvironment, log: () => {} });
  try {
    const call = async (order: Record<string, unknown>) => {
      const { pid } = stack.functions.process("retrain-trigger");
      const rest = restart(pid);
      const [cpu, began] = [cpuSecondsOf(pid), performance.now()];
      const response = await fetch(`${stack.url}/functions/v1/retrain-trigger`, {
        method: "POST",
        headers: { apikey: stack.secretKey, "content-type": "application/json" },
        body: JSON.stringify(order),
      });
      const body = await response.json();
      if (!response.ok || body.results?.[0]?.failed) throw new Error(`retrain-trigger failed: ${JSON.stringify(body)}`);
      assert.equal(stack.functions.process("retrain-trigger").pid, pid, "its process ended");
      const seconds = (performance.now() - began) / 1000;
      return { body, cost: { cpu: cpuSecondsOf(pid) - cpu, seconds, peak: memoryOf(pid, "VmHWM"), rest } };
    };
    // The first call of an isolate loads and compiles.
    await call({});
    const filling = performance.now();
    await fillWorld(stack.database, answers);
    console.log(`  ${answers} answers, filled in ${Math.round((performance.now() - filling) / 1000)} s`);

    const [collecting, curating]: Call[][] = [[], []];
    let sealed = 0;
    for (let more = true, before = 0; more;) {
      // Nothing is collected and curated in one call but at the border of both.
      const { body, cost } = await call({ force: true });
      const [{ collected, dataset, triggered }] = body.results;
      const curated = (dataset?.rows ?? before) - before;
      before = dataset?.rows ?? before;
      const list = collected > curated ? collecting : curating;
      list.push({ rows: collected + curated, ...cost });
      report(list === collecting ? "collecting" : "curating", list);
      if (triggered) sealed = dataset?.rows ?? before;
      more = body.more;
    }
    await trainer.idle();
    return { collecting, curating, ...await rebuild(trainer, sealed, call, stack) };
  } finally {
    await stack.stop();
    await trainer.stop();
    await server.stop();
  }
}

type Calling = (order: Record<string, unknown>) => Promise<{
  // deno-lint-ignore no-explicit-any -- as it is answered
  body: any;
  cost: Omit<Call, "rows">;
}>;

/** Each part again, and once more when one row is another. */
async function rebuild(
  trainer: Trainer,
  sealed: number,
  call: Calling,
  stack: Awaited<ReturnType<typeof startStack>>,
): Promise<Pick<Measured, "rebuilding" | "dataset">> {
  const [{ order, dataset }] = trainer.datasets;
  const rows = dataset.train.length + dataset.heldOut.length;
  assert.deepEqual([rows, order.samples], [sealed, sealed], "rows in Storage, and as they were counted");
  const again = async () => {
    const rebuilding: Call[] = [];
    let [identical, files] = [true, 0];
    for (let part: number | null = 1; part !== null;) {
      const { body, cost }: Awaited<ReturnType<Calling>> = await call({
        action: "rebuild",
        model_version_id: order.model_version_id,
        part,
      });
      identical &&= body.identical;
      files += body.parts.length;
      part = body.next_part;
      rebuilding.push({ rows: 0, ...cost });
    }
    return { rebuilding, identical, files };
  };
  const { rebuilding, identical, files } = await again();
  assert.equal(files, order.parts.length, "files made again");
  await stack.database.exec(`
    alter table pawl.training_data disable trigger keep_training_text;
    update pawl.training_data set output = jsonb_set(output, '{content}', '"Another."')
      where id = (select training_id from pawl.dataset_rows order by part desc, split, position desc limit 1)`);
  const changeNoticed = !(await again()).identical;
  return { rebuilding, dataset: { rows, files, identical, changeNoticed } };
}

function report(what: string, calls: Call[]): void {
  const { rows, cpu, seconds, peak, rest } = calls.at(-1)!;
  console.log(
    `  ${what} ${String(calls.length).padStart(2)}: ${String(rows).padStart(6)} rows, ${cpu.toFixed(2)} s CPU, ` +
      `${seconds.toFixed(1)} s, ${Math.round(peak)} MB at most, ${Math.round(peak - rest)} MB over ${Math.round(rest)}`,
  );
}

function judge({ collecting, curating, rebuilding, dataset }: Measured): string[] {
  const growths = { collecting: growthOf(collecting), curating: growthOf(curating) };
  const calls = [...collecting, ...curating, ...rebuilding];
  const [cpu, peak] = [Math.max(...calls.map((call) => call.cpu)), Math.max(...calls.map((call) => call.peak))];
  const over = Math.max(...calls.map((call) => call.peak - call.rest));
  console.log(
    `  ${dataset.rows} rows in ${dataset.files} files, ${collecting.length} + ${curating.length} invocations, rebuilt in ` +
      `${rebuilding.length}: ${dataset.identical ? "" : "NOT "}identical\n` +
      `  an invocation at most: ${cpu.toFixed(2)} s CPU (allowed ${MOST_CPU}), ${Math.round(peak)} MB resident, ` +
      `${Math.round(over)} MB of it over the process at rest (allowed ${MOST_MEGABYTES})\n` +
      `  CPU a row of the last quarter against the first: collecting ${growths.collecting.toFixed(2)}×, ` +
      `curating ${growths.curating.toFixed(2)}× (allowed ${MOST_GROWTH}×)`,
  );
  return [
    ...cpu > MOST_CPU ? [`an invocation with ${cpu.toFixed(2)} s CPU`] : [],
    ...over > MOST_MEGABYTES ? [`an invocation with ${Math.round(over)} MB`] : [],
    ...Object.entries(growths).flatMap(([what, growth]) =>
      growth > MOST_GROWTH ? [`CPU a row of ${what} grew ${growth.toFixed(2)}×`] : []
    ),
    ...dataset.identical ? [] : ["a dataset that was made again has other bytes"],
    ...dataset.changeNoticed ? [] : ["a row that was changed does not show"],
  ];
}

/**
 * The last call has what was left, and what comes after: it does not count. Nor does the first, whose answers have little
 * or nothing said before them: their rows are shorter than all that follow.
 */
function growthOf(calls: Call[]): number {
  const whole = calls.slice(1, -1);
  const quarter = Math.max(1, Math.floor(whole.length / 4));
  const cost = (some: Call[]) => sum(some, "cpu") / Math.max(1, sum(some, "rows"));
  return whole.length < 2 ? 1 : cost(whole.slice(-quarter)) / cost(whole.slice(0, quarter));
}

function sum(calls: Call[], what: keyof Call): number {
  return calls.reduce((total, call) => total + call[what], 0);
}

/** Has the kernel forget the most that was resident; returns what is, in MB. */
function restart(pid: number): number {
  Deno.writeTextFileSync(`/proc/${pid}/clear_refs`, "5");
  return memoryOf(pid, "VmRSS");
}

/** In MB. */
function memoryOf(pid: number, what: "VmRSS" | "VmHWM"): number {
  const [, kilobytes] = new RegExp(`^${what}:\\s+(\\d+) kB$`, "mu")
    .exec(Deno.readTextFileSync(`/proc/${pid}/status`))!;
  return Number(kilobytes) / 1024;
}

/** User and system time, of all threads. */
function cpuSecondsOf(pid: number): number {
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1].split(" ");
  const ticksASecond = 100;
  return (Number(fields[11]) + Number(fields[12])) / ticksASecond;
}
