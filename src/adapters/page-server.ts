import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Log } from '../ports/log.ts';

/** Whoever holds more has to wait, and so does everybody else: the page may stand still, the daemon may not. */
const connectionsMax = 64;
const answersMax = 32;
/** Each takes some milliseconds of the thread that all shares share. */
const answersPerSecondMax = 60;
const headerBytesMax = 16 * 1024;
const bodyBytesMax = 16 * 1024;
const headersMs = 3000;
const requestMs = 15_000;
const keepAliveMs = 5000;
/** How often connections are looked at for these limits. */
const checkMs = 1000;
/** A decision waits for its turn with the share for a minute. */
const answerMs = 90_000;
const requestsPerConnection = 1000;
/** What is under way at the end gets this long. */
const drainMs = 1000;

export interface PageRequest {
  readonly method: 'GET' | 'HEAD' | 'POST';
  /** Without the query, as it was sent. */
  readonly path: string;
  /** Without the `?`, as it was sent. */
  readonly query: string;
  /** Of a POST, as it was sent. */
  readonly body: string;
  /** Lower-case names; of several with one name what Node makes of them. */
  header(name: string): string | undefined;
}

export interface PageAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string | Buffer;
}

export interface PageServer {
  /** Resolves when nobody is served any more, after about a second at most. */
  close(): Promise<void>;
}

/** The address cannot be listened on; the message says why and what helps. */
export class PageFault extends Error {
  override readonly name = 'PageFault';
  readonly fix: string;

  constructor(message: string, fix: string, cause?: unknown) {
    super(message, { cause });
    this.fix = fix;
  }
}

/** Listens for HTTP requests, each of them bounded in size and time. Throws PageFault; later trouble is logged and ends one request. */
export async function servePage(
  place: { readonly host: string; readonly port: number },
  answer: (request: PageRequest) => Promise<PageAnswer>,
  log: Log,
): Promise<PageServer> {
  let answering = 0;
  const isTooOften = pace();
  const server = createServer(
    { maxHeaderSize: headerBytesMax, keepAliveTimeout: keepAliveMs, connectionsCheckingInterval: checkMs },
    (request, response) => {
      if (answering >= answersMax || isTooOften())
        return send(response, 'GET', plain(503, 'Too many requests at once; try again.', { 'Retry-After': '2' }));
      answering++;
      void serve(request, response, answer, log).finally(() => {
        answering--;
      });
    },
  );
  server.maxConnections = connectionsMax;
  server.headersTimeout = headersMs;
  server.requestTimeout = requestMs;
  server.maxRequestsPerSocket = requestsPerConnection;
  server.setTimeout(answerMs);
  await listen(server, place);
  server.on('error', (error) => log.warn({ error }, 'the page had trouble with a connection'));
  server.on('clientError', (_, socket) => socket.destroy());
  return { close: () => closed(server) };
}

/** True for what is asked beyond the number that one second has. */
function pace(): () => boolean {
  let [untilMs, count] = [0, 0];
  return () => {
    const nowMs = performance.now();
    if (nowMs >= untilMs) [untilMs, count] = [nowMs + 1000, 0];
    return ++count > answersPerSecondMax;
  };
}

async function listen(server: Server, { host, port }: { readonly host: string; readonly port: number }): Promise<void> {
  try {
    await new Promise<void>((done, failed) => {
      server.once('error', failed);
      server.listen({ host, port }, () => {
        server.removeListener('error', failed);
        done();
      });
    });
  } catch (error) {
    throw pageFault(host, port, error);
  }
}

function pageFault(host: string, port: number, error: unknown): PageFault {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const place = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  if (code === 'EADDRINUSE')
    return new PageFault(
      `another process listens on ${place} (${code})`,
      `See which: ss -ltnp 'sport = :${port}'; or write another port at \`page\``,
      error,
    );
  if (code === 'EADDRNOTAVAIL')
    return new PageFault(`this machine has no address ${host} (${code})`, 'Correct `page` in the config', error);
  if (code === 'EACCES') return new PageFault(`this user may not listen on ${place} (${code})`, 'Write a port above 1023 at `page`', error);
  return new PageFault(
    `${place} cannot be listened on: ${error instanceof Error ? error.message : String(error)}`,
    'Correct `page` in the config',
    error,
  );
}

async function closed(server: Server): Promise<void> {
  const ended = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), drainMs);
  await ended;
  clearTimeout(timer);
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  answer: (asked: PageRequest) => Promise<PageAnswer>,
  log: Log,
): Promise<void> {
  const method = request.method ?? '';
  response.on('error', () => {});
  try {
    if (method !== 'GET' && method !== 'HEAD' && method !== 'POST')
      return send(response, 'GET', plain(405, 'Only GET, HEAD and POST.', { Allow: 'GET, HEAD, POST' }));
    const body = method === 'POST' ? await bodyOf(request) : '';
    if (body === null) return send(response, method, plain(413, 'That is too much for a form.', { Connection: 'close' }));
    const [path = '/', query = ''] = split(request.url ?? '/');
    const header = (name: string) => {
      const value = request.headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    };
    send(response, method, await answer({ method, path, query, body, header }));
  } catch (error) {
    if (request.destroyed && !response.writable) return;
    log.error({ error, path: request.url }, 'a request to the page failed');
    send(response, method, plain(500, 'This page failed; the log of flocksync says how. The daemon goes on.'));
  }
}

function split(url: string): [string, string] {
  const mark = url.indexOf('?');
  return mark < 0 ? [url, ''] : [url.slice(0, mark), url.slice(mark + 1)];
}

/** Null for one that is too long. Throws where the other side goes away. */
async function bodyOf(request: IncomingMessage): Promise<string | null> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > bodyBytesMax) return null;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('latin1');
}

export function plain(status: number, text: string, headers: Readonly<Record<string, string>> = {}): PageAnswer {
  return { status, headers: { 'Content-Type': 'text/plain; charset=utf-8', ...headers }, body: `${text}\n` };
}

/** No other site may read, frame or run any of it, and no cache may keep it unless the answer says so. */
const always = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
};

function send(response: ServerResponse, method: string, { status, headers, body }: PageAnswer): void {
  if (response.headersSent || response.destroyed) return;
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const all: Record<string, string | string[]> = { ...always, 'Content-Length': String(bytes.length) };
  for (const [name, value] of Object.entries(headers)) all[name] = typeof value === 'string' ? value : [...value];
  response.writeHead(status, all);
  response.end(method === 'HEAD' || status === 304 ? undefined : bytes);
}
