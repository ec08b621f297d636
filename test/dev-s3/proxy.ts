import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Intervention } from '../../src/dev-s3/server.ts';

/**
 * What happens to one request on its way to a real server and back. Besides what the development server can do to a request:
 * - lateMs: the asker is cut off at once, and the server gets the request so much later;
 * - cutRequestAt: the server gets so many bytes of the body, then both sides are cut off;
 * - statusAfter: the server does what was asked, the asker hears of an error.
 */
export type Fate = Intervention | { readonly lateMs: number } | { readonly cutRequestAt: number } | { readonly statusAfter: number };

export interface Asked {
  readonly method: string;
  /** Path and query, as they were sent. */
  readonly url: string;
}

export interface Proxy {
  readonly endpoint: string;
  /** Sends on at once whatever was to be sent late, and waits until the server has answered it. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** Passes requests on to an S3 server, the Host header too, since it is signed. Loopback only. */
export async function startProxy(to: string, fateOf: (asked: Asked) => Fate = () => 'pass'): Promise<Proxy> {
  const target = new URL(to);
  const late = new Late();
  const server = createServer({ keepAliveTimeout: 120_000 }, (asked, answer) => {
    const fate = fateOf({ method: asked.method ?? 'GET', url: asked.url ?? '/' });
    // Either side may go away at any moment; then the other one is cut off as well.
    meet(fate, { target, asked, answer, late }).catch(() => answer.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    settle: () => late.settle(),
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await late.settle();
    },
  };
}

interface Exchange {
  readonly target: URL;
  readonly asked: IncomingMessage;
  readonly answer: ServerResponse;
  readonly late: Late;
}

async function meet(fate: Fate, exchange: Exchange): Promise<void> {
  const { asked, answer } = exchange;
  if (fate === 'hang') return;
  if (fate === 'reset') return void asked.socket.resetAndDestroy();
  if (typeof fate === 'object') {
    if ('status' in fate) {
      // A body that is still on its way is taken in, so that the asker reads the answer before it meets a cut connection.
      asked.resume();
      return refuse(answer, fate.status, fate.headers);
    }
    if ('lateMs' in fate) return await sendLate(exchange, fate.lateMs);
    if ('cutRequestAt' in fate) return await sendBeginning(exchange, fate.cutRequestAt);
    if ('delayMs' in fate) await delay(fate.delayMs, undefined, { ref: false });
  }
  await bringBack(fate, exchange, await sendOn(exchange, asked));
}

async function bringBack(fate: Fate, { asked, answer }: Exchange, reply: IncomingMessage): Promise<void> {
  const isLost = fate === 'swallow' || (typeof fate === 'object' && 'statusAfter' in fate);
  if (isLost) {
    for await (const piece of reply) void piece;
    if (fate === 'swallow') asked.socket.resetAndDestroy();
    else refuse(answer, (fate as { statusAfter: number }).statusAfter);
    return;
  }
  answer.writeHead(reply.statusCode ?? 502, reply.rawHeaders);
  const cut = typeof fate === 'object' && 'truncateBodyAt' in fate ? fate.truncateBodyAt : undefined;
  const stall = typeof fate === 'object' && 'stallBodyAt' in fate ? fate.stallBodyAt : undefined;
  if (cut === undefined && stall === undefined) return await pipeline(reply, answer);
  await writeBeginning(reply, answer, cut ?? stall ?? 0);
  if (cut !== undefined) asked.socket.resetAndDestroy();
}

/** The server's answer to a request that is passed on with this body. */
function sendOn({ target, asked }: Exchange, body: Readable): Promise<IncomingMessage> {
  const { hostname, port } = target;
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method: asked.method, path: asked.url, headers: asked.headers });
    sent.once('response', resolve).once('error', reject);
    pipeline(body, sent).catch(reject);
  });
}

async function sendLate(exchange: Exchange, lateMs: number): Promise<void> {
  const pieces: Buffer[] = [];
  for await (const piece of exchange.asked) pieces.push(piece as Buffer);
  exchange.asked.socket.resetAndDestroy();
  exchange.late.add(lateMs, async () => {
    const reply = await sendOn(exchange, Readable.from([Buffer.concat(pieces)]));
    for await (const piece of reply) void piece;
  });
}

async function sendBeginning({ target, asked }: Exchange, bytes: number): Promise<void> {
  const { hostname, port } = target;
  const sent = request({ hostname, port, method: asked.method, path: asked.url, headers: asked.headers });
  // Its end is our doing.
  sent.on('error', () => undefined);
  sent.flushHeaders();
  await writeBeginning(asked, sent, bytes);
  sent.destroy();
  asked.socket.resetAndDestroy();
}

/** The first `bytes` of a body, or all of it where it is shorter; comes back when they have left. */
async function writeBeginning(from: IncomingMessage, to: NodeJS.WritableStream, bytes: number): Promise<void> {
  let left = bytes;
  for await (const piece of from) {
    const part = (piece as Buffer).subarray(0, left);
    left -= part.length;
    await new Promise((resolve) => to.write(part, resolve));
    if (left === 0) break;
  }
}

function refuse(answer: ServerResponse, status: number, headers: Readonly<Record<string, string>> = {}): void {
  const text = '<Error><Code>Injected</Code><Message>Injected</Message></Error>';
  answer.writeHead(status, { 'content-type': 'application/xml', 'content-length': String(text.length), ...headers }).end(text);
}

/** Requests that reach the server after their asker was cut off. */
class Late {
  readonly #under = new Set<Promise<void>>();
  #hurry = new AbortController();

  add(ms: number, send: () => Promise<void>): void {
    const done = delay(ms, undefined, { ref: false, signal: this.#hurry.signal })
      .catch(() => undefined)
      .then(send)
      // The server may be away by then: that request is lost, which is one of its possible fates.
      .catch(() => undefined)
      .finally(() => this.#under.delete(done));
    this.#under.add(done);
  }

  async settle(): Promise<void> {
    this.#hurry.abort();
    this.#hurry = new AbortController();
    await Promise.all(this.#under);
  }
}
