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
  // What fails each request in flight. (Not one promise that all race against: it would hold every response for as
  // long as the isolate lives.)
  let inFlight = new Set<(cause: unknown) => void>();

  function replaceInstance(cause: unknown): void {
    const struck = inFlight;
    inFlight = new Set();
    glue.__wbg_reset_state();
    for (const fail of struck) fail(cause);
  }

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
      const { promise, resolve, reject } = Promise.withResolvers<Response>();
      const born = inFlight;
      born.add(reject);
      try {
        glue.handle(request).then(resolve, reject);
        return await promise;
      } catch (cause) {
        // A trap before the first wait is thrown at us, and nobody else has seen it.
        if (born === inFlight) replaceInstance(cause);
        return glue.crashed();
      } finally {
        born.delete(reject);
      }
    },
  };
}
