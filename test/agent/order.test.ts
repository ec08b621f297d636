import { chmodSync, lstatSync, mkdirSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
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
