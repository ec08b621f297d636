import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { forgetLineage } from '../../src/agent/lineage.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { housekept } from './housekept.ts';
import { memberIn, type TestMember } from './member.ts';

/** Leaves nothing superseded in a snapshot: as after the whole retention. */
const everythingOld = Date.now() * 2;
const horizons: [string, number][] = [
  ['within retention', 0],
  ['beyond retention', everythingOld],
];

function put(member: TestMember, path: string, text: string): void {
  mkdirSync(join(member.root, path, '..'), { recursive: true });
  writeFileSync(join(member.root, path), text);
}

function read(member: TestMember, path: string): string | undefined {
  return existsSync(join(member.root, path)) ? readFileSync(join(member.root, path), 'utf8') : undefined;
}

function texts(member: TestMember, paths: readonly string[]): Record<string, string | undefined> {
  return Object.fromEntries(paths.map((path) => [path, read(member, path)]));
}

async function settle(members: readonly TestMember[]): Promise<void> {
  for (let round = 0; round < 2; round++) for (const member of members) await member.cycle();
  const [first, ...others] = members as [TestMember, ...TestMember[]];
  for (const other of others) {
    expect(other.journal.meta('digest')).toBe(first.journal.meta('digest'));
    expect(other.journal.wants()).toEqual([]);
  }
}

function copy(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  cpSync(from, to, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
}

/** a and b hold gone, changed and kept; b can be set back to this state. */
async function pair() {
  const home = temporaryDirectory();
  const [a, b] = [memberIn(home, 'a'), memberIn(home, 'b')];
  for (const name of ['gone', 'changed', 'kept']) put(a, name, `${name} 1`);
  await a.cycle();
  await b.cycle();
  const bucket = housekept(join(home, 'bucket'), join(home, 'scratch'));
  const [state, disk] = [join(home, 'b', 'state'), join(home, 'b', 'html')];
  const back = { state: join(home, 'backup', 'state'), disk: join(home, 'backup', 'html') };
  const save = (what: 'state' | 'disk') => {
    b.journal.flush();
    copy(what === 'state' ? state : disk, back[what]);
  };
  const restore = (what: 'state' | 'disk') => copy(back[what], what === 'state' ? state : disk);
  return { home, a, b, bucket, state, save, restore };
}

/** a deletes and changes; then nothing below the newest snapshot is left. */
async function goOn(a: TestMember, bucket: ReturnType<typeof housekept>, cutoffMs: number): Promise<void> {
  rmSync(join(a.root, 'gone'));
  put(a, 'changed', 'changed 2');
  await a.cycle();
  const { upTo } = await bucket.compact({ cutoffMs });
  await a.cycle();
  bucket.forget(upTo);
}

test.each([
  ['reaches back to the last known position: news is published', 0, 'made on b'],
  ['does not reach back: what is only here goes to the trash', everythingOld, undefined],
])('R-J3: a journal is lost, and the history %s', async (_, cutoffMs, made) => {
  const { home, a, bucket, state } = await pair();
  await goOn(a, bucket, cutoffMs);
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(state, `webroot.journal${suffix}`), { force: true });
  const b = memberIn(home, 'b');
  put(b, 'made', 'made on b');
  const outcome = await b.cycle();
  expect(outcome.halt).toBeNull();
  expect(outcome.events.join('\n')).toContain('the journal of share webroot was missing');
  await settle([a, b]);
  for (const member of [a, b])
    expect(texts(member, ['gone', 'changed', 'kept', 'made'])).toEqual({ gone: undefined, changed: 'changed 2', kept: 'kept 1', made });
  expect(b.journal.trash().map(({ path }) => path)).toContain('gone');
  if (made === undefined) expect(b.journal.trash().map(({ path }) => path)).toContain('made');
});

test.each(horizons)('R-J1: a golden image with an old tree brings nothing back, %s', async (_, cutoffMs) => {
  const { home, a, b, bucket } = await pair();
  await goOn(a, bucket, cutoffMs);
  const image = memberIn(home, 'image');
  copy(b.root, image.root);
  put(image, 'of-the-image', 'never in the share');
  const outcome = await image.cycle();
  expect(outcome.events.join('\n')).toContain('go to the trash: ');
  await settle([a, image]);
  expect(texts(image, ['gone', 'changed', 'kept', 'of-the-image'])).toEqual({
    ...{ gone: undefined, changed: 'changed 2', kept: 'kept 1', 'of-the-image': undefined },
  });
  expect(
    image.journal
      .trash()
      .map(({ path }) => path)
      .sort(),
  ).toEqual(['changed', 'gone', 'of-the-image']);
});

