/**
 * A stack for the Rust contract suite: prints one line of JSON when it is ready and serves, beside the stack, SQL for
 * what no RPC does (making organisations, ageing rows). Loopback only; it ends on SIGTERM or when its input closes.
 * On PGlite, or with --postgres on a real Postgres server.
 */
import { startStack } from "../../scripts/local/stack.ts";
import { startPostgres } from "../postgres/server.ts";

const postgres = Deno.args.includes("--postgres") ? await startPostgres() : undefined;
const stack = await startStack({
  storage: postgres ? { databaseUrl: postgres.url } : "memory",
  log: (line) => console.error(line),
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
console.log(JSON.stringify({
  url,
  publishable_key: publishableKey,
  secret_key: secretKey,
  jwt_secret: jwtSecret,
  admin_url: `http://127.0.0.1:${admin.addr.port}`,
}));

async function end(): Promise<never> {
  await admin.shutdown();
  await stack.stop();
  await postgres?.stop();
  Deno.exit(0);
}

Deno.addSignalListener("SIGTERM", end);
for await (const _ of Deno.stdin.readable) { /* nothing is said: only the end matters */ }
await end();
