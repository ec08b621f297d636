import { readDatastore } from './config-datastore.ts';
import { addFault, openSource, quoted, type Section, type Source } from './config-document.ts';
import { refuseUnknownKeys, topKeys } from './config-keys.ts';
import { type Realpath, refuseOverlaps } from './config-overlap.ts';
import { readPage } from './config-page.ts';
import { readPath } from './config-path.ts';
import { type ReadShare, readShares } from './config-share.ts';
import { refuseStatusFiles } from './config-status-file.ts';
import type { Config, ConfigFault } from './config-types.ts';
import { readText, requireKeys, type Text } from './config-values.ts';
import { nameFault } from './model/share-name.ts';

/** What a config depends on besides its text. */
export interface ConfigEnvironment {
  /** For `${NAME}`. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Default of `member`. */
  readonly hostName: string;
  readonly realpath: Realpath;
}

export type ConfigResult = { readonly ok: true; readonly config: Config } | { readonly ok: false; readonly faults: readonly ConfigFault[] };

const defaultState = '/var/lib/flocksync';

/** Reads the config file's text. Every fault is found in one go, in the order of lines; a config with any fault is not used. */
export function loadConfig(text: string, file: string, environment: ConfigEnvironment): ConfigResult {
  const { source, top } = openSource(text, file, environment.variables);
  const config = top === null ? undefined : readConfig(source, top, environment);
  if (config !== undefined && source.faults.length === 0) return { ok: true, config: frozen(config) };
  return { ok: false, faults: frozen(firstOf([...source.faults].sort((a, b) => a.line - b.line))) };
}

/** Nobody reads more, and what is no config at all may have one on each line. */
const faultsMax = 100;

function firstOf(faults: readonly ConfigFault[]): readonly ConfigFault[] {
  const [first] = faults;
  const more = faults.length - faultsMax;
  if (first === undefined || more <= 0) return faults;
  return [...faults.slice(0, faultsMax), { file: first.file, line: 0, message: `there are ${more} more faults` }];
}

/** `file:line: message`, the form that editors and terminals make clickable. */
export function formatFault(fault: ConfigFault): string {
  return fault.line === 0 ? `${fault.file}: ${fault.message}` : `${fault.file}:${fault.line}: ${fault.message}`;
}

function readConfig(source: Source, top: Section, environment: ConfigEnvironment): Config | undefined {
  refuseUnknownKeys(top, topKeys);
  requireKeys(top, ['federation', 'datastore', 'shares']);
  const federation = readFederation(top);
  const datastore = readDatastore(top);
  const member = readMember(top) ?? environment.hostName;
  const state = readPath(top, 'state') ?? { value: defaultState, line: 0 };
  const log = readLog(top);
  const page = readPage(top);
  const shares = readShares(top);
  refuseEqualNames(source, shares);
  const datastorePlace = datastore === undefined ? null : { config: datastore, line: top.fields.get('datastore')?.line ?? 0 };
  const logPlace = log === undefined ? null : { path: log.value, line: log.line };
  refuseOverlaps(
    source,
    { shares, state: { path: state.value, line: state.line }, log: logPlace, datastore: datastorePlace },
    environment.realpath,
  );
  if (federation === undefined || datastore === undefined) return undefined;
  refuseStatusFiles(source, { state: state.value, log: log?.value ?? null, datastore }, shares);
  const list = shares.map((read) => read.share);
  return { file: source.file, federation, datastore, member, state: state.value, log: log?.value ?? null, page, shares: list };
}

function readFederation(top: Section): string | undefined {
  const text = readText(top, 'federation');
  const fault = text === undefined ? undefined : nameFault(text.value);
  if (text !== undefined && fault !== undefined) addFault(top.source, text.line, `\`federation\` ${text.shown} ${fault}`);
  return text?.value;
}

function readMember(top: Section): string | undefined {
  const text = readText(top, 'member');
  if (text === undefined) return undefined;
  if (!/^[\p{L}\p{N}\p{P}\p{S} ]{1,128}$/u.test(text.value) || text.value.trim() === '') {
    addFault(top.source, text.line, `\`member\` is ${text.shown}: write 1 to 128 visible characters`);
  }
  return text.value;
}

function readLog(top: Section): Text | undefined {
  if (top.fields.get('log') !== undefined && /^syslog\b/.test(readRaw(top, 'log'))) {
    addFault(top.source, top.fields.get('log')?.line ?? 0, '`log: syslog` is not built yet: write the absolute path of a file');
    return undefined;
  }
  return readPath(top, 'log');
}

function readRaw(top: Section, key: string): string {
  const node = top.fields.get(key)?.node;
  return node !== null && node !== undefined && 'value' in node ? String(node.value) : '';
}

/** Also refuses two names of which one could be a share made from the other's pattern: `web` with `/srv/*` and a pattern named `web-x`. */
function refuseEqualNames(source: Source, shares: readonly ReadShare[]): void {
  for (const [index, later] of shares.entries()) {
    for (const earlier of shares.slice(0, index)) {
      const fault = nameClash(earlier, later);
      if (fault !== undefined) addFault(source, later.nameLine, fault);
    }
  }
}

function nameClash(earlier: ReadShare, later: ReadShare): string | undefined {
  const [a, b] = [earlier.share, later.share];
  if (a.name === b.name)
    return `\`name\` ${quoted(b.name)} is taken by the share on line ${earlier.nameLine}: names are unique in a federation`;
  if (a.pattern === null || b.pattern === null) return undefined;
  if (!a.name.startsWith(`${b.name}-`) && !b.name.startsWith(`${a.name}-`)) return undefined;
  return `\`name\` ${quoted(b.name)} and ${quoted(a.name)} (line ${earlier.nameLine}) could name the same share: both are patterns, and one begins with the other and "-"`;
}

function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const inner of Object.values(value)) frozen(inner);
  return Object.freeze(value);
}
