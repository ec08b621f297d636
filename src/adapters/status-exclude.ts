import { realpathSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { statusPathOf } from '../config-status-file.ts';
import type { ShareConfig } from '../config-types.ts';
import { temporaryStart } from './status-file.ts';

/**
 * Gitignore lines for the status files that lie in the share's root, whichever share of the config they belong to. Each member has its
 * own; published, one member's success would be read on all.
 */
export function statusExcludes(share: ShareConfig, shares: readonly ShareConfig[]): string[] {
  const files = new Set([share, ...shares.filter((other) => other.pattern === null)].flatMap((other) => statusPathOf(other) ?? []));
  const roots = new Set([share.path, realPath(share.path)]);
  const inside = [...files].flatMap((file) =>
    [file, `${realPath(dirname(file))}/${basename(file)}`].flatMap((spelling) =>
      [...roots].filter((root) => spelling.startsWith(`${root}/`)).map((root) => spelling.slice(root.length)),
    ),
  );
  return [...new Set(inside)].sort().flatMap((path) => [escaped(path), `${escaped(`${dirname(path)}/${temporaryStart(path)}`)}*`]);
}

/** Links resolved for as much of the path as exists. */
function realPath(path: string): string {
  let rest = '';
  for (let at = path; at !== '' && at !== '/'; at = at.slice(0, at.lastIndexOf('/'))) {
    try {
      return `${realpathSync.native(at)}${rest}`.replace(/^\/\//, '/');
    } catch {
      rest = at.slice(at.lastIndexOf('/')) + rest;
    }
  }
  return path;
}

/** A path from the root on, as a pattern that means this path alone; the config refuses `*` and `?`, which no pattern takes literally. */
function escaped(path: string): string {
  return `/${path.replace(/^\/+/, '')}`.replace(/[\\[]/g, '\\$&').replace(/ +$/, (spaces) => '\\ '.repeat(spaces.length));
}
