/** What --help says. */
import { ANYWHERE, type Option, OPTIONS } from "./arguments.ts";
import type { Command } from "./commands.ts";

export function overview(commands: Command[]): string {
  const list = (names: string[]) =>
    commands.filter(({ name }) => names.includes(name)).map((one) => [called(one), one.summary]);
  const looks = [
    "status",
    "versions",
    "show",
    "diff",
    "queue",
    "receipts",
    "receipt",
    "suggestions",
    "patterns",
    "runs",
    "logs",
  ];
  const training = ["models", "drift", "analyze", "retrain", "dataset"];
  const others = commands.map(({ name }) => name).filter((name) => ![...looks, ...training].includes(name));
  return `Usage: pawl COMMAND [ARGUMENTS] [OPTIONS]

Looks at what Pawl's assistants do, and steers them.

Look:
${columns(list(looks))}

Have models tuned:
${columns(list(training))}

Decide (each change is recorded, and says what it changed and, where one command does it, how to undo it):
${columns(list(others))}

Options:
${columns(optionRows({ ...pick(["assistant", "organization", "reason", "yes"]), ...ANYWHERE }))}

Environment:
${columns(ENVIRONMENT)}

On a terminal, whatever changes the live version or ends a pattern asks first; elsewhere nothing asks.

Ends with 0 when it is done, 1 when it was refused or failed, 2 when it was called wrongly, 3 when the project could not
be reached or did not answer in time.
`;
}

export function explain(command: Command): string {
  const details = command.details ? `\n${command.details}\n` : "";
  return `Usage: pawl ${called(command)} [OPTIONS]

${command.summary[0].toUpperCase()}${command.summary.slice(1)}.
${details}
Options:
${columns(optionRows({ ...pick(command.options), ...ANYWHERE }))}
`;
}

const ENVIRONMENT = [
  ["PAWL_URL", "the project: https://project.supabase.co"],
  ["PAWL_KEY", "its secret key (or a legacy service_role key)"],
  [
    "PAWL_TOKEN",
    "acts as a person: their access token; PAWL_KEY is the publishable key then",
  ],
  ["SUPABASE_URL", "used without PAWL_URL, with SUPABASE_SECRET_KEY or SUPABASE_SERVICE_ROLE_KEY"],
  ["PORT, PAWL_LOCAL", "used without both: where scripts/dev runs (54321), and keeps its keys (.local)"],
  ["NO_COLOR", "no colours"],
];

function called({ name, arguments: more }: Command): string {
  return more ? `${name} ${more}` : name;
}

function pick(names: string[]): Record<string, Option> {
  return Object.fromEntries(names.map((name) => [name, OPTIONS[name]]));
}

function optionRows(options: Record<string, Option>): string[][] {
  return Object.entries(options).map(([name, { value, help }]) => [`--${name}${value ? ` ${value}` : ""}`, help]);
}

function columns(rows: string[][]): string {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return rows.map(([left, right]) => `  ${left.padEnd(width)}${right}`).join("\n");
}
