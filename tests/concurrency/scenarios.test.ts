/**
 * Everything at once, on a real Postgres. That each of these can fail is shown by `scripts/bench mutate`, which takes out
 * the locks and constraints they rest on, one by one.
 */
import { editedMigrations, startGround } from "./ground.ts";
import { MUTATIONS } from "./mutations.ts";
import { SCENARIOS } from "./scenarios.ts";

Deno.test("each guard that scripts/bench mutate takes out stands where it looks for it", async () => {
  // It raises where a text is not found, or found twice.
  for (const { without, spares = [] } of MUTATIONS) {
    await Deno.remove(await editedMigrations([without, ...spares]), { recursive: true });
  }
});

Deno.test("at once, on a real Postgres", async (test) => {
  const ground = await startGround();
  try {
    const project = await ground.open();
    try {
      for (const [name, scenario] of Object.entries(SCENARIOS)) await test.step(inWords(name), () => scenario(project));
    } finally {
      await project.close();
    }
  } finally {
    await ground.stop();
  }
});

function inWords(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
