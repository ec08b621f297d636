import type { ShareConfig } from '../config-types.ts';
import type { Deviation } from '../model/deviation.ts';
import type { ShareFormat } from '../model/format.ts';
import type { Content } from '../model/local.ts';
import type { BytePath } from '../model/path.ts';
import type { Problem } from '../model/problem.ts';
import { problem } from '../model/problem.ts';
import type { Replay } from '../model/replay.ts';
import type { Scope } from '../model/scope.ts';
import type { ContentCodec } from '../ports/codec.ts';
import type { Commands } from '../ports/command.ts';
import type { Datastore, DatastoreFault } from '../ports/datastore.ts';
import type { Owners, PreciseStat, RootLock, ShareTree } from '../ports/filesystem.ts';
import type { Journal } from '../ports/journal.ts';
import type { Log } from '../ports/log.ts';
import type { Random } from '../ports/random.ts';
import type { Scratch } from '../ports/scratch.ts';
import type { Time } from '../ports/time.ts';
import type { HalfRead } from '../steps/collate/finding.ts';
import type { Fetched } from '../steps/pull.ts';
import { Attention } from './attention.ts';

/** Who this agent is; the id is random, kept in the state directory, and replaced when a clone is noticed (rule J4). */
export interface Member {
  readonly id: string;
  readonly name: string;
  /** Takes a new random id for good. */
  renew(): void;
  /** The last flushed position per share, which outlives the journal (rule J3). */
  lastKnown(share: string): { readonly shareId: string; readonly cursor: number } | undefined;
  remember(share: string, shareId: string, cursor: number): void;
}

/** Tells a load balancer whether the share is ready here (docs/5-operations.md). */
export interface Readiness {
  /** Everything up to `cursor` is applied at this bucket time, ms. */
  set(cursor: number, atMs: number): void;
  clear(): void;
}

export interface Ports {
  readonly datastore: Datastore;
  readonly journal: Journal;
  readonly tree: ShareTree;
  readonly owners: Owners;
  readonly time: Time;
  readonly random: Random;
  readonly codec: ContentCodec;
  readonly log: Log;
  readonly commands: Commands;
  /** Room for work that is thrown away, below the state directory. */
  readonly scratch: () => Scratch;
  readonly member: Member;
  readonly readiness: Readiness;
  /** True for what the config excludes. */
  readonly excluded: (path: BytePath, isDirectory: boolean) => boolean;
  /** Compiles other rules, to compare with an earlier config (rule J5). */
  readonly compileExcludes: (patterns: readonly string[]) => (path: BytePath, isDirectory: boolean) => boolean;
  readonly onProgress: (event: ProgressEvent) => void;
  /** Names the state directory, for the lock on the root (rule G4). */
  readonly stateId: string;
  /** Version of this program, for the heartbeat. */
  readonly version: string;
}

export interface ProgressEvent {
  readonly phase: string;
  readonly filesDone?: number;
  readonly filesTotal?: number;
  readonly bytesDone?: number;
  readonly bytesTotal?: number;
  /** Of what goes on behind other phases, which come and go. */
  readonly since?: Replay['since'];
}

export interface CycleOptions {
  readonly dryRun: boolean;
  readonly only: 'publish' | 'pull' | null;
  /** Ends the cycle as soon as another one can go on from there. */
  readonly signal: AbortSignal;
  /** Ends what goes on behind the cycle, a long upload; `signal` unless it is given. */
  readonly lasting?: AbortSignal;
  /**
   * What is looked at on the disk; everything unless it is given. A look at directories takes in what the looks before it have left open,
   * and looks at everything where its part would not be enough to go by.
   */
  readonly scope?: Scope;
  /**
   * How the log is read: `list` shows everything (rule L3); `next` asks for the numbers behind the cursor, `known` goes by what this process
   * has last seen of it. Both list where that is some minutes ago. `list` unless it is given.
   */
  readonly log?: 'list' | 'next' | 'known';
  /** Directories in which something has happened since it was last called, for a look at directories that is under way. */
  readonly hints?: () => ReadonlySet<BytePath>;
  /** The look is there to find what no hint has named. */
  readonly sweep?: boolean;
  /** Standing trouble of whoever runs the cycle. */
  readonly troubles?: readonly Problem[];
}

