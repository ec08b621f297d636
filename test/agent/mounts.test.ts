import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import type { Scope } from '../../src/model/scope.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { memberIn, type TestMember } from './member.ts';

const type = ['-t', 'tmpfs', 'flocksync-test'];

function mayMount(): boolean {
  const directory = mkdtempSync(join(tmpdir(), 'flocksync-mount-'));
  const mounted = spawnSync('mount', [...type, directory]).status === 0;
  if (mounted) execFileSync('umount', [directory]);
  rmdirSync(directory);
  return mounted;
}

async function whileMounted(directory: string, work: () => Promise<void>): Promise<void> {
  execFileSync('mount', [...type, directory]);
  try {
    await work();
    // Fails where anybody is still in there.
    execFileSync('umount', [directory]);
  } finally {
    spawnSync('umount', ['--lazy', directory], { stdio: 'ignore' });
  }
}

const mounts = mayMount();

function put({ root }: TestMember, path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function inside(...paths: string[]): Scope {
  return { kind: 'directories', paths: new Set(paths), subtrees: new Set() };
}

test.runIf(mounts)('R-D1: wherever a look goes, what a mount hides is told once, and no absence; nobody stays in it', async () => {
  const a = memberIn(temporaryDirectory(), 'a');
  for (const path of ['d/e/x/file', 'd/e/file', 'd/file', 'keep']) put(a, path, path);
  for (let cycles = 0; cycles < 2; cycles++) await a.cycle();
  const directories = [['d/e/x'], ['d/e'], ['d'], [], ['']].map((paths) => ({ scope: inside(...paths), log: 'known' as const }));
  const below = ['d/e/x/file', 'd/e', 'd', 'd/nothing'].map((path) => ({
    only: 'publish' as const,
    scope: { kind: 'below' as const, paths: [path] },
  }));
  await whileMounted(join(a.root, 'd'), async () => {
    put(a, 'd/e/on the mount', '');
    for (const options of [...directories, ...below, {}, ...directories]) {
      const { counts, problems } = await a.cycle(options);
      expect([counts.published, counts.deleted, problems.map(({ code, path }) => `${code} ${path}`)]).toEqual([0, 0, ['mount-inside d']]);
    }
  });
  for (const options of [{ scope: inside() }, {}])
    expect(await a.cycle(options)).toMatchObject({ problems: [], counts: { published: 0, deleted: 0 } });
});

test.runIf(mounts)('R-D1: what others change behind a mount waits for it to go, and nothing else does', async () => {
  const home = temporaryDirectory();
  const [a, b] = [memberIn(home, 'a'), memberIn(home, 'b')];
  for (const path of ['d/e/file', 'd/file', 'keep']) put(a, path, path);
  for (const member of [a, a, b, b]) await member.cycle();
  const here = (...paths: string[]) => paths.map((path) => existsSync(join(b.root, path)));
  await whileMounted(join(b.root, 'd'), async () => {
    put(a, 'd/e/file', 'changed');
    put(a, 'd/new', '');
    put(a, 'other/new', '');
    rmSync(join(a.root, 'd/file'));
    await a.cycle();
    const outcome = await b.cycle({ scope: inside(), log: 'next' });
    expect(outcome.problems.map(({ code }) => code)).toEqual(['mount-inside']);
    expect(here('d/new', 'd/e', 'other/new')).toEqual([false, false, true]);
  });
  expect((await b.cycle({ scope: inside(), log: 'next' })).problems).toEqual([]);
  expect(here('d/new', 'd/file', 'd/e/file')).toEqual([true, false, true]);
});
