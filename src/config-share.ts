import { isScalar, type Node } from 'yaml';
import { readCheck, readOnChange } from './config-command.ts';
import { addFault, quoted, readItems, readSection, resolved, type Section } from './config-document.ts';
import { maxDeleteKeys, metadataKeys, refuseUnknownKeys, shareKeys } from './config-keys.ts';
import { readPath } from './config-path.ts';
import { readCron, readPoll, readSchedule, readSweep, readVerify } from './config-rhythm.ts';
import { readStatusFile } from './config-status-file.ts';
import type { ConflictPolicy, FixedMetadata, MaxDelete, Role, ShareConfig } from './config-types.ts';
import { fieldOf, readChoice, readDuration, readInteger, readMode, readText, readTextList, requireKeys } from './config-values.ts';
import { presetNames, presetPatterns } from './model/presets.ts';
import { nameFault } from './model/share-name.ts';
import { parseSharePath } from './model/share-pattern.ts';

/** A share and where the file speaks about it, for faults that need two shares. */
export interface ReadShare {
  readonly share: ShareConfig;
  readonly nameLine: number;
  readonly pathLine: number;
  readonly statusLine: number;
}

const roles: readonly Role[] = ['both', 'publisher', 'subscriber'];
/** Each is compared with all others. Patterns make more. */
const sharesMax = 2000;
const policies: readonly ConflictPolicy[] = ['newest', 'remote', 'local'];

export function readShares(top: Section): readonly ReadShare[] {
  const field = fieldOf(top, 'shares');
  const items = field === undefined ? undefined : readItems(top.source, field);
  if (items?.length === 0) addFault(top.source, field?.line ?? 0, '`shares` is empty: list at least one share with `name` and `path`');
  if (items !== undefined && items.length > sharesMax)
    addFault(
      top.source,
      field?.line ?? 0,
      `\`shares\` lists ${items.length} shares; at most ${sharesMax} are read: one with a pattern stands for many`,
    );
  const sections = (items ?? [])
    .slice(0, sharesMax)
    .map((item, index) => readSection(top.source, item, titleOf(top, item, index), `item ${index + 1} of \`shares\``));
  return sections.flatMap((section) => (section === null ? [] : readShare(section)));
}

/** By name where it has one, since that is what the reader looks for. */
function titleOf(top: Section, item: Node, index: number): string {
  const map = resolved(top.source, item);
  const name = map !== null && 'get' in map && typeof map.get === 'function' ? map.get('name') : undefined;
  return typeof name === 'string' ? `share ${quoted(name)}` : `item ${index + 1} of \`shares\``;
}

function readShare(section: Section): ReadShare[] {
  refuseUnknownKeys(section, shareKeys);
  requireKeys(section, ['name', 'path']);
  const name = readName(section);
  const root = readRoot(section);
  const mode = readChoice(section, 'mode', ['heavyweight', 'lightweight'] as const) ?? 'heavyweight';
  const role = readChoice(section, 'role', roles) ?? 'both';
  const settings = {
    mode,
    role,
    ...readExcludes(section),
    metadata: readMetadata(section),
    conflict: readChoice(section, 'conflict', policies) ?? 'newest',
    delete: readDelete(section, role),
    maxDelete: readMaxDelete(section),
    ...readTimes(section, mode),
    join: readChoice(section, 'join', ['trash', 'merge']) ?? 'trash',
    statusFile: readStatusFile(section, root?.dynamic === true),
    ...{ check: readCheck(section), onChange: readOnChange(section) },
  };
  if (name === undefined || root === undefined) return [];
  const share: ShareConfig = { name, path: root.path, pattern: root.dynamic ? root.path : null, ...settings };
  const lineOfKey = (key: string) => section.fields.get(key)?.line ?? section.line;
  return [{ share, nameLine: lineOfKey('name'), pathLine: root.line, statusLine: lineOfKey('statusFile') }];
}

function readName(section: Section): string | undefined {
  const text = readText(section, 'name');
  if (text === undefined) return undefined;
  // In the bucket, `bell` is the object beside the shares.
  const fault = text.value === 'bell' ? 'is reserved' : nameFault(text.value);
  if (fault === undefined) return text.value;
  addFault(section.source, text.line, `\`name\` ${text.shown} ${fault}`);
  return undefined;
}

function readRoot(section: Section): { path: string; dynamic: boolean; line: number } | undefined {
  const text = readPath(section, 'path');
  if (text === undefined) return undefined;
  const parsed = parseSharePath(text.value);
  if (!parsed.ok) {
    addFault(section.source, text.line, `\`path\` is ${text.shown}: ${parsed.fault}`);
    return undefined;
  }
  if (parsed.pattern.segments.length === 0) {
    addFault(section.source, text.line, '`path` is "/": the whole file system cannot be a share');
    return undefined;
  }
  if (parsed.dynamic) return { path: text.value, dynamic: true, line: text.line };
  const bytes = `/${parsed.pattern.segments.map((segment) => segment.literal).join('/')}`;
  return { path: Buffer.from(bytes, 'latin1').toString('utf8'), dynamic: false, line: text.line };
}

