import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { ShareTree } from '../../src/ports/filesystem.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { differences, snapshot } from '../e2e/support/tree.ts';
import { memberIn } from './member.ts';

type Effect = 'makeDirectory' | 'placeTree' | 'makeLink' | 'replaceByLink' | 'setMetadata' | 'placeAllNew';
type End = 'stop' | 'kill';

const maxDelete = { percent: 100, percentBelow40: 100, floor: 1000, windowMs: 0 };
const effects: readonly Effect[] = ['makeDirectory', 'placeTree', 'makeLink', 'replaceByLink', 'setMetadata', 'placeAllNew'];

/** The process is told to stop, or dies, right after the tree's first effect of this kind. */
function endAfter(tree: ShareTree, effect: Effect, end: End): AbortSignal {
  const stop = new AbortController();
  const really = (tree[effect] as (...args: unknown[]) => unknown).bind(tree);
  vi.spyOn(tree, effect as 'makeDirectory').mockImplementation((...args: unknown[]) => {
    const outcome = really(...args);
    if (end === 'kill') throw new Error('killed');
    stop.abort();
    return outcome as ReturnType<ShareTree['makeDirectory']>;
  });
  return stop.signal;
}

test.each(effects.flatMap((effect) => (['stop', 'kill'] as const).map((end): [End, Effect] => [end, effect])))(
  'R-I4: a %s after %s: what was made for the log is no creation of this member, so a deletion that follows is final',
  async (end, effect) => {
    const home = temporaryDirectory();
    const a = memberIn(home, 'a', { config: { maxDelete } });
    symlinkSync('old', join(a.root, 'turned'));
    writeFileSync(join(a.root, 'stays'), 'stays');
    await a.cycle();
    await memberIn(home, 'b', { config: { maxDelete } }).cycle();
    for (const name of ['empty', 'full/deep']) mkdirSync(join(a.root, name), { recursive: true });
    for (const name of ['full/deep/one', 'full/two', 'three']) writeFileSync(join(a.root, name), name);
    symlinkSync('full', join(a.root, 'made'));
    rmSync(join(a.root, 'turned'));
    symlinkSync('new', join(a.root, 'turned'));
    await a.cycle();

    const b = memberIn(home, 'b', { config: { maxDelete } });
    const signal = endAfter(b.agent.ports.tree, effect, end);
    const cut = await b.cycle({ signal }).catch((error: Error) => error.message);
    expect(end === 'kill' ? cut : signal.aborted).toBe(end === 'kill' ? 'killed' : true);
    vi.restoreAllMocks();
    for (const name of readdirSync(a.root)) if (name !== 'stays') rmSync(join(a.root, name), { recursive: true });
    await a.cycle();
    const after = memberIn(home, 'b', { config: { maxDelete } });
    for (let times = 0; times < 2; times++) {
      await after.cycle();
      await a.cycle();
    }
    expect(readdirSync(a.root)).toEqual(['stays']);
    expect(differences(snapshot(a.root), snapshot(after.root))).toEqual([]);
  },
);

test('R-A3: a run that is told to stop leaves no directory behind that nobody else can read', async () => {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a');
  mkdirSync(join(a.root, 'd'), { mode: 0o755 });
  await a.cycle();
  const b = memberIn(home, 'b');
  await b.cycle({ signal: endAfter(b.agent.ports.tree, 'makeDirectory', 'stop') });
  expect(differences(snapshot(a.root), snapshot(b.root))).toEqual([]);
});
