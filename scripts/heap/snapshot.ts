import { readFileSync } from 'node:fs';

/** One object of a heap snapshot, by its place in it. */
export type At = number;

/** A heap snapshot as V8 writes it (`v8.writeHeapSnapshot`, DevTools), its columns taken apart. */
export interface Heap {
  readonly count: number;
  /** 'object', 'closure', 'string', 'array', 'code', 'native', … */
  typeOf(at: At): string;
  /** Constructor of an object, text of a string. */
  nameOf(at: At): string;
  /** Stays the same from snapshot to snapshot of one process. */
  idOf(at: At): number;
  /** Bytes of the object itself. */
  sizeOf(at: At): number;
  /** How the object is reached from the roots by the fewest steps, its own step last; weak references do not count. */
  pathTo(at: At, stepsMax: number): readonly string[];
}

interface Written {
  readonly snapshot: {
    readonly meta: {
      readonly node_fields: readonly string[];
      readonly node_types: readonly [readonly string[], ...unknown[]];
      readonly edge_fields: readonly string[];
      readonly edge_types: readonly [readonly string[], ...unknown[]];
    };
  };
  readonly nodes: readonly number[];
  readonly edges: readonly number[];
  readonly strings: readonly string[];
}

/** Throws where the file is no heap snapshot; what is in memory meanwhile is about five times the file. */
export function readHeap(file: string): Heap {
  const written = parsed(file);
  const { meta } = written.snapshot;
  const width = meta.node_fields.length;
  const column = (name: string) => {
    const offset = meta.node_fields.indexOf(name);
    return (at: At) => written.nodes[at * width + offset] ?? 0;
  };
  const [type, name, id, size] = [column('type'), column('name'), column('id'), column('self_size')];
  const typeNames = meta.node_types[0];
  const heap = {
    count: written.nodes.length / width,
    typeOf: (at: At) => typeNames[type(at)] ?? 'unknown',
    nameOf: (at: At) => written.strings[name(at)] ?? '',
    idOf: id,
    sizeOf: size,
  };
  const reached = once(() => reachedFrom(written, heap.count, column('edge_count')));
  return { ...heap, pathTo: (at, stepsMax) => pathTo(at, stepsMax, reached(), heap) };
}

function parsed(file: string): Written {
  const written = JSON.parse(readFileSync(file, 'utf8')) as Partial<Written>;
  if (!written.snapshot?.meta || !written.nodes || !written.edges || !written.strings) throw new Error(`${file} is not a heap snapshot`);
  return written as Written;
}

/** Per object the one that leads to it, and by which name; -1 for the root and what only weak references lead to. */
interface Reached {
  readonly from: Int32Array;
  readonly by: (at: At) => string;
}

function reachedFrom({ snapshot: { meta }, edges, strings }: Written, count: number, edgeCount: (at: At) => number): Reached {
  const [nodeWidth, edgeWidth] = [meta.node_fields.length, meta.edge_fields.length];
  const [type, label, target] = ['type', 'name_or_index', 'to_node'].map((field) => meta.edge_fields.indexOf(field)) as [
    number,
    number,
    number,
  ];
  const kinds = meta.edge_types[0];
  const [weak, element, hidden] = ['weak', 'element', 'hidden'].map((kind) => kinds.indexOf(kind));
  const first = new Int32Array(count + 1);
  for (let at = 0; at < count; at++) first[at + 1] = (first[at] ?? 0) + edgeCount(at);
  const [from, edge, queue] = [new Int32Array(count).fill(-1), new Int32Array(count).fill(-1), new Int32Array(count)];
  const seen = new Uint8Array(count);
  seen[0] = 1;
  for (let [head, end] = [0, 1]; head < end; head++) {
    const at = queue[head] ?? 0;
    for (let each = first[at] ?? 0; each < (first[at + 1] ?? 0); each++) {
      const to = (edges[each * edgeWidth + target] ?? 0) / nodeWidth;
      if (seen[to] === 1 || edges[each * edgeWidth + type] === weak) continue;
      [seen[to], from[to], edge[to]] = [1, at, each];
      queue[end++] = to;
    }
  }
  const by = (at: At) => {
    const base = (edge[at] ?? -1) * edgeWidth;
    if (base < 0) return '';
    const kind = edges[base + type];
    // Places in an array differ from object to object, and would tell equal ways apart.
    return kind === element || kind === hidden ? '[]' : `.${strings[edges[base + label] ?? 0] ?? ''}`;
  };
  return { from, by };
}

function pathTo(at: At, stepsMax: number, { from, by }: Reached, heap: Pick<Heap, 'nameOf' | 'typeOf'>): readonly string[] {
  const steps: string[] = [];
  for (let step = at; step > 0 && steps.length < stepsMax; step = from[step] ?? -1) {
    const holder = from[step] ?? -1;
    if (holder < 0) break;
    steps.unshift(`${heap.nameOf(holder).slice(0, 60) || heap.typeOf(holder)}${by(step)}`);
  }
  return steps;
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
