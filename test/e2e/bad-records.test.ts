import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Change } from '../../src/model/change.ts';
import { contentHash } from '../../src/model/digest.ts';
import type { FileEntry } from '../../src/model/entry.ts';
import { birthLimits } from '../../src/model/limits.ts';
import type { Payload, RecordHeader } from '../../src/model/record.ts';
import { encodeFrames } from '../../src/model/record-frames.ts';
import { forgedLog } from './support/forge.ts';
import { type Actor, expectEqual, scenario, settled } from './support/pair.ts';
import { plant } from './support/plant.ts';

const evil = Buffer.from('evil');
const file: FileEntry = {
  kind: 'file',
  mode: 0o644,
  mtimeUs: 0,
  owner: null,
  group: null,
  size: evil.length,
  hash: contentHash(evil),
  chunks: null,
};
const directory = { kind: 'dir', mode: 0o755, owner: null, group: null } as const;
const put = (path: string, base = 0, entry: FileEntry | typeof directory = file): Change => ({ op: 'put', path, base, entry });
const remove = (path: string, base: number): Change => ({ op: 'delete', path, base });

function saying(...changes: Change[]): Payload {
  const inline = [{ hash: file.hash, size: evil.length, codec: 'none' as const, stored: evil }];
  return { kind: 'changes', changeset: '0123456789abcdef', more: false, changes, locations: [], inline };
}

async function attacked() {
  const { member, bucket, federation } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  await settled(a, b, { x: 'x1', 'd/f': 'f1' });
  return { a, b, forged: forgedLog(bucket), directory: federation.directory, bucket };
}

/** Everybody reports the record once, applies nothing of it, and the log goes on behind it. */
async function expectPassedOver(a: Actor, b: Actor): Promise<void> {
  const before = b.names();
  expect((await b.sync(1)).stderr).toContain('record 2');
  expect(b.names()).toEqual(before);
  await b.sync();
  a.put({ later: 'news' });
  expect((await a.sync(1)).stderr).toContain('record 2');
  await b.sync();
  expectEqual(a, b);
  expect([a.read('x'), a.read('d/f'), b.read('later')]).toEqual(['x1', 'f1', 'news']);
}

const bad: Record<string, [Payload, Partial<RecordHeader>?]> = {
  'a path above the root': [saying(put('../../etc/passwd'))],
  'a path with .. inside': [saying(put('d/../../x'))],
  'an absolute path': [saying(put('/etc/cron.d/x'))],
  'a path with NUL': [saying(put('a\0b'))],
  'an empty path': [saying(put(''))],
  'an empty component': [saying(put('d//x'))],
  'a name of 256 bytes': [saying(put('n'.repeat(256)))],
  'a path twice': [saying(put('q'), put('q'))],
  'a base from the future': [saying(put('x', 7))],
  'a base that the path never had': [saying(put('q', 1))],
  'the deletion of what is absent': [saying(remove('nope', 1))],
  'a child below a file': [saying(put('x/y'))],
  'a child of a directory that is not there': [saying(put('nowhere/y'))],
  'a directory deleted from above its children': [saying(remove('d', 1))],
  'a directory with children turned into a file': [saying(put('d', 1))],
  'another number inside': [saying(put('q')), { sequence: 99 }],
};

for (const [what, [payload, header]] of Object.entries(bad)) {
  test(`R-B1: a record with ${what} is passed over by everybody`, async () => {
    const { a, b, forged } = await attacked();
    forged.append(payload, header);
    await expectPassedOver(a, b);
  });
}

const head = '{"changeset":"0123456789abcdef","more":false}';
const malformed: Record<string, [string[], Record<string, unknown>?]> = {
  'of an unknown kind': [[head], { kind: 'surprise' }],
  'with a line of unknown meaning': [[head, '{"o":"zz","p":"q"}']],
  'with a line that is not JSON': [[head, 'nope']],
  'by an author with control characters': [[head], { author: { id: 'f'.repeat(32), name: 'a\u001b[31mb' } }],
  'with more changes than the format allows': [
    [head, ...Array.from({ length: birthLimits.changesMax + 1 }, (_, i) => `{"o":"d","p":"${i}","b":1}`)],
  ],
};

