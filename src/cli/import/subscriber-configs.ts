import { excludeLines, gapName, gaps, headLines, pathLine, type Wanted } from './config-parts.ts';
import type { Findings } from './findings.ts';
import { tellFollower } from './follower-findings.ts';
import { shown } from './lua-value.ts';
import type { Said, Settings } from './read-settings.ts';
import { besideSource, type Follower, type PlannedShare } from './share-plan.ts';
import { comment, line, meaning, quoted, written, type YamlLine } from './yaml-lines.ts';

export interface Draft {
  readonly file: string;
  readonly text: string;
  /** For the report: which server it is for. */
  readonly about: string;
}

/** lsyncd's own, and as often as an idle member of flocksync asks by itself. */
const defaultDelaySeconds = 15;

/** What one subscriber's config holds: each share at most once. */
interface Slot {
  readonly host: string | null;
  /** 0 for the first config of a host. */
  readonly number: number;
  readonly entries: { readonly share: PlannedShare; readonly follower: Follower | null }[];
}

/** One config for all targets where they would be the same, otherwise one for each. */
export function subscriberConfigs(shares: readonly PlannedShare[], settings: Settings, wanted: Wanted, findings: Findings): Draft[] {
  const slots = slotsOf(shares, findings);
  const bodies = slots.map((slot) => subscriberLines(slot, settings, wanted, findings));
  const [first = []] = bodies;
  const servers = slots.map(({ host }) => host ?? 'this server');
  if (slots.every((slot, at) => apartFrom(slot) === null && meaning(bodies[at] ?? []) === meaning(first))) {
    const head = comment(0, `For ${servers.join(', ')}: /etc/flocksync.yml there.`);
    return [{ file: 'subscriber.yml', text: written([head, ...first.slice(1)]), about: `for ${servers.join(', ')}` }];
  }
  return slots.map((slot, at) => ({
    file: `subscriber-${fileNameOf(slot)}.yml`,
    text: written(bodies[at] ?? []),
    about: `for ${servers[at]}${apartFrom(slot) === null ? '' : ', beside its other config'}`,
  }));
}

function slotsOf(shares: readonly PlannedShare[], findings: Findings): Slot[] {
  const slots: Slot[] = [];
  for (const share of shares) {
    for (const follower of share.followers) {
      const { value: target, line: said } = follower.sync.target;
      if (besideSource(share.source?.value ?? null, target)) {
        findings.add('missing', said, `target ${shown(target.path)}`, besideText);
        continue;
      }
      const own = slots.filter(({ host }) => host === target.host);
      const free = own.find(({ entries }) => entries.every((entry) => entry.share.name !== share.name));
      if (free !== undefined) free.entries.push({ share, follower });
      else slots.push({ host: target.host, number: own.length, entries: [{ share, follower }] });
    }
  }
  return slots.length > 0 ? slots : [{ host: 'each target', number: 0, entries: shares.map((share) => ({ share, follower: null })) }];
}

const besideText =
  'two members on one machine need directories with different parents, since each keeps its staging area beside its own; the target is left ' +
  'out. Move it, or keep lsyncd or rsync for a copy on the same machine';

function fileNameOf({ host, number }: Slot): string {
  const name = host === null ? 'local' : host.replace(/[^A-Za-z0-9.-]+/g, '_').slice(0, 100);
  return number === 0 ? name : `${name}_${number + 1}`;
}

/** What tells a further config of a machine from its first one. */
function apartFrom({ host, number }: Slot): string | null {
  if (number > 0) return `${host === null ? 'local-' : ''}${number + 1}`;
  return host === null ? 'local' : null;
}

function subscriberLines(slot: Slot, settings: Settings, wanted: Wanted, findings: Findings): YamlLine[] {
  const server = slot.host ?? 'this server';
  const apart = apartFrom(slot);
  const lines = headLines(server, settings, wanted);
  if (apart !== null) {
    lines[0] = comment(0, `For ${server}, beside its other config: start it with --config FILE.`);
    lines.push(line(0, `member: ${quoted(`copy-${apart}`)}`, 'a label; another one than that of the other config'));
    lines.push(line(0, `state: ${quoted(`/var/lib/flocksync-${apart}`)}`, 'each config of a machine needs a state directory of its own'));
  }
  lines.push(line(0, 'shares:'));
  for (const [at, { share, follower }] of slot.entries.entries()) {
    const target = follower?.sync.target;
    lines.push(line(2, `- name: ${quoted(share.name)}`));
    lines.push(pathLine(target?.value.path ?? null, target?.line ?? 0, 'target', gapName(gaps.target, at)));
    lines.push(line(4, 'role: subscriber', 'takes over, and never publishes what is changed here'));
    lines.push(line(4, 'mode: lightweight', 'what is changed here is noticed by file events'));
    lines.push(...(follower === null ? pollLines(settings.delay, findings) : followerLines(follower, settings, findings)));
  }
  return lines;
}

function followerLines(follower: Follower, settings: Settings, findings: Findings): YamlLine[] {
  tellFollower(follower.sync, findings);
  return [
    ...deleteLines(follower),
    ...pollLines(follower.sync.delay ?? settings.delay, findings),
    ...metadataLines(follower),
    ...excludeLines(follower.patterns, [follower]),
  ];
}

function deleteLines({ sync }: Follower): YamlLine[] {
  const { value, line: said } = sync.deleting;
  const from = `line ${said}: delete = ${shown(value)}`;
  const keep = line(4, 'delete: keep', from);
  const merge = line(4, 'join: merge', `${from}; what only this server has stays when it begins`);
  if (value === true) return [];
  if (value === 'running') return [merge];
  return value === 'startup' ? [keep] : [keep, merge];
}

/** How long a change may take to arrive when nothing else happens. */
function pollLines(delay: Said<number> | null, findings: Findings): YamlLine[] {
  if (delay === null) return [];
  const seconds = Math.max(1, Math.ceil(delay.value));
  const range = seconds === 1 ? '1s' : `{ active: 1s, idle: ${seconds}s }`;
  const poll = seconds === defaultDelaySeconds ? 'adaptive' : range;
  const text = `\`poll: ${poll}\` on subscribers bounds how long a change takes to arrive there; the publisher waits for \`settle\` only`;
  findings.add('carried', delay.line, `delay = ${delay.value}`, text);
  return [line(4, `poll: ${poll}`, `line ${delay.line}: delay`)];
}

function metadataLines({ sync }: Follower): YamlLine[] {
  const { owner, group, modes, metadataLine, preserve, user } = sync.options;
  const pairs = [
    ...(owner === null ? [] : [`owner: ${quoted(owner)}`]),
    ...(group === null ? [] : [`group: ${quoted(group)}`]),
    ...(modes?.fileMode == null ? [] : [`fileMode: "${modes.fileMode}"`]),
    ...(modes?.dirMode == null ? [] : [`dirMode: "${modes.dirMode}"`]),
  ];
  if (pairs.length > 0) return [line(4, `metadata: { ${pairs.join(', ')} }`, `line ${metadataLine}`)];
  if (preserve || user === null || user === 'root') return [];
  return [
    comment(
      4,
      `metadata: { owner: ${quoted(user)}, group: ${quoted(user)} }   if all files here shall belong to that user, as with lsyncd`,
    ),
  ];
}
