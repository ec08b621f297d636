import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { documentOf, type Json } from './document.ts';
import { type ForgedLog, forgedLog } from './forge.ts';
import { type Actor, expectEqual, scenario, settled } from './pair.ts';

/** A share with a little of everything: inline contents, a record with a body, packs, an older version, two authors. */
export interface Museum {
  readonly a: Actor;
  readonly b: Actor;
  readonly bucket: string;
  readonly forged: ForgedLog;
  /** A member that has never synced. */
  readonly newcomer: Actor;
  /** Files of a folder of the bucket, sorted by name. */
  objects(folder: string): string[];
  /** The pack that came with the newest change of `big`, and that of its older version. */
  readonly newPack: string;
  readonly oldPack: string;
}

/** Record 1 has a body and the older `big` in its pack; `b` wrote record 2; record 3 has the newer `big`, of which `b` alone has the older one. */
export async function museum(): Promise<Museum> {
  const { member, bucket } = scenario(['a', 'b', 'c']);
  const [a, b, newcomer] = [member('a'), member('b'), member('c')];
  const objects = (folder: string) =>
    readdirSync(join(bucket, folder))
      .sort()
      .map((name) => join(bucket, folder, name));
  const many = Object.fromEntries(Array.from({ length: 1300 }, () => [`many/${randomBytes(120).toString('hex')}`, '']));
  await settled(a, b, { ...many, 'd/f': 'f1', big: randomBytes(90_000), other: randomBytes(100_000) });
  const [oldPack] = objects('packs') as [string];
  b.put({ y: 'y1' });
  await b.sync();
  await settled(a, b, { big: randomBytes(95_000) });
  const newPack = objects('packs').find((pack) => pack !== oldPack) as string;
  return { a, b, bucket, forged: forgedLog(bucket), newcomer, objects, newPack, oldPack };
}

/** What `verify` finds, as its codes in order; the exit code is 0, 1, or 3 for a halted share. */
export async function codesOf(member: Actor, code: number, ...args: string[]): Promise<string[]> {
  return (await reportOf(member, code, ...args)).flaws.map((flaw: Json) => flaw.code).sort();
}

export async function reportOf(member: Actor, code: number, ...args: string[]): Promise<Json> {
  return (await documentOf(member, code, 'verify', ...args)).shares[0];
}

/** Everybody syncs, a new member too; all trees are equal, and the new member finds nothing. */
export async function expectSound({ a, b, newcomer }: Museum): Promise<void> {
  for (const member of [a, b, newcomer]) await member.run('sync');
  for (const member of [b, newcomer]) expectEqual(a, member);
  expect(await codesOf(newcomer, 0)).toEqual([]);
}

export function flipBit(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  writeFileSync(file, bytes);
}
