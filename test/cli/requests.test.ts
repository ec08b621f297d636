import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { ShareAgent } from '../../src/agent.ts';
import type { SyncAnswer } from '../../src/cli/answer.ts';
import { Requests } from '../../src/cli/requests.ts';
import { countsOf } from '../../src/cli/summary.ts';

const agent = {} as ShareAgent;
const answer = (cursor: number): SyncAnswer => ({ code: 0, events: [], problems: [], fault: null, counts: countsOf([]), cursor });
const never = new AbortController().signal;

/** Each service is begun by `asked` and ended by the test, unless it is interrupted. */
function desk() {
  const served: string[] = [];
  let finish: (answer: SyncAnswer) => void = () => {};
  let asks = 0;
  const requests = new Requests(
    () => asks++,
    async (_, paths, interrupt) => {
      served.push(paths.join(' '));
      return await new Promise((resolve) => {
        finish = resolve;
        interrupt.addEventListener('abort', () => resolve(null), { once: true });
      });
    },
  );
  onTestFinished(() => requests.close());
  return { requests, served, asks: () => asks, finish: (cursor: number) => finish(answer(cursor)) };
}

test('one cycle answers all that asked for the same before it began, and none that asked later', async () => {
  const { requests, asks } = desk();
  const asked = [requests.cycle(null), requests.cycle('pull'), requests.cycle(null)];
  expect(asks()).toBe(3);
  const whole = requests.takeCycle();
  const late = requests.cycle(null);
  whole?.reply(answer(1));
  const pull = requests.takeCycle();
  expect([whole?.only, pull?.only]).toEqual([null, 'pull']);
  pull?.reply(answer(2));
  requests.takeCycle()?.reply(answer(3));
  expect((await Promise.all([...asked, late])).map((each) => each?.cursor)).toEqual([1, 2, 1, 3]);
  expect(requests.takeCycle()).toBeNull();
});

test('paths interrupt a cycle at once, but not twice in two seconds', async () => {
  const { requests, finish } = desk();
  const first = requests.publish(['a']);
  await delay(20);
  expect(requests.signal.aborted).toBe(true);
  const serving = requests.serve(agent);
  await delay(0);
  finish(1);
  await serving;
  expect((await first)?.cursor).toBe(1);
  expect(requests.signal.aborted).toBe(false);
  void requests.publish(['b']);
  await delay(50);
  expect(requests.wantsPaths).toBe(true);
  expect(requests.signal.aborted).toBe(false);
});

test('who asks while a large request is served goes first, and the large one is taken up again', async () => {
  const { requests, served, finish } = desk();
  const large = requests.publish(['large']);
  const serving = requests.serve(agent, false);
  await delay(0);
  const small = requests.publish(['small']);
  while (served.length < 2) await delay(5);
  finish(2);
  expect((await small)?.cursor).toBe(2);
  while (served.length < 3) await delay(5);
  finish(1);
  expect((await large)?.cursor).toBe(1);
  await serving;
  expect(served).toEqual(['large', 'small', 'large']);
});

test('a service that fails answers nobody, and is not tried again here', async () => {
  const requests = new Requests(
    () => {},
    () => Promise.reject(new Error('the store is away')),
  );
  const asked = requests.publish(['a']);
  await expect(requests.serve(agent)).rejects.toThrow('the store is away');
  expect(await asked).toBeNull();
  expect(requests.wantsPaths).toBe(false);
});

test('a process that ends tells everybody that waits, and takes nothing more', async () => {
  const { requests } = desk();
  requests.position = () => ({ cursor: 7, appliedTo: 5 });
  expect(await requests.applied(5, never)).toEqual({ cursor: 7, appliedTo: 5 });
  const waiting = [requests.cycle(null), requests.publish(['a']), requests.applied(6, never)];
  await delay(20);
  requests.close();
  expect(await Promise.all(waiting)).toEqual([null, null, null]);
  expect(await Promise.all([requests.cycle(null), requests.publish(['a']), requests.applied(1, never)])).toEqual([null, null, null]);
});
