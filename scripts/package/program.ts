import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { outputOf } from './command.ts';
import { bundledPackages, licencesOf, type Metafile } from './licences.ts';
import { pathsBelow, type Stage } from './tree.ts';

export interface Project {
  readonly root: string;
  readonly version: string;
  readonly description: string;
  /** Which Node it asks for. */
  readonly engines: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  /** What a package brings beside the program. */
  readonly files: readonly string[];
}

export function readProject(root: string): Project {
  return { root, ...(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Omit<Project, 'root'>) };
}

/** Builds the program into `place` of the stage; what comes back are the licences of everything that is inside. */
export function buildProgram({ root }: Project, stage: Stage, place: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'flocksync-package-'));
  const metafile = join(directory, 'metafile.json');
  try {
    const variables = { FLOCKSYNC_DIST: stage.path(place), FLOCKSYNC_METAFILE: metafile };
    outputOf(process.execPath, [join(root, 'scripts/build.mjs')], { cwd: root, variables });
    return licencesOf(root, bundledPackages(JSON.parse(readFileSync(metafile, 'utf8')) as Metafile));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Scripts, docs and the like, as `files` of package.json names them; what is made anew for a package is left out. */
export function copyBeside({ root, files }: Project, stage: Stage, place: string, without: readonly string[]): void {
  const names = [...files, 'LICENSE'].filter((name) => !without.includes(name));
  for (const name of names.flatMap((pattern) => matches(root, pattern))) stage.copy(join(root, name), join(place, name));
}

/** A star stands for the first part of a file's name. */
function matches(root: string, pattern: string): string[] {
  const star = /^(.+)\/\*(\.\w+)$/.exec(pattern);
  if (star === null) return [pattern];
  const [, folder = '', ending = ''] = star;
  return pathsBelow(join(root, folder)).flatMap((name) => (!name.includes('/') && name.endsWith(ending) ? [`${folder}/${name}`] : []));
}
