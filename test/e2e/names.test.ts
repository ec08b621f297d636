import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Federation, startFederation } from './support/federation.ts';
import { bytes, differences, named, snapshot } from './support/tree.ts';

let federation: Federation;

beforeEach(() => {
  federation = startFederation(['web-a', 'web-b']);
});

afterEach(() => federation.close());

async function sync(member: string): Promise<void> {
  expect(await federation.run(member, ['sync'])).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
}

/** `path` is bytes, one character each. */
function at(member: string, path: string): Buffer {
  return bytes(`${named(federation.root(member))}/${path}`);
}

async function requireEqual(): Promise<void> {
  await sync('web-a');
  await sync('web-b');
  const here = snapshot(federation.root('web-a'));
  expect(differences(here, snapshot(federation.root('web-b')))).toEqual([]);
  // Nothing goes back as an edit.
  await sync('web-a');
  expect(differences(here, snapshot(federation.root('web-a')))).toEqual([]);
}

const hostile: readonly string[] = [
  ' ',
  ' leading and trailing ',
  'new\nline',
  'carriage\rreturn\ttab\x01\x1b[31m',
  '"double" \'single\' `back`',
  '-rf',
  '--config',
  '*',
  '?[a-z]{b,c}!(d)',
  '$(reboot) $HOME %2F %00 &;|<>',
  'a\\b',
  '\\',
  '~',
  '~root',
  '#comment',
  '!not',
  '...',
  '.. ',
  '.htaccess',
  '.git',
  '.flocksync-webroot',
  'log',
  'packs',
  'bell',
  'format.json',
  '__proto__',
  'constructor',
  'null',
  'CON',
  named('Größe'.normalize('NFC')),
  named('Größe'.normalize('NFD')),
  named('日本語 😀'),
  named('\u202egpj.exe'),
  '\xff\xfe\x80',
  '\xc3',
  '\xed\xa0\x80',
  'n'.repeat(255),
  named('ü'.repeat(127)),
];

describe('names arrive byte by byte', () => {
  test('as files, directories and link targets', async () => {
    for (const name of hostile) {
      writeFileSync(at('web-a', name), `content of ${name}`);
      mkdirSync(at('web-a', `d${name}`.slice(0, 255)));
      writeFileSync(at('web-a', `${`d${name}`.slice(0, 255)}/${name}`), '');
      symlinkSync(bytes(name), at('web-a', `l${name}`.slice(0, 255)));
    }
    await requireEqual();
    expect(snapshot(federation.root('web-b')).size).toBe(hostile.length * 4);
  });

  test('and are found again for edits and deletions', async () => {
    for (const name of hostile) writeFileSync(at('web-a', name), 'one');
    writeFileSync(at('web-a', 'keep'), 'keep');
    await requireEqual();
    for (const [i, name] of hostile.entries()) {
      if (i % 2 === 0) rmSync(at('web-b', name));
      else writeFileSync(at('web-b', name), 'two');
    }
    await sync('web-b');
    await sync('web-a');
    expect(differences(snapshot(federation.root('web-a')), snapshot(federation.root('web-b')))).toEqual([]);
    expect(snapshot(federation.root('web-a')).size).toBe(Math.floor(hostile.length / 2) + 1);
  });

  test('deep down, and near the longest path that the system takes', async () => {
    const deep = Array.from({ length: 60 }, (_, i) => `level ${i}`).join('/');
    mkdirSync(at('web-a', deep), { recursive: true });
    writeFileSync(at('web-a', `${deep}/file`), 'deep');
    const levels = Math.floor((4000 - federation.root('web-a').length) / 201);
    const long = Array.from({ length: levels }, () => 'x'.repeat(200)).join('/');
    mkdirSync(at('web-a', long), { recursive: true });
    writeFileSync(at('web-a', `${long}/f`), 'long');
    await requireEqual();
  });
});

describe('every kind arrives as it is', () => {
  test('empty files and directories, links that dangle, loop, leave the tree or lead to directories', async () => {
    writeFileSync(at('web-a', 'empty'), '');
    mkdirSync(at('web-a', 'd/empty'), { recursive: true });
    writeFileSync(at('web-a', 'd/file'), 'one');
    const targets = {
      dangling: 'nowhere',
      absolute: '/etc/passwd',
      outside: '../../..',
      loop: 'loop',
      directory: 'd',
      'd/up': '..',
      root: '/',
    };
    for (const [name, target] of Object.entries(targets)) symlinkSync(target, at('web-a', name));
    await requireEqual();
    expect(snapshot(federation.root('web-b')).get('absolute')).toBe('link /etc/passwd');
  });

  test('a directory that becomes a link to elsewhere is replaced, and nothing is written behind the link', async () => {
    mkdirSync(at('web-a', 'd'));
    writeFileSync(at('web-a', 'd/file'), 'one');
    await requireEqual();
    const elsewhere = `${federation.directory}/elsewhere`;
    mkdirSync(elsewhere);
    rmSync(at('web-b', 'd'), { recursive: true });
    symlinkSync(elsewhere, at('web-b', 'd'));
    writeFileSync(at('web-a', 'd/new'), 'two');
    await sync('web-a');
    await sync('web-b');
    await sync('web-a');
    await sync('web-b');
    expect(readdirSync(elsewhere)).toEqual([]);
    expect(differences(snapshot(federation.root('web-a')), snapshot(federation.root('web-b')))).toEqual([]);
  });

  test('sockets, fifos and devices are passed over in silence', async () => {
    writeFileSync(at('web-a', 'file'), 'one');
    execFileSync('mkfifo', [at('web-a', 'fifo').toString()]);
    const server = createServer().listen(at('web-a', 'socket').toString());
    await new Promise((done) => server.once('listening', done));
    if (process.geteuid?.() === 0) execFileSync('mknod', [at('web-a', 'device').toString(), 'c', '1', '3']);
    await sync('web-a');
    server.close();
    await sync('web-b');
    expect([...snapshot(federation.root('web-b')).keys()]).toEqual(['file']);
    chmodSync(at('web-a', 'fifo'), 0o600);
    await sync('web-a');
  });
});
