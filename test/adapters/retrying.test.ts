import { describe, expect, test } from 'vitest';
import { type Retry, retrying } from '../../src/adapters/retrying.ts';
import type { Request } from '../../src/dev-s3/exchange.ts';
import type { Intervention } from '../../src/dev-s3/server.ts';
import type { Datastore } from '../../src/ports/datastore.ts';
import { DatastoreFault, type FaultKind } from '../../src/ports/datastore.ts';
import type { Time } from '../../src/ports/time.ts';
import { startTestS3 } from '../dev-s3/start.ts';

/** Time that passes only by sleeping, or by `pass`. */
class VirtualTime implements Time {
  nowMs = 1000;
  wallMs = () => this.nowMs;
  monotonicMs = () => this.nowMs;
  async sleep(ms: number): Promise<void> {
    this.nowMs += ms;
  }
}

const fault = (kind: FaultKind) => new DatastoreFault(kind, 'test', 'test', 'test');
const always = (fraction: number) => ({ fraction: () => fraction, hex: () => '' });

/** A store whose `remove` fails as often as told, each failing attempt taking `attemptMs`. */
function failing(
  time: VirtualTime,
  failures: number,
  kind: FaultKind = 'transient',
  attemptMs = 0,
): { store: Datastore; calls: () => number } {
  let calls = 0;
  const attempt = async () => {
    calls++;
    if (calls > failures) return { value: undefined, dateMs: 0 };
    time.nowMs += attemptMs;
    throw fault(kind);
  };
  return { store: { remove: attempt, putIfAbsent: attempt } as unknown as Datastore, calls: () => calls };
}

describe('retrying', () => {
  test('repeats a transient fault until it succeeds, waiting longer each time, at most 5 s', async () => {
    const time = new VirtualTime();
    const { store } = failing(time, 9);
    const log: Retry[] = [];
    await retrying(store, { time, random: always(1), budgetMs: 60_000, attemptsMax: 10, log: (retry) => log.push(retry) }).remove('a');
    expect(log.map((retry) => retry.waitMs)).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
    expect(log[0]).toMatchObject({ operation: 'remove', key: 'a', attempt: 1 });
  });

  test('waits a random part of that, so that members do not return in step', async () => {
    const time = new VirtualTime();
    const log: number[] = [];
    const options = { time, random: always(0.25), budgetMs: 60_000, attemptsMax: 3, log: (retry: Retry) => void log.push(retry.waitMs) };
    await retrying(failing(time, 2).store, options).remove('a');
    expect(log).toEqual([25, 50]);
  });

  test.each(['permanent', 'unknown'] as const)('never repeats a fault that is %s', async (kind) => {
    const time = new VirtualTime();
    const { store, calls } = failing(time, 1, kind);
    const { putIfAbsent } = retrying(store, { time, random: always(1), budgetMs: 60_000, attemptsMax: 5 });
    await expect(putIfAbsent('a', Buffer.alloc(0))).rejects.toMatchObject({ kind });
    expect(calls()).toBe(1);
  });

  test('gives up after attemptsMax', async () => {
    const time = new VirtualTime();
    const { store, calls } = failing(time, 99);
    await expect(retrying(store, { time, random: always(1), budgetMs: 60_000, attemptsMax: 4 }).remove('a')).rejects.toThrow();
    expect(calls()).toBe(4);
  });

  test('spends its budget once over all calls, failing attempts included, and can be renewed', async () => {
    const time = new VirtualTime();
    const { store, calls } = failing(time, 999, 'transient', 1000);
    const patient = retrying(store, { time, random: always(0), budgetMs: 10_000, attemptsMax: 100 });
    await expect(patient.remove('a')).rejects.toThrow();
    expect(calls()).toBe(10);
    // Nobody waits for it once more.
    await expect(patient.remove('a')).rejects.toThrow();
    expect(calls()).toBe(10);
    patient.renewBudget();
    await expect(patient.remove('a')).rejects.toThrow();
    expect(calls()).toBe(20);
  });

  test('a spent budget stops nothing once the store answers again', async () => {
    const time = new VirtualTime();
    const { store, calls } = failing(time, 3, 'transient', 300);
    const patient = retrying(store, { time, random: always(0), budgetMs: 1000, attemptsMax: 100 });
    await patient.remove('a');
    time.nowMs += 1000;
    await patient.remove('b');
    expect(calls()).toBe(5);
  });

  test('calls that fail side by side spend the budget once; time without trouble spends none', async () => {
    const time = new VirtualTime();
    const { store } = failing(time, 3, 'transient', 100);
    const patient = retrying(store, { time, random: always(0), budgetMs: 500, attemptsMax: 100 });
    await Promise.all([patient.remove('a'), patient.remove('b'), patient.remove('c')]);
    time.nowMs += 3_600_000;
    const again = failing(time, 1, 'transient', 100);
    Object.assign(store, again.store);
    await patient.remove('d');
    expect(again.calls()).toBe(2);
  });

  test('trouble that overlaps is counted from where it began', async () => {
    const wakes: (() => void)[] = [];
    const time = new VirtualTime();
    time.sleep = () => new Promise((resolve) => wakes.push(resolve));
    const { store, calls } = failing(time, 99, 'transient', 400);
    const patient = retrying(store, { time, random: always(0), budgetMs: 1400, attemptsMax: 100 });
    const first = patient.remove('a').catch(() => 'gave up');
    await expect.poll(() => wakes.length).toBe(1);
    const second = patient.remove('b').catch(() => 'gave up');
    await expect.poll(() => wakes.length).toBe(2);
    for (const wake of wakes) wake();
    expect(await Promise.all([first, second])).toEqual(['gave up', 'gave up']);
    expect(calls()).toBe(4);
  });

  test('an aborted signal ends it at once', async () => {
    const time = new VirtualTime();
    const { store, calls } = failing(time, 99);
    const options = { time, random: always(1), budgetMs: 60_000, attemptsMax: 10, signal: AbortSignal.abort() };
    await expect(retrying(store, options).remove('a')).rejects.toThrow();
    expect(calls()).toBe(1);
  });
});

test('through the S3 adapter: resets, 503s and cut bodies are survived, the lost conditional put is not repeated', async () => {
  const fates: Intervention[] = [];
  const seen: string[] = [];
  const intercept = (request: Request): Intervention => {
    seen.push(`${request.method} ${request.key.slice(-1)}`);
    return fates.shift() ?? 'pass';
  };
  const server = await startTestS3({ intercept });
  const s3 = await server.open();
  const store = retrying(s3, { time: new VirtualTime(), random: always(0.5), budgetMs: 60_000, attemptsMax: 5 });
  fates.push('reset', { status: 503, code: 'SlowDown' }, 'swallow');
  await store.put('a', Buffer.from('hello'));
  fates.push({ truncateBodyAt: 2 }, { status: 500 });
  expect((await store.get('a', { bytesMax: 9 })).value?.bytes.toString()).toBe('hello');
  expect(seen).toEqual(['PUT a', 'PUT a', 'PUT a', 'PUT a', 'GET a', 'GET a', 'GET a']);
  fates.push('swallow');
  await expect(store.putIfAbsent('b', Buffer.from('x'))).rejects.toMatchObject({ kind: 'unknown' });
  expect(seen.slice(7)).toEqual(['PUT b']);
  await server.close();
});
