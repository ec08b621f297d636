import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  ftruncateSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestS3 } from '../dev-s3/start.ts';
import { documented } from '../documented.ts';
import { type Federation, onS3, quickShare, startFederation } from './support/federation.ts';
import { differences, snapshot } from './support/tree.ts';

const isRoot = process.geteuid?.() === 0;
const [wwwData, adm, nobody] = [33, 4, 65534];
let federation: Federation;

beforeEach(() => {
  federation = startFederation(['web-a', 'web-b']);
});

afterEach(() => federation.close());

async function sync(...members: string[]): Promise<void> {
  for (const member of members) {
    expect(await federation.run(member, ['sync'])).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
  }
}

function at(member: string, path: string): string {
  return join(federation.root(member), path);
}

function compare(owners = false): string[] {
  return differences(snapshot(federation.root('web-a'), { owners }), snapshot(federation.root('web-b'), { owners }));
}

function records(): number {
  return readdirSync(join(federation.bucket, 'shop', 'webroot', 'log')).length;
}

/** Nobody has anything more to say: what was applied is not taken for an edit. */
async function requireQuiet(): Promise<void> {
  const before = records();
  await sync('web-a', 'web-b', 'web-a', 'web-b');
  expect(records()).toBe(before);
}

function modeOf(member: string, path: string): string {
  return (lstatSync(at(member, path)).mode & 0o7777).toString(8);
}

describe('modes', () => {
  test.skipIf(!isRoot)('arrive, and change alone, for files and directories, 0000 and sticky included (needs root)', async () => {
    for (const mode of [0o0, 0o111, 0o444, 0o600, 0o644, 0o777]) {
      writeFileSync(at('web-a', `f${mode}`), `${mode}`);
      mkdirSync(at('web-a', `d${mode}`));
      writeFileSync(at('web-a', `d${mode}/inside`), 'x');
      for (const kind of ['f', 'd']) chmodSync(at('web-a', `${kind}${mode}`), mode);
    }
    mkdirSync(at('web-a', 'sticky'));
    chmodSync(at('web-a', 'sticky'), 0o1777);
    await sync('web-a', 'web-b');
    expect(compare()).toEqual([]);
    await requireQuiet();
    for (const path of ['f0', 'd0', 'sticky']) chmodSync(at('web-b', path), 0o700);
    await sync('web-b', 'web-a');
    expect(['f0', 'd0', 'sticky'].map((path) => modeOf('web-a', path))).toEqual(['700', '700', '700']);
    expect(compare()).toEqual([]);
  });

  test('R-A4: setuid and setgid bits are not applied, nor is their absence published', async () => {
    for (const mode of [0o4755, 0o2755, 0o6711]) {
      writeFileSync(at('web-a', `f${mode}`), 'x');
      chmodSync(at('web-a', `f${mode}`), mode);
    }
    await sync('web-a', 'web-b');
    expect(modeOf('web-b', `f${0o4755}`)).toBe('755');
    expect(modeOf('web-b', `f${0o6711}`)).toBe('711');
    await requireQuiet();
    expect(modeOf('web-a', `f${0o4755}`)).toBe('4755');
    writeFileSync(at('web-b', `f${0o4755}`), 'edited');
    await sync('web-b', 'web-a');
    await requireQuiet();
  });

  test('R-I3: forced rights stay on their member', async () => {
    const forced = isRoot
      ? '{ owner: www-data, group: www-data, fileMode: "0640", dirMode: "0750" }'
      : '{ fileMode: "0640", dirMode: "0750" }';
    federation.configure('web-b', [...quickShare, `metadata: ${forced}`]);
    mkdirSync(at('web-a', 'd'));
    writeFileSync(at('web-a', 'd/f'), 'x');
    await sync('web-a', 'web-b');
    expect([modeOf('web-b', 'd'), modeOf('web-b', 'd/f')]).toEqual(['750', '640']);
    if (isRoot) expect(lstatSync(at('web-b', 'd/f'))).toMatchObject({ uid: wwwData, gid: wwwData });
    await requireQuiet();
    expect([modeOf('web-a', 'd'), modeOf('web-a', 'd/f')]).toEqual(['755', '644']);
    chmodSync(at('web-a', 'd/f'), 0o600);
    writeFileSync(at('web-b', 'd/f'), 'edited there');
    await sync('web-a', 'web-b', 'web-a', 'web-b');
    expect([modeOf('web-a', 'd/f'), modeOf('web-b', 'd/f')]).toEqual(['600', '640']);
    await requireQuiet();
  });
});

