import { rmSync } from 'node:fs';
import { openJournal } from '../../../src/adapters/sqlite.ts';
import { birthLimits } from '../../../src/model/limits.ts';
import { encodeFrames } from '../../../src/model/record-frames.ts';
import type { SnapshotHead } from '../../../src/model/snapshot.ts';
import { openSnapshot, snapshotItems, verifySnapshot } from '../../../src/model/snapshot-decode.ts';
import { load } from '../../../src/steps/load.ts';
import type { Dice } from '../../e2e/support/random.ts';
import { at, encode, headOf, linesOf, sample, shareId, signed, withFrames } from '../../model/snapshot-samples.ts';
import { mutated, mutatedText, oddPath, refusedPath, wrongValue } from '../hostile.ts';
import { roomFor } from '../room.ts';
import { must, type Target } from '../target.ts';
import { isInside } from './records.ts';

const whole = encode(sample);
const lines = linesOf(sample);
const ownHashBytes = 32;

export const snapshotTargets: readonly Target[] = [
  { name: 'snapshot', inputs: 400, attempt: (dice) => read(mutated(whole, dice)) },
  { name: 'snapshot under a right hash', inputs: 1500, attempt: (dice) => read(signed(mutated(whole.subarray(0, -ownHashBytes), dice))) },
  { name: 'snapshot of any lines', inputs: 1200, attempt: (dice) => read(withFrames(encodeFrames(anyLines(dice), birthLimits).stored)) },
  { name: 'head of a snapshot', inputs: 600, attempt: (dice) => read(anyHead(dice)) },
  {
    name: 'piece of a snapshot',
    inputs: 400,
    attempt: (dice) => void openSnapshot(at(mutated(whole.subarray(0, dice.below(whole.length)), dice)), shareId),
  },
];

/** What passes for a snapshot can be taken over by a journal, and holds no path that leaves the root. */
function read(bytes: Buffer): void {
  const verified = verifySnapshot(at(bytes), shareId);
  if (!verified.ok) return;
  const items = () => snapshotItems(at(bytes), verified);
  for (const item of items())
    if (item.item === 'version') must(isInside(item.row.path), `the path ${JSON.stringify(item.row.path)} is taken`);
  takeOver({ head: verified.head, size: bytes.length, items, remove: () => {} });
}

function takeOver(snapshot: Parameters<typeof load>[1]): void {
  const room = roomFor('snapshot');
  const journal = openJournal({ file: `${room}/journal` });
  try {
    journal.transaction(() => {
      for (const _ of load(journal, snapshot));
    });
    must(journal.meta('digest') === snapshot.head.digest, 'a journal folds to another state than the snapshot that it has taken over');
  } finally {
    journal.close();
    rmSync(room, { recursive: true, force: true });
  }
}

function anyLines(dice: Dice): string[] {
  const changed = lines.map((line) => (dice.oneIn(8) ? otherLine(line, dice) : line)).filter(() => !dice.oneIn(25));
  if (dice.oneIn(6)) changed.splice(dice.below(changed.length + 1), 0, dice.pick(lines));
  return changed.map((line) => line.replaceAll('\n', ' ')).filter((line) => Buffer.byteLength(line) < birthLimits.lineBytesMax);
}

function otherLine(line: string, dice: Dice): string {
  if (dice.oneIn(4)) return mutatedText(line, dice);
  const json = JSON.parse(line) as Record<string, unknown>;
  if (dice.oneIn(2) && 'p' in json) json.p = dice.oneIn(2) ? refusedPath(dice) : oddPath(dice);
  else json[dice.pick(Object.keys(json))] = wrongValue(dice);
  return JSON.stringify(json);
}

function anyHead(dice: Dice): Buffer {
  const head = headOf(sample) as SnapshotHead & Record<string, unknown>;
  if (dice.oneIn(2)) {
    const changed = Buffer.from(mutatedText(whole.toString('latin1', 0, headBytes), dice), 'latin1');
    return signed(Buffer.concat([changed, whole.subarray(headBytes, -ownHashBytes)]));
  }
  const field = dice.pick(['id', 'share', 'upTo', 'hash', 'digest', 'atMs', 'historyFromMs', 'counts']);
  const counts = { ...head.counts, [dice.pick(Object.keys(head.counts))]: wrongValue(dice) };
  return withFrames(encodeFrames(lines, birthLimits).stored, { [field]: field === 'counts' ? counts : wrongValue(dice) });
}

const headBytes = whole.indexOf(10, whole.indexOf(10) + 1);
