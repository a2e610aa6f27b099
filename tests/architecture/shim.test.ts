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
