import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** One line per entry: kind, mode, modification time of files in µs, size and content hash or link target, name in escaped bytes. */
export type TreeSnapshot = ReadonlyMap<string, string>;

/** What stands below `root`; names in `skip` directly below it are left out. */
export function snapshotTree(root: string, skip: readonly string[] = ['.flocksync']): TreeSnapshot {
  const entries = new Map<string, string>();
  walk(Buffer.from(root), '', skip, entries);
  return entries;
}

export function snapshotText(root: string, skip?: readonly string[]): string {
  return [...snapshotTree(root, skip)].map(([path, line]) => `${path}\t${line}`).join('\n');
}

/** Differences as readable lines; empty when the trees are equal. */
export function treeDifferences(a: string, b: string): string[] {
  const left = snapshotTree(a);
  const right = snapshotTree(b);
  return [...new Set([...left.keys(), ...right.keys()])]
    .filter((path) => left.get(path) !== right.get(path))
    .map((path) => `${path}: ${left.get(path) ?? 'absent'} | ${right.get(path) ?? 'absent'}`);
}

function walk(directory: Buffer, prefix: string, skip: readonly string[], entries: Map<string, string>): void {
  const names = readdirSync(directory, { encoding: 'buffer' }).sort(Buffer.compare);
  for (const name of names) {
    const text = name.toString('latin1');
    if (prefix === '' && skip.includes(text)) continue;
    const path = Buffer.concat([directory, Buffer.from('/'), name]);
    const label = JSON.stringify(prefix + text).slice(1, -1);
    const stat = lstatSync(path, { bigint: true });
    const mode = (stat.mode & 0o7777n).toString(8);
    if (stat.isDirectory()) {
      entries.set(label, `dir ${mode}`);
      walk(path, `${prefix}${text}/`, skip, entries);
    } else if (stat.isSymbolicLink()) entries.set(label, `link ${readlinkSync(path, 'latin1')}`);
    else if (stat.isFile()) entries.set(label, `file ${mode} ${stat.mtimeNs / 1000n} ${stat.size} ${hashOf(path)}`);
    else entries.set(label, 'other');
  }
}

function hashOf(path: Buffer): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 16);
}
