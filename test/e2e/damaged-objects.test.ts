import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { documented } from '../documented.ts';
import { type Actor, expectEqual, scenario, settled } from './support/pair.ts';

const damages: Record<string, (file: string) => void> = {
  removed: (file) => rmSync(file),
  truncated: (file) => truncateSync(file, 50),
  'with one bit flipped': (file) => {
    const bytes = readFileSync(file);
    bytes.writeUInt8(bytes.readUInt8(40) ^ 1, 40);
    writeFileSync(file, bytes);
  },
  'replaced by zeros': (file) => {
    truncateSync(file, 0);
    truncateSync(file, 30e6);
  },
};

function objects(bucket: string, folder: string): string[] {
  return readdirSync(join(bucket, folder)).map((name) => join(bucket, folder, name));
}

/** So many long names that the change list does not fit into the record. */
function longList() {
  return Object.fromEntries(Array.from({ length: 1300 }, (_, i) => [`many/${randomBytes(120).toString('hex')}`, `c${i}`]));
}

for (const [damage, act] of Object.entries(damages)) {
  test(`R-B2: a body ${damage} is waited for and put back by who has it`, async () => {
    const { member, bucket } = scenario(['a', 'b']);
    const [a, b] = [member('a'), member('b')];
    await settled(a, b, { x: 'x1' });
    a.put(longList());
    await a.sync();
    const bodies = objects(bucket, 'bodies');
    expect(bodies).toHaveLength(1);
    bodies.forEach(act);
    expect((await b.sync(1)).stderr).toContain('its body');
    await a.sync();
    await b.sync();
    expectEqual(a, b);
  });

  test(`R-B3: a pack ${damage} holds up its own paths only, and who has the content sends it again`, async () => {
    const { member, bucket } = scenario(['a', 'b']);
    const [a, b] = [member('a'), member('b')];
    await settled(a, b, { x: 'x1', gone: 'g1' });
    a.put({ big: randomBytes(90_000), other: randomBytes(200), 'dir/third': randomBytes(200) });
    await a.sync();
    const packs = objects(bucket, 'packs');
    expect(packs).toHaveLength(1);
    packs.forEach(act);
    a.put({ later: 'inline' });
    a.remove('gone');
    await a.sync();
    b.put({ mine: 'from b' });
    expect((await b.sync(1)).stderr).toMatch(documented('content-missing'));
    expect((await b.sync(1)).stderr).toBe('');
    expect([b.read('later'), b.read('mine'), b.read('gone')]).toEqual(['inline', 'from b', undefined]);
    await a.sync();
    await b.sync();
    expectEqual(a, b);
  });
}

const formats: Record<string, (file: string) => void> = {
  'that is not JSON': (file) => writeFileSync(file, 'junk'),
  'of zero bytes': (file) => truncateSync(file, 0),
  'of a newer format': (file) => writeFileSync(file, '{"format": 7}'),
  'of 100 MB': (file) => truncateSync(file, 100e6),
  'with limits beyond reason': (file) => edit(file, (format) => Object.assign(format.limits as object, { frameBytesMax: 1e15 })),
  'with another share id': (file) => edit(file, (format) => Object.assign(format, { share: '0'.repeat(32) })),
};

function edit(file: string, change: (format: Record<string, unknown>) => void): void {
  const format = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  change(format);
  writeFileSync(file, JSON.stringify(format));
}

async function withNewcomer(): Promise<{ a: Actor; b: Actor; c: Actor; format: string }> {
  const { member, bucket } = scenario(['a', 'b', 'c']);
  const [a, b, c] = [member('a'), member('b'), member('c')];
  await settled(a, b, { x: 'x1' });
  c.put({ own: 'on c' });
  return { a, b, c, format: join(bucket, 'format.json') };
}

for (const [what, act] of Object.entries(formats)) {
  test(`R-L3, R-L7: a format.json ${what} halts a newcomer and harms nobody`, async () => {
    const { a, b, c, format } = await withNewcomer();
    act(format);
    const damaged = readFileSync(format);
    expect((await c.sync(3)).stderr).not.toBe('');
    expect((await c.sync(3)).stderr).toBe('');
    expect(c.names()).toEqual(['own']);
    a.put({ more: 'goes on' });
    await a.sync();
    await b.sync();
    expectEqual(a, b);
    expect(readFileSync(format).equals(damaged)).toBe(true);
  });
}

test('R-B2: a missing format.json is put back, never made anew', async () => {
  const { a, c, format } = await withNewcomer();
  const before = readFileSync(format);
  rmSync(format);
  await c.sync(3);
  expect(existsSync(format)).toBe(false);
  await a.sync();
  expect(readFileSync(format).equals(before)).toBe(true);
  await c.run('sync');
  await c.sync();
  expectEqual(a, c);
});

test('R-J4: unusable heartbeats, however large, stop nobody', async () => {
  const { member, bucket } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  await settled(a, b, { x: 'x1' });
  for (const junk of ['[]', 'null', '', '{"id":"x","name":"y","cursor":1e300}', 'x'.repeat(1_000_000)]) {
    for (const name of [...readdirSync(join(bucket, 'members')), 'strange']) writeFileSync(join(bucket, 'members', name), junk);
    a.put({ [`after-${junk.length}`]: 'news' });
    await a.sync();
    await b.sync();
    await b.sync();
    expectEqual(a, b);
  }
});
