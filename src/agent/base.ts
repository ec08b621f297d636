import type { BytePath } from '../model/path.ts';
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
  if (journal.meta('joined') === '1' || journal.meta('joinBase') !== undefined || cycle.cursor > 0) return;
  const known = member.lastKnown(cycle.share);
  if (known === undefined || known.cursor === 0 || known.shareId !== cycle.inForce.share) return;
  journal.setMeta('joinBase', String(known.cursor));
  cycle.events.push(
    `the journal of share ${cycle.share} was missing; it is rebuilt from the bucket (last known position: record ${known.cursor})`,
  );
}
