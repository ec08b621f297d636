import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Proxy {
  readonly endpoint: string;
  /** Requests since the last call, as `METHOD path`. */
  take(): readonly string[];
  close(): Promise<void>;
}

/** Passes everything on to an S3 server, the Host header too (it is signed), and remembers each request. */
export async function startProxy(to: string): Promise<Proxy> {
  const { hostname, port } = new URL(to);
  let seen: string[] = [];
  const server = createServer((asked, answer) => {
    seen.push(`${asked.method} ${asked.url}`);
    const onwards = request({ hostname, port, method: asked.method, path: asked.url, headers: asked.headers }, (reply) => {
      answer.writeHead(reply.statusCode ?? 502, reply.rawHeaders);
      reply.pipe(answer);
    });
    onwards.once('error', () => answer.destroy());
    asked.pipe(onwards);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    take: () => {
      const taken = seen;
      seen = [];
      return taken;
    },
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
