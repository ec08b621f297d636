import type { Hash } from '../../model/entry.ts';
import type { BytePath } from '../../model/path.ts';
import type { OpenFile, ShareTree } from '../../ports/filesystem.ts';
import type { Location } from '../../ports/journal.ts';
import type { FetchPorts, StageRequest } from './request.ts';

/** A file of this disk that held the content when it was last looked at. */
export type Copy = { readonly from: 'path'; readonly path: BytePath } | { readonly from: 'trash'; readonly name: string };

/** Where a content may be had; the empty one from nothing. */
export type Place = Copy | { readonly from: 'bucket'; readonly location: Location } | { readonly from: 'nothing' };

/** Files of equal content that are tried before the bucket is asked. */
const copiesTried = 3;

/** Places of each content in the order in which they are tried: this disk, its trash, the bucket. */
export interface Places {
  copies(hash: Hash): readonly Copy[];
  all(hash: Hash): readonly Place[];
}

/** Asked for all contents at once: questions one by one would each take a lock on the journal. */
export function placesOf({ journal }: FetchPorts, requests: readonly StageRequest[]): Places {
  const hashes = [...new Set(requests.map(({ entry }) => entry.hash))];
  return journal.transaction(() => {
    const paths = journal.agreedPaths(hashes, copiesTried);
    const trashed = new Map(hashes.flatMap((hash) => journal.trashByHash(hash) ?? []).map((row) => [hashOf(row.entry), row.name]));
    const locations = journal.locationsOf(hashes);
    const copies = (hash: Hash): Copy[] => {
      const name = trashed.get(hash);
      const here = (paths.get(hash) ?? []).map((path) => ({ from: 'path' as const, path }));
      return name === undefined ? here : [...here, { from: 'trash', name }];
    };
    const stored = (hash: Hash) => (locations.get(hash) ?? []).map((location) => ({ from: 'bucket' as const, location }));
    return { copies, all: (hash) => [...copies(hash), ...stored(hash)] };
  });
}

function hashOf(entry: { readonly kind: string; readonly hash?: Hash }): Hash {
  return entry.hash ?? '';
}

/** Throws `DiskFault`. */
export function openCopy(tree: ShareTree, copy: Copy): OpenFile {
  return copy.from === 'path' ? tree.open(copy.path) : tree.openInTrash(copy.name);
}
