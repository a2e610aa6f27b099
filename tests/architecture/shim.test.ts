/** What the shim does apart from any function: a stub stands for the wasm. */
import { ok } from "node:assert";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { serve } from "../../supabase/functions/_shared/serve.ts";

/** The smallest wasm module there is, as text. */
const EMPTY_MODULE = btoa(String.fromCharCode(0, 97, 115, 109, 1, 0, 0, 0));

Deno.test("the shim lets every response go [catches: racing each request against one promise that never settles]", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const given: WeakRef<Response>[] = [];
  const { fetch } = serve({
    initSync: () => {},
    __wbg_reset_state: () => {},
    crashed: () => new Response(null, { status: 500 }),
    handle: () => {
      const response = new Response(new Uint8Array(10_000));
      given.push(new WeakRef(response));
      return Promise.resolve(response);
    },
  }, EMPTY_MODULE);
  for (let i = 0; i < 200; i++) await (await fetch(new Request("http://localhost/"))).arrayBuffer();
  await new Promise((resolve) => setTimeout(resolve, 10));
  collect();
  const held = given.filter((reference) => reference.deref()).length;
  ok(held < 20, `${held} of 200 responses are still held`);
});

Deno.test("a trap before the first wait is answered by a fresh instance", async () => {
  let resets = 0;
  const { fetch } = serve({
    initSync: () => {},
    __wbg_reset_state: () => resets++,
    crashed: () => new Response(`instance ${resets}`, { status: 500 }),
    handle: () => {
      throw new WebAssembly.RuntimeError("unreachable");
    },
  }, EMPTY_MODULE);
  const response = await fetch(new Request("http://localhost/"));
  ok(response.status === 500 && await response.text() === "instance 1");
});

/** A function whose responses are streams that the test writes to and ends, or lets die. */
function streaming() {
  const bodies: TransformStream<Uint8Array, Uint8Array>[] = [];
  const instance = serve({
    initSync: () => {},
    __wbg_reset_state: () => {},
    crashed: () => Response.json({ code: "internal" }, { status: 500 }),
    handle: (request) => {
      if (new URL(request.url).pathname === "/trap") throw new WebAssembly.RuntimeError("unreachable");
      const body = new TransformStream<Uint8Array, Uint8Array>();
      bodies.push(body);
      const headers = { "content-type": "text/event-stream; charset=utf-8", "x-request-id": "r1" };
      return Promise.resolve(new Response(body.readable, { headers }));
    },
  }, EMPTY_MODULE);
  const write = (index: number, text: string) =>
    bodies[index].writable.getWriter().write(new TextEncoder().encode(text)).catch(() => {});
  return { ...instance, bodies, write };
}

Deno.test("events pass as they come, with their headers [catches: a stream that is collected first]", async () => {
  const { fetch, bodies, write } = streaming();
  const response = await fetch(new Request("http://localhost/"));
  ok(response.headers.get("x-request-id") === "r1");
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  write(0, "event: start\n\n");
  ok((await reader.read()).value === "event: start\n\n");
  bodies[0].writable.close().catch(() => {});
});

Deno.test("a stream open when the instance dies ends with an error [catches: clients that wait for ever]", async () => {
  const { fetch, write } = streaming();
  const [first, second] = await Promise.all([1, 2].map(() => fetch(new Request("http://localhost/"))));
  const reading = first.body!.pipeThrough(new TextDecoderStream()).getReader();
  write(0, "event: delta\n\n");
  ok((await reading.read()).value === "event: delta\n\n");
  ok((await fetch(new Request("http://localhost/trap"))).status === 500);
  const error = 'event: error\ndata: {"status":500,"code":"internal"}\n\n';
  ok((await reading.read()).value === error);
  ok((await reading.read()).done);
  ok(await second.text() === error);
  // And the next stream knows nothing of it.
  const third = await fetch(new Request("http://localhost/"));
  const reader = third.body!.pipeThrough(new TextDecoderStream()).getReader();
  write(2, "event: start\n\n");
  ok((await reader.read()).value === "event: start\n\n");
  await reader.cancel();
});

Deno.test("a client that leaves is no error for anybody [catches: unhandled rejections, which end the process]", async () => {
  const { fetch, write } = streaming();
  const response = await fetch(new Request("http://localhost/"));
  await response.body!.cancel();
  await write(0, "event: delta\n\n");
  ok((await fetch(new Request("http://localhost/trap"))).status === 500);
  await new Promise((resolve) => setTimeout(resolve, 10));
});
