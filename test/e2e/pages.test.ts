import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { projectRoot } from '../source.ts';
import { isRoot } from './support/mount.ts';
import { looksLike, scenesOf } from './support/page.ts';
import { openWorld } from './support/world.ts';

const read = (page: string) => readFileSync(join(projectRoot, page), 'utf8');
const pages = [
  'README.md',
  ...readdirSync(join(projectRoot, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** What needs root is named so in its world, and is shown as skipped without it. */
const scenes = pages.flatMap((page) => scenesOf(read(page)).map((scene) => ({ ...scene, page })));
const [forRoot, forAll] = [scenes.filter(({ world }) => world.includes('root')), scenes.filter(({ world }) => !world.includes('root'))];

describe.each([
  { who: 'anybody', some: forAll, skipped: false },
  { who: 'root', some: forRoot, skipped: !isRoot },
])('what the docs have $who type shows what they say', ({ some, skipped }) => {
  test.skipIf(skipped).each(some)('$page: $title', async (scene) => {
    const world = await openWorld(scene);
    onTestFinished(() => world.close());
    expect(await world.play(scene.steps)).toEqual([]);
  });
});

test('other numbers, times, sizes and ids are the same to a reader, other words are not', () => {
  const shown = ['     2  2026-11-20 17:54Z  web01  +1 -0, 7 B  (hold 3e42232b)', '…', 'took 3 min 5 s', 'flocksync: … is gone'];
  const seen = '   12  2027-01-02 03:04:05Z  web01  +3 -0, 1.5 kB  (hold 0f000001)\nany\nlines\ntook 12 s\nflocksync: /a b is gone\n';
  expect(looksLike(shown, seen)).toBe(true);
  expect(looksLike(shown, seen.replace('web01', 'web02'))).toBe(false);
  expect(looksLike(shown, `${seen}one more\n`)).toBe(false);
  expect([looksLike([], ''), looksLike([], 'a word\n'), looksLike(['a word'], '')]).toEqual([true, false, false]);
});

test('a prompt that no world stands above, and a console without a prompt, are errors', () => {
  expect(() => scenesOf('```console\n$ ls\n```\n')).toThrow('line 1: no world');
  expect(() => scenesOf('<!-- world: web01 -->\n```console\nls\n```\n')).toThrow('line 3: a console begins with a prompt');
});
