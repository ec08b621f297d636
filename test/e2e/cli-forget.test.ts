import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { documentOf, shareStatus } from './support/document.ts';
import { scenario, settled } from './support/pair.ts';

const stateFiles = (state: string) => readdirSync(state).filter((name) => name.startsWith('webroot'));

test('a configured share with its root in place is refused', async () => {
  const a = scenario(['a']).member('a');
  a.put({ x: 'x' });
  await a.sync();
  const ran = await a.run('forget', 'webroot');
  expect(ran).toMatchObject({ code: 2, stdout: '' });
  expect(ran.stderr).toContain(`its root ${a.root} exists`);
  expect(stateFiles(a.state)).toContain('webroot.journal');
});

test('a share whose root is gone is forgotten; files of others and the bucket stay, and it can come back', async () => {
  const { member, log } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  await settled(a, b, { x: 'x' });
  renameSync(b.root, `${b.root}-gone`);
  await b.sync(3);
  const ran = await b.run('forget', 'webroot');
  expect(ran.code, ran.stderr).toBe(0);
  expect(ran.stdout).toContain('the bucket were not touched');
  expect(stateFiles(b.state)).toEqual([]);
  expect(JSON.parse(readFileSync(join(b.state, 'member.json'), 'utf8')).shares).toEqual({});
  expect(existsSync(join(`${b.root}-gone`, 'x'))).toBe(true);
  expect(log()).toHaveLength(1);
  expect(await shareStatus(b)).toMatchObject({ synced: false });
  await b.sync();
  expect(b.read('x')).toBe('x');
  await a.sync();
  expect(a.read('x')).toBe('x');
});

test('a share that left the config is forgotten by name; an unknown name is exit 2', async () => {
  const { federation, member } = scenario(['a']);
  const a = member('a');
  a.put({ x: 'x' });
  await a.sync();
  const unknown = await a.run('forget', 'nope');
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toContain('known: webroot');
  const config = federation.configFile('a');
  writeFileSync(config, readFileSync(config, 'utf8').replace('name: webroot', 'name: other'));
  expect((await a.run('forget', 'webroot')).code).toBe(0);
  expect(stateFiles(a.state)).toEqual([]);
  expect(a.read('x')).toBe('x');
  expect((await documentOf(a, 0, 'status')).shares).toMatchObject([{ name: 'other', synced: false }]);
});
