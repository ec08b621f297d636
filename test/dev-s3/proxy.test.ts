import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { type Fate, startProxy } from './proxy.ts';

/** What the server behind the proxy was asked, with the bodies as it read them; 'cut' where one did not come to its end. */
async function behind(fate: Fate) {
  // Only who is never answered gives up soon.
  const isSilent = fate === 'hang' || (typeof fate === 'object' && 'stallBodyAt' in fate);
  const reached: string[] = [];
  const server = createServer((asked: IncomingMessage, answer: ServerResponse) => {
    const pieces: Buffer[] = [];
    asked.on('data', (piece: Buffer) => pieces.push(piece));
    asked.on('end', () => {
      reached.push(`${asked.method} ${asked.url} ${asked.headers.host} ${Buffer.concat(pieces)}`);
      answer.writeHead(200, { 'x-own': 'header', 'content-length': '1000' }).end('x'.repeat(1000));
    });
    asked.on('error', () => reached.push('cut'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy = await startProxy(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, () => fate);
  onTestFinished(async () => {
    await proxy.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const ask = async (init: RequestInit = {}) => {
    const answer = await fetch(`${proxy.endpoint}/bucket/key?list-type=2`, {
      signal: AbortSignal.timeout(isSilent ? 300 : 15_000),
      ...init,
    });
    return { status: answer.status, own: answer.headers.get('x-own'), text: await answer.text() };
  };
  const put = () => ask({ method: 'PUT', body: 'content' });
  return { proxy, reached, ask, put, host: new URL(proxy.endpoint).host };
}

test('a request passes as it is, with its path, its Host and its body', async () => {
  const { reached, put, host } = await behind('pass');
  expect(await put()).toEqual({ status: 200, own: 'header', text: 'x'.repeat(1000) });
  expect(reached).toEqual([`PUT /bucket/key?list-type=2 ${host} content`]);
});

test.each<[string, Fate]>([
  ['is cut off', 'reset'],
  ['is not answered', 'hang'],
])('a request that %s never reaches the server', async (_, fate) => {
  const { reached, put } = await behind(fate);
  await expect(put()).rejects.toThrow();
  expect(reached).toEqual([]);
});

test('a swallowed answer: the server has done it, the asker does not hear of it', async () => {
  const { reached, put } = await behind('swallow');
  await expect(put()).rejects.toThrow();
  expect(reached).toHaveLength(1);
});

test('an error in place of the work, and one in place of its answer', async () => {
  const before = await behind({ status: 503, headers: { 'retry-after': '1' } });
  expect(await before.put()).toMatchObject({ status: 503, text: expect.stringContaining('<Error>') });
  expect(before.reached).toEqual([]);
  const after = await behind({ statusAfter: 500 });
  expect(await after.put()).toMatchObject({ status: 500, own: null });
  expect(after.reached).toHaveLength(1);
});

test('an answer that is cut, or stalls, is never taken for a whole one', async () => {
  for (const fate of [{ truncateBodyAt: 10 }, { truncateBodyAt: 0 }, { stallBodyAt: 10 }]) {
    const { ask, reached } = await behind(fate);
    await expect(ask()).rejects.toThrow();
    expect(reached).toHaveLength(1);
  }
});

test('of a request that is cut the server never sees the end', async () => {
  const { reached, put } = await behind({ cutRequestAt: 3 });
  await expect(put()).rejects.toThrow();
  await expect.poll(() => reached).toEqual(['cut']);
});

test('a late request reaches the server, whole, after its asker was cut off', async () => {
  const { proxy, reached, put, host } = await behind({ lateMs: 3_600_000 });
  await expect(put()).rejects.toThrow();
  expect(reached).toEqual([]);
  await proxy.settle();
  expect(reached).toEqual([`PUT /bucket/key?list-type=2 ${host} content`]);
});

test('a delayed request passes later', async () => {
  const { reached, put } = await behind({ delayMs: 20 });
  expect(await put()).toMatchObject({ status: 200 });
  expect(reached).toHaveLength(1);
});
