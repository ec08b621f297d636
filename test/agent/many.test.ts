import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Cycle, newMemory } from '../../src/agent/context.ts';
import { holdRestless } from '../../src/agent/restless.ts';
import type { Found } from '../../src/steps/scan.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { memberIn } from './member.ts';

/** More than one call may be given. */
const many = 200_000;

test('R-I2: a problem for each file of a large tree is no trouble of its own', { timeout: 60_000 }, async () => {
  const a = memberIn(temporaryDirectory(), 'a');
  writeFileSync(join(a.root, 'file'), '');
  await a.cycle();
  const entry = { kind: 'file' as const, mode: 0o644, mtimeUs: 0, owner: null, group: null, size: 1, hash: '0'.repeat(64), chunks: null };
  const want = { entry, version: 1, atMs: 0, approved: false, reason: 'unsupported' as const, detail: '', attempts: 3 };
  a.journal.transaction(() => {
    for (let n = 0; n < many; n++) a.journal.putWant({ ...want, path: `${n}` });
  });
  expect((await a.cycle({ only: 'publish' })).problems.length).toBe(many);
});

test('R-D2: one file that never rests among very many', () => {
  const { agent } = memberIn(temporaryDirectory(), 'a', { config: { mode: 'lightweight' } });
  const memory = newMemory();
  memory.publishings.set('5', { times: 20, lastMs: agent.ports.time.monotonicMs() });
  const options = { dryRun: false, only: null, signal: new AbortController().signal };
  const cycle = new Cycle(agent.ports, agent.config, options, memory);
  const stat = { kind: 'file' as const, dev: 1, ino: 1, size: 0, mode: 0o644, uid: 0, gid: 0, mtimeKey: 0, ctimeKey: Date.now() * 1000 };
  const found: Found[] = Array.from({ length: many }, (_, n) => ({ path: `${n}`, stat, agreed: null }));
  expect(holdRestless(cycle, found)).toEqual(['5']);
  expect([found.length, found[4]?.path, found[5]?.path]).toEqual([many - 1, '4', '6']);
});
