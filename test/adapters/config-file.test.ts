import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readConfigFile, realpathOrNull } from '../../src/adapters/config-file.ts';
import { temporaryDirectory } from './temporary.ts';

function faultOf(file: string): string | undefined {
  const result = readConfigFile(file, {});
  return result.ok ? undefined : result.faults.map((fault) => `${fault.line} ${fault.message}`).join('\n');
}

test('what is no readable text', () => {
  const directory = temporaryDirectory();
  const file = join(directory, 'f.yml');
  expect(faultOf(file)).toBe('0 there is no such file: `flocksync init URL` writes one, or name another with --config FILE');
  expect(faultOf(directory)).toBe('0 is a directory: name the config file');
  writeFileSync(file, Buffer.from('federation: \xff', 'latin1'));
  expect(faultOf(file)).toBe('0 is not UTF-8 text: save it as UTF-8');
  writeFileSync(file, '#'.repeat(4_194_305));
  expect(faultOf(file)).toBe('0 has 4194305 bytes: that is no config file');
});

test('two shares that meet through a link on this disk are refused', () => {
  const directory = temporaryDirectory();
  const file = join(directory, 'f.yml');
  mkdirSync(join(directory, 'real'));
  symlinkSync('real', join(directory, 'link'));
  const shares = `shares:\n  - { name: a, path: ${directory}/real/x }\n  - { name: b, path: ${directory}/link/x/y }\n`;
  writeFileSync(file, `federation: f\ndatastore: { url: file://${directory}/bucket }\n${shares}`);
  expect(faultOf(file)).toContain('5 share "b"');
  writeFileSync(file, `federation: f\ndatastore: { url: file://${directory}/bucket }\n${shares.replace('link/x/y', 'link/y')}`);
  expect(faultOf(file)).toBeUndefined();
});

test('realpathOrNull', () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'file'), '');
  expect(realpathOrNull(directory)).toBe(directory);
  expect(realpathOrNull(join(directory, 'x'))).toBeNull();
  expect(realpathOrNull(join(directory, 'file/x'))).toBeNull();
});
