import { rootInUse } from '../model/root-in-use.ts';
import { DiskFault, type DiskFaultCode } from '../ports/filesystem.ts';
import { recover } from '../steps/recover.ts';
import { revisitDisplaced } from '../steps/revisit.ts';
import type { Cycle } from './context.ts';

/** What a look at the root allows. 'fresh': there was nothing to lose yet. */
export type RootVerdict = 'usable' | 'stopped';

/**
 * Rule G1 before anything is read: a root that is missing, no directory, or another device without our entries stops the share.
 * A root that was never seen is created. Prepares staging and finishes what a killed run left.
 */
export async function enterRoot(cycle: Cycle): Promise<RootVerdict> {
  const { tree, journal } = cycle.ports;
  let root = tree.rootState();
  if (root.state === 'missing' && !wasSeen(cycle)) {
    if (cycle.options.dryRun) {
      cycle.rootIsToCome = true;
      return 'usable';
    }
    if (!createRoot(cycle)) return 'stopped';
    root = tree.rootState();
  }
  if (root.state !== 'present') {
    stop(
      cycle,
      root.state === 'missing' ? 'root-missing' : `root-${root.state}`,
      `the root ${cycle.config.path} is ${words[root.state]} (${root.message})`,
    );
    return 'stopped';
  }
  if (!cycle.options.dryRun) await openStaging(cycle, () => lock(cycle));
  if (cycle.halt !== null || !sameDevice(cycle, root)) return 'stopped';
  if (cycle.options.dryRun) return 'usable';
  await openStaging(cycle, async () => {
    const intents = journal.intents();
    // What a killed run has done may not be on the disk yet, and what is seen there now becomes the base.
    if (intents.length > 0) await tree.flushChanges('all');
    recover(cycle.ports, cycle.bucketNowMs());
    // The second look at what a killed burst displaced (rule A2).
    revisitDisplaced(
      tree,
      journal,
      intents.flatMap(({ trashName }) => (trashName === '' ? [] : [trashName])),
    );
    tree.prepareStaging();
  });
  return 'usable';
}

/** A root that nothing can be written to is no reason not to publish from it; a publisher never needs more. */
async function openStaging(cycle: Cycle, step: () => void | Promise<void>): Promise<void> {
  if (!cycle.canApply) return;
  try {
    await step();
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
    cycle.canApply = false;
    if (cycle.config.role === 'publisher') return;
    const text = `nothing can be put in place below the root ${cycle.config.path} (${error.message}); local changes are still published`;
    cycle.note(error.code === 'full' ? 'disk-full' : 'no-staging', null, text, stagingFixes[error.code] ?? stagingFix);
  }
}

const stagingFix = 'Let the user that runs flocksync write to the root and to the directory around it.';
const stagingFixes: Partial<Record<DiskFaultCode, string>> = {
  full: 'Free space on the file system of the share; the next sync goes on.',
  'read-only': 'Mount the file system read-write, or give this member the role publisher.',
};

const words = { missing: 'missing', 'not-directory': 'not a directory', unreadable: 'unreadable' };

/** Rule G4: two states on one root would take each other's writes for edits. */
function lock(cycle: Cycle): void {
  cycle.rootLock = cycle.ports.tree.lockRoot(cycle.ports.stateId, cycle.keptLock);
  if (cycle.rootLock !== null) return;
  const { text, fix } = rootInUse(cycle.config.path, cycle.share);
  cycle.halt = {
    code: 'root-in-use',
    text,
    fix: `${fix}.`,
  };
}

function wasSeen(cycle: Cycle): boolean {
  return cycle.ports.journal.meta('rootIno') !== undefined;
}

function createRoot(cycle: Cycle): boolean {
  try {
    cycle.ports.tree.createRoot();
    return true;
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
    const fix = `Create ${cycle.config.path} (its parent must exist), or correct "path" in the config.`;
    cycle.note('root-not-created', null, `the root ${cycle.config.path} does not exist and cannot be created (${error.message})`, fix);
    return false;
  }
}

const backFix = 'Mount or restore it; the share goes on by itself once its content is back.';
const rootFixes: Readonly<Record<string, string>> = {
  'root-missing': `${backFix} If this server has given the share up: take it out of the config, and run flocksync forget.`,
  'root-not-directory': 'Move away what stands there and put the directory back; the share goes on by itself then.',
  'root-unreadable': 'Let the user that runs flocksync read and search it, or look after its disk; the share goes on by itself then.',
};

function stop(cycle: Cycle, code: string, text: string): void {
  cycle.halt = {
    code,
    text: `${text}; nothing is published or applied`,
    fix: rootFixes[code] ?? backFix,
  };
}

/** Another device with most entries gone is a disk that is not mounted; a moved or restored tree is read again completely. */
function sameDevice(cycle: Cycle, root: { dev: number; ino: number }): boolean {
  const { journal } = cycle.ports;
  const dev = journal.meta('rootDev');
  const ino = journal.meta('rootIno');
  if (dev === String(root.dev) && ino === String(root.ino)) return true;
  const gone = dev !== undefined && dev !== String(root.dev) && mostEntriesGone(cycle);
  if (gone === 'unknown') return false;
  if (gone) {
    stop(cycle, 'root-foreign', `the root ${cycle.config.path} is on another device than before and most of its entries are gone`);
    return false;
  }
  if (cycle.options.dryRun) return true;
  cycle.memory.attention.wantWhole();
  journal.transaction(() => {
    if (ino !== undefined) {
      journal.distrustAllStamps();
      journal.forgetDirectoryDigests();
    }
    journal.setMeta('rootDev', String(root.dev));
    journal.setMeta('rootIno', String(root.ino));
  });
  return true;
}

/** 'unknown' where the root cannot be read: that is no absence, and stops the share, too. */
function mostEntriesGone(cycle: Cycle): boolean | 'unknown' {
  const { journal } = cycle.ports;
  const known = journal.agreedChildren('');
  if (known.length === 0) return false;
  const here = namesInRoot(cycle);
  if (here === null) return 'unknown';
  return known.filter((row) => here.has(row.path)).length * 2 < known.length;
}

function namesInRoot(cycle: Cycle): ReadonlySet<string> | null {
  try {
    return new Set(cycle.ports.tree.readDirectory('', () => true).names);
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
    stop(cycle, 'root-unreadable', `the root ${cycle.config.path} is ${words.unreadable} (${error.message})`);
    return null;
  }
}
