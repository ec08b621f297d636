import type { Change } from '../../src/model/change.ts';
import { keyOfEntry } from './contents.ts';
import type { Deeds } from './deeds.ts';
import type { JudgeChange } from './observed-log.ts';
import { Violation } from './violation.ts';
import { show } from './witness.ts';

/**
 * What may stand in a record, judged by what users did: nobody's content, an old content that comes back by itself, and a deletion that nobody
 * meant are violations (promises 2, 3 and 5).
 */
export function judgeBy(deeds: Deeds): JudgeChange {
  return (change, author, live, log) => {
    if (log.relaxed) return;
    const told = `${author.name} ${change.op} ${show(change.path)}`;
    if (change.op === 'delete') return judgeDeletion(change, live === null ? null : keyOfEntry(live.entry), deeds, told);
    const key = keyOfEntry(change.entry);
    const write = deeds.write(change.path, key);
    // What is written into a displaced file is kept as an edit of where it stood (rule A2), by whichever of its names that was done.
    if (write === null && change.op === 'kept' && deeds.wroteLate(change.path, key)) return;
    if (write === null) throw new Violation(`${told}: nobody has ever put ${key.slice(0, 20)} there`);
    if (change.op === 'kept' || (live !== null && keyOfEntry(live.entry) === key) || change.entry.kind !== 'file') return;
    const wasThere = log.history(change.path).some((version) => version.op === 'put' && version.key === key);
    if (wasThere && write.times === 1) throw new Violation(`${told}: an old version has come back by itself (${key.slice(0, 20)})`);
  };
}

function judgeDeletion({ path }: Change, key: string | null, deeds: Deeds, told: string): void {
  const deletedUs = deeds.lastDeleteUs(path);
  if (deletedUs === null) throw new Violation(`${told}: nobody has deleted it`);
  const write = key === null || key === 'dir' ? null : deeds.write(path, key);
  if (write !== null && deletedUs < write.firstUs)
    throw new Violation(`${told}: what is there now was written after the last deletion by anybody`);
}
