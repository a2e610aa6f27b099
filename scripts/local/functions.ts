/**
 * The edge functions, each in a process of its own, as on the hosted platform: with the environment that the
 * platform injects and nothing else, the network, and no right to read a file.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

export interface FunctionsOptions {
  folder: string;
  environment: Record<string, string>;
  log: (line: string) => void;
}

export interface Functions {
  names: string[];
  /** Sends a request on to a function; a 502 where the function cannot be reached. */
  forward(name: string, request: Request): Promise<Response>;
  /** The process behind a function, for tests that kill it. */
  process(name: string): { pid: number; restarts: number };
  stop(): Promise<void>;
}

const READY_WITHIN_MS = 20_000;
/** A process that ended sooner than this is not started again at once: it would only end again. */
const SHORT_LIFE_MS = 1_000;

export async function startFunctions({ folder, environment, log }: FunctionsOptions): Promise<Functions> {
  const running = new Map(namesIn(folder).map((name) => [name, keepRunning(folder, name, environment, log)]));
  const stop = async () => {
    removeEventListener("unload", stop);
    await Promise.all([...running.values()].map((one) => one.stop()));
  };
  // Whoever ends this process without stopping the stack leaves no function behind.
  addEventListener("unload", stop);
  try {
    await Promise.all([...running.values()].map((one) => within(READY_WITHIN_MS, one.address(), one.name)));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    names: [...running.keys()],
    forward: (name, request) => forward(running.get(name), name, request, log),
    process: (name) => running.get(name)!.process(),
    stop,
  };
}

interface Running {
  name: string;
  /** Where it listens, once it does. */
  address(): Promise<string>;
  process(): { pid: number; restarts: number };
  stop(): Promise<void>;
}

/** Starts a function and, whenever its process ends, starts it again. */
function keepRunning(
  folder: string,
  name: string,
  environment: Record<string, string>,
  log: (line: string) => void,
): Running {
  let restarts = 0;
  let stopping = false;
  let child = launch(folder, name, environment, log);
  let address = child.address;
  const relaunch = async (livedFor: number) => {
    if (livedFor < SHORT_LIFE_MS) await new Promise((resolve) => setTimeout(resolve, SHORT_LIFE_MS));
    return launch(folder, name, environment, log);
  };
  const watched = (async () => {
    while (true) {
      const started = Date.now();
      const { code } = await child.status;
      if (stopping) return;
      log(`[${name}] its process ended with code ${code}; starting it again`);
      const next = relaunch(Date.now() - started);
      // Requests that come meanwhile wait for it.
      address = next.then((launched) => launched.address);
      address.catch(() => {});
      child = await next;
      restarts++;
      if (stopping) child.kill();
    }
  })();
  return {
    name,
    address: () => address,
    process: () => ({ pid: child.pid, restarts }),
    stop: async () => {
      stopping = true;
      child.kill();
      await watched;
    },
  };
}

function launch(folder: string, name: string, environment: Record<string, string>, log: (line: string) => void) {
  const config = join(folder, name, "deno.json");
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "serve",
      "--no-check",
      "--no-lock",
      "--no-prompt",
      "--allow-net",
      "--allow-env",
      "--host=127.0.0.1",
      "--port=0",
      ...(existsSync(config) ? [`--config=${config}`] : ["--no-config"]),
      join(folder, name, "index.ts"),
    ],
    clearEnv: true,
    env: environment,
    // Ctrl-C reaches only this process, which then stops its functions.
    detached: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const { promise: address, resolve, reject } = Promise.withResolvers<string>();
  address.catch(() => {});
  const read = (line: string) => {
    const listening = /Listening on (http:\/\/127\.0\.0\.1:\d+)/u.exec(line);
    if (listening) resolve(listening[1]);
    else log(`[${name}] ${line}`);
  };
  // It has ended when its last line is read.
  const status = Promise.all([forEachLine(child.stdout, read), forEachLine(child.stderr, read)]).then(() =>
    child.status
  );
  status.then(({ code }) => reject(new Error(`the function ${name} ended with code ${code}`)));
  return { address, pid: child.pid, status, kill: () => killQuietly(child) };
}

function killQuietly(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // it has ended by itself
  }
}

export async function forEachLine(stream: ReadableStream<Uint8Array>, use: (line: string) => void): Promise<void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    lines.map(withoutColours).filter((line) => line.trim() !== "").forEach(use);
  }
  if (rest.trim() !== "") use(withoutColours(rest));
}

function withoutColours(line: string): string {
  // deno-lint-ignore no-control-regex -- the escape is what is looked for
  return line.replace(/\u001b\[[\d;]*m/gu, "");
}

async function forward(
  target: Running | undefined,
  name: string,
  request: Request,
  log: (line: string) => void,
): Promise<Response> {
  if (!target) return problem(404, "not_found", `There is no function ${name}`);
  try {
    const address = await within(READY_WITHIN_MS, target.address(), name);
    const { pathname, search } = new URL(request.url);
    const headers = new Headers(request.headers);
    headers.delete("host");
    headers.set("accept-encoding", "identity");
    return await fetch(address + pathname.replace(/^\/functions\/v1/u, "") + search, {
      method: request.method,
      headers,
      body: request.body,
      redirect: "manual",
    });
  } catch (error) {
    log(`[${name}] not reached: ${error instanceof Error ? error.message : error}`);
    return problem(502, "function_unreachable", `The function ${name} could not be reached`);
  }
}

function problem(status: number, code: string, message: string): Response {
  const headers = { "access-control-allow-origin": "*" };
  return Response.json({ code, message, request_id: crypto.randomUUID() }, { status, headers });
}

async function within<T>(milliseconds: number, promise: Promise<T>, name: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error(`the function ${name} did not start in ${milliseconds / 1000} s`)),
    milliseconds,
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Folders that start with an underscore hold code that functions share. */
function namesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("_"))
    .map((entry) => entry.name)
    .filter((name) => existsSync(join(folder, name, "index.ts")))
    .sort();
}