/** What stops a share: nothing more is published or applied until it lifts. Exit 3. */
export interface Halt {
  readonly code: string;
  readonly text: string;
  readonly fix: string;
}

/** State of one cycle of one share. */
export class Cycle {
  readonly ports: Ports;
  readonly config: ShareConfig;
  readonly options: CycleOptions;
  readonly problems: Problem[] = [];
  /** Things that happened once and are told once (DESIGN §9). */
  readonly events: string[];
  readonly counts = { published: 0, deleted: 0, applied: 0, removed: 0, conflicts: 0, records: 0, bytesUp: 0, bytesDown: 0 };
  /** Kept from cycle to cycle of one process. */
  readonly memory: Memory;
  format: ShareFormat | null = null;
  held = false;
  /** The command of `check` refuses what is to be applied. */
  refused = false;
  /** Something that should be published is in no record yet: its content is on its way, or it changed while it was read. */
  postponed = false;
  /** When the first of the files may go that this cycle left because they are written to again and again, ms from then; null for none. */
  restsInMs: number | null = null;
  /** Local paths that the last look left unlike the log, on purpose. */
  deviations: readonly Deviation[] = [];
  halt: Halt | null = null;
  rootLock: RootLock | null = null;
  /** Kept by a daemon since its last cycle. */
  keptLock: RootLock | null = null;
  /** A dry run that would make the root: nothing is there to look at. */
  rootIsToCome = false;
  /** False where the root or its staging area cannot be written to. */
  canApply = true;
  /** This member has taken in the whole log, so it may append. */
  caughtUp = false;
  /** The store let this member append nothing; what others have written is still taken over before the cycle fails with it. */
  refusal: DatastoreFault | null = null;
  /** When to tell the others next that this member replays, by the monotonic clock, ms. */
  replayBeatMs: number | null = null;
  /** When the other life of a clone or of a restored journal was last heard of, by this machine's clock, ms. */
  otherLifeMs: number | null = null;
  /** What the last look at the disk took. */
  lookMs = 0;
  /** The last look at the disk took in everything. */
  sawEverything = false;
  /** True for what the last look could see. */
  covers: (path: BytePath) => boolean = () => true;
  /** Position in the log of the last apply that was ended before everything was tried. */
  appliedFrom: number | null = null;
  /** What the finished parts of a long apply have brought. */
  broughtHome = { files: 0, bytes: 0 };
  /** Paths of which was told that a join displaces them. */
  readonly toldOfJoin = new Set<BytePath>();

  constructor(ports: Ports, config: ShareConfig, options: CycleOptions, memory: Memory) {
    this.ports = ports;
    this.config = config;
    this.options = options;
    this.memory = memory;
    this.events = memory.events;
    this.problems.push(...(options.troubles ?? []));
  }

  get share(): string {
    return this.config.name;
  }

  get cursor(): number {
    return Number(this.ports.journal.meta('cursor') ?? '0');
  }

  /** The share's format in force; asking before the share was opened is a programming error. */
  get inForce(): ShareFormat {
    if (this.format === null) throw new Error('the share has not been opened');
    return this.format;
  }

  /** The bucket's clock: its last answer plus the time since then by the monotonic clock. */
  bucketNowMs(): number {
    const { dateMs, atMs } = this.memory.clock;
    return Math.round(dateMs === 0 ? this.ports.time.wallMs() : dateMs + (this.ports.time.monotonicMs() - atMs));
  }

  /**
   * For what is kept for some time from now on: the latest that the last two answers and the last heartbeat allow. A gateway whose clock is
   * wrong must not make it look old already.
   */
  latestNowMs(): number {
    const { clockBefore, clock } = this.memory;
    const before = clockBefore.dateMs === 0 ? 0 : clockBefore.dateMs + (clock.atMs - clockBefore.atMs);
    const ahead = Math.max(0, before - clock.dateMs);
    return Math.max(
      this.bucketNowMs() + (clock.dateMs === 0 ? 0 : Math.round(ahead)),
      Number(this.ports.journal.meta('heartbeatAtMs') ?? '0'),
    );
  }

