import { openShareTree } from '../adapters/disk.ts';
import { compileExcludes } from '../adapters/excludes.ts';
import type { World } from '../compose.ts';
import type { ShareConfig } from '../config-types.ts';
import { ancestorsOf, type BytePath, toText } from '../model/path.ts';
import { DiskFault, type Stat } from '../ports/filesystem.ts';
import { JournalFault } from '../ports/journal.ts';
import type { SyncCommand } from './command.ts';
import { type ExitCode, exit, worst } from './exit.ts';
import type { Output } from './output.ts';
import { locatePath, storedPath, typedPath } from './path-argument.ts';
import type { Progress } from './progress.ts';
import { readJournal } from './shares.ts';
import { syncShare } from './sync-share.ts';

/** Publishes what the paths name, in their shares, and nothing else. */
export async function syncPaths(world: World, command: SyncCommand, output: Output, progress: Progress): Promise<ExitCode> {
  const byShare = new Map<string, { readonly share: ShareConfig; readonly paths: Set<BytePath> }>();
  for (const typed of command.paths) {
    const located = await locatePath(world, typedPath(typed), command.shares[0] ?? null, output, 'flocksync sync NAME --path PATH');
    if (located === null) return exit.usage;
    const { share } = located;
    const checked = checkPath(world, share, located.path);
    if (typeof checked !== 'object') {
      output.error(`flocksync: ${share.name}: ${checked}`);
      return exit.usage;
    }
    const known = byShare.get(share.name) ?? { share, paths: new Set() };
    byShare.set(share.name, { share, paths: known.paths.add(checked.path) });
  }
  const codes: ExitCode[] = [];
  for (const { share, paths } of byShare.values())
    codes.push(await syncShare(world, share, { ...command, only: 'publish', below: [...paths] }, output, progress));
  return worst(codes);
}

/** The path as its name is, or the sentence why nothing can be published there. */
function checkPath(world: World, share: ShareConfig, typed: BytePath): { readonly path: BytePath } | string {
  if (share.role === 'subscriber')
    return 'it is a subscriber here, and publishes nothing: change "role" in the config, or publish elsewhere';
  const tree = openShareTree({ root: share.path, shareName: share.name, fixedPart: share.fixedPart });
  const look = (path: BytePath): Stat | null => {
    try {
      return tree.look(path);
    } catch (error) {
      // Whatever is wrong with it is for the cycle to say.
      if (error instanceof DiskFault) return null;
      throw error;
    }
  };
  try {
    // What stands under the name as it was typed is meant.
    const path = typed === '' || look(typed) !== null ? typed : readJournal(world, share.name, (journal) => storedPath(journal, typed));
    const stat = path === '' ? null : look(path);
    if (isExcluded(share, path, stat?.kind === 'dir')) return `${toText(path)} is excluded by the config; nothing there is synchronised`;
    if (path === '' || stat !== null || isKnown(world, share, path)) return { path };
    return `nothing is at ${toText(path)}: neither on this disk nor in the history of the share`;
  } catch (error) {
    if (error instanceof JournalFault) return `the journal cannot be read: ${error.message}`;
    throw error;
  } finally {
    tree.close();
  }
}

function isExcluded(share: ShareConfig, path: BytePath, isDirectory: boolean): boolean {
  if (path === '') return false;
  const excluded = compileExcludes(share.exclude);
  return excluded(path, isDirectory) || ancestorsOf(path).some((each) => excluded(each, true));
}

/** What was deleted has been there. */
function isKnown(world: World, share: ShareConfig, path: BytePath): boolean {
  return readJournal(
    world,
    share.name,
    (journal) => journal !== null && (journal.versions(path).length > 0 || journal.folded(path) !== null || journal.agreed(path) !== null),
  );
}
