import { expect, test } from 'vitest';
import { comparePaths } from '../../src/model/path.ts';
import { newJournal } from './sqlite-fixture.ts';
import { agreed, dir, file, hashOf, hostileNames, link, stamp } from './sqlite-rows.ts';

test('rows of every kind come back as they were put', () => {
  const journal = newJournal();
  const chunks = [
    { hash: hashOf(8), size: 5 },
    { hash: hashOf(9), size: 0 },
  ];
  const rows = [
    agreed('a', { entry: file(3, { mtimeUs: -1, owner: null, group: '\u00fc' }) }),
    agreed('b', { entry: file(4, { chunks, size: 2 ** 52 }), version: 2 ** 40 }),
    agreed('c', { entry: file(0, { chunks: [], size: 0 }), stamp: null }),
    agreed('d', { entry: dir }),
    agreed('e', { entry: link, stamp: { ...stamp, racy: false } }),
  ];
  for (const row of rows) journal.putAgreed(row);
  expect(rows.map(({ path }) => journal.agreed(path))).toEqual(rows);
  expect(journal.agreedChildren('')).toEqual(rows);
  expect(journal.agreed('nothing')).toBeNull();
});

test('inodes and times beyond 63 bits are kept, as some file systems give them', () => {
  const journal = newJournal();
  const huge = { ...stamp, ino: 2 ** 64 - 2 ** 12, mtimeKey: 1e22, ctimeKey: -1e22, mtimeUs: 9e24 };
  journal.putAgreed(agreed('a', { stamp: huge }));
  expect(journal.agreed('a')?.stamp).toEqual(huge);
});

test('putting again replaces the whole row', () => {
  const journal = newJournal();
  journal.putAgreed(agreed('a', { entry: file(1) }));
  journal.putAgreed(agreed('a', { entry: link, version: 9, stamp: null }));
  expect(journal.agreedChildren('')).toEqual([agreed('a', { entry: link, version: 9, stamp: null })]);
  expect(journal.agreedByHash(hashOf(1), 9)).toEqual([]);
});

test('hostile names round-trip and are listed in byte order', () => {
  const journal = newJournal();
  for (const name of hostileNames) {
    journal.putAgreed(agreed(name, { entry: dir }));
    journal.putAgreed(agreed(`${name}/${name}`));
  }
  const inOrder = [...hostileNames].sort((a, b) => Buffer.from(a, 'latin1').compare(Buffer.from(b, 'latin1')));
  expect(journal.agreedChildren('').map(({ path }) => path)).toEqual(inOrder);
  expect(journal.agreedBelow('')).toHaveLength(2 * hostileNames.length);
  for (const name of hostileNames) {
    expect(journal.agreedBelow(name).map(({ path }) => path)).toEqual([`${name}/${name}`]);
    journal.dropAgreed(`${name}/${name}`);
    expect(journal.agreed(`${name}/${name}`)).toBeNull();
  }
  expect(journal.agreedBelow('')).toHaveLength(hostileNames.length);
});

test('a subtree holds every depth, ancestors first, and no neighbour with the same beginning', () => {
  const journal = newJournal();
  const below = ['a/b', 'a/b/c', 'a/b/c/d', 'a/z'];
  const beside = ['a', 'a!/x', 'a-b', 'a.b/c', 'a0/c', 'ab/c', 'b/a/c'];
  for (const path of [...beside, ...below]) journal.putAgreed(agreed(path));
  const found = journal.agreedBelow('a').map(({ path }) => path);
  expect([...found].sort(comparePaths)).toEqual(below);
  for (const path of found) expect(found.slice(found.indexOf(path)).some((later) => path.startsWith(`${later}/`))).toBe(false);
  expect(journal.agreedBelow('')).toHaveLength(beside.length + below.length);
});

test('files are found by content, at most as many as asked for', () => {
  const journal = newJournal();
  for (const path of ['b', 'a/x', 'c']) journal.putAgreed(agreed(path, { entry: file(7) }));
  journal.putAgreed(agreed('d', { entry: file(8) }));
  expect(journal.agreedByHash(hashOf(7), 9).map(({ path }) => path)).toEqual(['b', 'c', 'a/x']);
  expect(journal.agreedByHash(hashOf(7), 2)).toHaveLength(2);
  expect(journal.agreedByHash(hashOf(6), 9)).toEqual([]);
});

test('the count tells kinds apart and adds the bytes of files', () => {
  const journal = newJournal();
  expect(journal.agreedCount()).toEqual({ files: 0, directories: 0, links: 0, bytes: 0 });
  journal.putAgreed(agreed('a', { entry: dir }));
  journal.putAgreed(agreed('a/b', { entry: file(1) }));
  journal.putAgreed(agreed('a/c', { entry: file(2) }));
  journal.putAgreed(agreed('a/d', { entry: link }));
  expect(journal.agreedCount()).toEqual({ files: 2, directories: 1, links: 1, bytes: 30 });
});

test('a stamp is replaced alone, and taken away', () => {
  const journal = newJournal();
  journal.putAgreed(agreed('a'));
  journal.putStamp('a', { ...stamp, ino: 5, racy: false });
  expect(journal.agreed('a')).toEqual(agreed('a', { stamp: { ...stamp, ino: 5, racy: false } }));
  journal.putStamp('a', null);
  expect(journal.agreed('a')).toEqual(agreed('a', { stamp: null }));
  journal.putStamp('missing', stamp);
  expect(journal.agreed('missing')).toBeNull();
});

