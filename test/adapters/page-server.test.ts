import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { PageFault, type PageRequest, type PageServer, plain, servePage } from '../../src/adapters/page-server.ts';
import { until } from '../e2e/support/daemon.ts';
import { freePort } from '../e2e/support/web-page.ts';

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const open: PageServer[] = [];

afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function serve(answer: (request: PageRequest) => Promise<ReturnType<typeof plain>>) {
  const port = await freePort();
  const server = await servePage({ host: '127.0.0.1', port }, answer, silent);
  open.push(server);
  return { port, url: `http://127.0.0.1:${port}`, server };
}

const echo = async ({ method, path, query, body }: PageRequest) => plain(200, JSON.stringify({ method, path, query, body }));

/** What a connection hears until the other side ends it. */
async function raw(port: number, text: string): Promise<string> {
  return await new Promise((done, failed) => {
    let heard = '';
    const socket: Socket = connect(port, '127.0.0.1', () => void socket.write(text));
    socket.setTimeout(15_000, () => socket.destroy(new Error('the connection was left open')));
    socket.on('data', (piece) => {
      heard += piece.toString('latin1');
    });
    socket.on('close', () => done(heard));
    socket.on('error', (error) => ((error as NodeJS.ErrnoException).code === 'ECONNRESET' ? done(heard) : failed(error)));
  });
}

test('a request is handed on as it was sent, and the answer says that nobody else may use it', async () => {
  const { url } = await serve(echo);
  const answer = await fetch(`${url}/a/b?x=%ff&y`, { method: 'POST', body: 'é' });
  expect(await answer.json()).toEqual({ method: 'POST', path: '/a/b', query: 'x=%ff&y', body: 'Ã©' });
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    'cache-control': 'no-store',
    'content-security-policy': expect.stringContaining("default-src 'none'"),
    'cross-origin-resource-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
  });
  expect(answer.headers.get('content-security-policy')).not.toContain('unsafe');
  const head = await fetch(url, { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
});

test('other methods, long bodies and long headers are refused', async () => {
  const { url, port } = await serve(echo);
  expect((await fetch(url, { method: 'DELETE' })).status).toBe(405);
  expect((await fetch(url, { method: 'POST', body: 'x'.repeat(16 * 1024) })).status).toBe(200);
  expect((await fetch(url, { method: 'POST', body: 'x'.repeat(16 * 1024 + 1) })).status).toBe(413);
  expect(await raw(port, `GET / HTTP/1.1\r\nHost: x\r\nA: ${'x'.repeat(20_000)}\r\n\r\n`)).not.toContain('200 OK');
  expect(await raw(port, 'nonsense\r\n\r\n')).not.toContain('200 OK');
  // A request of HTTP/1.1 without a host could be meant for anybody.
  expect(await raw(port, 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1.1 400/);
});

test('a connection that never finishes its request is ended', async () => {
  const { port, url } = await serve(echo);
  const began = performance.now();
  const heard = raw(port, 'GET / HTTP/1.1\r\nHost: x\r\n');
  expect((await fetch(url)).status).toBe(200);
  expect(await heard).not.toContain('200 OK');
  expect(performance.now() - began).toBeLessThan(40_000);
}, 60_000);

test('only so many are answered at once, and one that fails is its own trouble', async () => {
  let release = () => {};
  const held = new Promise<void>((done) => {
    release = done;
  });
  const { url } = await serve(async (request) => {
    if (request.path === '/fails') throw new TypeError('planted');
    await held;
    return plain(200, 'late');
  });
  expect((await fetch(`${url}/fails`)).status).toBe(500);
  let refused = 0;
  const asked = Array.from({ length: 40 }, async () => {
    const { status } = await fetch(url);
    if (status === 503) refused++;
    return status;
  });
  await until('eight are refused', () => refused === 8);
  release();
  const statuses = await Promise.all(asked);
  expect([statuses.filter((status) => status === 200).length, statuses.filter((status) => status === 503).length]).toEqual([32, 8]);
});

test('only so many are answered in a second, however fast each is', async () => {
  const { url } = await serve(echo);
  const statuses: number[] = [];
  for (const startedMs = performance.now(); statuses.length < 100 && performance.now() - startedMs < 900; ) {
    const round = await Promise.all(Array.from({ length: 10 }, async () => (await fetch(url)).status));
    statuses.push(...round);
  }
  expect(statuses.filter((status) => status === 200).length).toBeLessThanOrEqual(60);
  expect(statuses.slice(0, 60).every((status) => status === 200)).toBe(true);
});

test('an address that is taken, or none of this machine, is a fault with what helps', async () => {
  const { port } = await serve(echo);
  const refused = (host: string) => servePage({ host, port }, echo, silent).catch((error: unknown) => error);
  const taken = await refused('127.0.0.1');
  expect(taken).toBeInstanceOf(PageFault);
  expect(String(taken)).toContain(`another process listens on 127.0.0.1:${port} (EADDRINUSE)`);
  expect((taken as PageFault).fix).toContain(`ss -ltnp 'sport = :${port}'`);
  expect(String(await refused('192.0.2.1'))).toContain('this machine has no address 192.0.2.1');
});

test('closing ends idle connections at once, and what is under way after a second', async () => {
  const { url, server } = await serve(async ({ path }) => (path === '/slow' ? await new Promise(() => {}) : plain(200, 'ok')));
  await (await fetch(url)).text();
  const slow = fetch(`${url}/slow`).catch((error: unknown) => error);
  await new Promise((done) => setTimeout(done, 100));
  const began = performance.now();
  await server.close();
  expect(performance.now() - began).toBeLessThan(10_000);
  expect(await slow).toBeInstanceOf(Error);
  await expect(fetch(url)).rejects.toThrow();
});
