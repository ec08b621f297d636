import { argumentBytes } from '../adapters/arguments.ts';
import type { World } from '../compose.ts';
import type { ShareConfig } from '../config-types.ts';
import { type BytePath, fromText, toText } from '../model/path.ts';
import { insideRoot, unescaped } from '../model/typed-path.ts';
import type { Journal } from '../ports/journal.ts';
import type { Output } from './output.ts';
import { chooseShares } from './shares.ts';

const shareFlag = '--share NAME';

/** The bytes behind an argument that names a path. */
export function typedPath(argument: string): BytePath {
  return argumentBytes(argument).toString('latin1');
}

/**
 * The share that a typed path is meant in, and the path inside it; null after a sentence why there is none (exit 2).
 * `way` is how the command is told a share.
 */
export async function locatePath(
  world: World,
  typed: BytePath,
  shareName: string | null,
  output: Output,
  way = shareFlag,
): Promise<{ readonly share: ShareConfig; readonly path: BytePath } | null> {
  const chosen = await chooseShares(world, shareName === null ? [] : [shareName], output);
  if (chosen === null) return null;
  const share = shareOf(chosen.shares, typed, way);
  const path = typeof share === 'string' ? undefined : insideRoot(typed, fromText(share.path));
  if (typeof share !== 'string' && path !== undefined) return { share, path };
  output.error(`flocksync: ${typeof share === 'string' ? share : `${toText(typed)} is outside of share ${share.name} (${share.path})`}`);
  return null;
}

/** An absolute path says by itself which share is meant; the one or the sentence why none is. */
function shareOf(shares: readonly ShareConfig[], typed: BytePath, way: string): ShareConfig | string {
  const [first, second] = typed.startsWith('/') ? shares.filter((share) => insideRoot(typed, fromText(share.path)) !== undefined) : shares;
  const names = shares.map((share) => share.name).join(', ') || 'none';
  if (first === undefined) return `${toText(typed)} is in no share; the config has: ${names}`;
  if (second !== undefined) return `there are several shares: say which one with ${way} (${names})`;
  return first;
}

/** The one share that is meant where no path tells; null after a sentence (exit 2). */
export async function oneShare(world: World, shareName: string | null, output: Output): Promise<ShareConfig | null> {
  const chosen = await chooseShares(world, shareName === null ? [] : [shareName], output);
  if (chosen === null) return null;
  const share = shareOf(chosen.shares, '', shareFlag);
  if (typeof share !== 'string') return share;
  output.error(`flocksync: ${chosen.shares.length === 0 ? 'the config has no shares' : share}`);
  return null;
}

/** The path as it is in the log: a name may be typed as it is printed, with escapes. */
export function storedPath(journal: Journal | null, typed: BytePath): BytePath {
  return journal !== null && journal.newestVersions(typed, 1).length === 0 ? unescaped(typed) : typed;
}
