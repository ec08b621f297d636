import type { Entry, FileEntry } from '../model/entry.ts';
import { type BytePath, comparePaths } from '../model/path.ts';
import { DiskFault, type DiskMetadata } from '../ports/filesystem.ts';
import type { Preview } from '../ports/preview.ts';
import type { StageRequest } from '../steps/fetch/request.ts';
import { fetchContents } from '../steps/fetch.ts';
import type { Plan } from '../steps/plan.ts';
import { fetchPorts } from './content.ts';
import type { Cycle } from './context.ts';

interface Change {
  readonly path: BytePath;
  readonly entry: Entry | null;
  /** Something of another kind, or nothing, stands there. */
  readonly replaces: boolean;
}

/**
 * Does to the copy what the plan is about to do to the share. What cannot be had is left out, as it would be there. Throws DiskFault and
 * DatastoreFault.
 */
export async function layOver(cycle: Cycle, decided: Plan, preview: Preview): Promise<void> {
  const changes = changesOf(cycle, decided);
  for (const { path, entry } of [...changes].reverse()) if (entry === null) preview.remove(path);
  for (const { path, entry, replaces } of changes) {
    if (entry === null || !replaces) continue;
    preview.remove(path);
    if (entry.kind === 'dir') preview.makeDirectory(path, entry.mode);
  }
  const files = changes.flatMap(({ path, entry }) => (entry?.kind === 'file' ? [{ path, entry, metadata: metadataOf(cycle, entry) }] : []));
  await placeFiles(cycle, files, preview);
  for (const { path, entry } of changes) if (entry?.kind === 'link') preview.makeLink(path, entry.target);
}

/** Ancestors before descendants. */
function changesOf({ ports: { journal } }: Cycle, { applies, newFiles }: Plan): Change[] {
  const changed = applies.map(({ path, entry, expected }) => ({
    path,
    entry,
    // A directory that stands keeps what is below it.
    replaces: entry !== null && !(entry.kind === 'dir' && expected?.kind === 'dir'),
  }));
  const added = journal.transaction(() =>
    newFiles.map(({ path }) => ({ path, entry: journal.want(path)?.entry ?? null, replaces: true })).filter(({ entry }) => entry !== null),
  );
  return [...changed, ...added].sort((a, b) => comparePaths(a.path, b.path));
}

/** Rights as the files will have them, so that a check under other rights meets what the service will meet. */
function metadataOf({ config, ports: { owners } }: Cycle, entry: FileEntry): DiskMetadata {
  const fixed = config.metadata === 'preserve' ? null : config.metadata;
  const mode = (fixed?.fileMode ?? entry.mode) & 0o777;
  const owner = fixed?.owner ?? entry.owner;
  const group = fixed?.group ?? entry.group;
  const uid = !owners.privileged || owner === null ? undefined : owners.userId(owner);
  const gid = !owners.privileged || group === null ? undefined : owners.groupId(group);
  return { mode, mtimeUs: entry.mtimeUs, ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) };
}

async function placeFiles(cycle: Cycle, requests: readonly StageRequest[], preview: Preview): Promise<void> {
  for await (const results of fetchContents(fetchPorts(cycle), cycle.share, requests))
    for (const result of results) {
      if (result.ok) preview.place(result.staged, result.request.path);
      else if (result.reason === 'full') throw new DiskFault('full', result.detail);
    }
}
