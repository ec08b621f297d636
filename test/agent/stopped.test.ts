import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { glance } from '../../src/agent/glance.ts';
import { Scanning, scan } from '../../src/steps/scan.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { housekept } from './housekept.ts';
import { memberIn } from './member.ts';

const never = new AbortController().signal;
const stopped = AbortSignal.abort();

/** More than is looked at in one go. */
function plantMany(root: string, files = 500): void {
  for (let directory = 0; directory < 6; directory++) {
    mkdirSync(join(root, `d${directory}`));
    for (let file = 0; file < files; file++) writeFileSync(join(root, `d${directory}`, `f${file}`), '');
  }
}

test('a large tree is looked at bit by bit, and what is found is the same', () => {
  const a = memberIn(temporaryDirectory(), 'a');
  plantMany(a.root);
  const { ports } = a.agent;
  const scanning = new Scanning({ ...ports, nowUs: 0 }, ports.excluded, { kind: 'whole' });
  let steps = 1;
  while (scanning.walkOn()) steps++;
  expect(steps).toBeGreaterThan(1);
  const paths = scanning.ended().found.map(({ path }) => path);
  expect(new Set(paths).size).toBe(3006);
  expect(paths).toEqual(scan({ ...ports, nowUs: 0 }, ports.excluded).found.map(({ path }) => path));
});

test('a look that is told to stop concludes nothing from what it has not seen', async () => {
  const a = memberIn(temporaryDirectory(), 'a');
  plantMany(a.root);
  await a.cycle();
  rmSync(join(a.root, 'd0'), { recursive: true });
  expect(await glance(a.agent.ports, stopped)).toBe('');
  const outcome = await a.cycle({ signal: stopped });
  expect([outcome.counts.deleted, outcome.problems, outcome.held]).toEqual([0, [], false]);
  expect(await glance(a.agent.ports, never)).not.toBe('');
  expect((await a.cycle()).held).toBe(false);
  expect(a.journal.agreed('d0')).toBeNull();
});

test('a member that is stopped while it takes over a snapshot is where it was, and takes it over the next time', async () => {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a');
  plantMany(a.root, 100);
  for (let record = 0; record < 25; record++) {
    writeFileSync(join(a.root, 'changes'), `text ${record}`);
    await a.cycle();
  }
  await housekept(join(home, 'bucket'), join(home, 'scratch')).compact();
  const b = memberIn(home, 'b');
  const stop = new AbortController();
  const transaction = b.journal.gradually;
  b.journal.gradually = async (work, goOn) =>
    await transaction(work, async () => {
      stop.abort();
      return await goOn();
    });
  const cut = await b.cycle({ signal: stop.signal });
  expect(stop.signal.aborted).toBe(true);
  expect([cut.problems, cut.halt, b.journal.meta('cursor'), b.journal.wants()]).toEqual([[], null, undefined, []]);
  b.journal.gradually = transaction;
  expect((await b.cycle()).problems).toEqual([]);
  expect(b.journal.meta('digest')).toBe(a.journal.meta('digest'));
});
