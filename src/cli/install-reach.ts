import { statusPathOf } from '../config-status-file.ts';
import type { Config, ShareConfig } from '../config-types.ts';
import { needsPlace } from '../model/preview-place.ts';
import type { Reach } from '../model/service-unit.ts';
import { parseSharePath } from '../model/share-pattern.ts';
import type { Starter } from '../model/starter.ts';

type Realpath = (path: string) => string | null;

/** The places that the daemon has to reach under this config; links are resolved as far as the paths exist. */
export function reachOf(config: Config, starter: Starter, realpath: Realpath): Reach {
  const real = (path: string) => realpath(path) ?? path;
  const { datastore, log, page } = config;
  return {
    state: config.state,
    writable: [
      ...config.shares.map((share) => aroundRoots(share, real)),
      ...(log === null ? [] : [real(folderOf(log))]),
      ...config.shares.flatMap((share) => statusFolder(share, real)),
      ...(datastore.kind === 'file' ? [real(datastore.path)] : []),
    ],
    readable: [
      ...[starter.node, starter.program, starter.config ?? config.file, ...Object.values(starter.variables)],
      ...(page?.token?.kind === 'file' ? [page.token.path] : []),
    ],
    hasHooks: config.shares.some(hasHook),
    placesCopies: config.shares.some(({ check }) => check !== null && needsPlace(check.run)),
  };
}

/** Of a pattern it lies in the roots. */
function statusFolder(share: ShareConfig, real: (path: string) => string): string[] {
  const path = share.pattern === null ? statusPathOf(share) : null;
  return path === null ? [] : [real(folderOf(path))];
}

function hasHook(share: ShareConfig): boolean {
  return share.onChange !== null || share.check !== null;
}

/** The directory around a root, where staging and trash lie beside it; of a pattern the part before the first wildcard. */
function aroundRoots(share: ShareConfig, real: (path: string) => string): string {
  if (share.pattern !== null) return real(fixedPart(share.pattern));
  const root = real(share.path);
  const around = folderOf(root);
  // Everything would be open with it: there the staging area goes into the root.
  return around === '/' ? root : around;
}

function fixedPart(pattern: string): string {
  const parsed = parseSharePath(pattern);
  const segments = parsed.ok ? parsed.pattern.segments : [];
  const first = segments.findIndex(({ dynamic }) => dynamic);
  const bytes = `/${segments
    .slice(0, first)
    .map(({ literal }) => literal)
    .join('/')}`;
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}
