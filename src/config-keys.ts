import { addFault, type Section } from './config-document.ts';
import { meant } from './config-values.ts';

export const topKeys = ['federation', 'datastore', 'member', 'state', 'log', 'page', 'pageToken', 'shares'] as const;
export const datastoreKeys = ['url', 'endpoint', 'region', 'pathStyle', 'profile'] as const;
export const shareKeys = [
  'name',
  'path',
  'mode',
  'role',
  'preset',
  'exclude',
  'metadata',
  'conflict',
  'delete',
  'maxDelete',
  'settle',
  'settleMax',
  'poll',
  'schedule',
  'sweep',
  'housekeep',
  'verify',
  'history',
  'trash',
  'join',
  'statusFile',
  'check',
  'onChange',
] as const;
export const metadataKeys = ['owner', 'group', 'fileMode', 'dirMode'] as const;
export const pollKeys = ['active', 'idle'] as const;
export const verifyKeys = ['at', 'sample'] as const;
export const statusFileKeys = ['path', 'format', 'goodFor'] as const;
export const onChangeKeys = ['run', 'timeout', 'debounce'] as const;
export const checkKeys = ['run', 'timeout'] as const;
export const maxDeleteKeys = ['percent', 'floor', 'window'] as const;

const credentialKey =
  /^(aws_?)?(access_?key(_?id)?|secret(_?access)?(_?key)?|session_?token|password|passwd|token|credentials?|user(name)?)$/i;

/** Where a known key belongs, so that a wrong indentation is explained rather than called unknown. */
const homes: ReadonlyArray<readonly [string, readonly string[]]> = [
  ['the top of the file', topKeys],
  ['`datastore`', datastoreKeys],
  ['an item of `shares`', shareKeys],
  ['`metadata`', metadataKeys],
  ['`maxDelete`', maxDeleteKeys],
  ['`poll`', pollKeys],
  ['`verify`', verifyKeys],
  ['`statusFile`', statusFileKeys],
];

/** Faults for every key of the section that is not known here. Values of such keys are never shown: they could be secrets. */
export function refuseUnknownKeys(section: Section, known: readonly string[]): void {
  for (const field of section.fields.values()) {
    if (!known.includes(field.key)) addFault(section.source, field.keyLine, unknownKey(section, field.key, known));
  }
}

function unknownKey(section: Section, key: string, known: readonly string[]): string {
  const where = section.title === '' ? 'at the top of the file' : `in ${section.title}`;
  if (credentialKey.test(key)) {
    return `\`${key}\`: credentials do not belong in this file; put AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY into /etc/flocksync.env (mode 0600)`;
  }
  if (key === '<<') return '`<<` (a merge key) is not supported: write the keys out';
  const home = homes.find(([, keys]) => keys.includes(key));
  if (home !== undefined) return `\`${key}\` does not belong ${where}, it belongs to ${home[0]}: check the indentation`;
  return `\`${key}\` is not a known key ${where}${meant(key, known) || `: known are ${known.join(', ')}`}`;
}