test('what changes a row forgets the digest of its directory, and of no other', () => {
  const journal = newJournal();
  const changes = [() => journal.putAgreed(agreed('d/x')), () => journal.putStamp('d/x', null), () => journal.dropAgreed('d/x')];
  for (const change of changes) {
    for (const directory of ['', 'd', 'd/x', 'e']) journal.putDirectoryDigest(directory, `digest of ${directory}`);
    expect(journal.directoryDigest('d')).toBe('digest of d');
    change();
    expect(journal.directoryDigest('d')).toBeUndefined();
    for (const directory of ['', 'd/x', 'e']) expect(journal.directoryDigest(directory)).toBe(`digest of ${directory}`);
  }
});

test('dropping a directory forgets its own digest and all below', () => {
  const journal = newJournal();
  journal.putAgreed(agreed('p/d', { entry: dir }));
  for (const directory of ['p', 'p/d', 'p/d/e', 'p/d/e/f', 'p/d!', 'p/d0', 'p/e']) journal.putDirectoryDigest(directory, 'x');
  journal.dropAgreed('p/d');
  const left = ['p', 'p/d', 'p/d/e', 'p/d/e/f', 'p/d!', 'p/d0', 'p/e'].filter((at) => journal.directoryDigest(at) !== undefined);
  expect(left).toEqual(['p/d!', 'p/d0', 'p/e']);
});

test('distrust makes every stamp racy, forgets every digest, and takes no row', () => {
  const journal = newJournal();
  journal.putAgreed(agreed('a'));
  journal.putAgreed(agreed('d', { entry: dir }));
  journal.putDirectoryDigest('', 'x');
  journal.distrustAllStamps();
  expect(journal.agreedChildren('')).toEqual([
    agreed('a', { stamp: { ...stamp, racy: true } }),
    agreed('d', { entry: dir, stamp: { ...stamp, racy: true } }),
  ]);
  expect(journal.directoryDigest('')).toBeUndefined();
});

test('all digests are forgotten at once', () => {
  const journal = newJournal();
  journal.putDirectoryDigest('', 'x');
  journal.putDirectoryDigest('a/b', 'y');
  journal.forgetDirectoryDigests();
  expect([journal.directoryDigest(''), journal.directoryDigest('a/b')]).toEqual([undefined, undefined]);
});

test('paths of many contents come in one query, a few for each', () => {
  const journal = newJournal();
  for (const path of ['a', 'd/b', 'd/c', 'e']) journal.putAgreed(agreed(path, { entry: file(path === 'e' ? 2 : 1) }));
  const found = journal.agreedPaths([hashOf(2), hashOf(3), hashOf(1)], 2);
  expect(found).toEqual(
    new Map([
      [hashOf(2), ['e']],
      [hashOf(1), ['a', 'd/b']],
    ]),
  );
});

test('what shows other rights than wanted is found, and null asks for nothing', () => {
  const journal = newJournal();
  const [own, other] = [
    { ...stamp, mode: 0o640, uid: 33, gid: 33 },
    { ...stamp, mode: 0o777, uid: 0, gid: 0 },
  ];
  for (const [name, entry] of [
    ['d', dir],
    ['f', file(1)],
    ['l', link],
  ] as const) {
    journal.putAgreed(agreed(`own-${name}`, { entry, stamp: own }));
    journal.putAgreed(agreed(`other-${name}`, { entry, stamp: other }));
  }
  journal.putAgreed(agreed('unknown', { stamp: null }));
  const none = { fileMode: null, dirMode: null, uid: null, gid: null };
  const unlike = (wanted: Partial<typeof none>) => journal.agreedUnlike({ ...none, ...wanted }).map(({ path }) => path);
  expect(unlike({})).toEqual([]);
  expect(unlike({ fileMode: 0o640 } as object)).toEqual(['other-f']);
  expect(unlike({ dirMode: 0o640 } as object)).toEqual(['other-d']);
  expect(unlike({ uid: 33 } as object)).toEqual(['other-d', 'other-f', 'other-l']);
  expect(unlike({ gid: 0 } as object)).toEqual(['own-d', 'own-f', 'own-l']);
});

test('what does not follow the log in mode or time is counted and listed', () => {
  const journal = newJournal();
  const like = { ...stamp, mode: 0o644, mtimeUs: 5 };
  journal.putAgreed(agreed('like', { entry: file(1, { mode: 0o644, mtimeUs: 5 }), stamp: like }));
  journal.putAgreed(agreed('mode', { entry: file(1, { mode: 0o4644, mtimeUs: 5 }), stamp: like }));
  journal.putAgreed(agreed('time', { entry: file(1, { mode: 0o644, mtimeUs: 6 }), stamp: like }));
  journal.putAgreed(agreed('unknown', { stamp: null }));
  const found = (asked: { file: boolean; dir: boolean }, limit = 9) => {
    const { count, first } = journal.agreedUnfollowed(asked, limit);
    return [count, ...first.map(({ path }) => path)];
  };
  expect(found({ file: true, dir: true })).toEqual([2, 'mode', 'time']);
  expect(found({ file: true, dir: true }, 1)).toEqual([2, 'mode']);
  expect(found({ file: false, dir: true })).toEqual([1, 'time']);
});
