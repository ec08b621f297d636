import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { documented } from '../documented.ts';
import { type Federation, startFederation } from './support/federation.ts';
import { isRoot, type Mounted, mountMemory } from './support/mount.ts';
import { differences, snapshot } from './support/tree.ts';

const kibibyte = 1024;
const quiet = { code: 0, stdout: '', stderr: '' };
let federation: Federation;

beforeEach(() => {
  federation = startFederation(['a', 'b']);
  for (let i = 0; i < 5; i++) writeFileSync(join(federation.root('a'), `file-${i}`), randomBytes(300 * kibibyte));
  writeFileSync(join(federation.root('a'), 'small'), 'small');
});

/** Unmounted before the federation's directory goes. */
function mounted(path: string, size: string): Mounted {
  const mount = mountMemory(path, size);
  onTestFinished(() => {
    mount.unmount();
    federation.close();
  });
  return mount;
}

/** The state lies elsewhere, so that only the share's own disk is full. */
function moveState(member: string): void {
  const elsewhere = join(federation.directory, `state-of-${member}`);
  const config = federation.configFile(member);
  writeFileSync(config, readFileSync(config, 'utf8').replace(federation.state(member), elsewhere));
}

function fill(directory: string, leaveBytes = 0): string {
  const file = join(directory, 'fill');
  try {
    writeFileSync(file, Buffer.alloc(64 * kibibyte * kibibyte));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
  truncateSync(file, Math.max(0, statSync(file).size - leaveBytes));
  return file;
}

describe.skipIf(!isRoot)('a full disk (mounting one needs root)', () => {
  test('R-I2: under a receiver stops only what does not fit, once told, and the next sync goes on', async () => {
    const mount = mounted(join(federation.directory, 'b'), '1m');
    federation.configure('b');
    moveState('b');
    expect(await federation.run('a', ['sync'])).toMatchObject(quiet);
    const ran = await federation.run('b', ['sync']);
    expect(ran.code).toBe(1);
    expect(ran.stderr).toMatch(documented('disk-full'));
    expect(ran.stderr).toMatch(/^(flocksync: webroot: file-\d: there is no room on the disk for it .*Free space.*\n)+$/);
    const here = readdirSync(federation.root('b'));
    expect(here).toContain('small');
    expect(here.length).toBeLessThan(6);
    expect(await federation.run('b', ['sync'])).toEqual({ code: 1, signal: null, stdout: '', stderr: '' });
    mount.remount('size=16m');
    expect(await federation.run('b', ['sync'])).toMatchObject(quiet);
    expect(differences(snapshot(federation.root('a')), snapshot(federation.root('b')))).toEqual([]);
  });

  test('without a byte left still takes deletions over and says what is wrong', async () => {
    mounted(join(federation.directory, 'b'), '16m');
    federation.configure('b');
    moveState('b');
    await federation.run('a', ['sync']);
    expect(await federation.run('b', ['sync'])).toMatchObject(quiet);
    rmSync(join(federation.root('a'), 'file-0'));
    writeFileSync(join(federation.root('a'), 'new'), 'new');
    await federation.run('a', ['sync']);
    const filler = fill(join(federation.directory, 'b'));
    const ran = await federation.run('b', ['sync']);
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain('webroot: new: there is no room on the disk for it');
    expect(readdirSync(federation.root('b'))).not.toContain('file-0');
    rmSync(filler);
    expect(await federation.run('b', ['sync'])).toMatchObject(quiet);
    expect(differences(snapshot(federation.root('a')), snapshot(federation.root('b')))).toEqual([]);
  });

  test('before a member has ever staged anything is a problem, and what it has is published', async () => {
    const mount = mounted(join(federation.directory, 'b'), '1m');
    federation.configure('b', ['settle: 0s', 'join: merge']);
    writeFileSync(join(federation.root('b'), 'own'), 'own');
    moveState('b');
    fill(mount.path);
    await federation.run('a', ['sync']);
    const ran = await federation.run('b', ['sync']);
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    expect(ran.stderr).toMatch(/nothing can be put in place below the root .*Free space/);
    await federation.run('a', ['sync']);
    expect(readdirSync(federation.root('a'))).toContain('own');
    mount.remount('size=16m');
    expect(await federation.run('b', ['sync'])).toMatchObject(quiet);
    expect(differences(snapshot(federation.root('a')), snapshot(federation.root('b')))).toEqual([]);
  });

  test('under the state directory is a problem with a fix, never an internal error', async () => {
    const mount = mounted(federation.state('b'), '1m');
    await federation.run('a', ['sync']);
    for (const leaveBytes of [0, 8 * kibibyte, 64 * kibibyte]) {
      const filler = fill(mount.path, leaveBytes);
      const ran = await federation.run('b', ['sync']);
      expect(ran).toMatchObject({ code: 1, stdout: '' });
      expect(ran.stderr).toMatch(/^flocksync: webroot: .*Make room there.*\n$/);
      rmSync(filler);
    }
    mount.remount('size=16m');
    expect(await federation.run('b', ['sync'])).toMatchObject(quiet);
    expect(differences(snapshot(federation.root('a')), snapshot(federation.root('b')))).toEqual([]);
  });

  test('under a directory datastore is exit 75, told once, and the next sync goes on', async () => {
    const mount = mounted(federation.bucket, '1m');
    const ran = await federation.run('a', ['sync']);
    expect(ran).toMatchObject({ code: 75, stdout: '' });
    expect(ran.stderr).toMatch(documented('full'));
    expect(ran.stderr).toMatch(/^flocksync: webroot: .*\(full\).*Make room.*\n$/);
    expect(await federation.run('a', ['sync'])).toEqual({ code: 75, signal: null, stdout: '', stderr: '' });
    mount.remount('size=16m');
    for (const member of ['a', 'b']) expect(await federation.run(member, ['sync'])).toMatchObject(quiet);
    expect(differences(snapshot(federation.root('a')), snapshot(federation.root('b')))).toEqual([]);
  });
});
