import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { memberIn, type TestMember } from './member.ts';

async function cycles(member: TestMember): Promise<void> {
  for (let runs = 0; runs < 10; runs++) {
    const { unfinished } = await member.cycle();
    await Promise.all([...member.agent.memory.uploads.values()].map((upload) => upload.done));
    if (!unfinished) return;
  }
  throw new Error('never finished');
}

test('R-B3: a piece of a large file that the bucket has lost is sent again by whoever holds the file', async () => {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a');
  const bytes = randomBytes(70 * 1024 * 1024);
  writeFileSync(join(a.root, 'large'), bytes);
  await cycles(a);
  const packs = join(home, 'bucket', 'shop', 'webroot', 'packs');
  rmSync(join(packs, readdirSync(packs)[0] as string));
  const b = memberIn(home, 'b');
  await b.cycle();
  expect(b.journal.want('large')?.reason).toBe('unfetchable');
  await a.cycle();
  await b.cycle();
  expect(readFileSync(join(b.root, 'large')).equals(bytes)).toBe(true);
});
