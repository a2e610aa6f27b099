/**
 * A stack for the Rust contract suite: prints one line of JSON when it is ready and serves, beside the stack, SQL for
 * what no RPC does (making organisations, ageing rows). Loopback only; it ends on SIGTERM or when its input closes.
 * On PGlite, or with --postgres on a real Postgres server.
 */
import { startStack } from "../../scripts/local/stack.ts";
import { assertNothingTold, keepKeys, keepStored, watch } from "../e2e/watch.ts";
import { startPostgres } from "../postgres/server.ts";

const postgres = Deno.args.includes("--postgres") ? await startPostgres() : undefined;
const stack = await startStack({
  storage: postgres ? { databaseUrl: postgres.url } : "memory",
  // Whatever this process prints is watched; it ends in 1 if anything secret was told.
  log: (line) => console.error(line),
  pass: watch,
});

const admin = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
  if (request.method !== "POST" || new URL(request.url).pathname !== "/sql") return new Response(null, { status: 404 });
  const { sql, params } = await request.json();
  try {
    return Response.json({ rows: await stack.database.query(sql, params) });
  } catch (error) {
    return Response.json({ error: String(error) }, { status: 500 });
  }
});

const { url, publishableKey, secretKey, jwtSecret } = stack;
keepKeys({ publishableKey, secretKey, jwtSecret });
// Past the watch: whoever started this needs the keys.
const ready = JSON.stringify({
  url,
  publishable_key: publishableKey,
  secret_key: secretKey,
  jwt_secret: jwtSecret,
  admin_url: `http://127.0.0.1:${admin.addr.port}`,
});
await Deno.stdout.write(new TextEncoder().encode(`${ready}\n`));

async function end(): Promise<never> {
  await admin.shutdown();
  await keepStored(stack.database);
  await stack.stop();
  await postgres?.stop();
  Deno.exit(tellsNothing() ? 0 : 1);
}

function tellsNothing(): boolean {
  try {
    assertNothingTold();
    return true;
  } catch (error) {
    console.error((error as Error).message);
    return false;
  }
}

Deno.addSignalListener("SIGTERM", end);
for await (const _ of Deno.stdin.readable) { /* nothing is said: only the end matters */ }
await end();