/** A line of the preset that `exclude` writes again behind `!` is taken back, since the last line that fits decides. */
function readExcludes(section: Section): Pick<ShareConfig, 'preset' | 'exclude'> {
  const preset = readChoice(section, 'preset', presetNames) ?? null;
  return { preset, exclude: [...presetPatterns(preset), ...readExclude(section)] };
}

function readExclude(section: Section): readonly string[] {
  const lines = readTextList(section, 'exclude') ?? [];
  for (const { value, shown, line } of lines) {
    if (value.trim() === '') addFault(section.source, line, `\`exclude\` has ${shown}, which excludes nothing: remove the item`);
    else if (/[\n\r\0]/.test(value))
      addFault(section.source, line, `\`exclude\` has ${shown}, which holds a line break: write one item per pattern`);
  }
  return lines.map((text) => text.value);
}

function readMetadata(section: Section): 'preserve' | FixedMetadata {
  const field = fieldOf(section, 'metadata');
  if (field === undefined) return 'preserve';
  if (isScalar(resolved(section.source, field.node))) return readChoice(section, 'metadata', ['preserve'] as const) ?? 'preserve';
  const fixed = readSection(section.source, field.node, '`metadata`', '`metadata`');
  if (fixed === null) return 'preserve';
  refuseUnknownKeys(fixed, metadataKeys);
  if (fixed.fields.size === 0)
    addFault(section.source, field.line, '`metadata` is empty: write `preserve`, or set owner, group, fileMode or dirMode');
  return {
    owner: readOwner(fixed, 'owner'),
    group: readOwner(fixed, 'group'),
    fileMode: readMode(fixed, 'fileMode') ?? null,
    dirMode: readMode(fixed, 'dirMode') ?? null,
  };
}

function readOwner(section: Section, key: string): string | null {
  const text = readText(section, key);
  if (text === undefined) return null;
  if (/^[^\s:,/]{1,64}$/.test(text.value)) return text.value;
  addFault(section.source, text.line, `\`${key}\` is ${text.shown}: write a name such as www-data, or a number in quotes`);
  return null;
}

function readDelete(section: Section, role: Role): 'propagate' | 'keep' {
  const choice = readChoice(section, 'delete', ['propagate', 'keep']) ?? 'propagate';
  if (choice === 'keep' && role !== 'subscriber') {
    const line = section.fields.get('delete')?.line ?? section.line;
    addFault(
      section.source,
      line,
      `\`delete: keep\` needs \`role: subscriber\`, found \`role: ${role}\`: a kept file would come back to all members`,
    );
  }
  return choice;
}

function readMaxDelete(section: Section): MaxDelete {
  const standard = { percent: 20, percentBelow40: 50, floor: 20, windowMs: 600_000 };
  const field = fieldOf(section, 'maxDelete');
  const limits = field === undefined ? null : readSection(section.source, field.node, '`maxDelete`', '`maxDelete`');
  if (limits === null) return standard;
  refuseUnknownKeys(limits, maxDeleteKeys);
  const percent = readInteger(limits, 'percent', 0, 100);
  return {
    percent: percent ?? standard.percent,
    percentBelow40: percent ?? standard.percentBelow40,
    floor: readInteger(limits, 'floor', 0, Number.MAX_SAFE_INTEGER) ?? standard.floor,
    windowMs: readDuration(limits, 'window', { minMs: 1000 }) ?? standard.windowMs,
  };
}

/** File events tell of a burst while it lasts; without them a pause of this length is all there is to go by. */
const settleMsOf = { lightweight: 50, heavyweight: 500 };

type Times = Pick<
  ShareConfig,
  'settleMs' | 'settleMaxMs' | 'poll' | 'schedule' | 'sweep' | 'housekeep' | 'verify' | 'historyMs' | 'trashMs'
>;

function readTimes(section: Section, mode: ShareConfig['mode']): Times {
  const settleMs = readDuration(section, 'settle') ?? settleMsOf[mode];
  const settleMax = readDuration(section, 'settleMax');
  if (settleMax !== undefined && settleMax < settleMs) {
    addFault(
      section.source,
      section.fields.get('settleMax')?.line ?? section.line,
      '`settleMax` is shorter than `settle`: make it at least as long',
    );
  }
  return {
    settleMs,
    settleMaxMs: settleMax ?? Math.max(10_000, settleMs),
    poll: readPoll(section),
    schedule: readSchedule(section, mode),
    sweep: readSweep(section, mode),
    housekeep: readCron(section, 'housekeep', '17 3 * * *'),
    verify: readVerify(section),
    historyMs: readDuration(section, 'history') ?? 30 * 86_400_000,
    trashMs: readDuration(section, 'trash') ?? 7 * 86_400_000,
  };
}
