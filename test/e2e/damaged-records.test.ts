import { copyFileSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type ForgedLog, forgedLog } from './support/forge.ts';
import { expectEqual, scenario, settled } from './support/pair.ts';

/** Three members; record 1 is known to all but c, records 2 and 3 only to their author a. */
async function threeMembers() {
  const { member, bucket, log } = scenario(['a', 'b', 'c']);
  const [a, b, c] = [member('a'), member('b'), member('c')];
  await settled(a, b, { x: 'x1', 'd/f': 'f1', bystander: 'stays' });
  a.put({ two: 'second' });
  await a.sync();
  a.put({ three: 'third' });
  await a.sync();
  return { a, b, c, log, forged: forgedLog(bucket) };
}

const damages: Record<string, (file: string) => void> = {
  truncated: (file) => truncateSync(file, 60),
  'with one bit flipped': (file) => {
    const bytes = readFileSync(file);
    bytes.writeUInt8(bytes.readUInt8(80) ^ 1, 80);
    writeFileSync(file, bytes);
  },
  'replaced by random bytes': (file) => writeFileSync(file, Buffer.from('5bf0361ca7'.repeat(100), 'hex')),
  'of zero bytes': (file) => truncateSync(file, 0),
  'replaced by 100 MB of zeros': (file) => {
    truncateSync(file, 0);
    truncateSync(file, 100e6);
  },
};

const places = [
  { sequence: 3, place: 'the newest record' },
  { sequence: 2, place: 'a record in the middle' },
];

for (const { sequence, place } of places) {
  const some = Object.entries(damages).filter(([damage]) => sequence === 3 || damage === 'truncated' || damage === 'of zero bytes');
  for (const [damage, act] of some) {
    test(`R-B2: ${place}, ${damage}, is waited for by all and put back by who has it`, async () => {
      const { a, b, c, log, forged } = await threeMembers();
      const genuine = readFileSync(forged.file(sequence));
      act(forged.file(sequence));
      b.put({ edit: 'made on b' });
      const told = await b.sync(1);
      expect(told.stderr).toContain(`record ${sequence} of the log cannot be used`);
      expect((await b.sync(1)).stderr).toBe('');
      await c.sync(1);
      expect(b.names()).toEqual(expect.arrayContaining(['bystander', 'd', 'd/f', 'edit', 'x']));
      expect(b.read('two')).toBe(sequence === 3 ? 'second' : undefined);
      await a.sync();
      expect(readFileSync(forged.file(sequence)).equals(genuine)).toBe(true);
      await everybody(a, b, c);
      expect(a.read('edit')).toBe('made on b');
      expect(log().every((name) => /^\d{16}$/.test(name))).toBe(true);
    });
  }
}

async function everybody(...members: Awaited<ReturnType<typeof threeMembers>>['a'][]): Promise<void> {
  for (const member of members) await member.run('sync');
  for (const member of members) await member.sync();
  for (const member of members) expectEqual(members[0] as (typeof members)[0], member);
}

const mixUps: Record<string, (forged: ForgedLog) => void> = {
  'two records swapped': (forged) => {
    renameSync(forged.file(2), `${forged.file(2)}.x`);
    renameSync(forged.file(3), forged.file(2));
    renameSync(`${forged.file(2)}.x`, forged.file(3));
  },
  'the newest replaced by its neighbour': (forged) => copyFileSync(forged.file(2), forged.file(3)),
  'one in the middle replaced by its neighbour': (forged) => copyFileSync(forged.file(3), forged.file(2)),
  'one in the middle removed': (forged) => rmSync(forged.file(2)),
};

for (const [mixUp, act] of Object.entries(mixUps)) {
  test(`R-B2: ${mixUp}: waited for and put back, nothing is skipped`, async () => {
    const { a, b, c, forged } = await threeMembers();
    act(forged);
    await b.sync(1);
    await c.sync(1);
    await a.sync();
    await everybody(a, b, c);
    expect(c.read('two')).toBe('second');
  });
}

test('R-L3: a log that has become shorter halts who knows more, and nothing is lost or deleted', async () => {
  const { a, b, forged } = await threeMembers();
  rmSync(forged.file(3));
  const halted = await a.sync(3);
  expect(halted.stderr).toContain('shorter');
  a.put({ four: 'not published' });
  a.remove('bystander');
  expect((await a.sync(3)).stderr).toBe('');
  await b.sync();
  expect(b.read('bystander')).toBe('stays');
  expect(a.read('three')).toBe('third');
});
