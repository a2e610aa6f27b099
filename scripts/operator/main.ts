/** `pawl`: reads the command line, asks the project, shows the answer. */
import { check, readCall } from "./arguments.ts";
import { COMMANDS, type Shown } from "./commands.ts";
import { explain, overview } from "./help.ts";
import { clean, inkOf, type Paper } from "./paper.ts";
import { findPlace } from "./place.ts";
import { EXIT, misuse, Problem } from "./problem.ts";
import { type Scene, withChoices } from "./scene.ts";
import { connect } from "./server.ts";

const WIDTH = { usual: 100, least: 60, most: 120 };

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: string[]): Promise<number> {
  const json = args.includes("--json");
  try {
    const call = readCall(args, COMMANDS);
    if (call.flags.has("help")) {
      return say(call.command ? explain(call.command) : overview(COMMANDS));
    }
    if (!call.command) throw misuse("say what to do");
    check(call);
    const place = findPlace(call.values, variable);
    const scene = sceneOf(call, connect(place, timeoutOf(call.values.timeout, call.command.patience)));
    if (place.local && !json) {
      complain(`pawl: the local stack at ${place.url} (PAWL_URL is not set)\n`);
    }
    const shown = await call.command.run(scene).catch(async (problem) => {
      throw problem instanceof Problem ? await withChoices(problem, scene) : problem;
    });
    return show(shown, json, paperOf(scene));
  } catch (error) {
    return fail(error instanceof Problem ? error : new Problem(EXIT.failed, "internal", String(error)), json);
  }
}

function sceneOf(call: Scene["call"], server: Scene["server"]): Scene {
  const asks = Deno.stdin.isTerminal() && Deno.stderr.isTerminal() &&
    !call.flags.has("yes") && !call.flags.has("json");
  return {
    call,
    server,
    now: new Date(),
    asks,
    agreed: (question) => asks ? ask(question) : Promise.resolve(true),
    text,
  };
}

async function ask(question: string): Promise<boolean> {
  complain(`${question} [y/N] `);
  const bytes = new Uint8Array(256);
  const length = await Deno.stdin.read(bytes);
  return /^y(es)?$/iu.test(new TextDecoder().decode(bytes.subarray(0, length ?? 0)).trim());
}

async function text(path: string): Promise<string> {
  try {
    const bytes = path === "-" ? await new Response(Deno.stdin.readable).bytes() : await Deno.readFile(path);
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) {
      throw misuse(`${path} is not text in UTF-8`);
    }
    throw misuse(`${path} cannot be read`);
  }
}

function timeoutOf(text: string | undefined, usual = 30): number {
  const seconds = Number(text ?? usual);
  if (!(seconds > 0 && seconds <= 600)) {
    throw misuse(`--timeout wants seconds, up to 600, not '${text}'`);
  }
  return seconds * 1000;
}

function paperOf({ now, call }: Scene): Paper {
  const terminal = Deno.stdout.isTerminal();
  const columns = terminal ? Deno.consoleSize().columns : Number(variable("COLUMNS")) || WIDTH.usual;
  const coloured = terminal && !variable("NO_COLOR") &&
    variable("TERM") !== "dumb";
  const { assistant, organization } = call.values;
  const named = { ...(assistant ? { assistant } : {}), ...(organization ? { organization } : {}) };
  return {
    width: Math.min(WIDTH.most, Math.max(WIDTH.least, columns)),
    ink: inkOf(coloured),
    terminal,
    now,
    command: (words, scope = undefined) => {
      const options = Object.entries(scope ?? named).map(([name, value]) => ` --${name} ${value}`);
      return `${variable("PAWL_CALLED_AS") ?? "pawl"} ${words}${options.join("")}`;
    },
  };
}

function show({ json, page }: Shown, asJson: boolean, paper: Paper): number {
  const text = asJson ? json : page(paper);
  return say(text.endsWith("\n") ? text : `${text}\n`);
}

function fail({ exit, code, message, more }: Problem, json: boolean): number {
  if (json) {
    complain(`${JSON.stringify({ code, message, ...more })}\n`);
    return exit;
  }
  const { request_id, ...choices } = more;
  const told = [`pawl: ${clean(message)}${request_id ? ` (${code}, request ${request_id})` : ""}`];
  for (const [name, values] of Object.entries(choices)) {
    if (Array.isArray(values) && values.length > 0) told.push(`  ${name}:`, ...values.map(choice));
  }
  if (exit === EXIT.misused) {
    told.push("See pawl --help, or pawl COMMAND --help.");
  }
  complain(`${told.join("\n")}\n`);
  return exit;
}

function choice(value: unknown): string {
  return `    ${clean(typeof value === "string" ? value : Object.values(value as object).join("  "))}`;
}

/** Set and not empty. */
function variable(name: string): string | undefined {
  return Deno.env.get(name)?.trim() || undefined;
}

function say(text: string): number {
  write(Deno.stdout, text);
  return EXIT.done;
}

function complain(text: string): void {
  write(Deno.stderr, text);
}

/** All of it; to a reader that has gone, nothing. */
function write(to: typeof Deno.stdout, text: string): void {
  try {
    for (let rest = new TextEncoder().encode(text); rest.length > 0;) {
      rest = rest.subarray(to.writeSync(rest));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
