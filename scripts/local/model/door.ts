/**
 * Where connections come in. Node's HTTP server, because only there can a connection be broken off between two bytes
 * and a departed client be noticed; behind a listener of Deno's, because that one knows its port at once.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Duplex } from "node:stream";

export interface Door {
  url: string;
  /** Breaks off whatever is still being answered. */
  close(): Promise<void>;
}

export type Answering = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export function openDoor(port: number, answer: Answering): Door {
  const listener = Deno.listen({ port, hostname: "127.0.0.1" });
  const server = createServer((request, response) => {
    answer(request, response).catch((error) => {
      // A client that leaves while it is still sending is nobody's mistake.
      if (!response.destroyed) console.error("the simulated model failed:", error);
      response.destroy();
    });
  });
  const open = new Set<Duplex>();
  const accepting = accept(listener, (connection) => {
    open.add(connection);
    // A client that resets its connection has gone, which the closing says too.
    connection.on("error", () => {});
    connection.once("close", () => open.delete(connection));
    server.emit("connection", connection);
  });
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    close: async () => {
      listener.close();
      await accepting;
      await Promise.all([...open].map(closed));
    },
  };
}

/** Ends when the listener is closed. */
async function accept(listener: Deno.TcpListener, take: (connection: Duplex) => void): Promise<void> {
  for await (const { readable, writable } of listener) {
    take(Duplex.fromWeb({ readable, writable }));
  }
}

function closed(connection: Duplex): Promise<void> {
  return new Promise((resolve) => {
    connection.once("close", resolve);
    connection.destroy();
  });
}
