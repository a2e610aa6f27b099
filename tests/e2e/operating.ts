/** scripts/pawl as a process. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const COMMAND = fileURLToPath(new URL("../../scripts/pawl", import.meta.url));

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
  /** What --json printed. */
  // deno-lint-ignore no-explicit-any -- each test knows the answer it looks at
  json: any;
}

export interface Operator {
  (...args: string[]): Promise<Ran>;
  /** With this on standard input. */
  reading(text: string, ...args: string[]): Promise<Ran>;
  /** That it is done; what it printed. */
  done(...args: string[]): Promise<string>;
}

/** Whoever holds these: PAWL_URL, PAWL_KEY, and so on. Whatever is set where the tests run is not theirs. */
export function operator(environment: Record<string, string>, folder?: string): Operator {
  const run = async (input: string | null, args: string[]): Promise<Ran> => {
    const child = new Deno.Command(COMMAND, {
      args,
      cwd: folder,
      clearEnv: true,
      env: { ...inherited(), TZ: "UTC", PAWL_LOCAL: "/nowhere", ...environment },
      stdin: input === null ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    if (input !== null) await new Blob([input]).stream().pipeTo(child.stdin);
    const { code, ...output } = await child.output();
    const [stdout, stderr] = [output.stdout, output.stderr].map((bytes) => new TextDecoder().decode(bytes));
    keepsToItself({ code, stdout, stderr }, environment);
    return { code, stdout, stderr, json: args.includes("--json") && code === 0 ? JSON.parse(stdout) : undefined };
  };
  const done = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(null, args);
    assert.equal(code, 0, `pawl ${args.join(" ")}: ${stderr}`);
    return stdout;
  };
  return Object.assign((...args: string[]) => run(null, args), {
    reading: (text: string, ...args: string[]) => run(text, args),
    done,
  });
}

/** Whatever happens: no key, no trace of the program, and no colours where nobody sees them. */
function keepsToItself(ran: Pick<Ran, "code" | "stdout" | "stderr">, environment: Record<string, string>): void {
  const told = ran.stdout + ran.stderr;
  for (const name of ["PAWL_KEY", "PAWL_TOKEN", "SUPABASE_SECRET_KEY", "SUPABASE_SERVICE_ROLE_KEY"]) {
    const secret = environment[name];
    assert.ok(!secret || !told.includes(secret), `${name} was shown: ${told}`);
  }
  assert.ok(!/\n\s+at |main\.ts/u.test(told) && !told.includes("\u001b"), told);
  if (ran.code !== 0) assert.equal(ran.stdout, "");
  if (ran.code !== 0) assert.notEqual(ran.stderr, "");
}

/** Where Deno is found, and where it keeps what it fetched. */
function inherited(): Record<string, string> {
  const names = ["PATH", "HOME", "DENO_DIR", "npm_config_registry", "NPM_CONFIG_REGISTRY"];
  return Object.fromEntries(names.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }));
}