for (const [what, [lines, fields]] of Object.entries(malformed)) {
  test(`R-B1: a record ${what} is passed over by everybody`, async () => {
    const { a, b, forged, bucket } = await attacked();
    const body = what.includes('more changes') ? forged.body(lines) : undefined;
    forged.appendLines(body === undefined ? lines : [head], { ...fields, ...body });
    await expectPassedOver(a, b);
    expect(readFileSync(join(bucket, 'format.json'), 'utf8')).toContain('"format": 1');
  });
}

const unfetchable: Record<string, Payload> = {
  'another size than its content': saying(put('q', 0, { ...file, size: 5 })),
  'a hash that its content does not have': saying(put('q', 0, { ...file, hash: '1'.repeat(64) })),
  'pieces that do not add up': saying(put('q', 0, { ...file, size: 8, chunks: [file, file].map(({ hash, size }) => ({ hash, size })) })),
};

for (const [what, payload] of Object.entries(unfetchable)) {
  test(`R-B3: an entry with ${what} is never placed, and holds up nothing else`, async () => {
    const { a, b, forged } = await attacked();
    forged.append(payload);
    expect((await b.sync(1)).stderr).toContain('q: its content cannot be had');
    a.put({ later: 'news' });
    await a.sync(1);
    expect((await b.sync(1)).stderr).toBe('');
    expect([b.read('q'), b.read('later')]).toEqual([undefined, 'news']);
  });
}

const halting: Record<string, [Payload, Partial<RecordHeader>?]> = {
  'of another share': [saying(put('q')), { share: '1'.repeat(32) }],
  'that follows another record': [saying(put('q')), { previous: '2'.repeat(64) }],
  'that raises the format': [{ kind: 'format', format: 9 }],
};

for (const [what, [payload, header]] of Object.entries(halting)) {
  test(`R-L3, R-L7: a record ${what} halts everybody, and nothing changes`, async () => {
    const { a, b, forged } = await attacked();
    forged.append(payload, header);
    const before = b.names();
    await b.sync(3);
    expect((await b.sync(3)).stderr).toBe('');
    a.put({ later: 'not published' });
    await a.sync(3);
    expect(b.names()).toEqual(before);
    expect(forged.head()).toBe(2);
  });
}

test('R-B1: a bomb is refused by what it announces, quickly', async () => {
  const { a, b, forged } = await attacked();
  const line = `{"o":"p","p":"q","k":"f","pad":"${'a'.repeat(500)}"}`;
  const { stored, rawBytes } = encodeFrames([head, ...Array.from({ length: 60_000 }, () => line)], birthLimits);
  const many = Math.floor((birthLimits.bodyBytesMax * 0.9) / stored.length);
  forged.appendLines([head], forged.bodyOf(Buffer.concat(Array.from({ length: Math.min(many, 8) }, () => stored)), rawBytes * 8));
  const startedMs = performance.now();
  await expectPassedOver(a, b);
  expect(performance.now() - startedMs).toBeLessThan(20_000);
});

for (const role of ['both', 'subscriber']) {
  test(`R-A4: no record writes through a link that stands on the disk of a member with role ${role}`, async () => {
    const { a, b, forged, directory: home } = await attacked();
    const outside = join(home, 'outside');
    plant(outside, { f: 'precious' });
    b.configure(`role: ${role}`);
    b.remove('d');
    b.put({ d: { link: outside } });
    forged.append(saying(put('d/new'), put('d/f', 1)));
    await b.run('sync');
    await b.run('sync');
    await a.run('sync');
    await b.run('sync');
    expect(readFileSync(join(outside, 'f'), 'utf8')).toBe('precious');
    expect(() => readFileSync(join(outside, 'new'))).toThrow();
    expectEqual(a, b);
  });
}
