import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCodec } from '../../src/adapters/codec.ts';
import { openCommands } from '../../src/adapters/command.ts';
import { openShareTree } from '../../src/adapters/disk.ts';
import { openMember } from '../../src/adapters/member-file.ts';
import { systemOwners } from '../../src/adapters/owners.ts';
import { scratchBelow } from '../../src/adapters/scratch.ts';
import { openJournal } from '../../src/adapters/sqlite.ts';
import { systemRandom, systemTime } from '../../src/adapters/system.ts';
import { ShareAgent } from '../../src/agent.ts';
import type { ShareConfig } from '../../src/config-types.ts';
import { plain } from '../../test/agent/compose.ts';
import { round, tell } from './measure.ts';
import { type MemoryStore, memoryStore } from './memory-store.ts';
import { newDirectory } from './trees.ts';

const dayMs = 24 * 3600 * 1000;
const membersCount = 10;
const filesCount = 300;
/** Every so many days each member takes its turn, beside those that publish. */
const everybodyPerDay = 2;

/** `YEAR_CHANGESETS` a day (default 15, so that it ends within ten minutes) for `YEAR_DAYS` (365). */
const changesetsPerDay = Number(process.env.YEAR_CHANGESETS ?? 15);
const days = Number(process.env.YEAR_DAYS ?? 365);

/** What stands at the end of a day, and the requests of that day. */
interface Sample {
  readonly objects: number;
  readonly bucketMiB: number;
  readonly journalMiB: number;
  readonly trashMiB: number;
  readonly requestsPerDay: number;
}

interface Month extends Sample {
  readonly month: number;
}

/**
 * A year of ten members in one process, with real cycles on real trees and a bucket in memory whose clock runs ahead. Everything that the
 * members keep must stop growing some time after the retention of 30 days.
 */
export async function year(): Promise<boolean> {
  const clock = { nowMs: Date.UTC(2026, 0, 1) };
  const store = memoryStore(() => clock.nowMs);
  const home = existsSync('/dev/shm') ? join('/dev/shm', `flocksync-year-${process.pid}`) : newDirectory('year');
  const codec = openCodec();
  const members = Array.from({ length: membersCount }, (_, at) => memberOf(home, `m${at}`, clock, store, codec));
  const months: Month[] = [];
  const samples: Sample[] = [];
  const signal = new AbortController().signal;
  const cycle = async (at: number) => {
    const outcome = await (members[at % membersCount] as (typeof members)[number]).agent.cycle({ dryRun: false, only: null, signal });
    if (outcome.problems.length > 0) throw new Error(JSON.stringify(outcome.problems));
  };
  try {
    for (let at = 0; at < membersCount; at++) await cycle(at);
    for (let day = 0; day < days; day++) {
      for (let changeset = 0; changeset < changesetsPerDay; changeset++) {
        const author = Math.floor(Math.random() * membersCount);
        change(join(home, `m${author}`, 'html'), day);
        await cycle(author);
        clock.nowMs += dayMs / changesetsPerDay;
        if (changeset % Math.ceil(changesetsPerDay / everybodyPerDay) === 0) for (let at = 0; at < membersCount; at++) await cycle(at);
      }
      samples.push(sampleOf(home, store));
      if (samples.length === 30) months.push(monthOf(samples.splice(0), (day + 1) / 30));
    }
    return report(months);
  } finally {
    for (const { close } of members) close();
    await codec.close();
    rmSync(home, { recursive: true, force: true });
  }
}

/** Mostly small edits, sometimes an upload or a deletion; the site stays as large as it is. */
function change(root: string, day: number): void {
  const chance = Math.random();
  const name = join(root, `file-${Math.floor(Math.random() * filesCount)}`);
  if (chance < 0.1) rmSync(name, { force: true });
  else writeFileSync(name, Buffer.concat([Buffer.from(`day ${day}\n`), randomBytes(chance > 0.95 ? 150_000 : 4000)]));
}

