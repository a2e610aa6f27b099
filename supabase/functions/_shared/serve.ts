// Loads a function's wasm and keeps it serving after a trap. Nothing of the domain lives here.
//
// A trap (a panic) kills the wasm instance for good: the request that caused it never settles, and every later call
// into the instance throws. So the instance is replaced at once, and every request in flight on the dead one is
// answered with a 500 by the fresh one.

/** What wasm-bindgen makes of a function crate. */
interface Glue {
  initSync(options: { module: WebAssembly.Module }): unknown;
  __wbg_reset_state(): void;
  handle(request: Request): Promise<Response>;
  crashed(): Response;
}

export function serve(glue: Glue, base64: string): { fetch(request: Request): Promise<Response> } {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  glue.initSync({ module: new WebAssembly.Module(bytes) });
  let death = Promise.withResolvers<never>();
  let generation = 0;

  function replaceInstance(cause: unknown): void {
    const { reject } = death;
    death = Promise.withResolvers<never>();
    death.promise.catch(() => {});
    generation++;
    glue.__wbg_reset_state();
    reject(cause);
  }
  death.promise.catch(() => {});

  // A trap after a wait surfaces here, outside of any request.
  addEventListener("error", (event) => {
    if (!(event.error instanceof WebAssembly.RuntimeError)) return;
    event.preventDefault();
    replaceInstance(event.error);
  });
  // So do what the dead instance's pending futures leave behind.
  addEventListener("unhandledrejection", (event) => {
    if (event.reason instanceof WebAssembly.RuntimeError) {
      event.preventDefault();
      replaceInstance(event.reason);
    } else if (/previous WASM instance/i.test(String(event.reason))) {
      event.preventDefault();
    }
  });

  return {
    async fetch(request) {
      const born = generation;
      try {
        return await Promise.race([glue.handle(request), death.promise]);
      } catch (cause) {
        if (born === generation) replaceInstance(cause);
        return glue.crashed();
      }
    },
  };
}
