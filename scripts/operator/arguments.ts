/** The command line, read: which command, with what. Whatever does not fit is named. */
import { parseArgs } from "node:util";
import { misuse } from "./problem.ts";

/** How a command is called. */
export interface Usage {
  name: string;
  /** As help shows them: "[A] [B]". */
  arguments: string;
  /** How many it takes, at least and at most. */
  takes: [least: number, most: number];
  /** Names in OPTIONS, besides those of every command. */
  options: string[];
}

export interface Option {
  /** What its value is called in help; without, it takes none. */
  value?: string;
  help: string;
}

export const OPTIONS: Record<string, Option> = {
  assistant: {
    value: "SLUG",
    help: "which one; without, the organisation's only one, or the one called default",
  },
  organization: {
    value: "ID",
    help: "its id or its slug; without, the only one",
  },
  reason: { value: "TEXT", help: "why, for the record" },
  yes: { help: "does not ask before the live version changes or a pattern ends" },
  placebo: { help: "tests the text that is live once more: what is promoted then is promoted by mistake" },
  all: { help: "those that were reviewed, too" },
  activate: { help: "makes it live at once" },
  clear: { help: "protects nothing any more" },
  until: { value: "TIME", help: 'until then: 2030-01-31, "2030-01-31 18:00" (this time zone), 2030-01-31T18:00Z' },
  for: { value: "SPAN", help: "for so long: 30m, 2h, 1h30m, 3d, 2w" },
  since: { value: "TIME", help: "only from then on: a time as for --until, or a span back from now: 2h, 7d" },
  limit: { value: "N", help: "so many at the most" },
  state: { value: "STATE", help: "only these: candidate, trial, active, warmdown, pruned, reverted or withdrawn" },
  function: { value: "NAME", help: "only this one's: chat-handler, reflection-loop, …" },
  status: { value: "STATUS", help: "only these: running, completed, failed or lost" },
  days: { value: "N", help: "of so many days up to now (7)" },
  force: { help: "looks for drift anew, and trains although neither drift nor schedule asks for it" },
};

export const ANYWHERE: Record<string, Option> = {
  json: {
    help: "the server's answer as one JSON document; errors as JSON on stderr",
  },
  as: {
    value: "USER_ID",
    help: "acts for this person, who must be an admin; with the secret key only",
  },
  url: { value: "URL", help: "instead of PAWL_URL" },
  key: {
    value: "KEY",
    help: "instead of PAWL_KEY; other processes can see it, the environment they cannot",
  },
  timeout: { value: "SECONDS", help: "how long to wait for an answer (30; retrain and dataset: 150)" },
  help: { help: "explains the command" },
};

export interface Call<U extends Usage> {
  /** Undefined where none was named. */
  command: U | undefined;
  positionals: string[];
  values: Record<string, string | undefined>;
  flags: Set<string>;
}

export function readCall<U extends Usage>(args: string[], commands: U[]): Call<U> {
  const known = { ...OPTIONS, ...ANYWHERE };
  const types = Object.entries(known).map(([name, { value }]) => [name, { type: value ? "string" : "boolean" }]);
  const options = { ...Object.fromEntries(types), help: { type: "boolean", short: "h" } };
  const { tokens } = parseArgs({ args, options, strict: false, tokens: true, allowPositionals: true });
  const call: Call<U> = { command: undefined, positionals: [], values: {}, flags: new Set() };
  const words: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") words.push(token.value);
    if (token.kind === "option") readOption(call, token, known);
  }
  const [name, ...positionals] = words;
  if (name === undefined) return call;
  call.command = commands.find((one) => one.name === name);
  if (!call.command) {
    throw misuse(
      `there is no command '${name}'${nearest(name, commands.map((one) => one.name))}`,
    );
  }
  call.positionals = positionals;
  return call;
}

/** That options and arguments belong to the command. */
export function check({ command, positionals, values, flags }: Call<Usage>): void {
  const { name, takes: [least, most], options } = command!;
  const stray = [...Object.keys(values), ...flags].find((one) => !options.includes(one) && !(one in ANYWHERE));
  if (stray) throw misuse(`${name} takes no --${stray}`);
  if (positionals.length > most) {
    throw misuse(`${name} does not take '${positionals[most]}'`);
  }
  if (positionals.length < least) {
    throw misuse(`${name} wants ${command!.arguments}`);
  }
}

interface OptionToken {
  name: string;
  rawName: string;
  value?: string;
  inlineValue?: boolean;
}

function readOption(call: Call<Usage>, token: OptionToken, known: Record<string, Option>): void {
  const { name, rawName, value, inlineValue } = token;
  if (!Object.hasOwn(known, name)) {
    throw misuse(`there is no option '${rawName}'${nearest(name, Object.keys(known), "--")}`);
  }
  if (name in call.values || call.flags.has(name)) {
    throw misuse(`--${name} is there twice`);
  }
  if (!known[name].value) {
    if (value !== undefined) throw misuse(`--${name} takes no value`);
    call.flags.add(name);
    return;
  }
  // "--reason --json" is a forgotten reason; "--reason=--json" is meant.
  if (!value || (!inlineValue && value.startsWith("--"))) {
    throw misuse(`--${name} wants ${known[name].value}`);
  }
  call.values[name] = value;
}

function nearest(word: string, names: string[], before = ""): string {
  const [best] = names.map((name) => ({ name, far: distance(word, name) }))
    .sort((a, b) => a.far - b.far);
  return best.far <= Math.ceil(word.length / 3) ? `; did you mean '${before}${best.name}'?` : "";
}

/** How many letters have to be put in, taken out or replaced. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (const [above, letter] of [...one].entries()) {
    const next = [above + 1];
    for (let column = 1; column <= other.length; column++) {
      const replaced = row[column - 1] + (other[column - 1] === letter ? 0 : 1);
      next.push(Math.min(row[column] + 1, next[column - 1] + 1, replaced));
    }
    row = next;
  }
  return row.at(-1)!;
}