describe('what the config sets', () => {
  test('holds for what is made or changed here too, and is never published', async () => {
    federation.configure('web-b', [...quickShare, 'metadata: { fileMode: "0640", dirMode: "0750" }']);
    writeFileSync(at('web-a', 'f'), 'x');
    await sync('web-a', 'web-b');
    chmodSync(at('web-b', 'f'), 0o666);
    mkdirSync(at('web-b', 'made'), { mode: 0o777 });
    writeFileSync(at('web-b', 'made/f'), 'here', { mode: 0o600 });
    const dry = await federation.run('web-b', ['sync', '-n']);
    expect(dry.stdout.split('\n')).toContain('>f.changed.. f');
    await sync('web-b', 'web-a');
    expect(['f', 'made', 'made/f'].map((path) => modeOf('web-b', path))).toEqual(['640', '750', '640']);
    expect(modeOf('web-a', 'f')).toBe('644');
    await requireQuiet();
  });

  test('holds for all paths from the next cycle on, and the log again when it is taken back', async () => {
    mkdirSync(at('web-a', 'd'));
    writeFileSync(at('web-a', 'd/f'), 'x');
    writeFileSync(at('web-a', 'setuid'), 'x');
    chmodSync(at('web-a', 'setuid'), 0o4755);
    await sync('web-a', 'web-b');
    federation.configure('web-b', [...quickShare, 'metadata: { fileMode: "0640", dirMode: "0750" }']);
    await sync('web-b');
    expect(['d', 'd/f', 'setuid'].map((path) => modeOf('web-b', path))).toEqual(['750', '640', '640']);
    await requireQuiet();
    federation.configure('web-b', [...quickShare, 'metadata: preserve']);
    await sync('web-b');
    expect(['d', 'd/f', 'setuid'].map((path) => modeOf('web-b', path))).toEqual(['755', '644', '755']);
    await requireQuiet();
    expect(modeOf('web-a', 'setuid')).toBe('4755');
  });

  test.skipIf(!isRoot)('an owner that this machine does not know is a problem until it does (needs root)', async () => {
    writeFileSync(at('web-a', 'f'), 'x');
    await sync('web-a');
    federation.configure('web-b', [...quickShare, 'metadata: { owner: no-such-user, group: "33" }']);
    const first = await federation.run('web-b', ['sync']);
    expect(first.code).toBe(1);
    expect(first.stderr).toMatch(documented('unknown-owner'));
    expect(first.stderr).toContain('no-such-user');
    expect(lstatSync(at('web-b', 'f')).gid).toBe(wwwData);
    expect(await federation.run('web-b', ['sync'])).toMatchObject({ code: 1, stderr: '' });
    federation.configure('web-b', [...quickShare, 'metadata: { owner: www-data, group: www-data }']);
    await sync('web-b');
    expect(lstatSync(at('web-b', 'f'))).toMatchObject({ uid: wwwData, gid: wwwData });
    await requireQuiet();
  });
});

describe('times', () => {
  const times = ['-86400.500001', '-0.000001', '0', '1.000001', '1700000000.123456789', '4102444800.999999'];

  test('of files are kept to the microsecond, before 1970 and far ahead', async () => {
    for (const [i, time] of times.entries()) {
      writeFileSync(at('web-a', `f${i}`), time);
      execFileSync('touch', ['-d', `@${time}`, at('web-a', `f${i}`)]);
    }
    await sync('web-a', 'web-b');
    expect(compare()).toEqual([]);
    expect(lstatSync(at('web-b', 'f4'), { bigint: true }).mtimeNs).toBe(1_700_000_000_123_456_000n);
    await requireQuiet();
  });

  test('beyond what a record can say are the latest that it can', async () => {
    writeFileSync(at('web-a', 'f'), 'x');
    execFileSync('touch', ['-d', '@13569465600.25', at('web-a', 'f')]);
    await sync('web-a', 'web-b');
    expect(lstatSync(at('web-b', 'f')).mtime.getUTCFullYear()).toBe(2255);
    await requireQuiet();
  });

  test('that change alone are told without content', async () => {
    writeFileSync(at('web-a', 'f'), 'x'.repeat(100_000));
    await sync('web-a', 'web-b');
    execFileSync('touch', ['-d', '@-1.5', at('web-b', 'f')]);
    await sync('web-b', 'web-a');
    expect(compare()).toEqual([]);
    await requireQuiet();
  });
});