function memberOf(home: string, name: string, clock: { nowMs: number }, datastore: MemoryStore, codec: ReturnType<typeof openCodec>) {
  const [root, state] = [join(home, name, 'html'), join(home, name, 'state')];
  mkdirSync(root, { recursive: true });
  mkdirSync(state, { recursive: true });
  const journal = openJournal({ file: join(state, 'journal') });
  const tree = openShareTree({ root, shareName: 'webroot' });
  const time = { ...systemTime, wallMs: () => clock.nowMs };
  const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const member = openMember(state, name, systemRandom);
  const nothing = () => false;
  const ports = {
    ...{ datastore, journal, tree, owners: systemOwners(systemTime), time, random: systemRandom, codec, log: silent, member },
    ...{ excluded: nothing, compileExcludes: () => nothing, version: '0', onProgress: () => {}, stateId: name },
    ...{ scratch: scratchBelow(join(state, 'scratch')), readiness: { set: () => {}, clear: () => {} } },
    commands: openCommands(join(state, 'changed')),
  };
  const close = () => {
    journal.close();
    tree.close();
  };
  return { agent: new ShareAgent(ports, { ...config, path: root }), close };
}

const config: ShareConfig = {
  ...plain,
  maxDelete: { percent: 100, percentBelow40: 100, floor: 1_000_000, windowMs: 600_000 },
};

const kinds = ['objects', 'bucketMiB', 'journalMiB', 'trashMiB', 'requestsPerDay'] as const;

function sampleOf(home: string, store: MemoryStore): Sample {
  const each = (part: (member: string) => number) =>
    Array.from({ length: membersCount }, (_, at) => part(join(home, `m${at}`))).reduce((sum, bytes) => sum + bytes, 0) / membersCount;
  const mebi = (bytes: number) => bytes / 1024 / 1024;
  return {
    ...{ objects: store.count(), bucketMiB: mebi(store.bytes()), requestsPerDay: store.takeRequests() },
    journalMiB: mebi(each((member) => bytesBelow(join(member, 'state')))),
    trashMiB: mebi(each((member) => bytesBelow(join(member, '.flocksync-webroot')))),
  };
}

/** The mean of its days. */
function monthOf(samples: readonly Sample[], month: number): Month {
  const mean = (kind: keyof Sample) => round(samples.reduce((sum, sample) => sum + sample[kind], 0) / samples.length);
  const found: Month = {
    ...{ month, objects: mean('objects'), bucketMiB: mean('bucketMiB'), journalMiB: mean('journalMiB') },
    ...{ trashMiB: mean('trashMiB'), requestsPerDay: mean('requestsPerDay') },
  };
  const { objects, bucketMiB, journalMiB, trashMiB, requestsPerDay } = found;
  const place = `${Math.round(objects)} objects, ${bucketMiB} MiB in the bucket`;
  const local = `per member ${journalMiB} MiB journal, ${trashMiB} MiB trash`;
  tell('year', `month ${month}: ${place}; ${local}; ${Math.round(requestsPerDay)} requests a day`, { ...found });
  return found;
}

function bytesBelow(directory: string): number {
  if (!existsSync(directory)) return 0;
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

/** Flat: the last month is no more than a quarter above the third. Packs fill with garbage, up to a half, for a while after the retention. */
function report(months: readonly Month[]): boolean {
  const [early, late] = [months[2], months.at(-1)];
  if (early === undefined || late === undefined || late === early) throw new Error('the year needs four months at least');
  const growth = Object.fromEntries(kinds.map((kind) => [kind, round(late[kind] / early[kind])]));
  const reached = kinds.every((kind) => late[kind] <= early[kind] * 1.25);
  const text = kinds.map((kind) => `${kind} × ${growth[kind]}`).join(', ');
  tell('year', `month ${late.month} against month 3: ${text} (goal 1.25); ${membersCount} members, ${changesetsPerDay} changesets a day`, {
    ...{ ...growth, goal: 1.25, members: membersCount, changesetsPerDay, days, reached },
  });
  return reached;
}
