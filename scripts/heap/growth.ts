import type { At, Heap } from './snapshot.ts';

/** What became of the objects of one group from one snapshot to the next. */
export interface Growth {
  /** Constructor of objects; `(string)`, `(array)`, … for what has none. */
  readonly group: string;
  /** Objects and bytes more than before; negative where it has shrunk. */
  readonly objects: number;
  readonly bytes: number;
  /** Those that were not there before, whether or not as many went meanwhile. */
  readonly born: readonly At[];
}

/** A way on which new objects are held, and how many of them. */
export interface Holder {
  readonly path: string;
  readonly objects: number;
}

/** The groups that differ, the one that has grown by the most bytes first. Both snapshots must be of one process. */
export function growthOf(before: Heap, after: Heap): readonly Growth[] {
  const known = new Set<number>();
  const groups = new Map<string, { objects: number; bytes: number; born: At[] }>();
  const groupAt = (heap: Heap, at: At) => {
    const group = groupOf(heap, at);
    const found = groups.get(group) ?? { objects: 0, bytes: 0, born: [] };
    groups.set(group, found);
    return found;
  };
  for (let at = 0; at < before.count; at++) {
    const group = groupAt(before, at);
    known.add(before.idOf(at));
    group.objects -= 1;
    group.bytes -= before.sizeOf(at);
  }
  for (let at = 0; at < after.count; at++) {
    const group = groupAt(after, at);
    group.objects += 1;
    group.bytes += after.sizeOf(at);
    if (!known.has(after.idOf(at))) group.born.push(at);
  }
  const grown = [...groups].map(([group, counts]) => ({ group, ...counts }));
  return grown.filter(({ objects, bytes }) => objects !== 0 || bytes !== 0).sort((a, b) => b.bytes - a.bytes);
}

/** By what the new objects of a group are held, the most frequent way first. */
export function holdersOf(after: Heap, { born }: Growth, stepsMax: number): readonly Holder[] {
  const ways = new Map<string, number>();
  for (const at of born) {
    const path = after.pathTo(at, stepsMax).join(' → ') || '(nothing but weak references)';
    ways.set(path, (ways.get(path) ?? 0) + 1);
  }
  return [...ways].map(([path, objects]) => ({ path, objects })).sort((a, b) => b.objects - a.objects);
}

const unnamed = new Set([
  'string',
  'concatenated string',
  'sliced string',
  'array',
  'code',
  'number',
  'bigint',
  'symbol',
  'regexp',
  'hidden',
  'object shape',
]);

function groupOf(heap: Heap, at: At): string {
  const type = heap.typeOf(at);
  if (unnamed.has(type)) return `(${type})`;
  return type === 'object' ? heap.nameOf(at) : `${heap.nameOf(at)} (${type})`;
}
