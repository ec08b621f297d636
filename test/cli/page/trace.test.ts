import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openJournal } from '../../../src/adapters/sqlite.ts';
import { traceOf } from '../../../src/cli/page/trace.ts';
import type { World } from '../../../src/compose.ts';
import type { VersionRow } from '../../../src/ports/journal.ts';
import { agreed, dir, file, want } from '../../adapters/sqlite-rows.ts';
import { heardOf, localWith, sightOf } from './scene.ts';

function version(path: string, number: number): VersionRow {
  return { path, version: number, k: 0, op: 'put', entry: file(1), against: 0, atMs: 1, author: 'web-b', approved: false };
}

/** A share of the member `web-a` with a root and a journal of its own. */
function planted() {
  const home = mkdtempSync(join(tmpdir(), 'flocksync-trace-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  const [root, state] = [join(home, 'root'), join(home, 'state')];
  for (const directory of [root, state]) mkdirSync(directory);
  const journal = openJournal({ file: join(state, 'web.journal') });
  onTestFinished(() => journal.close());
  const members = [
    heardOf('web-a'),
    heardOf('web-b', { appliedTo: 9, cursor: 9 }),
    heardOf('web-c', { appliedTo: 3 }),
    heardOf('web-d', { appliedTo: 3 }, 240_000),
  ];
  const sight = sightOf('web', { members, local: localWith({ cursor: 9, appliedTo: 9 }), head: 9 });
  const share = { ...sight.share, path: root, exclude: ['cache/', '*.log'] };
  const world = { config: { state, member: 'web-a', shares: [share] } } as unknown as World;
  const trace = (path: string) => traceOf(world, { ...sight, share }, path);
  return { root, journal, trace };
}

test('what is new, gone, of another kind or left out on this disk is told from what is agreed', async () => {
  const { root, journal, trace } = planted();
  for (const name of ['new.php', 'x.log', 'agreed.php', 'dir-now', 'stamped.php']) writeFileSync(join(root, name), 'x');
  mkdirSync(join(root, 'cache/deep'), { recursive: true });
  writeFileSync(join(root, 'cache/deep/y'), 'x');
  symlinkSync('nowhere', join(root, 'link'));
  for (const path of ['agreed.php', 'gone.php']) journal.putAgreed(agreed(path, { stamp: null }));
  journal.putAgreed(agreed('stamped.php'));
  journal.putAgreed(agreed('dir-now', { entry: dir, stamp: null }));
  journal.putWant(want('wanted.php', { reason: 'full', detail: 'no room' }));
  const socket = createServer().listen(join(root, 'socket'));
  await new Promise((done) => socket.once('listening', done));
  onTestFinished(() => void socket.close());
  const told = (path: string) => [trace(path).here, trace(path).why];
  expect(told('new.php')).toEqual(['unpublished', 'it is new here']);
  expect(told('link')).toEqual(['unpublished', 'it is new here']);
  expect(told('gone.php')).toEqual(['unpublished', 'it was deleted here']);
  expect(told('dir-now')).toEqual(['unpublished', 'something else stands there']);
  expect(told('stamped.php')).toEqual(['unpublished', 'it was touched since the last look']);
  expect(told('agreed.php')).toEqual(['agreed', '']);
  expect(told('nothing.php')).toEqual(['agreed', '']);
  expect(told('wanted.php')).toEqual(['waiting', 'no room']);
  for (const path of ['x.log', 'cache/deep/y', 'cache', 'none.log']) expect(told(path)[0], path).toBe('excluded');
  expect(told('socket')).toEqual(['excluded', 'Sockets, devices and fifos stay where they are']);
  // Whoever looks through a link in the place of a directory would look elsewhere.
  expect(told('link/x')[0]).toBe('unreadable');
  rmSync(root, { recursive: true });
  expect(told('agreed.php')[0]).toBe('unreadable');
});

test('who has the newest version: this member by its journal, others by what they said last, silent ones apart', () => {
  const { root, journal, trace } = planted();
  writeFileSync(join(root, 'a'), 'x');
  journal.putAgreed(agreed('a', { stamp: null }));
  for (const number of [2, 5]) journal.putVersion(version('a', number));
  expect(trace('a').newest?.version).toBe(5);
  const states = () => trace('a').members.map(({ name, state }) => [name, state]);
  expect(states()).toEqual([
    ['web-a', 'has'],
    ['web-b', 'has'],
    ['web-c', 'lagging'],
    ['web-d', 'silent'],
  ]);
  journal.putWant(want('a', { version: 5 }));
  expect(states()[0]).toEqual(['web-a', 'lagging']);
});

test('a path as it is shown is found, and of many versions the newest are shown', () => {
  const { journal, trace } = planted();
  for (let number = 1; number <= 150; number++) journal.putVersion(version('caf\xe9', number));
  const found = trace('caf\\xe9');
  expect([found.path, found.versions.length, found.more, found.newest?.version]).toEqual(['caf\xe9', 100, true, 150]);
  expect(trace('none')).toMatchObject({ newest: null, versions: [], more: false, members: [] });
});
