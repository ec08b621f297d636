import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Entry } from '../../src/model/entry.ts';
import { scan } from '../../src/steps/scan.ts';
import { bench } from '../adapters/disk-fixture.ts';
import { newJournal } from '../adapters/sqlite-fixture.ts';

const directory: Entry = { kind: 'dir', mode: 0o755, owner: null, group: null };
const link: Entry = { kind: 'link', target: 'nowhere', owner: null, group: null };

test('R-D1: a directory that is mounted over between the look at it and the walk into it hides its children, and has lost none', () => {
  const { root, tree } = bench();
  const journal = newJournal();
  mkdirSync(join(root, 'd'));
  writeFileSync(join(root, 'd', 'of the mount'), '');
  journal.putAgreed({ path: 'd', entry: directory, version: 1, stamp: null });
  journal.putAgreed({ path: 'd/child', entry: link, version: 1, stamp: null });
  const mounted = {
    ...tree,
    readDirectory: (path: string, keep: (name: string, isDirectory: boolean) => boolean) => {
      const listing = tree.readDirectory(path, keep);
      return path === 'd' ? { ...listing, dev: listing.dev + 1 } : listing;
    },
  };
  const scanned = scan({ tree: mounted, journal, nowUs: Date.now() * 1000 }, () => false);
  expect(scanned.missing).toEqual([]);
  expect(scanned.found.map(({ path }) => path)).toEqual(['d']);
  expect(scanned.unknown).toEqual(['d']);
  expect(scanned.problems.map(({ code }) => code)).toEqual(['mount-inside']);
});

test('R-D1: rights and owner of a mount point are no edit of the directory that it hides', () => {
  const { root, tree } = bench();
  const journal = newJournal();
  mkdirSync(join(root, 'd'));
  journal.putAgreed({ path: 'd', entry: directory, version: 1, stamp: null });
  const mounted = {
    ...tree,
    readDirectory: (path: string, keep: (name: string, isDirectory: boolean) => boolean) => {
      const listing = tree.readDirectory(path, keep);
      return { ...listing, statAt: (index: number) => ({ ...listing.statAt(index), dev: listing.dev + 1, mode: 0o1777 }) };
    },
  };
  const scanned = scan({ tree: mounted, journal, nowUs: Date.now() * 1000 }, () => false);
  expect([scanned.found, scanned.missing, scanned.unknown]).toEqual([[], [], ['d']]);
});
