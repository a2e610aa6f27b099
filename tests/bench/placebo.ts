/**
 * `scripts/bench placebo`: how often noise alone makes a version live. 500 versions whose text is the live one's again
 * go through both gates, with the yearly budget off and on, before a judge and a model that err; so does one version
 * that is better, and one that is worse. Then every receipt is checked, and one that was tampered with is caught.
 *
 * The built functions run on the local stack with a real Postgres. The noise is seeded; which questions are drawn, and
 * which answer is shown first, is up to Postgres' own coins, so two runs differ a little. With these bounds a run
 * fails by chance in about one of a hundred.
 */
import { type Stack, startStack } from "../../scripts/local/stack.ts";
import { startPostgres } from "../postgres/server.ts";
import { startOwnModel } from "./own_model.ts";
import { BETTER, fillWorld, type World, WORSE } from "./placebo_world.ts";
import { checkReceipts, type Receipts } from "./receipts.ts";
import { writeFile } from "./results.ts";

interface Mode {
  name: string;
  /** Placebos that may be promoted. */
  most: number;
  seed: number;
  settings: Record<string, unknown>;
}

const MODES: Mode[] = [
  { name: "budget off, level 1 %", most: 5, seed: 61, settings: { yearly_budget: false, fixed_level: 0.01 } },
  { name: "yearly budget on", most: 1, seed: 62, settings: { yearly_budget: true } },
];
const TESTS = 500;
const PROOF_PAIRS = 600;
/** A coin decides about three blocks of ten; the judge errs by half a point. */
const NOISE = { answers: 0.3, judge: 0.5 };
/** Placebos run beside each other, one an assistant. */
const ASSISTANTS = 25;
/** Calls of prompt-updater at a time, and how long each may go on. */
const LANES = 4;
const SECONDS_A_CALL = 140;
const SECONDS_A_REPORT = 15;
/** Longer than a call: a run in which nothing ends for so long is given up. */
const MOST_STILL_SECONDS = 400;
/** Calls that may fail, as some do where the machine is busy; what was stored is gone on with. */
const MOST_FAILURES = 20;

/** Nothing but evidence holds a test up. */
const UNHINDERED = {
  proof_method: "replay",
  screening_pairs: 60,
  proof_pairs: PROOF_PAIRS,
  test_tokens_per_day: 1_000_000_000_000,
  test_usd_per_day: 1_000_000_000,
  placebo_share: 0,
  approval_required: false,
};

interface Tally {
  opened: number;
  running: number;
  screened_out: number;
  undecided: number;
  worse: number;
  promoted: number;
  other: number;
}

interface Measured {
  name: string;
  tally: Tally;
  /** Exact limits of the share promoted, at 95 %. */
  limits: [number, number];
  better: string;
  worse: string;
  pairs: number;
  seconds: number;
  receipts: Receipts;
}

const tests = testsFrom(Deno.args);
const measured: Measured[] = [];
for (const mode of MODES) measured.push(await measure(mode));
const wrong = measured.flatMap((one, n) => judged(one, MODES[n]));
print(measured);
const file = await writeFile("placebo.json", { tests, noise: NOISE, proof_pairs: PROOF_PAIRS, measured, wrong });
console.log(`\n${file}`);
wrong.forEach((line) => console.error(`NOT MET: ${line}`));
Deno.exit(wrong.length > 0 ? 1 : 0);

function testsFrom(args: string[]): number {
  const [name, value, ...others] = args;
  if (name === undefined) return TESTS;
  const count = /^\d+$/u.test(value ?? "") ? Number(value) : 0;
  if (name === "--tests" && count >= 1 && count <= TESTS && others.length === 0) return count;
  console.error(`placebo: the only argument is --tests N, 1 to ${TESTS}, the placebos of each of the two runs`);
  Deno.exit(2);
}

async function measure(mode: Mode): Promise<Measured> {
  console.log(`\n${mode.name}: ${tests} placebos, a better version and a worse one`);
  const server = await startPostgres();
  const model = await startOwnModel({ noise: { seed: mode.seed, ...NOISE }, keep: 0 });
  try {
    const storage = { databaseUrl: server.url };
    const stack = await startStack({ storage, model: { baseUrl: model.url }, log: () => {} });
    return await measureOn(stack, mode).finally(stack.stop);
  } finally {
    model.stop();
    await server.stop();
  }
}

