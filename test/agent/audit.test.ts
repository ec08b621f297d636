import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { memberIn, type TestMember } from './member.ts';

/** What a member's disk went through since the last call, oldest first. */
function told({ journal }: TestMember): string[] {
  const rows = journal.audits(100).reverse();
  journal.pruneAudit(Number.MAX_SAFE_INTEGER, 0);
  return rows.map(({ op, kind, path, size, author, version }) => `${op} ${kind} ${path} ${size} from ${author} in ${version}`).sort();
}

test('every addition, deletion and change of metadata or kind is audited, with who asked for it and in which record', async () => {
  const home = temporaryDirectory();
  const [a, b] = [memberIn(home, 'a'), memberIn(home, 'b')];
  mkdirSync(join(a.root, 'd/e'), { recursive: true });
  for (const path of ['d/x', 'd/e/y', 'kind', 'mode']) writeFileSync(join(a.root, path), path);
  symlinkSync('d/x', join(a.root, 'l'));
  const before = Date.now();
  await a.cycle();
  await b.cycle();
  expect(b.journal.audits(1)[0]?.atMs).toBeGreaterThanOrEqual(before - 1000);
  expect(told(b)).toEqual([
    'put dir d null from a in 1',
    'put dir d/e null from a in 1',
    'put file d/e/y 5 from a in 1',
    'put file d/x 3 from a in 1',
    'put file kind 4 from a in 1',
    'put file mode 4 from a in 1',
    'put link l null from a in 1',
  ]);
  writeFileSync(join(a.root, 'd/x'), 'longer than before');
  for (const path of ['d/e', 'kind', 'l']) rmSync(join(a.root, path), { recursive: true });
  mkdirSync(join(a.root, 'kind'));
  symlinkSync('mode', join(a.root, 'l'));
  for (const [path, mode] of [['mode', 0o600] as const, ['d', 0o700] as const]) chmodSync(join(a.root, path), mode);
  await a.cycle();
  await b.cycle();
  expect(told(b)).toEqual([
    'delete dir d/e null from a in 2',
    'delete file d/e/y 5 from a in 2',
    'delete file kind 4 from a in 2',
    'metadata dir d null from a in 2',
    'metadata file mode 4 from a in 2',
    'put dir kind null from a in 2',
    'put file d/x 18 from a in 2',
    'put link l null from a in 2',
  ]);
  // What was made here, or stood here already, was not applied.
  expect(told(a)).toEqual([]);
  await b.cycle();
  expect(told(b)).toEqual([]);
});

test('a directory that stays for what is not in the log was not deleted; what a join displaces was', async () => {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a');
  const b = memberIn(home, 'b', { config: { exclude: ['*.tmp'] } });
  mkdirSync(join(a.root, 'd'));
  writeFileSync(join(a.root, 'd/x'), 'x1');
  writeFileSync(join(a.root, 'other'), 'o1');
  await a.cycle();
  writeFileSync(join(b.root, 'mine'), 'only on b');
  await b.cycle();
  expect(told(b)).toContain('delete file mine 9 from  in 0');
  writeFileSync(join(b.root, 'd/x.tmp'), '');
  rmSync(join(a.root, 'd'), { recursive: true });
  await a.cycle();
  await b.cycle();
  expect(told(b)).toEqual(['delete file d/x 2 from a in 2']);
});
