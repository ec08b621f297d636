import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { loadConfig } from '../../../src/config.ts';
import { normalised } from '../../../src/config-path.ts';
import type { Dice } from '../../e2e/support/random.ts';
import { projectRoot } from '../../source.ts';
import { must, type Target } from '../target.ts';

export const datasyncTargets: readonly Target[] = [{ name: 'include_list of datasync', inputs: 40, attempt: readList }];

const pieces = [
  '/srv',
  '/',
  '/var/www',
  ' ',
  '"',
  "'",
  '\\',
  '$',
  `\${HOME}`,
  '`id`',
  '#',
  ': ',
  '- ',
  '\t',
  '\r',
  '\x01',
  '*',
  '[a]',
  '\u00e9',
  '!',
  '{',
  '&',
  '%',
  '..',
  '~',
];

/** Each directory of the list becomes the share of that very directory, or the script says that it does not. */
function readList(dice: Dice): void {
  const list = Array.from(
    { length: 1 + dice.below(4) },
    (_, at) => `/srv/${at}${Array.from({ length: dice.below(4) }, () => dice.pick(pieces)).join('')}`,
  );
  const script = `home=/h; status=/h/s; bucket=s3://bucket; region=; endpoint=; exclude_list=( ); this_server=web01; good_minutes=5; flocksync=/bin/false
    . ./datasync.sh; role=subscriber; include_list=( "$@" ); take_list; printf '%s\\0' "$failure"; config; printf '\\0'; printf '%s\\0' "\${directories[@]}"`;
  const ran = spawnSync('bash', ['-c', script, 'x', ...list], { cwd: join(projectRoot, 'scripts'), encoding: 'utf8' });
  must(ran.stderr === '', `bash says ${ran.stderr}`);
  const [failure = '', text = '', ...directories] = ran.stdout.split('\0').slice(0, -1);
  const taken = directories.filter((directory) => directory !== '');
  must(failure !== '' || taken.length > 0, 'nothing is taken of the list, without a word');
  if (taken.length === 0) return;
  const loaded = loadConfig(text, 'f.yml', { variables: {}, hostName: 'h', realpath: () => null });
  // Such a directory is refused by name, at each run.
  if (!loaded.ok && taken.some((directory) => directory.split('/').includes('..'))) return;
  must(loaded.ok, `the config reader says ${loaded.ok ? '' : loaded.faults[0]?.message} to ${JSON.stringify(taken)}`);
  if (!loaded.ok) return;
  const read = loaded.config.shares.map(({ path, pattern }) => pattern ?? path);
  must(JSON.stringify(read) === JSON.stringify(taken.map(normalised)), `${JSON.stringify(taken)} is read as ${JSON.stringify(read)}`);
}
