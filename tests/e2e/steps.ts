/**
 * The edge functions, each in a process of its own behind a door of its own: every call they make (of the database, of
 * the model, of Storage, of a trainer, of each other) is a step that is counted, and at any step a process can be killed.
 */
import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { openDoor } from "../../scripts/local/model/door.ts";
import type { Stack } from "../../scripts/local/stack.ts";
import { bodyOf, forward, passOn, startAlone } from "./doors.ts";

/** A SIGKILL at a step, when its call has come to the door: before it is carried out, or before its reply goes back. */
export interface Kill {
  /** Counted from 0; or at the record of what was done. */
  at: number | "record";
  when: "before" | "after";
  /** The function that makes the call; those that wait for that function; or both. */
  whom: "caller" | "waiting" | "all";
}

export interface Steps {
  /** Where clients reach a function, once it runs. */
  url(name: string): Promise<string>;
  /**
   * The steps made while `act` runs, as "function > call", each with who waited for that function. In the place of
   * whoever is killed comes a process that knows of nothing.
   */
  during(act: () => Promise<unknown>, kill?: Kill): Promise<Step[]>;
  /** Calls that came while nothing was to be done. */
  strays: string[];
  close(): Promise<void>;
}

export interface Step {
  call: string;
  waiting: string[];
}

interface Run {
  steps: Step[];
  kill?: Kill;
  /** Functions that called another and wait for it. */
  waiting: string[];
  dead: Set<string>;
}

/**
 * What a function did it has stored after its answer, beside whatever is done then: no step, for it has no place among
 * them, and is part of nothing.
 */
const RECORD = "pawl_record_run";

/** Where trainers listen, at any of these doors. */
export const TRAINER_PATH = "/train";

/** `environment` is added to that of each function; webhooks go to `trainer`. */
export async function watchSteps(
  stack: Stack,
  names: string[],
  { trainer = "", environment = {} }: { trainer?: string; environment?: Record<string, string> } = {},
): Promise<Steps> {
  const underWay = new Set<Promise<void>>();
  const openFor = (name: string) =>
    openDoor(0, async (request, response) => {
      const passing = pass(name, request, response);
      underWay.add(passing);
      await passing.finally(() => underWay.delete(passing));
    });
  const doors = new Map(names.map((name) => [name, openFor(name)]));
  const start = (name: string) => {
    const { url } = doors.get(name)!;
    const own = { SUPABASE_URL: url, ANTHROPIC_BASE_URL: url, ...trainer && { ML_WEBHOOK_URL: url + TRAINER_PATH } };
    return startAlone(stack, { ...environment, ...own }, name);
  };
  const processes = new Map(names.map((name) => [name, start(name)]));
  // Started before they are needed, so that nobody waits for one.
  const spares = new Map(names.map((name) => [name, start(name)]));
  await Promise.all([...processes.values(), ...spares.values()]);
  let run: Run | null = null;
  const strays: string[] = [];

  const pass = async (by: string, request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(request);
    const { call, target, callee } = await readCall(request.url!, body);
    if (call === RECORD && run?.kill?.at !== "record") return await passOn(target, request, body, response);
    if (!run) {
      strays.push(`${by} > ${call}`);
      return void response.destroy();
    }
    const { steps, kill, waiting } = run;
    const isHere = kill?.at === (call === RECORD ? "record" : steps.length);
    if (call !== RECORD) steps.push({ call: `${by} > ${call}`, waiting: [...waiting] });
    const victims = isHere ? victimsOf(kill, by, waiting) : [];
    if (isHere && kill.when === "before") await end(victims);
    if (run.dead.has(by)) return void response.destroy();

    if (callee) waiting.push(by);
    const replying = forward(target, request, body).then(async (reply) => ({ reply, said: await reply.bytes() }));
    const carriedOut = await replying.catch(() => null);
    if (callee) waiting.splice(waiting.indexOf(by), 1);

    if (isHere && kill.when === "after") await end(victims);
    if (!carriedOut || run.dead.has(by)) return void response.destroy();
    const { reply, said } = carriedOut;
    const type = reply.headers.get("content-type") ?? "application/json";
    response.writeHead(reply.status, { "content-type": type, connection: "close" }).end(said);
  };

  const readCall = async (path: string, body: string) => {
    const [, rpc] = /^\/rest\/v1\/rpc\/(\w+)$/u.exec(path) ?? [];
    const [, callee] = /^\/functions\/v1\/([\w-]+)$/u.exec(path) ?? [];
    const [, order] = /^\/storage\/v1\/(bucket|object\/sign|object)\b/u.exec(path) ?? [];
    if (path === TRAINER_PATH) return { call: "trainer", target: trainer };
    if (order) return { call: `storage: ${STORING[order]}`, target: stack.url };
    if (path === "/v1/messages") return { call: `model: ${taskOf(JSON.parse(body))}`, target: stack.model.url };
    if (callee) return { call: callee, target: (await processes.get(callee)!).url, callee };
    return { call: rpc ?? path, target: stack.url };
  };

  const end = async (victims: string[]) => {
    // All of them in one moment: a call of one that learns of the death of another is not carried out.
    for (const name of victims) run!.dead.add(name);
    await Promise.all(victims.map(async (name) => {
      await (await processes.get(name)!).stop();
      processes.set(name, spares.get(name)!);
      spares.set(name, start(name));
    }));
  };

  return {
    url: async (name) => (await processes.get(name)!).url,
    during: async (act, kill) => {
      assert.equal(run, null);
      run = { steps: [], kill, waiting: [], dead: new Set() };
      try {
        // Of one that is killed its caller hears nothing, or half a stream.
        await (kill ? act().catch(() => {}) : act());
        // What was called goes on although who called it is dead; and a client hears of a death while it happens.
        while (underWay.size > 0) await Promise.allSettled(underWay);
        // A record comes after the answer.
        for (let waits = 0; kill?.at === "record" && run.dead.size === 0 && waits < 100; waits++) await delay(50);
        while (underWay.size > 0) await Promise.allSettled(underWay);
        if (kill) assert.ok(run.dead.size > 0, `there was nobody to kill at step ${kill.at}`);
        return run.steps;
      } finally {
        run = null;
      }
    },
    strays,
    close: async () => {
      for (const process of [...processes.values(), ...spares.values()]) await (await process).stop();
      for (const door of doors.values()) await door.close();
    },
  };
}

/** What is asked of Storage, by the path. */
const STORING: Record<string, string> = { bucket: "make bucket", object: "upload", "object/sign": "sign" };

function victimsOf({ whom }: Kill, by: string, waiting: string[]): string[] {
  return [...whom === "waiting" ? [] : [by], ...whom === "caller" ? [] : waiting];
}

/** What the model is asked for: a structured request names its task, any other is a chat. */
// deno-lint-ignore no-explicit-any -- the wire shape of the model
export function taskOf(request: any): "chat" | "evaluate" | "rewrite" {
  return request.output_config ? JSON.parse(request.messages[0].content).task : "chat";
}
