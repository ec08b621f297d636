import { isUnenforced, type OwnerIds } from '../model/forced.ts';
import type { FixedMetadata } from '../model/local.ts';
import type { Agreed } from '../ports/journal.ts';
import { apply } from '../steps/apply.ts';
import { stampOf } from '../steps/collate/finding.ts';
import type { ApplyItem, Plan } from '../steps/plan.ts';
import type { Cycle } from './context.ts';
import { stagingOf } from './staging.ts';

/**
 * The config's `metadata:` holds for every path on which disk and log agree, not only for those that a record brings: for what was made
 * or changed here, and for all of them once the config says something else. What cannot be done is a problem of its path, and is tried
 * again by the next cycle.
 */
export async function enforceMetadata(cycle: Cycle, planned: Plan[]): Promise<void> {
  const { config, options, canApply } = cycle;
  const fixed = fixedOf(cycle);
  noteUnknownNames(cycle, fixed);
  if (config.role === 'publisher' || options.only === 'publish' || !canApply) return;
  const items = unenforced(cycle, fixed);
  if (options.dryRun) return show(items, planned);
  if (items.length === 0 || (await carryOut(cycle, items, fixed))) rememberMetadata(cycle, fixed);
}

function unenforced(cycle: Cycle, fixed: FixedMetadata | null): ApplyItem[] {
  const { journal, owners } = cycle.ports;
  const before = JSON.parse(journal.meta('metadata') ?? 'null') as FixedMetadata | null;
  const ids: OwnerIds = owners.privileged ? owners : { userId: () => undefined, groupId: () => undefined };
  return candidates(cycle, fixed, before, ids)
    .filter(({ path, entry, stamp }) => stamp !== null && isUnenforced(entry, stamp, fixed, before, ids) && journal.want(path) === null)
    .map(itemOf);
}

function show(items: readonly ApplyItem[], planned: Plan[]): void {
  const told = new Set(planned.flatMap((plan) => [...plan.publications.keys(), ...plan.applies.map(({ path }) => path)]));
  const applies = items.filter(({ path }) => !told.has(path));
  if (applies.length > 0) planned.push({ ...noPlan, applies });
}

const noPlan: Plan = {
  ...{ publications: new Map(), losers: [], applies: [], newFiles: [] },
  ...{ heldHere: [], heldThere: [], lossesThere: [], deviations: [] },
};

/** True when nothing is left to do. */
async function carryOut(cycle: Cycle, items: readonly ApplyItem[], fixed: FixedMetadata | null): Promise<boolean> {
  const { ports, options } = cycle;
  ports.log.debug({ step: 'metadata', share: cycle.share, paths: items.length }, 'enforcing owners and modes');
  const applied = await apply(
    { ...ports, fetch: stagingOf(cycle, items), onPlaced: () => {} },
    { tasks: items, newFiles: [] },
    {
      ...{ fixed, bucketNowMs: cycle.latestNowMs(), nowUs: () => ports.time.wallMs() * 1000, stampOf, signal: options.signal },
      isOwed: () => false,
    },
  );
  cycle.counts.applied += applied.placed;
  for (const { task, detail } of applied.left) {
    if (detail !== '') cycle.note('refused', task.path, `its owner and mode cannot be set (${detail})`, fixRights);
  }
  return applied.left.length === 0 && !options.signal.aborted;
}

const fixRights = 'Give the user that runs flocksync the right to change it, or correct metadata in the config.';

function rememberMetadata({ ports: { journal } }: Cycle, fixed: FixedMetadata | null): void {
  const now = fixed === null ? null : JSON.stringify(fixed);
  if ((journal.meta('metadata') ?? null) !== now) journal.setMeta('metadata', now);
}

function fixedOf({ config }: Cycle): FixedMetadata | null {
  return config.metadata === 'preserve' ? null : config.metadata;
}

/** All paths are looked through only where something is no longer fixed; what is fixed is a question to the journal's index of looks. */
function candidates({ ports: { journal } }: Cycle, fixed: FixedMetadata | null, before: FixedMetadata | null, ids: OwnerIds): Agreed[] {
  const loosened =
    before !== null && (Object.keys(before) as (keyof FixedMetadata)[]).some((name) => before[name] !== null && fixed?.[name] == null);
  if (loosened) return journal.agreedBelow('');
  if (fixed === null) return [];
  const { fileMode, dirMode, owner, group } = fixed;
  const uid = owner === null ? undefined : ids.userId(owner);
  const gid = group === null ? undefined : ids.groupId(group);
  return journal.agreedUnlike({ fileMode, dirMode, uid: uid ?? null, gid: gid ?? null });
}

function itemOf({ path, entry, version, stamp }: Agreed): ApplyItem {
  const expected = stamp === null ? null : { kind: entry.kind, ...stamp };
  return { path, entry, version, atMs: 0, expected, standing: entry, why: 'replaced', wanted: false, attempts: 0 };
}

/** Files of a web server that silently stay root's are found when the site is down. */
function noteUnknownNames(cycle: Cycle, fixed: FixedMetadata | null): void {
  const { owners } = cycle.ports;
  if (!owners.privileged || fixed === null) return;
  const { owner, group } = fixed;
  if (owner !== null && owners.userId(owner) === undefined) noteUnknown(cycle, 'owner', owner, 'user');
  if (group !== null && owners.groupId(group) === undefined) noteUnknown(cycle, 'group', group, 'group');
}

function noteUnknown(cycle: Cycle, key: string, name: string, what: string): void {
  const text = `metadata sets ${key}: ${name}, and this machine knows no such ${what}; owners stay as they are`;
  cycle.note('unknown-owner', null, text, `Create the ${what}, or correct ${key} in the config; a number in quotes is taken as it is.`);
}