describe('owners', () => {
  test.skipIf(!isRoot)('follow by name, by number where there is no name, and change alone (needs root)', async () => {
    for (const name of ['f', 'g', 'h']) writeFileSync(at('web-a', name), name);
    mkdirSync(at('web-a', 'd'));
    symlinkSync('f', at('web-a', 'l'));
    chownSync(at('web-a', 'f'), wwwData, adm);
    chownSync(at('web-a', 'd'), wwwData, wwwData);
    chownSync(at('web-a', 'g'), 54321, 54322);
    lchownSync(at('web-a', 'l'), wwwData, adm);
    await sync('web-a', 'web-b');
    expect(compare(true)).toEqual([]);
    chownSync(at('web-b', 'h'), wwwData, adm);
    lchownSync(at('web-b', 'l'), 0, 0);
    await sync('web-b', 'web-a');
    expect(compare(true)).toEqual([]);
    expect(lstatSync(at('web-a', 'h'))).toMatchObject({ uid: wwwData, gid: adm });
    await requireQuiet();
  });

  test.skipIf(!isRoot)('R-I3: a member that may not give files away publishes edits without its own name (needs root)', async () => {
    federation.close();
    const store = await startTestS3();
    try {
      federation = startFederation(['web-a', 'web-b'], { datastore: onS3(store.endpoint), users: { 'web-b': nobody } });
      for (const [name, mode] of Object.entries({ f: 0o644, locked: 0o000, 'write-only': 0o200 })) {
        writeFileSync(at('web-a', name), 'x');
        chmodSync(at('web-a', name), mode);
        chownSync(at('web-a', name), wwwData, adm);
      }
      await sync('web-a', 'web-b', 'web-b', 'web-a');
      expect(compare()).toEqual([]);
      execFileSync('sh', ['-c', 'echo edited > f'], { cwd: federation.root('web-b'), uid: nobody, gid: nobody });
      await sync('web-b', 'web-a');
      expect(compare()).toEqual([]);
      for (const name of ['f', 'locked', 'write-only']) expect(lstatSync(at('web-a', name))).toMatchObject({ uid: wwwData, gid: adm });
    } finally {
      await store.close();
    }
  });
});

test.skipIf(!isRoot)(
  'R-I3: directories without the right to write follow where the agent owns them, and keep their mode (needs root)',
  async () => {
    federation.close();
    const store = await startTestS3();
    try {
      federation = startFederation(['web-a', 'web-b'], { datastore: onS3(store.endpoint), users: { 'web-a': nobody, 'web-b': nobody } });
      const as = (member: string, script: string) =>
        execFileSync('sh', ['-c', script], { cwd: federation.root(member), uid: nobody, gid: nobody });
      as(
        'web-a',
        'mkdir -p sites/default/gone && cd sites/default && echo 1 > settings.php && echo x > old && chmod 444 settings.php && chmod 555 .',
      );
      await sync('web-a', 'web-b');
      expect(compare()).toEqual([]);
      as(
        'web-a',
        'cd sites/default && chmod 755 . && rm -rf old gone && echo 2 > new && mkdir sub && ln -s new link && chmod 644 settings.php',
      );
      as('web-a', 'cd sites/default && echo 2 > settings.php && chmod 444 settings.php && chmod 555 .');
      await sync('web-a', 'web-b');
      expect(compare()).toEqual([]);
      expect(modeOf('web-b', 'sites/default')).toBe('555');
      await sync('web-b', 'web-a', 'web-b');
      expect(compare()).toEqual([]);
    } finally {
      await store.close();
    }
  },
);

test('a sparse file arrives with its content', async () => {
  const fd = openSync(at('web-a', 'sparse'), 'w');
  ftruncateSync(fd, 40 * 1024 * 1024 + 5);
  writeSync(fd, 'middle', 20 * 1024 * 1024);
  closeSync(fd);
  utimesSync(at('web-a', 'sparse'), 1, 1);
  await sync('web-a', 'web-b');
  expect(compare()).toEqual([]);
});

describe('what a directory passes on', () => {
  test.skipIf(!isRoot)('a default ACL gives new files and directories what they would have if made in place (needs root)', async () => {
    for (const member of ['web-a', 'web-b']) {
      mkdirSync(at(member, 'd'));
      execFileSync('setfacl', ['-d', '-m', 'u:www-data:rwx,g:adm:r-x,o::---', at(member, 'd')]);
    }
    await sync('web-a', 'web-b');
    const acl = (member: string, path: string) => execFileSync('getfacl', ['-c', '-p', at(member, path)], { encoding: 'utf8' });
    writeFileSync(at('web-a', 'd/f'), 'x');
    mkdirSync(at('web-a', 'd/sub'));
    writeFileSync(at('web-a', 'd/sub/f'), 'x');
    await sync('web-a', 'web-b');
    for (const path of ['d', 'd/f', 'd/sub', 'd/sub/f']) expect(acl('web-b', path)).toBe(acl('web-a', path));
    expect(acl('web-b', 'd/sub/f')).toContain('user:www-data:rwx');
    expect(compare()).toEqual([]);
    await requireQuiet();
  });

  test.skipIf(!isRoot)('a setgid directory gives its group and bit to what arrives in it (needs root)', async () => {
    mkdirSync(at('web-a', 'd'));
    await sync('web-a', 'web-b');
    chownSync(at('web-b', 'd'), 0, adm);
    chmodSync(at('web-b', 'd'), 0o2775);
    await sync('web-b', 'web-a');
    mkdirSync(at('web-a', 'd/sub'));
    writeFileSync(at('web-a', 'd/sub/f'), 'x');
    writeFileSync(at('web-a', 'd/f'), 'x');
    await sync('web-a', 'web-b');
    expect(['d/f', 'd/sub', 'd/sub/f'].map((path) => lstatSync(at('web-b', path)).gid)).toEqual([adm, adm, adm]);
    expect(modeOf('web-b', 'd/sub')).toBe('2755');
    await requireQuiet();
  });
});
