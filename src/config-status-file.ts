import { isScalar } from 'yaml';
import { addFault, quoted, readSection, resolved, type Section, type Source } from './config-document.ts';
import { refuseUnknownKeys, statusFileKeys } from './config-keys.ts';
import { normalised } from './config-path.ts';
import type { Config, ShareConfig, StatusFileConfig } from './config-types.ts';
import { fieldOf, readChoice, readDuration, readText, requireKeys, type Text } from './config-values.ts';

/** A share and the line on which its status file is named. */
interface Placed {
  readonly share: ShareConfig;
  readonly statusLine: number;
}

const formats: readonly StatusFileConfig['format'][] = ['datasync', 'json'];
/** Long enough for a daemon and for cron lines that run every minute. */
const goodForMs = 5 * 60_000;

/** `statusFile: PATH`, or a mapping of path, format and goodFor. */
export function readStatusFile(section: Section, dynamicRoot: boolean): StatusFileConfig | null {
  const field = fieldOf(section, 'statusFile');
  if (field === undefined) return null;
  if (isScalar(resolved(section.source, field.node))) {
    const path = pathOf(section.source, readText(section, 'statusFile'), '`statusFile`', dynamicRoot);
    return path === undefined ? null : { path, format: 'datasync', goodForMs };
  }
  const mapping = readSection(section.source, field.node, '`statusFile`', '`statusFile`');
  if (mapping === null) return null;
  refuseUnknownKeys(mapping, statusFileKeys);
  requireKeys(mapping, ['path']);
  const path = pathOf(section.source, readText(mapping, 'path'), '`path` of `statusFile`', dynamicRoot);
  const format = readChoice(mapping, 'format', formats) ?? 'datasync';
  const goodFor = readDuration(mapping, 'goodFor', { minMs: 10_000 }) ?? goodForMs;
  return path === undefined ? null : { path, format, goodForMs: goodFor };
}

function pathOf(source: Source, text: Text | undefined, title: string, dynamicRoot: boolean): string | undefined {
  if (text === undefined) return undefined;
  const fault = pathFault(text.value, dynamicRoot);
  if (fault !== undefined) addFault(source, text.line, `${title} is ${text.shown}: ${fault}`);
  if (fault !== undefined) return undefined;
  return text.value.startsWith('/') ? normalised(text.value) : normalised(text.value).slice(1);
}

function pathFault(path: string, dynamicRoot: boolean): string | undefined {
  if (path.startsWith('~')) return '"~" is not expanded here: write an absolute path, or one relative to the root';
  // It becomes a line of the share's excludes.
  if (/[\n\r\0*?]/.test(path)) return 'it holds a line break, a NUL character, "*" or "?": choose another name';
  if (path.split('/').includes('..')) return 'write the path without ".."';
  if (path.endsWith('/') || normalised(path) === '/') return 'write the name of a file';
  if (Buffer.byteLength(path) > 4096) return 'a path has at most 4096 bytes';
  if (dynamicRoot && path.startsWith('/'))
    return 'many shares would write one file: write it relative to the root, such as datasync.status';
  return undefined;
}

/** Where the share's status file lies; null where it has none. */
export function statusPathOf({ path, statusFile }: Pick<ShareConfig, 'path' | 'statusFile'>): string | null {
  if (statusFile === null) return null;
  return statusFile.path.startsWith('/') ? statusFile.path : `${path}/${statusFile.path}`;
}

/** Several shares may tell of themselves in one file; then they have to agree on what it looks like. */
export function refuseStatusFiles(source: Source, config: Pick<Config, 'state' | 'log' | 'datastore'>, shares: readonly Placed[]): void {
  const told = shares.flatMap((read) => {
    const path = read.share.pattern === null ? statusPathOf(read.share) : null;
    return path === null ? [] : [{ path, read }];
  });
  for (const [index, { path, read }] of told.entries()) {
    const earlier = told.slice(0, index).find((one) => one.path === path);
    const fault = placeFault(source, config, path, shares) ?? (earlier === undefined ? undefined : differenceOf(earlier.read, read));
    if (fault !== undefined) addFault(source, read.statusLine, `\`statusFile\` ${quoted(path)} ${fault}`);
  }
}

function placeFault(source: Source, config: Pick<Config, 'state' | 'log' | 'datastore'>, path: string, shares: readonly Placed[]) {
  const below = (directory: string) => path === directory || path.startsWith(`${directory}/`);
  if (below(config.state)) return 'lies in the directory of `state`, which nobody else may read: choose another place';
  if (config.datastore.kind === 'file' && below(config.datastore.path)) return 'lies in the datastore: choose another place';
  if (path === config.log) return 'is the file of `log`: choose another name';
  if (path === source.file) return 'is this config file: choose another name';
  const root = shares.find(({ share }) => share.path === path);
  if (root !== undefined) return `is the root of share "${root.share.name}": write the name of a file`;
  const staging = /\/\.flocksync(-[^/]+)?\//.test(path);
  return staging ? 'lies in a staging area: choose another place' : undefined;
}

function differenceOf(earlier: Placed, later: Placed): string | undefined {
  const [a, b] = [earlier.share.statusFile, later.share.statusFile];
  if (a?.format === b?.format && a?.goodForMs === b?.goodForMs) return undefined;
  return `is that of share "${earlier.share.name}" as well (line ${earlier.statusLine}): give both the same \`format\` and \`goodFor\``;
}
