import { accessSync, constants, existsSync, rmSync, statfsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { ShareConfig } from '../config-types.ts';
import { type Finding, finding } from '../model/finding.ts';
import { rootInUse } from '../model/root-in-use.ts';
import { DiskFault } from '../ports/filesystem.ts';
import { openShareTree } from './disk.ts';

const freeBytesLow = 1024 * 1024 * 1024;
const freeShareLow = 0.05;

/** The nearest directory on the way that exists must let this user write. */
export function checkStateDirectory(state: string): Finding {
  let standing = state;
  while (!existsSync(standing) && dirname(standing) !== standing) standing = dirname(standing);
  try {
    accessSync(standing, constants.W_OK | constants.X_OK);
    return finding('state', 'ok', standing === state ? `${state} can be written` : `${state} can be made`);
  } catch (error) {
    const fix = `Run as a user that may write there, or write another directory as "state" in the config.`;
    return finding('state', 'problem', `${standing} cannot be written: ${error instanceof Error ? error.message : String(error)}`, fix);
  }
}

/**
 * One share's root: there, not in use by another state, staging proved by a real rename, room. The caller holds the share's lock. `seen`:
 * a cycle has met the root before, so that it would not be made anew (rule G1).
 */
export function* checkRoot(share: Pick<ShareConfig, 'name' | 'path' | 'fixedPart'>, stateId: string, seen: boolean): Generator<Finding> {
  const root = share.path;
  const tree = openShareTree({ root, shareName: share.name });
  const areas = [join(dirname(root), `.flocksync-${encodeURIComponent(share.name)}`), join(root, '.flocksync')];
  const before = areas.filter((area) => existsSync(area));
  try {
    const state = tree.rootState();
    yield rootFinding(root, share.fixedPart ?? dirname(root), state.state, seen);
    if (state.state !== 'present') return;
    yield stagingFinding(tree, root, share.name, stateId);
    yield roomFinding(root);
  } finally {
    tree.close();
    // What this test has made belongs to whoever runs it, who may not be the user of the later runs.
    for (const area of areas) if (!before.includes(area)) rmSync(area, { recursive: true, force: true });
  }
}

function rootFinding(root: string, needed: string, state: 'present' | 'missing' | 'not-directory' | 'unreadable', seen: boolean): Finding {
  if (state === 'present') return finding('root', 'ok', `${root} is there`);
  if (state === 'missing' && seen) {
    const fix = 'Mount or restore it; the share goes on by itself once its content is back.';
    return finding('root', 'problem', `${root} is missing, and was there before`, fix);
  }
  if (state === 'missing' && existsSync(needed)) return finding('root', 'note', `${root} is missing; a first sync makes it`);
  const words = { missing: `is missing, and so is ${needed}`, 'not-directory': 'is not a directory', unreadable: 'cannot be read' };
  return finding('root', 'problem', `${root} ${words[state]}`, 'Create or mount it, or correct "path" in the config.');
}

function stagingFinding(tree: ReturnType<typeof openShareTree>, root: string, share: string, stateId: string): Finding {
  try {
    const lock = tree.lockRoot(stateId);
    if (lock === null) {
      const { text, fix } = rootInUse(root, share);
      return finding('staging', 'problem', text, `${fix}.`);
    }
    try {
      tree.prepareStaging();
    } finally {
      lock.release();
    }
    const place = tree.stagingInsideRoot === null ? `beside ${basename(root)}` : 'in .flocksync inside the root';
    return finding('staging', 'ok', `files can be staged ${place} and renamed into place`);
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
    return finding(
      'staging',
      'problem',
      `files cannot be staged for ${root}: ${error.message}`,
      'Give the user that runs flocksync the right to write there.',
    );
  }
}

function roomFinding(root: string): Finding {
  const { bavail, blocks, bsize, files, ffree } = statfsSync(root);
  const freeBytes = bavail * bsize;
  const text = `${Math.floor(freeBytes / 1e6).toLocaleString('en')} MB are free on the file system of ${root}`;
  const fix = 'A trash keeps what is replaced for 7 days: make room.';
  if (files > 0 && ffree / files < freeShareLow) return finding('room', 'warning', `${text}, but hardly any inodes are`, fix);
  if (freeBytes < freeBytesLow && bavail / blocks < freeShareLow) return finding('room', 'warning', text, fix);
  return finding('room', 'ok', text);
}
