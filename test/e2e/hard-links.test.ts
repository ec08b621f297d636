import { chmodSync, linkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Federation, startFederation } from './support/federation.ts';
import { differences, snapshot } from './support/tree.ts';

let federation: Federation;

beforeEach(() => {
  federation = startFederation(['web-a', 'web-b']);
});

afterEach(() => federation.close());

async function sync(member: string): Promise<void> {
  expect(await federation.run(member, ['sync'])).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
}

function at(member: string, name: string): string {
  return join(federation.root(member), name);
}

/** Sixty names of one inode on both members: on web-a separate files again, on web-b still one. */
async function linkedOnBoth(): Promise<string[]> {
  const names = ['a', 'b', 'c', ...Array.from({ length: 57 }, (_, i) => `more-${i}`)];
  writeFileSync(at('web-b', 'keep'), 'a root without any file would be held');
  writeFileSync(at('web-b', 'a'), 'one content');
  for (const name of names.slice(1)) linkSync(at('web-b', 'a'), at('web-b', name));
  await sync('web-b');
  await sync('web-a');
  return names;
}

test('hard links arrive as separate files with equal content', async () => {
  const names = await linkedOnBoth();
  expect(differences(snapshot(federation.root('web-a')), snapshot(federation.root('web-b')))).toEqual([]);
  expect(new Set(names.map((name) => statSync(at('web-a', name)).ino)).size).toBe(names.length);
});

test('a mode that changed elsewhere under one name leaves the other names of the inode alone', async () => {
  await linkedOnBoth();
  chmodSync(at('web-a', 'b'), 0o600);
  await sync('web-a');
  await sync('web-b');
  const modes = ['a', 'b', 'c'].map((name) => statSync(at('web-b', name)).mode & 0o777);
  expect(modes).toEqual([0o644, 0o600, 0o644]);
  await sync('web-a');
  expect(differences(snapshot(federation.root('web-a')), snapshot(federation.root('web-b')))).toEqual([]);
});

test('all names of one inode take over their own new contents in one run', async () => {
  const names = await linkedOnBoth();
  for (const name of names) writeFileSync(at('web-a', name), `now ${name}`);
  await sync('web-a');
  await sync('web-b');
  expect(differences(snapshot(federation.root('web-a')), snapshot(federation.root('web-b')))).toEqual([]);
});

test('all names of one inode go in one run', async () => {
  const names = await linkedOnBoth();
  for (const name of names) rmSync(at('web-a', name));
  await sync('web-a');
  await sync('web-b');
  expect([...snapshot(federation.root('web-b')).keys()]).toEqual(['keep']);
});
