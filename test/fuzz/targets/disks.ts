import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { birthLimits } from '../../../src/model/limits.ts';
import { noPrevious } from '../../../src/model/record.ts';
import { decodePayload, decodeRecord, recordHash } from '../../../src/model/record-decode.ts';
import { DatastoreFault } from '../../../src/ports/datastore.ts';
import { composeMember, type TestMember } from '../../agent/compose.ts';
import type { Dice } from '../../e2e/support/random.ts';
import { differences, snapshot } from '../../e2e/support/tree.ts';
import { mutated, oddPath } from '../hostile.ts';
import { roomFor } from '../room.ts';
import { must, type Target } from '../target.ts';
import { anyPayload } from './folds.ts';
import { recordOf } from './records.ts';

export const diskTargets: readonly Target[] = [{ name: 'share on a disk', inputs: 40, attempt: applyHostile }];

/** What may stand in a member's home: its root, its state, and the staging area beside the root. */
const homeNames = ['.flocksync-webroot', 'html', 'state'];

/**
 * A bucket in which somebody hostile writes: a member takes all of it in and applies what it accepts. It ends without any error of its own,
 * and nothing outside of its root has changed.
 */
async function applyHostile(dice: Dice): Promise<void> {
  const home = roomFor('disk');
  try {
    mkdirSync(join(home, 'b'));
    plantOutside(join(home, 'b/outside'));
    const before = snapshot(join(home, 'b/outside'));
    await seed(home);
    writeRecords(join(home, 'bucket/shop/webroot/log'), dice);
    if (dice.oneIn(3)) damageSome(join(home, 'bucket/shop/webroot'), dice);
    const member = composeMember(home, 'b', { config: dice.pick([{}, { join: 'merge' as const }, { role: 'subscriber' as const }]) });
    try {
      for (let cycle = 0; cycle < 2; cycle++) {
        if (dice.oneIn(3)) editHostile(member.root, dice);
        await cycleOf(member);
      }
    } finally {
      await member.close();
    }
    must(differences(before, snapshot(join(home, 'b/outside'))).length === 0, 'something outside of the root has changed');
    const names = readdirSync(join(home, 'b')).filter((name) => name !== 'outside' && !homeNames.includes(name));
    must(names.length === 0, `beside the root stands ${names.join(', ')}`);
    mustBeHarmless(member.root);
  } finally {
    openAll(home);
    rmSync(home, { recursive: true, force: true });
  }
}

function plantOutside(outside: string): void {
  mkdirSync(outside);
  for (const name of ['f', 'x', 'evil']) writeFileSync(join(outside, name), 'precious');
  mkdirSync(join(outside, 'd'), 0o755);
}

/** The share as an honest member has founded it. */
async function seed(home: string): Promise<void> {
  const member = composeMember(home, 'a', {});
  mkdirSync(join(member.root, 'd'));
  for (const name of ['x', 'd/f', 'keep']) writeFileSync(join(member.root, name), name);
  await member.cycle();
  await member.close();
}

function writeRecords(log: string, dice: Dice): void {
  const fold = new Map<string, number>();
  const first = readFileSync(join(log, fileOf(1)));
  const { share } = noteAll(first, 1, fold);
  let previous = recordHash(first);
  const count = 2 + dice.below(6);
  for (let sequence = 2; sequence <= count; sequence++) {
    const payload = anyPayload(dice, sequence, (path) => fold.get(path) ?? 0);
    const author = { id: 'e'.repeat(32), name: 'somebody' };
    const over = { share, author, sequence, previous: dice.oneIn(40) ? noPrevious : previous, id: String(sequence).padStart(32, 'f') };
    const bytes = recordOf(payload, over);
    previous = recordHash(bytes);
    writeFileSync(join(log, fileOf(sequence)), bytes);
    noteAll(bytes, sequence, fold);
  }
}

function fileOf(sequence: number): string {
  return String(sequence).padStart(16, '0');
}

/** What a hostile author would take for the state of the log. */
function noteAll(bytes: Buffer, sequence: number, fold: Map<string, number>): { share: string } {
  const decoded = decodeRecord(bytes, birthLimits);
  if (!decoded.ok) return { share: '2'.repeat(32) };
  const read = decodePayload(decoded, null, birthLimits);
  if (read.ok && read.payload.kind === 'changes')
    for (const change of read.payload.changes) if (change.op !== 'kept') fold.set(change.path, change.op === 'put' ? sequence : 0);
  return { share: decoded.header.share };
}

/** Objects as a broken store or a hostile hand leaves them. */
function damageSome(bucket: string, dice: Dice): void {
  const files = readdirSync(bucket, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (let damages = 1 + dice.below(2); damages > 0; damages--) {
    const entry = dice.pick(files);
    const file = join(entry.parentPath, entry.name);
    if (dice.oneIn(6)) rmSync(file, { force: true });
    else if (existsSync(file)) writeFileSync(file, mutated(readFileSync(file), dice));
  }
  const strange = dice.pick([
    'log/request-0000000000000001',
    'log/9007199254740991',
    'log/x',
    'members/../x.json',
    'snapshots/0000000000000005-x',
  ]);
  if (dice.oneIn(3)) {
    const file = join(bucket, strange);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, mutated(Buffer.from('anything'), dice));
  }
}

/** A link to the outside where the log has, or will have, something else. */
function editHostile(root: string, dice: Dice): void {
  const path = dice.pick(['d', 'x', 'l', 'new', 'd/f', oddPath(dice)]);
  try {
    rmSync(join(root, path), { recursive: true, force: true });
    symlinkSync(dice.pick(['../outside', '../outside/f', join(root, '../outside')]), join(root, path));
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
  }
}

async function cycleOf(member: TestMember): Promise<void> {
  try {
    await member.cycle();
  } catch (error) {
    if (!(error instanceof DatastoreFault)) throw error;
  }
}

/** No program that runs with somebody else's rights comes out of a bucket. */
function mustBeHarmless(root: string): void {
  for (const [path, words] of snapshot(root)) {
    const [kind, mode = ''] = words.split(' ');
    must(kind !== 'file' || (Number.parseInt(mode, 8) & 0o6000) === 0, `${JSON.stringify(path)} has the mode ${mode}`);
  }
}

/** What came with mode 0 cannot be removed by everybody. */
function openAll(directory: string): void {
  if (process.getuid?.() === 0 || !existsSync(directory)) return;
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    const stat = lstatSync(path);
    if (!stat.isDirectory()) continue;
    chmodSync(path, 0o700);
    openAll(path);
  }
}
