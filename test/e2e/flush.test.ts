import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startFederation } from './support/federation.ts';
import { manyFiles, plant } from './support/plant.ts';
import { differences, snapshot } from './support/tree.ts';

test('R-A1: what could not be flushed is not put in place; it is a problem, and the next sync goes on', async () => {
  const federation = startFederation(['a', 'b']);
  onTestFinished(() => federation.close());
  plant(federation.root('a'), manyFiles(100));
  expect((await federation.run('a', ['sync'])).code).toBe(0);
  const programs = join(federation.directory, 'programs');
  mkdirSync(programs);
  // Many staged files are flushed by sync -f of coreutils.
  writeFileSync(join(programs, 'sync'), '#!/bin/sh\nexit 1\n');
  chmodSync(join(programs, 'sync'), 0o755);
  const ran = await federation.run('b', ['sync'], { PATH: `${programs}:${process.env.PATH}` });
  expect(ran).toMatchObject({ code: 1, stdout: '' });
  expect(ran.stderr).toContain('flushing the file system failed');
  expect([...snapshot(federation.root('b')).values()].filter((words) => words.startsWith('file'))).toEqual([]);
  expect(await federation.run('b', ['sync'])).toMatchObject({ code: 0, stderr: '' });
  expect(differences(snapshot(federation.root('a')), snapshot(federation.root('b')))).toEqual([]);
});
