import type { BytePath } from '../model/path.ts';
import type { Left } from '../steps/apply/run.ts';
import type { Plan } from '../steps/plan.ts';
import { adoptTrash } from './adopt-trash.ts';
import type { Cycle } from './context.ts';
import type { BaseState } from './decide.ts';

/**
 * Rule J5: when the excludes differ from those of the last cycle, paths that are newly excluded lose their base and keep their want;
 * returns which paths were excluded until now. The new rules are remembered by `rememberExcludes` once the cycle has acted on them.
 */
export function adoptExcludes(cycle: Cycle): BaseState['reincluded'] {
  const { journal, excluded, compileExcludes } = cycle.ports;
  const now = JSON.stringify(cycle.config.exclude);
  const before = journal.meta('exclude');
  if (before === now) return () => false;
  journal.transaction(() => {
    journal.forgetDirectoryDigests();
    for (const row of journal.agreedBelow('')) {
      if (!excluded(row.path, row.entry.kind === 'dir')) continue;
      const { path, entry, version } = row;
      journal.dropAgreed(path);
      if (journal.want(path) === null) {
        journal.putWant({ path, entry, version, atMs: cycle.bucketNowMs(), approved: false, reason: 'excluded', detail: '', attempts: 0 });
      }
    }
    for (const want of journal.wants(['excluded'])) {
      if (!excluded(want.path, want.entry?.kind === 'dir')) journal.setWantReason(want.path, 'pending', '', 0);
    }
  });
  if (before === undefined) return () => false;
  const old = compileExcludes(JSON.parse(before) as string[]);
  return (path: BytePath, isDirectory: boolean) => old(path, isDirectory) && !excluded(path, isDirectory);
}

export function rememberExcludes(cycle: Cycle): void {
  const now = JSON.stringify(cycle.config.exclude);
  if (cycle.ports.journal.meta('exclude') !== now) cycle.ports.journal.setMeta('exclude', now);
}

/**
 * The journal is new: whatever the state directory remembers of the share's last position decides what local-only files mean
 * (rule J3).
 */
export function adoptLastKnown(cycle: Cycle): void {
  const { journal, member } = cycle.ports;
  if (journal.meta('joined') === '1') return;
  adoptTrash(cycle);
  if (journal.meta('joinBase') !== undefined || cycle.cursor > 0) return;
  const known = member.lastKnown(cycle.share);
  if (known === undefined || known.cursor === 0 || known.shareId !== cycle.inForce.share) return;
  journal.setMeta('joinBase', String(known.cursor));
  cycle.events.push(
    `the journal of share ${cycle.share} was missing; it is rebuilt from the bucket (last known position: record ${known.cursor})`,
  );
}

/**
 * What a join was to displace and could not: it becomes the base that the log has moved on from, so that it is displaced as soon as it
 * can be, and is no edit once the join is over. What the log does not have at all gets a tombstone of its own as want, and is listed.
 */
export function keepJoining(cycle: Cycle, decided: Plan, left: readonly Left[]): void {
  const { journal } = cycle.ports;
  journal.transaction(() => {
    for (const item of decided.applies) if (item.wanted && journal.want(item.path)?.version === item.version) keepAsBase(cycle, item);
    for (const { task, reason, detail } of left) {
      if (task.why !== 'join') continue;
      const version = task.entry === null ? cycle.cursor : task.version;
      const { path, entry, attempts } = task;
      keepAsBase(cycle, task);
      journal.putWant({ path, entry, version, atMs: cycle.bucketNowMs(), approved: true, reason, detail, attempts: attempts + 1 });
    }
  });
}

function keepAsBase({ ports: { journal } }: Cycle, { path, why, standing }: Pick<Left['task'], 'path' | 'why' | 'standing'>): void {
  if (why !== 'join' || standing === null) return;
  journal.putAgreed({ path, entry: standing, version: journal.agreed(path)?.version ?? 0, stamp: null });
}
