import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What esbuild says of a bundle. */
export interface Metafile {
  readonly outputs: Readonly<Record<string, { readonly inputs: Readonly<Record<string, { readonly bytesInOutput: number }>> }>>;
}

/** Directories, relative to the project, of the packages that have left something in the bundle. */
export function bundledPackages({ outputs }: Metafile): string[] {
  const inputs = Object.values(outputs).flatMap((output) =>
    Object.entries(output.inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
  );
  const homes = inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
  return [...new Set(homes)].sort();
}

interface Licensed {
  readonly names: string[];
  readonly text: string;
}

/** One text with the licences of these packages; packages under the same words share them. */
export function licencesOf(root: string, packages: readonly string[]): string {
  const byText = new Map<string, Licensed>();
  for (const home of packages) {
    const { name, version, license } = JSON.parse(readFileSync(join(root, home, 'package.json'), 'utf8')) as Record<string, string>;
    const text = textsIn(join(root, home)) || `Licence: ${license}`;
    const known = byText.get(text) ?? { names: [], text };
    known.names.push(`${name} ${version}`);
    byText.set(text, known);
  }
  return [...byText.values()].map(({ names, text }) => `${underlined(names.join(', '))}\n\n${text}\n`).join('\n');
}

function textsIn(directory: string): string {
  const files = readdirSync(directory).filter((name) => /^(licen[cs]e|notice|copying)(\.(md|txt))?$/i.test(name));
  return files
    .sort()
    .map((name) => readFileSync(join(directory, name), 'utf8').trim())
    .join('\n\n');
}

export function underlined(title: string): string {
  return `${title}\n${'-'.repeat(Math.min(title.length, 100))}`;
}

/**
 * The licence of the Node that is packed: the one that came with it, or the one that is kept here for the same major version, since
 * distributions leave it out of their images.
 */
export function nodeLicence(root: string, binary: string, version: string): string | null {
  const beside = ['../LICENSE', '../../LICENSE', '../../share/doc/nodejs/LICENSE', '../../share/doc/node/LICENSE'];
  const kept = join(root, `packaging/node-${version.split('.')[0]}-LICENSE`);
  const found = [...beside.map((place) => join(binary, place)), kept].find((path) => existsSync(path));
  return found === undefined ? null : readFileSync(found, 'utf8').trim();
}
