/** Where benches leave what they measured. */
import { fileURLToPath } from "node:url";

/** Writes `target/bench/<name>`; returns what to call it. */
export async function writeFile(name: string, result: unknown): Promise<string> {
  const folder = fileURLToPath(new URL("../../target/bench/", import.meta.url));
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}${name}`, `${JSON.stringify(result, null, 2)}\n`);
  return `target/bench/${name}`;
}
