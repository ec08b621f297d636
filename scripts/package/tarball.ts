import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { outputOf } from './command.ts';
import { bashCompletion } from './completion.ts';
import { commandManual, configManual, type Edition } from './manual.ts';
import { buildProgram, copyBeside, type Project } from './program.ts';
import { openStage, settle } from './tree.ts';

/** What is not inside the bundle. */
export const apart = 'better-sqlite3';

/** Fills `directory` and packs it into `out`; returns the name of the file. `npm install -g FILE` fetches one package, in its exact version. */
export function makeTarball(project: Project, edition: Edition, seconds: number, directory: string, out: string): string {
  const stage = openStage(directory);
  const licences = buildProgram(project, stage, 'dist');
  copyBeside(project, stage, '.', ['dist']);
  stage.write('THIRD-PARTY-LICENCES', licences);
  stage.write('share/man/man1/flocksync.1', commandManual(edition));
  stage.write('share/man/man5/flocksync.yml.5', configManual(edition));
  stage.write('share/bash-completion/completions/flocksync', bashCompletion());
  stage.write('package.json', json(manifest(project)));
  stage.write('npm-shrinkwrap.json', json(shrinkwrap(project)));
  settle(directory, seconds);
  const printed = outputOf('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', out], { cwd: directory });
  const [packed] = JSON.parse(printed) as { filename: string }[];
  return join(out, packed?.filename ?? '');
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function manifest({ version, description, engines, dependencies }: Project): Record<string, unknown> {
  return {
    name: 'flocksync',
    version,
    description,
    license: 'MIT',
    type: 'module',
    os: ['linux'],
    engines,
    bin: { flocksync: 'dist/main.js' },
    man: ['./share/man/man1/flocksync.1', './share/man/man5/flocksync.yml.5'],
    dependencies: { [apart]: dependencies[apart] },
  };
}

interface Locked {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** The part of the lock file that is left when everything else is bundled. */
function shrinkwrap(project: Project): Record<string, unknown> {
  const { packages } = JSON.parse(readFileSync(join(project.root, 'package-lock.json'), 'utf8')) as { packages: Record<string, Locked> };
  const kept = new Set<string>();
  const keep = (name: string, from: string): void => {
    const place = placeOf(name, from, packages);
    if (place === undefined || kept.has(place)) return;
    kept.add(place);
    const { dependencies = {}, optionalDependencies = {} } = packages[place] ?? {};
    for (const next of Object.keys({ ...dependencies, ...optionalDependencies })) keep(next, place);
  };
  keep(apart, '');
  const { version } = project;
  const entries = [...kept].sort().map((place) => [place, packages[place]]);
  return {
    name: 'flocksync',
    version,
    lockfileVersion: 3,
    requires: true,
    packages: { '': manifest(project), ...Object.fromEntries(entries) },
  };
}

/** As Node looks for it: beside the one that asks, then further up. */
function placeOf(name: string, from: string, packages: Readonly<Record<string, Locked>>): string | undefined {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const place = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`;
    if (place in packages) return place;
    if (at === '') return undefined;
  }
}