async function measureOn(stack: Stack, { name, settings }: Mode): Promise<Measured> {
  const started = performance.now();
  const seconds = () => Math.round((performance.now() - started) / 1000);
  const world = await fillWorld(stack.database, Math.min(ASSISTANTS, tests), { ...UNHINDERED, ...settings });
  console.log(`  filled in ${seconds()} s`);
  for (const assistant of [BETTER, WORSE]) await call(stack, world, { action: "test", version: 2, assistant });
  await proveAll(stack, world, seconds);
  const [{ pairs }] = await stack.database.query(
    "select count(*)::integer as pairs from pawl.proof_observations where kind = 'pair'",
  );
  const tally = await tallyOf(stack);
  return {
    name,
    tally,
    limits: exactLimits(tally.promoted, tally.opened),
    better: await endOf(stack, BETTER),
    worse: await endOf(stack, WORSE),
    pairs,
    seconds: seconds(),
    receipts: await checkReceipts(stack, LANES),
  };
}

/** Opens placebos wherever no test runs, and lets them be gone on with, until all have ended. */
async function proveAll(stack: Stack, world: World, seconds: () => number): Promise<void> {
  let opening: Promise<void> = Promise.resolve();
  let opened = 0;
  let failures = 0;
  let reported = 0;
  let [ended, endedAt] = [0, 0];
  const refill = async () => {
    for (const assistant of await idle(stack)) {
      if (opened >= tests) return;
      opened++;
      await call(stack, world, { action: "test", placebo: true, assistant });
    }
  };
  const lane = async () => {
    while (true) {
      await (opening = opening.then(refill));
      const { opened: begun, running } = await tallyOf(stack, "true");
      if (running === 0) return;
      if (begun - running > ended) [ended, endedAt] = [begun - running, seconds()];
      const { proofs } = await call(stack, world, { action: "prove", seconds: SECONDS_A_CALL });
      const failed = proofs.filter(({ did }: Proof) => did === "failed");
      failures += failed.length;
      if (failures > MOST_FAILURES || seconds() > endedAt + MOST_STILL_SECONDS) {
        throw new Error(`${failures} failures, nothing ended for ${seconds() - endedAt} s: ${JSON.stringify(proofs)}`);
      }
      // Another lane may have all of the work.
      if (proofs.every(({ pairs = 0 }: Proof) => pairs === 0)) await new Promise((wait) => setTimeout(wait, 1_000));
      if (seconds() >= reported + SECONDS_A_REPORT) {
        reported = seconds();
        report(await tallyOf(stack), reported);
      }
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  report(await tallyOf(stack), seconds());
}

interface Proof {
  did: string;
  pairs?: number;
}

// deno-lint-ignore no-explicit-any -- each action has an answer of its own
async function call(stack: Stack, { organization }: World, body: Record<string, unknown>): Promise<any> {
  const response = await fetch(`${stack.url}/functions/v1/prompt-updater`, {
    method: "POST",
    headers: { apikey: stack.secretKey, "content-type": "application/json" },
    body: JSON.stringify({ organization_id: organization, ...body }),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${body.action} failed: ${JSON.stringify(answer)}`);
  return answer;
}

/** Assistants for placebos that have none running. */
async function idle(stack: Stack): Promise<string[]> {
  const rows = await stack.database.query(
    `select a.slug from pawl.assistants a
     where a.slug like 'placebo-%' and not exists (
       select from pawl.prompt_tests t where t.assistant_id = a.id and t.state in ('screening', 'proving'))
     order by a.created_at, a.slug`,
  );
  return rows.map(({ slug }) => slug);
}

async function tallyOf(stack: Stack, which = "t.placebo"): Promise<Tally> {
  const [tally] = await stack.database.query<Tally>(
    `select count(*)::integer as opened,
            count(*) filter (where t.state in ('screening', 'proving'))::integer as running,
            count(*) filter (where t.state = 'rejected' and t.method is null)::integer as screened_out,
            count(*) filter (where t.state = 'rejected' and t.method is not null and t.reason = 'undecided')::integer
              as undecided,
            count(*) filter (where t.state = 'rejected' and t.method is not null and t.reason = 'worse')::integer
              as worse,
            count(*) filter (where t.state = 'promoted')::integer as promoted,
            count(*) filter (where t.state = 'closed' or t.state = 'rejected' and t.method is not null
              and t.reason not in ('undecided', 'worse'))::integer as other
     from pawl.prompt_tests t where ${which}`,
  );
  return tally;
}

/** How the one test of an assistant ended, in words. */
async function endOf(stack: Stack, slug: string): Promise<string> {
  const [{ state, method, reason, live }] = await stack.database.query(
    `select t.state, t.method, t.reason, p.version as live
     from pawl.prompt_tests t join pawl.assistants a on a.id = t.assistant_id
     join pawl.system_prompts p on p.assistant_id = a.id and p.is_active
     where a.slug = $1`,
    [slug],
  );
  return `${state} ${method === null ? "at the screening" : "at the proof"} (${reason}), version ${live} is live`;
}

function report({ opened, running, screened_out, undecided, worse, promoted, other }: Tally, seconds: number): void {
  console.log(
    `  ${String(seconds).padStart(5)} s: ${opened} opened, ${running} running, ${screened_out} screened out, ` +
      `${undecided} undecided, ${worse} worse, ${promoted} promoted${other > 0 ? `, ${other} ended otherwise` : ""}`,
  );
}

function judged({ name, tally, better, worse, receipts }: Measured, { most }: Mode): string[] {
  const bounds: [boolean, string][] = [
    [tally.opened === tests && tally.running === 0, `${tally.opened} opened, ${tally.running} still running`],
    [tally.other === 0, `${tally.other} placebos ended neither promoted nor rejected by evidence`],
    [tally.promoted <= most, `${tally.promoted} placebos promoted, at most ${most} may be`],
    [better === "promoted at the proof (better), version 2 is live", `the better version: ${better}`],
    [worse.startsWith("rejected") && worse.endsWith("version 1 is live"), `the worse version: ${worse}`],
    // Theirs and of those two.
    [receipts.written === tests + 2, `${receipts.written} receipts of ${tests + 2} decisions`],
    [receipts.matching === receipts.written, `${receipts.written - receipts.matching} receipts do not match`],
    [receipts.tampered_matches === false, "a receipt matches with an observation changed"],
    [receipts.restored_matches === true, "a receipt does not match with its observation back as it was"],
  ];
  return bounds.filter(([holds]) => !holds).map(([, line]) => `${name}: ${line}`);
}

function print(all: Measured[]): void {
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
  const rows: [string, (one: Measured) => string | number][] = [
    ["placebos", ({ tally }) => tally.opened],
    ["screened out", ({ tally }) => tally.screened_out],
    ["undecided at the horizon", ({ tally }) => tally.undecided],
    ["taken for worse", ({ tally }) => tally.worse],
    ["promoted", ({ tally }) => tally.promoted],
    ["share promoted, 95 %", ({ limits: [low, high] }) => `${percent(low)} to ${percent(high)}`],
    ["the better version", ({ better }) => better],
    ["the worse version", ({ worse }) => worse],
    ["pairs judged", ({ pairs }) => pairs],
    ["receipts that match", ({ receipts }) => `${receipts.matching} of ${receipts.written}`],
    ["with an observation changed", ({ receipts }) => receipts.tampered_matches ? "matches" : "does not match"],
    ["seconds", ({ seconds }) => seconds],
  ];
  console.log("");
  for (const one of all) {
    console.log(one.name);
    for (const [label, value] of rows) console.log(`  ${label.padEnd(28)} ${value(one)}`);
  }
}

/** Of a share, from `hits` of `n` (Clopper and Pearson, 1934), by bisection of the binomial's tails. */
function exactLimits(hits: number, n: number): [number, number] {
  const atMost = (k: number, share: number) => {
    let [term, sum] = [(1 - share) ** n, 0];
    for (let i = 0; i <= k; i++) {
      sum += term;
      term *= (n - i) / (i + 1) * share / (1 - share);
    }
    return sum;
  };
  const solve = (tooLow: (share: number) => boolean) => {
    let [low, high] = [0, 1];
    for (let step = 0; step < 60; step++) {
      const middle = (low + high) / 2;
      if (tooLow(middle)) low = middle;
      else high = middle;
    }
    return low;
  };
  return [
    hits === 0 ? 0 : solve((share) => 1 - atMost(hits - 1, share) < 0.025),
    hits === n ? 1 : solve((share) => atMost(hits, share) > 0.025),
  ];
}
