import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { expectEqual, scenario, settled } from './support/pair.ts';

test('R-J6: with delete: keep a subscriber keeps what the federation deletes, for good', async () => {
  const { member } = scenario(['a', 'b']);
  const a = member('a');
  const b = member('b');
  b.configure('role: subscriber', 'delete: keep');
  await settled(a, b, { x: 'x1', 'd/z': 'z1', drifts: 'd1', y: 'y1' });
  b.put({ drifts: 'changed on b' });
  a.remove('x', 'd', 'drifts');
  await a.sync();
  await b.sync();
  await b.sync();
  expect(b.names()).toEqual(['d', 'd/z', 'drifts', 'x', 'y']);
  a.put({ x: 'x2' });
  await a.sync();
  await b.sync();
  expect(b.read('x')).toBe('x2');
  b.remove('d');
  b.configure('role: subscriber');
  await b.sync();
  await b.sync();
  expectEqual(a, b);
});

test('R-J6: what only a subscriber changed stays until the path changes, then goes to the trash', async () => {
  const { member, log } = scenario(['a', 'b']);
  const a = member('a');
  const b = member('b');
  b.configure('role: subscriber');
  await settled(a, b, { x: 'x1', y: 'y1', 'd/z': 'z1' });
  b.put({ x: 'drift', own: 'only here' });
  b.remove('y');
  await b.sync();
  await b.sync();
  expect(b.names()).toEqual(['d', 'd/z', 'own', 'x']);
  expect(b.read('x')).toBe('drift');
  expect(log()).toHaveLength(1);
  a.put({ x: 'x2', y: 'y2', own: 'from a' });
  await a.sync();
  await b.sync();
  expectEqual(a, b);
});

test('R-J6: a publisher takes over nothing and never re-asserts', async () => {
  const { member } = scenario(['a', 'b']);
  const a = member('a');
  const b = member('b');
  a.configure('role: publisher');
  await settled(a, b, { x: 'x1', y: 'y1' });
  b.put({ x: 'by b', fresh: 'by b' });
  b.remove('y');
  await b.sync();
  await a.sync();
  await a.sync();
  expect(a.names()).toEqual(['x', 'y']);
  expect(a.read('x')).toBe('x1');
  await b.sync();
  expect([b.read('x'), b.read('fresh'), b.read('y')]).toEqual(['by b', 'by b', undefined]);
  a.put({ x: 'by a' });
  await a.sync();
  await b.sync();
  expect(b.read('x')).toBe('by a');
});

test('R-J6: what a subscriber kept of deleted files is no creation when it publishes one day', async () => {
  const { member } = scenario(['a', 'b']);
  const a = member('a');
  const b = member('b');
  b.configure('role: subscriber', 'delete: keep');
  await settled(a, b, { kept: 'k1', edited: 'e1', y: 'y1', z: 'z1', u: 'u1' });
  a.remove('kept', 'edited');
  await a.sync();
  await b.sync();
  expect(b.read('kept')).toBe('k1');
  b.configure('role: both');
  b.put({ edited: 'edited since then' });
  await b.sync();
  await a.sync();
  expectEqual(a, b);
  expect([a.read('kept'), a.read('edited')]).toEqual([undefined, 'edited since then']);
});

test('R-J6: drift below what becomes a link, and a file where a directory is wanted, give way into an indexed trash', async () => {
  const { member } = scenario(['a', 'b']);
  const a = member('a');
  const b = member('b');
  b.configure('role: subscriber');
  await settled(a, b, { 'd/f': 'f1', 'e/f': 'e1', 'r/x': 'r' });
  b.put({ 'd/own': 'drift' });
  b.remove('e');
  b.put({ e: 'drift: a file' });
  await b.sync();
  a.remove('d');
  a.put({ d: { link: 'r' }, 'e/g': 'below' });
  await a.sync();
  await b.sync();
  expect([b.names(), b.read('e/g')]).toEqual([['d', 'e', 'e/g', 'r', 'r/x'], 'below']);
  expect(trashed(b)).toEqual(['d/f', 'd/own', 'e']);
});

function trashed(member: { readonly state: string }): unknown[] {
  const journal = new Database(join(member.state, 'webroot.journal'), { readonly: true });
  try {
    return journal.prepare('SELECT path FROM trash ORDER BY path').pluck().all();
  } finally {
    journal.close();
  }
}
