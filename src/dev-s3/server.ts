import { randomBytes } from 'node:crypto';
import { closeSync, createReadStream } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Buckets } from './bucket.ts';
import { escapeXml, Refusal, type Reply, type Request, toBytes, xmlReply } from './exchange.ts';
import { Uploads } from './multipart.ts';
import { perform, type Service } from './operations.ts';
import { type Credentials, requireSignature } from './signature.ts';

/**
 * What happens to one request instead of, or besides, its answer:
 * - 'reset' cuts the connection before anything is done, 'swallow' does what was asked and then cuts it, 'hang' never answers;
 * - a status answers an error and does nothing; a delay comes before the request is done;
 * - the body of the answer is cut, or stalls, behind so many bytes.
 */
export type Intervention =
  | 'pass'
  | 'reset'
  | 'swallow'
  | 'hang'
  | { readonly status: number; readonly code?: string; readonly headers?: Readonly<Record<string, string>> }
  | { readonly delayMs: number }
  | { readonly truncateBodyAt: number }
  | { readonly stallBodyAt: number };

export interface DevS3Options extends Credentials {
  /** Created where missing; buckets are its folders. One process at a time owns it. */
  readonly directory: string;
  /** A loopback address; anything else is refused. Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0, a free port. */
  readonly port?: number;
  /** Decides the fate of each request before its signature is checked. */
  readonly intercept?: (request: Request) => Intervention;
  /** The server's clock, ms since 1970. */
  readonly now?: () => number;
}

export interface DevS3 {
  /** `http://127.0.0.1:port` */
  readonly endpoint: string;
  /** Cuts all connections. */
  close(): Promise<void>;
}

const keepAliveMs = 120_000;

/** A small S3 server for the demo and for tests: signatures are checked, conditional puts are atomic, only loopback can reach it. */
export async function startDevS3(options: DevS3Options): Promise<DevS3> {
  const host = options.host ?? '127.0.0.1';
  if (!/^(127(\.\d{1,3}){3}|::1|localhost)$/.test(host))
    throw new Error(`the development S3 server binds to loopback only, not to ${host}`);
  const service: Service = { buckets: new Buckets(options.directory), uploads: new Uploads(), now: options.now ?? Date.now };
  const server = createServer({ keepAliveTimeout: keepAliveMs }, (incoming, response) => {
    answer(service, options, incoming, response).catch(() => incoming.socket.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { endpoint: `http://${host.includes(':') ? `[${host}]` : host}:${port}`, close: () => stop(server) };
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function answer(service: Service, options: DevS3Options, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const request = parse(incoming);
  const fate = options.intercept?.(request) ?? 'pass';
  if (fate === 'hang') return;
  if (fate === 'reset') return void incoming.socket.resetAndDestroy();
  if (typeof fate === 'object' && 'delayMs' in fate) await delay(fate.delayMs, undefined, { ref: false });
  const reply = typeof fate === 'object' && 'status' in fate ? errorReply(fate, request) : await replyTo(service, options, request);
  if (fate === 'swallow') {
    release(reply);
    incoming.socket.resetAndDestroy();
    return;
  }
  response.setHeader('date', new Date(service.now()).toUTCString());
  await send(response, request, reply, typeof fate === 'object' && ('truncateBodyAt' in fate || 'stallBodyAt' in fate) ? fate : {});
}

function parse(incoming: IncomingMessage): Request {
  const [rawPath = '/', ...rest] = (incoming.url ?? '/').split('?');
  const slash = rawPath.indexOf('/', 1);
  const bucket = decodeURIComponent(slash < 0 ? rawPath.slice(1) : rawPath.slice(1, slash));
  const key = slash < 0 ? '' : toBytes(decodeURIComponent(rawPath.slice(slash + 1)));
  const rawQuery = rest.join('?');
  const query = new URLSearchParams(rawQuery.replaceAll('+', '%2B'));
  return { method: incoming.method ?? 'GET', rawPath, rawQuery, bucket, key, query, headers: incoming.headers, body: incoming };
}

async function replyTo(service: Service, options: DevS3Options, request: Request): Promise<Reply> {
  try {
    requireSignature(request, options, service.now());
    return await perform(service, request);
  } catch (error) {
    if (error instanceof Refusal) return errorReply(error, request);
    if ((error as NodeJS.ErrnoException).code === 'ECONNRESET') throw error;
    return errorReply(new Refusal(500, 'InternalError', error instanceof Error ? error.message : String(error)), request);
  }
}

interface ErrorAnswer {
  readonly status: number;
  readonly code?: string;
  readonly message?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function errorReply({ status, code = 'Injected', message = code, headers = {} }: ErrorAnswer, request: Request): Reply {
  const resource = escapeXml(request.rawPath);
  const reply = xmlReply(
    status,
    `<Error><Code>${code}</Code><Message>${escapeXml(message)}</Message><Resource>${resource}</Resource></Error>`,
  );
  return { ...reply, headers: { ...reply.headers, ...headers } };
}

interface BodyCut {
  readonly truncateBodyAt?: number;
  readonly stallBodyAt?: number;
}

async function send(response: ServerResponse, request: Request, reply: Reply, { truncateBodyAt, stallBodyAt }: BodyCut): Promise<void> {
  const { status, headers, body } = reply;
  const length = reply.announced ?? (typeof body === 'object' ? body.length : Buffer.byteLength(body ?? ''));
  const lengthHeader = status === 204 ? {} : { 'content-length': String(length) };
  response.writeHead(status, { ...headers, ...lengthHeader, 'x-amz-request-id': randomBytes(8).toString('hex') });
  if (request.method === 'HEAD' || body === undefined) {
    release(reply);
    response.end();
    return;
  }
  const cut = truncateBodyAt ?? stallBodyAt;
  if (cut === undefined) return sendWhole(response, body);
  await sendBeginning(response, body, cut);
  if (truncateBodyAt !== undefined) response.socket?.destroy();
}

async function sendWhole(response: ServerResponse, body: NonNullable<Reply['body']>): Promise<void> {
  if (typeof body === 'string') response.end(body);
  else await pipeline(contentOf(body), response);
}

async function sendBeginning(response: ServerResponse, body: NonNullable<Reply['body']>, bytes: number): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of typeof body === 'string' ? [Buffer.from(body)] : contentOf(body)) chunks.push(chunk as Buffer);
  await new Promise((resolve) => response.write(Buffer.concat(chunks).subarray(0, bytes), resolve));
}

function contentOf({ fd, offset, length }: Exclude<NonNullable<Reply['body']>, string>): AsyncIterable<Buffer> {
  if (length === 0) {
    closeSync(fd);
    return (async function* () {})();
  }
  return createReadStream('', { fd, start: offset, end: offset + length - 1, highWaterMark: 256 * 1024 });
}

/** Closes the file of a reply that is not sent. */
function release(reply: Reply): void {
  if (typeof reply.body === 'object') closeSync(reply.body.fd);
}
