import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { temporaryDirectory } from './temporary.ts';
import { kernelWatches, make, type Seen, watched } from './watch-fixture.ts';

const names = ['a', 'b', 'c'] as const;
const path = fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const edit = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('make' as const), path }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('write' as const), path }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), path }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('move' as const), path, to: path }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('swap' as const), path }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('link' as const), path }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pause' as const) }) },
);
type Edit = typeof edit extends fc.Arbitrary<infer E> ? E : never;

/** What a person or program does; what cannot be done is not done. `outside` takes and gives whole directories. */
async function apply(root: string, outside: string, one: Edit): Promise<void> {
  if (one.do === 'pause') return await new Promise((resolve) => setImmediate(resolve));
  const place = join(root, one.path);
  try {
    if (one.do === 'make') mkdirSync(place, { recursive: true });
    if (one.do === 'write') writeFileSync(place, one.path);
    if (one.do === 'remove') rmSync(place, { recursive: true });
    if (one.do === 'move') renameSync(place, join(root, one.to));
    if (one.do === 'link') symlinkSync(outside, place);
    if (one.do === 'swap') swap(place, join(outside, 'd'));
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
  }
}

function swap(place: string, other: string): void {
  const aside = `${other}-aside`;
  rmSync(aside, { recursive: true, force: true });
  renameSync(place, aside);
  if (existsSync(other)) renameSync(other, place);
  renameSync(aside, other);
}

function directoriesBelow(root: string, below = ''): string[] {
  const here = readdirSync(join(root, below), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [below, ...here.flatMap(({ name }) => directoriesBelow(root, below === '' ? name : `${below}/${name}`))];
}

/** Something happens in each directory, and each is named. */
async function expectAllSeen(seen: Seen, round: string): Promise<void> {
  const directories = directoriesBelow(seen.root);
  seen.forget();
  for (const directory of directories) writeFileSync(join(seen.root, directory, `sign-${round}`), '');
  await seen.directory(...directories);
  expect(seen.wholes).toEqual([]);
  await seen.standing(directories.length);
}

test('whatever is made, moved, replaced or removed: afterwards every directory is watched, and none that is gone', async () => {
  const seen = await watched();
  const others = kernelWatches() - seen.watch.standing;
  let round = 0;
  const property = async (edits: readonly Edit[]) => {
    const outside = temporaryDirectory();
    make(outside, 'd/a/b/file');
    for (const one of edits) await apply(seen.root, outside, one);
    await expectAllSeen(seen, String(round++));
    for (const name of names) rmSync(join(seen.root, name), { recursive: true, force: true });
    await seen.settled();
    await expectAllSeen(seen, String(round++));
    expect(kernelWatches() - others).toBe(seen.watch.standing);
  };
  await fc.assert(fc.asyncProperty(fc.array(edit, { minLength: 5, maxLength: 40 }), property), { numRuns: 40, endOnFailure: true });
}, 60_000);