test.each([
  ['of then, within retention', 'then', 0],
  ['of now, within retention', 'now', 0],
  ['of then, beyond retention', 'then', everythingOld],
  ['of now, beyond retention', 'now', everythingOld],
])('R-J4: an old journal comes back with the disk %s, below the horizon: nothing old is published', async (_, disk, cutoffMs) => {
  const { home, a, b, bucket, save, restore } = await pair();
  save('state');
  save('disk');
  put(b, 'own', 'of b, published after the backup');
  await b.cycle();
  await a.cycle();
  await goOn(a, bucket, cutoffMs);
  await b.cycle();
  restore('state');
  if (disk === 'then') restore('disk');
  const back = memberIn(home, 'b');
  put(back, 'new/at-once', 'made before the first cycle');
  const first = await back.cycle();
  expect(first.halt).toBeNull();
  expect(first.events[0]).toContain('ahead of its journal');
  await settle([a, back]);
  for (const member of [a, back]) expect(read(member, 'new/at-once')).toBe('made before the first cycle');
  put(back, 'fresh', 'made after the restore');
  await settle([back, a]);
  for (const member of [a, back])
    expect(texts(member, ['gone', 'changed', 'own', 'fresh'])).toEqual({
      ...{ gone: undefined, changed: 'changed 2', own: 'of b, published after the backup', fresh: 'made after the restore' },
    });
});

test.each(horizons)('R-J4: a restored journal below the horizon brings back nothing that it never knew, %s', async (_, cutoffMs) => {
  const { home, a, b, bucket, save, restore } = await pair();
  save('state');
  put(a, 'between', 'came and went');
  await a.cycle();
  await b.cycle();
  save('disk');
  rmSync(join(a.root, 'between'));
  await a.cycle();
  await goOn(a, bucket, cutoffMs);
  await b.cycle();
  restore('state');
  restore('disk');
  const back = memberIn(home, 'b');
  expect((await back.cycle()).events[0]).toContain('ahead of its journal');
  await settle([a, back]);
  for (const member of [a, back]) expect(texts(member, ['between', 'gone'])).toEqual({ between: undefined, gone: undefined });
  expect(back.journal.trash().map(({ path }) => path)).toContain('between');
});

test('R-J4: two machines with one disk image and one name, both at work at once, below the horizon and above it', async () => {
  for (const horizon of [false, true]) {
    const { home, a, b, bucket } = await pair();
    b.journal.flush();
    copy(join(home, 'b'), join(home, 'clone'));
    if (horizon) await goOn(a, bucket, 0);
    const clone = memberIn(home, 'clone');
    for (let round = 0; round < 3; round++) {
      put(b, `of-b-${round}`, 'b');
      put(clone, `of-the-clone-${round}`, 'clone');
      put(clone, 'kept', `round ${round}`);
      await Promise.all([b.cycle(), clone.cycle()]);
    }
    await settle([a, b, clone]);
    expect(b.agent.ports.member.id).not.toBe(clone.agent.ports.member.id);
    for (const member of [a, b, clone]) {
      for (let round = 0; round < 3; round++) {
        expect(read(member, `of-b-${round}`)).toBe('b');
        expect(read(member, `of-the-clone-${round}`)).toBe('clone');
      }
      expect(read(member, 'kept')).toBe('round 2');
      expect(read(member, 'gone')).toBe(horizon ? undefined : 'gone 1');
    }
  }
});

test('R-L3: an emptied bucket, and one that was set back behind a snapshot: the union deletes nothing', async () => {
  for (const what of ['emptied', 'set back'] as const) {
    const { a, b, bucket, home } = await pair();
    await goOn(a, bucket, 0);
    const kept = join(home, 'kept');
    copy(bucket.share, kept);
    put(a, 'later', 'after the backup of the bucket');
    await a.cycle();
    await b.cycle();
    rmSync(bucket.share, { recursive: true });
    if (what === 'set back') copy(kept, bucket.share);
    for (const member of [a, b]) {
      const outcome = await member.cycle();
      // Whoever comes second may find that the other one has begun again.
      expect(['log-shorter', 'another-history', 'another-share', 'bucket-emptied']).toContain(outcome.halt?.code);
      forgetLineage(member.journal);
      await member.cycle();
    }
    await settle([a, b]);
    for (const member of [a, b])
      expect(texts(member, ['gone', 'changed', 'kept', 'later'])).toEqual({
        ...{ gone: undefined, changed: 'changed 2', kept: 'kept 1', later: 'after the backup of the bucket' },
      });
  }
});
