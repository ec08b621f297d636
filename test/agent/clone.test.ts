import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { memberIn } from './member.ts';

test('R-J4: a kill while a clone takes its new id leaves the base suspect', async () => {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a');
  const b = memberIn(home, 'b');
  writeFileSync(join(a.root, 'x'), 'x1');
  await a.cycle();
  await b.cycle();
  b.journal.flush();
  const state = join(home, 'b', 'state');
  cpSync(state, `${state}.old`, { recursive: true });
  writeFileSync(join(a.root, 'x'), 'x2, longer');
  await a.cycle();
  await b.cycle();
  rmSync(state, { recursive: true });
  cpSync(`${state}.old`, state, { recursive: true });
  const restored = memberIn(home, 'b');
  const { member } = restored.agent.ports;
  member.renew = () => {
    throw new Error('killed');
  };
  await expect(restored.cycle()).rejects.toThrow('killed');
  expect(restored.journal.meta('suspectBase')).toBe('1');
});
