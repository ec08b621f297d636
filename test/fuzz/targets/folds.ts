import { rmSync } from 'node:fs';
import { openJournal } from '../../../src/adapters/sqlite.ts';
import type { Change } from '../../../src/model/change.ts';
import { addDigest, contentHash, digestOf, digestToHex, emptyDigest } from '../../../src/model/digest.ts';
import type { Entry } from '../../../src/model/entry.ts';
import { parentOf } from '../../../src/model/path.ts';
import type { Payload } from '../../../src/model/record.ts';
import type { Journal } from '../../../src/ports/journal.ts';
import { fold } from '../../../src/steps/fold.ts';
import type { Dice } from '../../e2e/support/random.ts';
import { header } from '../../model/record-samples.ts';
import { hex, oddPath } from '../hostile.ts';
import { roomFor } from '../room.ts';
import { must, type Target } from '../target.ts';

export const foldTargets: readonly Target[] = [{ name: 'log of any records', inputs: 25, attempt: foldLog }];

const recordsPerLog = 40;

/** However its records fit each other, every live entry stands in live directories, and the digest is theirs. */
function foldLog(dice: Dice): void {
  const room = roomFor('fold');
  const journal = openJournal({ file: `${room}/journal` });
  try {
    for (let sequence = 1; sequence <= recordsPerLog; sequence++) {
      const payload = anyPayload(dice, sequence, (path) => journal.folded(path)?.version ?? 0);
      const bytes = Buffer.from(`record ${sequence}`);
      const arrived = { header: { ...header, sequence }, hash: contentHash(bytes), bytes, body: null, bodyId: '', atMs: sequence, payload };
      fold(journal, arrived, dice.oneIn(3) ? { notOnDisk: new Set(dice.oneIn(2) ? [oddPath(dice)] : []), stamps: new Map() } : null);
      must(journal.meta('cursor') === String(sequence), `after record ${sequence} the journal stands at ${journal.meta('cursor')}`);
    }
    examine(journal);
  } finally {
    journal.close();
    rmSync(room, { recursive: true, force: true });
  }
}

function examine(journal: Journal): void {
  let digest = emptyDigest;
  for (const { path, entry } of [...journal.foldedAll()]) {
    digest = addDigest(digest, digestOf(path, entry));
    const parent = parentOf(path);
    must(parent === '' || journal.folded(parent)?.entry.kind === 'dir', `${JSON.stringify(path)} stands below what is no directory`);
  }
  must(digestToHex(digest) === (journal.meta('digest') ?? digestToHex(emptyDigest)), 'the digest is not that of what is live');
}

/** Mostly what fits the log as it is. */
export function anyPayload(dice: Dice, sequence: number, versionOf: (path: string) => number): Payload {
  if (dice.oneIn(6)) return dice.pick(controls)(dice, sequence);
  const paths = new Set(Array.from({ length: 1 + dice.below(5) }, () => oddPath(dice)));
  const changes = [...paths].map((path) => anyChange(dice, path, dice.oneIn(12) ? dice.below(sequence) : versionOf(path)));
  return { kind: 'changes', changeset: hex(16, dice), more: dice.oneIn(10), changes, locations: [], inline: inlineOf(dice) };
}

export const contents = ['evil', 'one', 'two'].map((text) => Buffer.from(text));

function inlineOf(dice: Dice) {
  const chosen = contents.filter(() => dice.oneIn(2));
  return chosen.map((stored) => ({
    hash: contentHash(dice.oneIn(10) ? 'other' : stored),
    size: stored.length,
    codec: 'none' as const,
    stored,
  }));
}

function anyChange(dice: Dice, path: string, base: number): Change {
  if (dice.oneIn(10)) return { op: 'kept', path, entry: anyEntry(dice), lostTo: base };
  if (base > 0 && dice.oneIn(3)) return { op: 'delete', path, base, ...(dice.oneIn(3) ? { approved: true as const } : {}) };
  return { op: 'put', path, base, entry: anyEntry(dice), ...(base > 0 && dice.oneIn(4) ? { beats: base } : {}) };
}

const targets = ['..', '../..', '../outside', '/etc', '/', 'x', 'd', 'l', '.', '\xff', 'a'.repeat(4095)];
const times = [0, -1, 1_700_000_000_000_001, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 8_640_000_000_000_000];

function anyEntry(dice: Dice): Entry {
  const owned = { owner: dice.pick([null, 'root', 'nobody', '0', '4294967295', 'x y']), group: dice.pick([null, 'root', '99999999999']) };
  const mode = dice.pick([0, 0o644, 0o755, 0o777, 0o4755, 0o6777, 0o7777]);
  if (dice.oneIn(3)) return { kind: 'dir', mode, ...owned };
  if (dice.oneIn(4)) return { kind: 'link', target: dice.pick(targets), ...owned };
  const bytes = dice.pick(contents);
  const size = dice.oneIn(8) ? dice.pick([1, 1000, 64 * 2 ** 20]) : bytes.length;
  const empty = dice.oneIn(10);
  const chunks = !empty && dice.oneIn(6) ? [{ hash: contentHash(bytes), size }] : null;
  return { kind: 'file', mode, mtimeUs: dice.pick(times), ...owned, size: empty ? 0 : size, hash: contentHash(empty ? '' : bytes), chunks };
}

const controls: readonly ((dice: Dice, sequence: number) => Payload)[] = [
  (dice) => ({ kind: 'need', hashes: [hex(64, dice), contentHash('evil')] }),
  (dice) => ({ kind: 'retire', packs: [hex(32, dice)], bodies: [hex(32, dice)], snapshots: dice.oneIn(2) ? ['a'.repeat(32)] : [] }),
  (dice, sequence) => ({ kind: 'snapshot', id: 'a'.repeat(32), upTo: Math.max(1, dice.below(sequence)), previousHash: hex(64, dice) }),
  (dice, sequence) => (dice.oneIn(2) ? { kind: 'approve', hold: 'abcd' } : { kind: 'approve', record: Math.max(1, dice.below(sequence)) }),
  (dice) => ({ kind: 'pack', ...(dice.oneIn(2) ? { instead: true as const } : {}), locations: [anyLocation(dice)], inline: [] }),
  () => ({ kind: 'format', format: 1 }),
];

function anyLocation(dice: Dice) {
  const offset = dice.pick([0, 5, 2 ** 50]);
  return {
    hash: contentHash(dice.pick(contents)),
    size: 4,
    pack: hex(32, dice),
    offset,
    length: dice.pick([1, 4, 64 * 2 ** 20]),
    codec: 'brotli' as const,
  };
}
