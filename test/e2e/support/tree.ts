import { createHash } from 'node:crypto';
import { type BigIntStats, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Path as bytes, one character each, to what stands there in words: kind, mode, time in microseconds, content or target. */
export type Tree = ReadonlyMap<string, string>;

export function bytes(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}

/** Text in a test, such as 'größe', as the bytes of its name. */
export function named(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/** Everything below `root` that members have to agree on; sockets, fifos and devices are no part of it, nor is a staging area inside. */
export function snapshot(root: string, options: { readonly owners?: boolean } = {}): Tree {
  const tree = new Map<string, string>();
  const walk = (directory: string) => {
    for (const name of readdirSync(bytes(`${named(root)}/${directory}`), 'latin1').sort()) {
      if (directory === '' && name === '.flocksync') continue;
      const path = directory === '' ? name : `${directory}/${name}`;
      const full = bytes(`${named(root)}/${path}`);
      const stat = lstatSync(full, { bigint: true });
      const words = describe(full, stat);
      if (words === null) continue;
      tree.set(path, options.owners ? `${words} ${stat.uid}:${stat.gid}` : words);
      if (stat.isDirectory()) walk(path);
    }
  };
  walk('');
  return tree;
}

function describe(full: Buffer, stat: BigIntStats): string | null {
  const mode = (Number(stat.mode) & 0o7777).toString(8);
  if (stat.isDirectory()) return `dir ${mode}`;
  if (stat.isSymbolicLink()) return `link ${readlinkSync(full, 'latin1')}`;
  if (!stat.isFile()) return null;
  return `file ${mode} ${floorUs(stat.mtimeNs)} ${stat.size} ${hashOf(readFileSync(full))}`;
}

function floorUs(ns: bigint): bigint {
  return ns < 0n && ns % 1000n !== 0n ? ns / 1000n - 1n : ns / 1000n;
}

export function hashOf(content: Buffer | string): string {
  return createHash('sha256').update(content).digest('hex');
}

/** One line per path at which two trees differ; empty when they are equal. */
export function differences(left: Tree, right: Tree): string[] {
  const paths = [...new Set([...left.keys(), ...right.keys()])].sort();
  return paths
    .filter((path) => left.get(path) !== right.get(path))
    .map((path) => `${JSON.stringify(path)}: ${left.get(path) ?? 'absent'} | ${right.get(path) ?? 'absent'}`);
}
