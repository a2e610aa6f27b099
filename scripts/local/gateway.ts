/** The one address of the stack: edge functions, a stand-in for Storage, REST and auth from @supabase/lite. */
import type { Functions } from "./functions.ts";
import { type Storage, STORAGE_PATH } from "./storage.ts";

export interface Gateway {
  url: string;
  /** Until it is opened it answers 503: functions must know its address before they can start. */
  open(routes: Routes): void;
  stop(): Promise<void>;
}

export interface Routes {
  functions: Pick<Functions, "forward">;
  storage: Pick<Storage, "fetch">;
  /** REST and auth. */
  supabase: (request: Request, peerAddress: string) => Promise<Response>;
}

/** What stands between the gateway's callers and what it leads to. */
export type Passage = (request: Request, answer: (request: Request) => Promise<Response>) => Promise<Response>;

/** Port 0 picks a free one. */
export function startGateway(port: number, pass: Passage = (request, answer) => answer(request)): Gateway {
  let routes: Routes | null = null;
  const answer = async (request: Request, peerAddress: string) => {
    if (routes === null) return Response.json({ message: "The stack is starting" }, { status: 503 });
    const { pathname } = new URL(request.url);
    const [, name] = /^\/functions\/v1\/([^/]+)/u.exec(pathname) ?? [];
    if (name) return await routes.functions.forward(name, request);
    if (pathname.startsWith(`${STORAGE_PATH}/`)) return await routes.storage.fetch(request);
    return await routes.supabase(request, peerAddress);
  };
  const server = Deno.serve(
    { port, hostname: "127.0.0.1", onListen() {} },
    (request, { remoteAddr }) => pass(request, (passed) => answer(passed, remoteAddr.hostname)),
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    open: (opened) => void (routes = opened),
    stop: () => server.shutdown(),
  };
}
