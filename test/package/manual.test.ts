import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { commandManual, configManual } from '../../scripts/package/manual.ts';
import { escaped, prose } from '../../scripts/package/roff.ts';
import { commands, commonFlags } from '../../src/cli/command-table.ts';
import { configExample } from '../../src/cli/help.ts';

const edition = { version: '1.2.3', day: '2026-11-20' };
const pages = { 'flocksync.1': commandManual(edition), 'flocksync.yml.5': configManual(edition) };

const canRender = spawnSync('mandoc', ['-T', 'utf8'], { input: '' }).status === 0;
/** Without the letters that are struck twice for bold. */
const struckTwice = new RegExp(`.${String.fromCharCode(8)}`, 'g');
const rendered = (page: string) =>
  spawnSync('mandoc', ['-T', 'utf8', '-O', 'width=500'], { input: page, encoding: 'utf8' }).stdout.replace(struckTwice, '');

test('nothing in a text is taken for a request or an escape', () => {
  expect(escaped('.config and -n\n.x\n\'y \\ "é…')).toBe('\\&.config and \\-n\n\\&.x\n\\&\'y \\e "\\[u00E9]\\[u2026]');
  expect(prose('see `status -v` now')).toBe('see \\fBstatus \\-v\\fR now');
});

test.skipIf(!canRender).each(Object.entries(pages))('mandoc finds nothing wrong with %s', (_, page) => {
  const { status, stdout } = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning'], { input: page, encoding: 'utf8' });
  expect([status, stdout]).toEqual([0, '']);
});

test.skipIf(!canRender)('the page of the program has every command with its flags, words and examples', () => {
  const text = rendered(pages['flocksync.1']);
  const lines = text.split('\n').map((line) => line.trim());
  const flow = text.replace(/\s+/g, ' ');
  const plain = (words: string) => words.replaceAll('`', '');
  for (const { name, words, about, flags, examples, details } of commands) {
    expect(lines).toContain(`flocksync ${name}${words === '' ? '' : ` ${words}`}`);
    expect(flow).toContain(plain(about.slice(1)));
    for (const { long, short, value } of flags) {
      const names = `${short === undefined ? '' : `-${short}, `}--${long}`;
      expect(lines.some((line) => line.startsWith(value === undefined ? names : `${names} ${value}`))).toBe(true);
    }
    for (const example of examples) expect(lines).toContain(example);
    for (const detail of details) expect(flow).toContain(plain(detail));
  }
  for (const { about } of commonFlags) expect(flow).toContain(plain(about));
  for (const code of [0, 1, 2, 3, 70, 75]) expect(lines.some((line) => line.startsWith(`${code} `) || line === String(code))).toBe(true);
  expect(text).toContain('flocksync 1.2.3');
});

test.skipIf(!canRender)('the page of the config shows what help shows, line by line', () => {
  const lines = rendered(pages['flocksync.yml.5'])
    .split('\n')
    .map((line) => line.trimEnd());
  const indent = /^ */.exec(lines.find((line) => line.includes('federation: shop')) ?? '')?.[0] ?? '';
  for (const line of configExample.trimEnd().split('\n')) expect(lines).toContain(line === '' ? '' : `${indent}${line}`);
});
