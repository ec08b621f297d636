import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startFederation } from './support/federation.ts';
import { differences, snapshot } from './support/tree.ts';

const mebibyte = 1024 * 1024;

test('R-J1: a share that takes several records to seed is seeded by the member that began, large files included', {
  timeout: 60_000,
}, async () => {
  const federation = startFederation(['a', 'b']);
  onTestFinished(() => federation.close());
  mkdirSync(join(federation.root('a'), 'sub'));
  for (let i = 0; i < 5; i++) writeFileSync(join(federation.root('a'), `small-${i}`), `${i}`);
  // Larger than a pack, so that they follow in a later record.
  for (const name of ['big', 'sub/bigger']) writeFileSync(join(federation.root('a'), name), randomBytes(40 * mebibyte));
  const before = snapshot(federation.root('a'));
  for (const member of ['a', 'b', 'a', 'b']) {
    expect(await federation.run(member, ['sync'])).toMatchObject({ code: 0, stdout: '', stderr: '' });
  }
  expect(differences(before, snapshot(federation.root('a')))).toEqual([]);
  expect(differences(before, snapshot(federation.root('b')))).toEqual([]);
});
