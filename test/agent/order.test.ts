import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DiskFault } from '../../src/ports/filesystem.ts';
import type { Log } from '../../src/ports/log.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { memberIn } from './member.ts';

/** The steps of an apply in the order in which they were logged. */
function stepsInto(steps: string[]): Log {
  const note = (fields: Readonly<Record<string, unknown>>) => void (typeof fields.step === 'string' && steps.push(fields.step));
  return { debug: note, info: note, warn: note, error: note };
}

test('R-A3: directories, new files, changed files, links, removals, in this order; modes of directories last', async () => {
  const home = temporaryDirectory();
  const [a, b] = [memberIn(home, 'a'), memberIn(home, 'b')];
  writeFileSync(join(a.root, 'changed'), 'old');
  writeFileSync(join(a.root, 'gone'), 'gone');
  await a.cycle();
  await b.cycle();
  mkdirSync(join(a.root, 'new'));
  writeFileSync(join(a.root, 'new/file'), 'new');
  chmodSync(join(a.root, 'new'), 0o711);
  writeFileSync(join(a.root, 'changed'), 'much newer');
  symlinkSync('new/file', join(a.root, 'link'));
  rmSync(join(a.root, 'gone'));
  await a.cycle();

  const steps: string[] = [];
  const modes: number[] = [];
  const { tree } = b.agent.ports;
  const { setMetadata, placeAllNew } = tree;
  Object.assign(b.agent.ports, { log: stepsInto(steps) });
  Object.assign(tree, {
    // Where new directories cannot be built apart, they stand early and are closed to others until their files are there.
    stageTree: () => {
      throw new DiskFault('io', 'not here');
    },
    placeAllNew: (...args: Parameters<typeof placeAllNew>) => {
      modes.push(statSync(join(b.root, 'new')).mode & 0o777);
      return placeAllNew.apply(tree, args);
    },
    setMetadata: (...args: Parameters<typeof setMetadata>) => {
      if (args[0] === 'new') steps.push('mode of new');
      return setMetadata.apply(tree, args);
    },
  });
  await b.cycle();
  const order = ['directory', 'stage', 'flush', 'place', 'replace', 'link', 'remove', 'mode of new'];
  expect(steps.filter((step) => order.includes(step))).toEqual(order);
  expect(modes[0]).toBe(0o700);
  expect(statSync(join(b.root, 'new')).mode & 0o777).toBe(0o711);
  expect([readFileSync(join(b.root, 'changed'), 'utf8'), readlinkSync(join(b.root, 'link'))]).toEqual(['much newer', 'new/file']);
});

test('R-A3: a new directory appears at once, with all its files, its own rights and those below it', async () => {
  const home = temporaryDirectory();
  const [a, b] = [memberIn(home, 'a'), memberIn(home, 'b')];
  mkdirSync(join(a.root, 'new/inner'), { recursive: true });
  for (const path of ['new/file', 'new/inner/file']) writeFileSync(join(a.root, path), path);
  chmodSync(join(a.root, 'new/inner'), 0o750);
  chmodSync(join(a.root, 'new'), 0o711);
  await a.cycle();
  const { tree } = b.agent.ports;
  const { placeTree, placeAllNew } = tree;
  let singly = 0;
  Object.assign(tree, {
    placeAllNew: (...args: Parameters<typeof placeAllNew>) => {
      singly++;
      return placeAllNew.apply(tree, args);
    },
    placeTree: (...args: Parameters<typeof placeTree>) => {
      expect(existsSync(join(b.root, 'new'))).toBe(false);
      const placed = placeTree.apply(tree, args);
      const rights = ['new', 'new/inner'].map((path) => statSync(join(b.root, path)).mode & 0o777);
      expect(rights).toEqual([0o711, 0o750]);
      for (const path of ['new/file', 'new/inner/file']) expect(readFileSync(join(b.root, path), 'utf8')).toBe(path);
      return placed;
    },
  });
  expect(await b.cycle()).toMatchObject({ problems: [], unfinished: false });
  expect(singly).toBe(0);
  expect(b.journal.wants()).toEqual([]);
  expect.assertions(8);
  const again = await b.cycle();
  expect(again.counts).toMatchObject({ applied: 0, published: 0 });
});

test.skipIf(process.geteuid?.() !== 0)(
  'R-A3: what comes in a new directory takes the group that a setgid root gives, as if it stood already',
  async () => {
    const home = temporaryDirectory();
    const [a, b] = [memberIn(home, 'a'), memberIn(home, 'b')];
    mkdirSync(join(a.root, 'new/inner'), { recursive: true });
    for (const path of ['new/file', 'new/inner/file']) writeFileSync(join(a.root, path), path);
    await a.cycle();
    chownSync(b.root, 0, 50);
    chmodSync(b.root, 0o2775);
    expect(await b.cycle()).toMatchObject({ problems: [] });
    for (const path of ['new', 'new/file', 'new/inner', 'new/inner/file']) expect(statSync(join(b.root, path)).gid).toBe(50);
  },
);

test('R-A3: a directory that somebody makes while it is built apart keeps what is in it', async () => {
  const home = temporaryDirectory();
  const [a, b] = [memberIn(home, 'a'), memberIn(home, 'b')];
  writeFileSync(join(a.root, 'first'), 'first');
  await a.cycle();
  await b.cycle();
  mkdirSync(join(a.root, 'new/inner'), { recursive: true });
  for (const path of ['new/file', 'new/inner/file']) writeFileSync(join(a.root, path), path);
  await a.cycle();
  const { tree } = b.agent.ports;
  const { placeTree } = tree;
  Object.assign(tree, {
    placeTree: (...args: Parameters<typeof placeTree>) => {
      mkdirSync(join(b.root, 'new'));
      writeFileSync(join(b.root, 'new/own'), 'own');
      return placeTree.apply(tree, args);
    },
  });
  expect(await b.cycle()).toMatchObject({ problems: [] });
  // The next cycle would clear it anyway.
  expect(readdirSync(join(home, 'b', '.flocksync-webroot', 'stage'))).toEqual([]);
  await b.cycle();
  for (const path of ['new/file', 'new/inner/file']) expect(readFileSync(join(b.root, path), 'utf8')).toBe(path);
  expect(readFileSync(join(b.root, 'new/own'), 'utf8')).toBe('own');
  expect(b.journal.agreed('new/own')?.entry.kind).toBe('file');
});

test('R-A3: kind changes move the old away first, children before their parents', async () => {
  const home = temporaryDirectory();
  const [a, b] = [memberIn(home, 'a'), memberIn(home, 'b')];
  mkdirSync(join(a.root, 'x/y/z'), { recursive: true });
  writeFileSync(join(a.root, 'x/y/z/file'), 'deep');
  writeFileSync(join(a.root, 'flat'), 'flat');
  await a.cycle();
  await b.cycle();
  rmSync(join(a.root, 'x'), { recursive: true });
  writeFileSync(join(a.root, 'x'), 'now a file');
  rmSync(join(a.root, 'flat'));
  mkdirSync(join(a.root, 'flat/inner'), { recursive: true });
  symlinkSync('../x', join(a.root, 'flat/inner/up'));
  await a.cycle();
  await b.cycle();
  expect(readFileSync(join(b.root, 'x'), 'utf8')).toBe('now a file');
  expect(lstatSync(join(b.root, 'flat/inner/up')).isSymbolicLink()).toBe(true);
  expect(
    b.journal
      .trash()
      .map((row) => row.path)
      .sort(),
  ).toEqual(['flat', 'x/y/z/file']);
});
