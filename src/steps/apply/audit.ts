import { type Entry, sameContent } from '../../model/entry.ts';
import type { AuditRow } from '../../ports/journal-audit.ts';
import type { ApplyTask, Run } from './run.ts';

/** What an apply has done to this disk, for whoever asks later. Where another kind stood, that was deleted first. */
export function noteAudit({ ports, options }: Run, { path, entry, version, expected, standing }: ApplyTask): void {
  const write = (op: AuditRow['op'], kind: AuditRow['kind'], shown: Entry | null) => {
    const size = shown?.kind === 'file' ? shown.size : null;
    ports.journal.putAudit({ atMs: options.bucketNowMs, path, op, kind, size, version });
  };
  const before = expected?.kind ?? null;
  if (before !== null && before !== entry?.kind) write('delete', before === 'other' ? null : before, standing);
  if (entry === null) return;
  write(before !== null && standing !== null && sameContent(standing, entry) ? 'metadata' : 'put', entry.kind, entry);
}