  /** Bucket time of the last answer that showed the log to end at the cursor (rule S3). */
  get endSeenMs(): number {
    return this.memory.endSeenMs;
  }

  set endSeenMs(dateMs: number) {
    this.memory.endSeenMs = dateMs;
  }

  heard(dateMs: number): void {
    this.memory.clockBefore = this.memory.clock;
    this.memory.clock = { dateMs, atMs: this.ports.time.monotonicMs() };
  }

  note(code: string, path: BytePath | null, text: string, fix: string): void {
    this.problems.push(problem(code, path, text, fix));
  }

  /** One by one: there may be one for each file of a large tree, and a call takes only so many. */
  noteAll(problems: Iterable<Problem>): void {
    for (const each of problems) this.problems.push(each);
  }

  /** Problems that are judged anew. */
  withdraw(isJudged: (problem: Problem) => boolean): void {
    const left = this.problems.filter((each) => !isJudged(each));
    this.problems.length = 0;
    this.noteAll(left);
  }
}

/** What one process remembers of a share between cycles; losing it costs time only. */
export interface Memory {
  clock: { dateMs: number; atMs: number };
  /** By the answer before the last one. */
  clockBefore: { dateMs: number; atMs: number };
  /** What happened once and was not told yet: a cycle that fails leaves it here. */
  readonly events: string[];
  /** Where the next look has to go. */
  readonly attention: Attention;
  /** Files that were published lately: how often in a row, and when last, ms of the monotonic clock. */
  readonly publishings: Map<BytePath, { readonly times: number; readonly lastMs: number }>;
  endSeenMs: number;
  /** What the last scan of everything took. */
  wholeLookMs: number;
  /** Bucket time of the last listing of the log; 0 before the first. */
  listedMs: number;
  /** What a poll has found and no cycle has taken in yet. */
  polled: { readonly sequence: number; readonly fetched: Fetched } | null;
  readonly hashes: Map<BytePath, { readonly stat: Omit<PreciseStat, 'dev' | 'links'>; readonly content: Content }>;
  /** Paths in `hashes` that a look had read when it was told to stop; the next one may forget them. */
  readonly read: Set<BytePath>;
  readonly halfRead: Map<BytePath, HalfRead>;
  /** An apply is not interrupted for news before this moment of the monotonic clock, ms. */
  cutFromMs: number;
  /** Large files on their way to the bucket. */
  readonly uploads: Map<BytePath, { readonly hash: string; readonly done: Promise<void>; failed: unknown }>;
  /** Paths of which a person has asked for an earlier state in this process. */
  readonly asked: Set<BytePath>;
  /** What the ready file says, where this process wrote it. */
  ready: { readonly cursor: number; readonly atMs: number } | null;
  /** What is under way, as it was told last; it may have ended since. */
  doing: Replay | null;
  /** How far the uploads are that stand together in `uploads`, for progress. */
  uploading: { filesDone: number; filesTotal: number; bytesDone: number; bytesTotal: number; since: Replay['since'] };
}

export function newMemory(): Memory {
  return {
    clock: { dateMs: 0, atMs: 0 },
    clockBefore: { dateMs: 0, atMs: 0 },
    events: [],
    attention: new Attention(),
    publishings: new Map(),
    endSeenMs: 0,
    wholeLookMs: 0,
    listedMs: 0,
    polled: null,
    hashes: new Map(),
    read: new Set(),
    halfRead: new Map(),
    cutFromMs: 0,
    uploads: new Map(),
    asked: new Set(),
    ready: null,
    doing: null,
    uploading: { filesDone: 0, filesTotal: 0, bytesDone: 0, bytesTotal: 0, since: { atMs: 0, files: 0, bytes: 0 } },
  };
}
