/** Runs the commands as people type them. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export function run(name: string, args: string[], environment: Record<string, string> = {}) {
  const { code, stdout, stderr } = new Deno.Command(join(ROOT, "scripts", name), {
    args,
    env: simulated(environment),
    stdin: "null",
  }).outputSync();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Whatever is set where the tests run: no real model and no other database. */
export function simulated(environment: Record<string, string>): Record<string, string> {
  return { ...environment, ANTHROPIC_API_KEY: "", DATABASE_URL: "" };
}
