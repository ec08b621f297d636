import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { newDirectory } from './trees.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const program = resolve(root, process.env.FLOCKSYNC_DIST ?? 'dist', 'main.js');

export interface Place {
  readonly url: string;
  readonly endpoint?: string;
}

/** A member with one share at each root; returns how it is called. */
export function member(name: string, place: Place, roots: readonly string[], settings = ''): (command: string) => string[] {
  const home = newDirectory(name);
  const config = join(home, 'flocksync.yml');
  const endpoint = place.endpoint === undefined ? '' : `, endpoint: "${place.endpoint}", pathStyle: true`;
  const shares = roots.map((root, at) => `  - { name: share${at}, path: ${root}${settings} }`);
  writeFileSync(
    config,
    [
      'federation: bench',
      `datastore: { url: "${place.url}"${endpoint} }`,
      `member: ${name}`,
      `state: ${join(home, 'state')}`,
      'shares:',
      ...shares,
      '',
    ].join('\n'),
  );
  return (command) => [process.execPath, program, command, '--config', config];
}
