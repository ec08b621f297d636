import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { openStatusFile, StatusFileFault } from '../../src/adapters/status-file.ts';

let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'flocksync-status-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  for (const name of ['state', 'html']) mkdirSync(join(home, name));
});

const text = (word: string) => `SUCCESS : ${word}\n`;

test('who has it open reads on in the old one, and nothing else is left', () => {
  const file = openStatusFile(join(home, 'html/s'), 'webroot', [join(home, 'state')]);
  expect(file.read()).toBe(null);
  expect(file.replace(text('one'))).toBe(true);
  const reader = openSync(join(home, 'html/s'), 'r');
  expect(file.replace(text('two'))).toBe(true);
  expect(readFileSync(reader, 'utf8')).toBe(text('one'));
  closeSync(reader);
  expect(file.read()).toBe(text('two'));
  expect(statSync(join(home, 'html/s')).mode & 0o777).toBe(0o644);
  expect([readdirSync(join(home, 'html')), readdirSync(join(home, 'state'))]).toEqual([['s'], []]);
});

test('where no place lies on its file system it is staged beside itself', () => {
  const elsewhere = mkdtempSync('/dev/shm/flocksync-status-');
  onTestFinished(() => rmSync(elsewhere, { recursive: true, force: true }));
  const file = openStatusFile(join(home, 'html/s'), 'webroot', [elsewhere, join(home, 'absent')]);
  expect(file.replace(text('one'))).toBe(true);
  expect([readdirSync(join(home, 'html')), readdirSync(elsewhere)]).toEqual([['s'], []]);
});

test('what a killed run left is written over, and a link is replaced, not followed', () => {
  const file = openStatusFile(join(home, 'html/s'), 'webroot', [join(home, 'state')]);
  writeFileSync(join(home, 'state/webroot.status.new'), 'half', { mode: 0o400 });
  writeFileSync(join(home, 'precious'), text('precious'));
  symlinkSync(join(home, 'precious'), join(home, 'html/s'));
  expect(file.replace(text('one'))).toBe(true);
  expect(readFileSync(join(home, 'precious'), 'utf8')).toBe(text('precious'));
  expect(file.read()).toBe(text('one'));
});

test('a directory that is not there is no fault; what is no status file is one, however it looks', () => {
  expect(openStatusFile(join(home, 'gone/s'), 'webroot', [join(home, 'state')]).replace(text('one'))).toBe(false);
  expect(readdirSync(join(home, 'state'))).toEqual([]);
  const file = openStatusFile(join(home, 'html/s'), 'webroot', []);
  mkdirSync(join(home, 'html/s'));
  expect(() => file.read()).toThrow(StatusFileFault);
  expect(() => file.replace(text('one'))).toThrow(/cannot be written: EISDIR|cannot be written: .*directory/);
  rmSync(join(home, 'html/s'), { recursive: true });
  for (const other of ['<?php', ' SUCCESS : x', 'x'.repeat(2_000_000), 'SUCCESSFUL']) {
    writeFileSync(join(home, 'html/s'), other);
    expect(() => file.read()).toThrow('is no status file');
  }
});
