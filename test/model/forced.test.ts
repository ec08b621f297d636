import { describe, expect, test } from 'vitest';
import type { Entry } from '../../src/model/entry.ts';
import { isUnenforced } from '../../src/model/forced.ts';
import type { FixedMetadata } from '../../src/model/local.ts';

const nothing: FixedMetadata = { owner: null, group: null, fileMode: null, dirMode: null };
const ids = {
  userId: (name: string) => ({ root: 0, web: 33 })[name],
  groupId: (name: string) => ({ root: 0, web: 33 })[name],
};
const file: Entry = { kind: 'file', mode: 0o644, mtimeUs: 0, owner: 'root', group: 'root', size: 1, hash: 'h', chunks: null };
const directory: Entry = { kind: 'dir', mode: 0o755, owner: 'root', group: 'root' };
const link: Entry = { kind: 'link', target: 't', owner: 'root', group: 'root' };

function seen(mode: number, uid = 0, gid = 0) {
  return { mode, mtimeUs: 0, uid, gid };
}

describe('attributes that the config sets', () => {
  test.each<[string, Entry, ReturnType<typeof seen>, Partial<FixedMetadata>, boolean]>([
    ['a file of another mode', file, seen(0o644), { fileMode: 0o640 }, true],
    ['a file of that mode, whatever the log says', file, seen(0o640), { fileMode: 0o640 }, false],
    ['a mode of files is none of directories', directory, seen(0o755), { fileMode: 0o640 }, false],
    ['a directory of another mode', directory, seen(0o755), { dirMode: 0o750 }, true],
    ['a directory with an inherited setgid bit', directory, seen(0o2750), { dirMode: 0o750 }, false],
    ['a directory without the setgid bit that is set', directory, seen(0o750), { dirMode: 0o2750 }, true],
    ['a link has no mode', link, seen(0o777), { fileMode: 0o640, dirMode: 0o750 }, false],
    ['a link of another user', link, seen(0o777), { owner: 'web' }, true],
    ['a file of another group', file, seen(0o644), { group: 'web' }, true],
    ['a setgid directory keeps its group', directory, seen(0o2755), { group: 'web' }, false],
    ['a user that this machine does not know', file, seen(0o644), { owner: 'nobody-here' }, false],
    ['nothing', file, seen(0o600, 5, 5), {}, false],
  ])('%s', (_name, entry, disk, fixed, expected) => {
    expect(isUnenforced(entry, disk, { ...nothing, ...fixed }, null, ids)).toBe(expected);
  });
});

describe('attributes that the config sets no more follow the log', () => {
  test.each<[string, Entry, ReturnType<typeof seen>, Partial<FixedMetadata>, boolean]>([
    ['a mode', file, seen(0o640), { fileMode: 0o640 }, true],
    ['a mode that was never set', file, seen(0o640), { dirMode: 0o750 }, false],
    ['set-id bits are left alone', file, seen(0o4644), { fileMode: 0o640 }, false],
    ['an owner', file, seen(0o644, 33), { owner: 'web' }, true],
    ['a group', file, seen(0o644, 0, 33), { group: 'web' }, true],
  ])('%s', (_name, entry, disk, before, expected) => {
    expect(isUnenforced(entry, disk, null, { ...nothing, ...before }, ids)).toBe(expected);
  });
});
