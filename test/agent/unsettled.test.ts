import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { documented } from '../documented.ts';
import { memberIn } from './member.ts';

test.each([
  { minutes: 6, codes: ['unsettled'] },
  { minutes: 4, codes: [] },
])('R-D2: a path that has not held still for $minutes minutes is listed as $codes', async ({ minutes, codes }) => {
  let changing = '';
  // The file changes whenever the quiet time passes.
  const sleep = async () => {
    if (changing !== '') appendFileSync(changing, 'x');
  };
  const a = memberIn(temporaryDirectory(), 'a', { config: { settleMs: 60_000, settleMaxMs: 0 }, time: { sleep } });
  writeFileSync(join(a.root, 'f'), 'x');
  changing = join(a.root, 'f');
  a.journal.setMeta('unsettled', JSON.stringify({ f: Date.now() - minutes * 60_000 }));
  const { problems } = await a.cycle();
  expect(problems.map(({ code }) => code)).toEqual(codes);
  for (const { text } of problems) expect(text).toMatch(documented('unsettled'));
  expect(a.journal.agreed('f')).toBeNull();
});
