import type { Role } from '../../config-types.ts';
import type { PresetName } from '../../model/presets.ts';
import { quoted } from '../import/yaml-lines.ts';

/** Everything that the config file will say; null leaves the default in force. */
export interface Answers {
  readonly url: string;
  readonly endpoint: string | null;
  readonly region: string | null;
  readonly pathStyle: boolean | null;
  readonly profile: string | null;
  readonly federation: string;
  readonly member: string | null;
  readonly state: string | null;
  readonly share: string;
  readonly path: string;
  readonly preset: PresetName | null;
  readonly role: Role;
  readonly mode: 'heavyweight' | 'lightweight';
  readonly join: 'trash' | 'merge';
}

const commentColumn = 40;

/** The text of the config file: what was answered, and as comments what people change next. */
export function configText(answers: Answers, envFile: string): string {
  const head = answers.url.startsWith('s3:') ? [about, keysLine(envFile)] : [about];
  return `${[...head, '', ...federationLines(answers), ...datastoreLines(answers), ...memberLines(answers), '', ...shareLines(answers)].join('\n')}\n`;
}

const about =
  '# The config of flocksync on this server, written by `flocksync init`. `flocksync help config` shows all keys with their defaults.';

function keysLine(envFile: string): string {
  const file = envFile === '' ? '' : `from ${envFile} (mode 0600), or `;
  return `# Credentials never stand here: they come ${file}from wherever the tools of AWS find them.`;
}

function federationLines({ federation }: Answers): string[] {
  return [line(`federation: ${value(federation)}`, 'the group of servers: the same on all of them')];
}

function datastoreLines({ url, endpoint, region, pathStyle, profile }: Answers): string[] {
  return [
    'datastore:',
    line(`  url: ${value(url)}`, 'the same on all servers'),
    ...(endpoint === null ? [] : [line(`  endpoint: ${value(endpoint)}`, 'where the store answers; without it, AWS')]),
    ...(region === null ? [] : [`  region: ${value(region)}`]),
    ...(pathStyle === null ? [] : [`  pathStyle: ${pathStyle}`]),
    ...(profile === null ? [] : [line(`  profile: ${value(profile)}`, 'of ~/.aws/config and ~/.aws/credentials')]),
  ];
}

function memberLines({ member, state }: Answers): string[] {
  return [
    member === null ? line('# member: web01', 'a label for people; the host name unless it is set') : `member: ${value(member)}`,
    state === null ? line('# state: /var/lib/flocksync', 'journals; on a local disk, never inside a share') : `state: ${value(state)}`,
  ];
}

function shareLines({ share, path, preset, role, mode, join }: Answers): string[] {
  return [
    'shares:',
    line(`  - name: ${value(share)}`, 'the same on all servers'),
    line(`    path: ${value(path)}`, 'may differ from server to server'),
    preset === null
      ? line('    # preset: wordpress', 'or joomla, drupal, moodle, moodledata')
      : line(`    preset: ${preset}`, 'leaves caches and the like out: flocksync help presets'),
    line('    # exclude: ["private/", "*.log"]', 'more of that, in gitignore syntax; "!pattern" takes one back'),
    chosen('role', role, role === 'both', 'publisher', 'or subscriber; both unless it is set'),
    chosen('mode', mode, mode === 'heavyweight', 'lightweight', 'the daemon goes by file events: within a second'),
    chosen('join', join, join === 'trash', 'merge', 'publish what only this server has, not into the trash'),
  ];
}

/** A key that is set, or the other choice behind a comment sign. */
function chosen(key: string, choice: string, isDefault: boolean, other: string, about: string): string {
  return isDefault ? line(`    # ${key}: ${other}`, about) : `    ${key}: ${choice}`;
}

function line(text: string, comment: string): string {
  return `${text.padEnd(commentColumn - 1)} # ${comment}`;
}

/** Bare where YAML reads the same text again. */
function value(text: string): string {
  const isPlain = /^[A-Za-z/]([A-Za-z0-9_./:@=+-]*[A-Za-z0-9_/])?$/.test(text) && !/^(true|false|null|yes|no|on|off)$/i.test(text);
  return isPlain ? text : quoted(text);
}
