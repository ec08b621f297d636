import { copyFileSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { contentHash } from '../../src/model/digest.ts';
import { codesOf, expectSound, flipBit, type Museum, museum, reportOf } from './support/museum.ts';

interface Exhibit {
  readonly damage: (museum: Museum) => void;
  /** What a member that took part finds. */
  readonly found: readonly string[];
  /** Exit code of that; 1 when left out. */
  readonly code?: number;
}

/** Each is mended by one `verify --repair` of the member that has everything. */
const exhibits: Record<string, Exhibit> = {
  'a missing pack': { damage: ({ newPack }) => rmSync(newPack), found: ['content-lost', 'pack-missing'] },
  'a truncated pack': { damage: ({ newPack }) => truncateSync(newPack, 50_000), found: ['content-lost', 'pack-short'] },
  'a pack with one bit flipped': { damage: ({ newPack }) => flipBit(newPack, 70_000), found: ['content-lost', 'pack-damaged'] },
  'a missing body': { damage: ({ objects }) => rmSync(objects('bodies')[0] as string), found: ['body-missing'] },
  'a damaged body': { damage: ({ objects }) => flipBit(objects('bodies')[0] as string, 100), found: ['body-damaged'] },
  'a missing record': { damage: ({ forged }) => rmSync(forged.file(2)), found: ['content-lost', 'record-missing'] },
  'a missing first record': { damage: ({ forged }) => rmSync(forged.file(1)), found: ['record-missing'] },
  'a damaged record': { damage: ({ forged }) => flipBit(forged.file(2), 80), found: ['content-lost', 'record-damaged'] },
  'a truncated newest record': { damage: ({ forged }) => truncateSync(forged.file(3), 40), found: ['record-damaged'] },
  'a record in the place of another': {
    damage: ({ forged }) => copyFileSync(forged.file(3), forged.file(2)),
    found: ['content-lost', 'record-damaged'],
  },
  'a rewritten record': {
    damage: ({ forged }) => rewrite(forged, 2),
    found: ['record-rewritten', 'share-halted'],
    code: 3,
  },
  'a missing format.json': { damage: ({ bucket }) => rmSync(join(bucket, 'format.json')), found: ['format-missing'] },
  'a damaged format.json': { damage: ({ bucket }) => truncateSync(join(bucket, 'format.json'), 100), found: ['format-damaged'] },
};

/** A valid record of this share that nobody wrote: its own hash and its predecessor are right. */
function rewrite(forged: Museum['forged'], sequence: number): void {
  const later = [];
  for (let number = sequence; number <= 3; number++) later.push(readFileSync(forged.file(number)));
  for (let number = sequence; number <= 3; number++) rmSync(forged.file(number));
  forged.append({ kind: 'need', hashes: ['a'.repeat(64)] });
  for (const [at, bytes] of later.slice(1).entries()) writeFileSync(forged.file(sequence + 1 + at), bytes);
}

for (const [name, { damage, found, code = 1 }] of Object.entries(exhibits)) {
  test(`museum: ${name} is found, and mended from the member that has it`, async () => {
    const one = await museum();
    damage(one);
    expect(await codesOf(one.a, code)).toEqual(found);
    expect(await codesOf(one.a, 0, '--repair')).toEqual([]);
    await expectSound(one);
  });
}

test('museum: what this disk does not have is asked for, and comes from the trash of another member', async () => {
  const one = await museum();
  rmSync(one.oldPack);
  expect(await codesOf(one.a, 1)).toEqual(['content-lost', 'content-lost', 'content-lost', 'pack-missing']);
  const repaired = await reportOf(one.a, 1, '--repair');
  expect(repaired.repaired.join('\n')).toContain('asked for 1 content');
  expect(repaired.flaws.map((flaw: { code: string }) => flaw.code).sort()).toEqual(['content-lost', 'pack-missing']);
  await one.b.sync();
  // Nobody looks for it in the missing pack any more.
  expect(await codesOf(one.a, 0)).toEqual([]);
  await expectSound(one);
});

test('museum: a missing pack whose contents lie elsewhere as well harms nobody, and is taken out of use', async () => {
  const one = await museum();
  const [id, bytes] = ['d'.repeat(32), readFileSync(one.newPack)];
  copyFileSync(one.newPack, join(one.bucket, 'packs', id));
  const place = { hash: contentHash(bytes), size: bytes.length, pack: id, offset: 0, length: bytes.length, codec: 'none' as const };
  one.forged.append({ kind: 'pack', locations: [place], inline: [] });
  rmSync(one.newPack);
  expect((await reportOf(one.a, 0)).flaws).toMatchObject([{ code: 'pack-missing', harmful: false }]);
  expect(await codesOf(one.a, 0, '--repair')).toEqual([]);
  await expectSound(one);
});

test('museum: a record that this member no longer holds is asked for, and another one puts it back', async () => {
  const one = await museum();
  const second = readFileSync(one.forged.file(2));
  await one.newcomer.run('sync');
  rmSync(join(one.newcomer.state, 'webroot.journal'));
  rmSync(one.forged.file(2));
  const repaired = await reportOf(one.newcomer, 1, '--repair');
  expect(repaired.repaired).toContain('the other members are asked for record 2');
  await one.b.sync();
  expect(readFileSync(one.forged.file(2)).equals(second)).toBe(true);
  await one.newcomer.run('sync');
  await expectSound(one);
});

test('museum: a rewritten newest record may be another history: verify tells it and changes nothing', async () => {
  const one = await museum();
  rewrite(one.forged, 3);
  const forged = readFileSync(one.forged.file(3));
  for (const args of [[], ['--repair']]) expect(await codesOf(one.a, 3, ...args)).toEqual(['record-rewritten', 'share-halted']);
  expect(readFileSync(one.forged.file(3)).equals(forged)).toBe(true);
});

test('museum: objects that nothing refers to are counted, and are no problem', async () => {
  const one = await museum();
  const extra = { packs: 'e'.repeat(32), bodies: 'f'.repeat(32), 'something/else': 'x' };
  for (const [folder, name] of Object.entries(extra)) {
    mkdirSync(join(one.bucket, folder), { recursive: true });
    writeFileSync(join(one.bucket, folder, name), 'extra');
  }
  const report = await reportOf(one.a, 0);
  expect(report.flaws).toEqual([]);
  expect(report.counts).toMatchObject({ orphans: 3, orphanBytes: 15, packs: 2, records: 3, bodies: 1 });
  await expectSound(one);
});
