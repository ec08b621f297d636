import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseEnvironment, readEnvironment } from '../../src/adapters/environment.ts';
import { temporaryDirectory } from './temporary.ts';

function secretFile(text: string, mode = 0o600): string {
  const file = join(temporaryDirectory(), 'flocksync.env');
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

test.each<[string, Record<string, string>]>([
  ['A=1\nB = 2'.replace(' = ', '='), { A: '1', B: '2' }],
  ['# comment\n\n  A=1  \r\nexport B=2\r\n', { A: '1', B: '2' }],
  ['\ufeffA=1', { A: '1' }],
  ['A=x y # note', { A: 'x y' }],
  ['A=a#b', { A: 'a#b' }],
  ['A="a # b" # note', { A: 'a # b' }],
  ["A='a\"b\\n'", { A: 'a"b\\n' }],
  ['A="say \\"hi\\" \\\\ \\$x"', { A: 'say "hi" \\ $x' }],
  ['A=\nB=""', { A: '', B: '' }],
  ['A=abc/+==', { A: 'abc/+==' }],
  ['A=$HOME', { A: '$HOME' }],
  ['A=1\nA=2', { A: '2' }],
])('%j', (text, variables) => {
  expect(parseEnvironment(text)).toEqual(variables);
});

test.each(['A', 'A B=1', '1A=x', 'A="x', "A='x' y", '=x', '- A=1'])('%j is refused, and not shown', (line) => {
  expect(parseEnvironment(`X=1\n${line}`)).toBe('line 2 is not KEY=VALUE: write one variable per line, its value bare or in quotes');
});

test('the process environment wins over the file', () => {
  const file = secretFile('A=file\nB=file\n');
  expect(readEnvironment({ FLOCKSYNC_ENV_FILE: file, A: 'process' })).toEqual({
    ok: true,
    variables: { FLOCKSYNC_ENV_FILE: file, A: 'process', B: 'file' },
  });
});

test.each([0o640, 0o604, 0o601, 0o660])('mode %i is refused with the command that repairs it', (mode) => {
  const file = secretFile('A=hunter2\n', mode);
  const message = `${file} is open to others (mode 0${mode.toString(8)}) and holds secrets: run chmod 600 ${file}`;
  expect(readEnvironment({ FLOCKSYNC_ENV_FILE: file })).toEqual({ ok: false, message });
});

test('a file that is named must be there and be a file', () => {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'd'));
  expect(readEnvironment({ FLOCKSYNC_ENV_FILE: join(directory, 'x') })).toEqual({
    ok: false,
    message: `${directory}/x does not exist: FLOCKSYNC_ENV_FILE names it`,
  });
  expect(readEnvironment({ FLOCKSYNC_ENV_FILE: join(directory, 'd') })).toEqual({ ok: false, message: `${directory}/d is not a file` });
});

test('an empty name means no file', () => {
  expect(readEnvironment({ FLOCKSYNC_ENV_FILE: '' })).toEqual({ ok: true, variables: { FLOCKSYNC_ENV_FILE: '' } });
});

test('a fault in the file names the file', () => {
  const file = secretFile('nonsense\n');
  expect(readEnvironment({ FLOCKSYNC_ENV_FILE: file })).toMatchObject({
    ok: false,
    message: expect.stringContaining(`${file} line 1 is not`),
  });
});
