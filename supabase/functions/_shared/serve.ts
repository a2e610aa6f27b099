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

async function tell(response: Response): Promise<{ status: number; body: object }> {
  return { status: response.status, body: await response.json() };
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

  /**
   * Events that an instance is still writing: if it dies, the client is told so and the stream ends. (Passed on through
   * a pipe of ours, because the instance's own end of it dies with it.)
   */
  function passOn(response: Response, born: Set<(cause: unknown) => void>): Response {
    let open!: TransformStreamDefaultController<Uint8Array>;
    const pipe = new TransformStream<Uint8Array, Uint8Array>({ start: (controller) => void (open = controller) });
    const end = async () => {
      const { status, body } = await tell(glue.crashed());
      open.enqueue(new TextEncoder().encode(`event: error\ndata: ${JSON.stringify({ status, ...body })}\n\n`));
      open.terminate();
    };
    // That the client has left in this very moment is no news either.
    const fail = () => void end().catch(() => {});
    born.add(fail);
    // A client that leaves, and an end of ours, break the pipe; neither is news to anybody.
    response.body!.pipeTo(pipe.writable).catch(() => {}).finally(() => born.delete(fail));
    return new Response(pipe.readable, response);
  }

  return {
    async fetch(request) {
      const { promise, resolve, reject } = Promise.withResolvers<Response>();
      const born = inFlight;
      born.add(reject);
      try {
        glue.handle(request).then(resolve, reject);
        const response = await promise;
        const isOpen = response.headers.get("content-type")?.startsWith("text/event-stream");
        return isOpen ? passOn(response, born) : response;
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
