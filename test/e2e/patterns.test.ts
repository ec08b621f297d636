import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scenario } from './support/pair.ts';
import { type Plan, plant } from './support/plant.ts';

/** Two members whose only share is the pattern `www/X/html` for any X; `www` exists on both. */
function hosting() {
  const { federation, bucket } = scenario(['a', 'b']);
  const host = (name: string) => {
    const www = join(federation.directory, name, 'www');
    mkdirSync(www);
    const config = federation.configFile(name);
    const text = readFileSync(config, 'utf8')
      .replace('name: webroot', 'name: site')
      .replace(/path: .*/, `path: "${www}/*/html"`);
    writeFileSync(config, text);
    return {
      www,
      put: (plan: Plan) => plant(www, plan),
      read: (path: string) => (existsSync(join(www, path)) ? readFileSync(join(www, path), 'utf8') : undefined),
      run: (command: string, ...args: string[]) => federation.run(name, [command, ...args]),
      sync: async (code: number, ...args: string[]) => {
        const ran = await federation.run(name, ['sync', ...args]);
        expect(ran.code, ran.stdout + ran.stderr).toBe(code);
        return ran;
      },
    };
  };
  return { a: host('a'), b: host('b'), bucket };
}

test('a pattern makes one share per match, and shares found in the bucket are created', async () => {
  const { a, b } = hosting();
  a.put({ 'shop/html/index': 'shop', 'blog/html/index': 'blog', 'größe/html/index': 'g', 'plain/file': 'no match', file: 'no directory' });
  await a.sync(0);
  expect((await b.sync(0)).stderr).toBe('');
  expect([b.read('shop/html/index'), b.read('blog/html/index'), b.read('größe/html/index')]).toEqual(['shop', 'blog', 'g']);
  expect(existsSync(join(b.www, 'plain'))).toBe(false);
  b.put({ 'late/html/index': 'a new match', 'shop/html/more': 'from b' });
  await b.sync(0);
  await a.sync(0, 'site-l*');
  expect([a.read('late/html/index'), a.read('shop/html/more')]).toEqual(['a new match', undefined]);
  await a.sync(0, 'site-shop');
  expect(a.read('shop/html/more')).toBe('from b');
  expect((await a.sync(2, 'site-nothing')).stderr).toContain('site-shop');
});

test('nothing is created where the fixed part of the pattern is missing', async () => {
  const { a, b } = hosting();
  a.put({ 'shop/html/index': 'shop' });
  await a.sync(0);
  renameSync(b.www, `${b.www}.unmounted`);
  await b.sync(1);
  expect(existsSync(b.www)).toBe(false);
});

test('R-G1: a match that vanished is a missing root until it is forgotten, and nobody else loses it', async () => {
  const { a, b } = hosting();
  a.put({ 'shop/html/index': 'shop', 'blog/html/index': 'blog' });
  await a.sync(0);
  await b.sync(0);
  renameSync(join(a.www, 'shop'), join(a.www, '..', 'shop.away'));
  expect((await a.sync(3)).stderr).toContain('is missing');
  a.put({ 'blog/html/news': 'the other share goes on' });
  expect((await a.sync(3)).stderr).toBe('');
  await b.sync(0);
  expect([b.read('shop/html/index'), b.read('blog/html/news')]).toEqual(['shop', 'the other share goes on']);
  renameSync(join(a.www, '..', 'shop.away'), join(a.www, 'shop'));
  await a.sync(0);
});

test('a pattern never follows a link', async () => {
  const { a, bucket } = hosting();
  plant(join(a.www, '..', 'elsewhere'), { 'html/secret': 'not meant' });
  symlinkSync('../elsewhere', join(a.www, 'evil'));
  a.put({ 'shop/html/index': 'shop' });
  await a.run('sync');
  expect(existsSync(join(bucket, '..', 'site-shop'))).toBe(true);
  expect(existsSync(join(bucket, '..', 'site-evil'))).toBe(false);
});

test('names in a hostile bucket lead nowhere', async () => {
  const { a, b, bucket } = hosting();
  a.put({ 'shop/html/index': 'shop' });
  await a.sync(0);
  for (const name of ['site-..', 'site-.', 'site-a~b', 'site-%2e%2e', 'site-%2F', 'site-', 'other'])
    mkdirSync(join(bucket, '..', name, 'log'), { recursive: true });
  await b.run('sync');
  await b.run('sync');
  expect(b.read('shop/html/index')).toBe('shop');
  expect(readdirSync(b.www)).toEqual(['shop']);
  expect(readdirSync(join(b.www, '..')).sort()).toEqual(['flocksync.yml', 'html', 'state', 'www']);
});
