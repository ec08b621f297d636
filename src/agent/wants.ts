import type { Role } from '../config-types.ts';
import type { Problem } from '../model/problem.ts';
import { problem } from '../model/problem.ts';
import type { Journal, Want, WantReason } from '../ports/journal.ts';

const texts: Partial<Record<WantReason, { code: string; text: string; fix: string }>> = {
  unfetchable: {
    code: 'content-missing',
    text: 'its content cannot be had from the bucket',
    fix: 'A member that has the file sends it again at its next sync; if none has, restore the file from a backup on any member.',
  },
  full: {
    code: 'disk-full',
    text: 'there is no room on the disk for it',
    fix: 'Free space on the file system of the share; the next sync goes on.',
  },
  busy: {
    code: 'busy',
    text: 'it changes all the time, so the newer version of the federation cannot be put in place',
    fix: 'Stop what writes to it, or exclude the path.',
  },
  unsupported: {
    code: 'unsupported',
    text: 'this file system cannot hold it',
    fix: 'Exclude the path here, or move the share to another file system.',
  },
  refused: { code: 'refused', text: 'the file system refuses it', fix: 'Give the user that runs flocksync the right to write there.' },
  occupied: { code: 'occupied', text: 'something else stands in its place', fix: 'Move that away, or exclude the path.' },
};

/** A subscriber asks nobody: it may not write. */
const subscribersFix =
  'Run flocksync verify --repair on a member that publishes; if none has the file, restore it from a backup on one of them.';

/** Wants that wait for a person or for a disk, one problem each (rule I2). Deviations that the config asks for are none. */
export function wantProblems(journal: Journal, role: Role): Problem[] {
  return journal.wants(Object.keys(texts) as WantReason[]).map((want) => asProblem(want, role));
}

function asProblem(want: Want, role: Role): Problem {
  const { code, text, fix } = texts[want.reason] as { code: string; text: string; fix: string };
  const asksNobody = want.reason === 'unfetchable' && role === 'subscriber';
  return problem(code, want.path, want.detail === '' ? text : `${text} (${want.detail})`, asksNobody ? subscribersFix : fix);
}
