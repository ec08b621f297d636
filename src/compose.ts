import { join } from 'node:path';
import { bounded } from './adapters/bounded.ts';
import { type FilingCodec, openCodec } from './adapters/codec.ts';
import { openCommands } from './adapters/command.ts';
import { type CountingDatastore, counting } from './adapters/counting.ts';
import { openDirectory } from './adapters/directory.ts';
import { openShareTree } from './adapters/disk.ts';
import { compileExcludes } from './adapters/excludes.ts';
import { collectEarlier } from './adapters/garbage.ts';
import { type MemberFile, openMember } from './adapters/member-file.ts';
import { systemOwners } from './adapters/owners.ts';
import { openReadyFile } from './adapters/ready-file.ts';
import { retrying } from './adapters/retrying.ts';
import { openS3, S3Datastore } from './adapters/s3.ts';
import type { BucketInspection } from './adapters/s3-inspect.ts';
import { scratchBelow } from './adapters/scratch.ts';
import { expandShares } from './adapters/share-roots.ts';
import { copyJournal } from './adapters/sqlite-copy.ts';
import { noteDamage, openOrSetAside } from './adapters/sqlite-rescue.ts';
import { journalFile, makeStateDirectory, pathsFile, readyFile, scratchDirectory, scratchRoom } from './adapters/state-directory.ts';
import { statusExcludes } from './adapters/status-exclude.ts';
import { systemRandom, systemTime } from './adapters/system.ts';
import type { ProgressEvent } from './agent/context.ts';
import { ShareAgent } from './agent.ts';
import type { Config, ShareConfig } from './config-types.ts';
import type { Datastore } from './ports/datastore.ts';
import { type Journal, JournalFault } from './ports/journal.ts';
import type { Log } from './ports/log.ts';

/** Everything a command works with: the config with real adapters behind it. */
export interface World {
  /** In force now: a daemon may exchange it. */
  readonly config: Config;
  /** Another list of shares comes into force; nothing else may differ. */
  reconfigure(config: Config): void;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly version: string;
  /** The bucket, with retries and bounds; opened once, at the first call. */
  datastore(): Promise<Datastore>;
  /** What only S3 can be asked; null for other datastores. */
  inspection(): Promise<BucketInspection | null>;
  readonly codec: FilingCodec;
  member(): MemberFile;
  /** The bucket for whoever only looks on: few calls at once, and trouble of its own, so that no cycle is held up by it. */
  reading(): Promise<Datastore>;
  /** Calls of the bucket so far, every attempt; null before the first. */
  traffic(): ReturnType<CountingDatastore['counts']> | null;
  /** Shares of the config, patterns expanded by what is on this disk, in the journals and (with `bucket`) in the bucket. */
  shares(
    bucket: boolean,
  ): Promise<{ readonly shares: readonly ShareConfig[]; readonly problems: readonly { share: string; message: string }[] }>;
  /** Shares that this state directory remembers a position of, whatever the config says. */
  knownShares(): string[];
  /** Trouble of the past no longer counts against the retry budget. */
  renewBudget(): void;
  /** HTTP requests so far, for S3. */
  requests(): number;
  close(): Promise<void>;
}

export interface WorldOptions {
  readonly config: Config;
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly version: string;
  /** Bound of all trouble with the store together. */
  readonly retryBudgetMs: number;
}

const requestTimeoutMs = 12_000;
const attemptsMax = 10;
const readingCallsMax = 4;
const readingBudgetMs = 5000;

export function openWorld(options: WorldOptions): World {
  const { log, signal } = options;
  let { config } = options;
  let opening: ReturnType<typeof openStore> | undefined;
  let opened: Awaited<ReturnType<typeof openStore>> | undefined;
  let requests = 0;
  let member: MemberFile | undefined;
  const store = async () => {
    opening ??= openStore(options, () => requests++);
    opened = await opening;
    return opened;
  };
  const codec = openCodec();
  return {
    ...{ log, signal, codec, version: options.version },
    get config() {
      return config;
    },
    reconfigure: (next) => {
      config = next;
    },
    datastore: async () => (await store()).datastore,
    inspection: async () => (await store()).inspect,
    reading: async () => {
      const { reading } = await store();
      reading.renewBudget();
      return reading;
    },
    traffic: () => opened?.counted.counts() ?? null,
    member: () => {
      makeStateDirectory(config);
      member ??= openMember(config.state, config.member, systemRandom);
      return member;
    },
    shares: async (bucket) => {
      const patterns = config.shares.some((share) => share.pattern !== null);
      const known = patterns && bucket ? (await (await store()).datastore.listFolders('')).value : [];
      return await expandShares(config, { federationShares: [...known, ...(patterns ? knownShares(config.state) : [])] });
    },
    knownShares: () => knownShares(config.state),
    renewBudget: () => opened?.datastore.renewBudget(),
    requests: () => requests,
    close: async () => {
      await codec.close();
      await opened?.datastore.close();
    },
  };
}

/** The bucket with bounds and retries, and what only S3 can be asked. */
async function openStore(options: WorldOptions, onRequest: () => void) {
  const { log, signal, variables, retryBudgetMs } = options;
  const { datastore, federation } = options.config;
  const raw =
    datastore.kind === 'file'
      ? openDirectory({ path: datastore.path, federation })
      : await openS3({
          ...{ url: datastore.url, region: datastore.region, pathStyle: datastore.pathStyle, federation },
          ...{ endpoint: datastore.endpoint ?? undefined, profile: datastore.profile ?? undefined },
          ...{ environment: variables, requestTimeoutMs, onRequest },
        });
  const inspect: BucketInspection | null = raw instanceof S3Datastore ? raw.inspect : null;
  const tell = ({ operation, key, attempt, fault }: { operation: string; key: string; attempt: number; fault: Error }) =>
    log.debug({ operation, key, attempt }, `repeated: ${fault.message}`);
  const counted = counting(raw);
  const retries = { time: systemTime, random: systemRandom, budgetMs: retryBudgetMs, attemptsMax, log: tell, signal };
  const reading = retrying(bounded(counted, { callsMax: readingCallsMax }), { ...retries, budgetMs: readingBudgetMs, attemptsMax: 3 });
  return { inspect, counted, reading, datastore: retrying(bounded(counted), retries) };
}

/** Shares that this state directory has a journal of. */
function knownShares(state: string): string[] {
  return openMember(state, '', systemRandom, { temporary: true }).shareNames();
}

export interface OpenedShare {
  readonly agent: ShareAgent;
  readonly journal: Journal;
  /** Told once: the journal was unusable and has been set aside. */
  readonly events: readonly string[];
  /** Called with what a cycle failed with: a journal that turned out to be damaged is set aside at the next opening. */
  failed(error: unknown): void;
  close(): void;
}

/** One share with its journal and tree. The caller holds the share's lock. A dry run works on a copy of the journal. */
export async function openShare(
  world: World,
  configured: ShareConfig,
  options: { readonly dryRun: boolean; readonly onProgress: (event: ProgressEvent) => void },
): Promise<OpenedShare> {
  const { config, log, version } = world;
  const share = { ...configured, exclude: [...configured.exclude, ...statusExcludes(configured, config.shares)] };
  const datastore = await world.datastore();
  // Not even the member's id is made for a look at what would be done.
  const member = options.dryRun ? openMember(config.state, config.member, systemRandom, { temporary: true }) : world.member();
  const events: string[] = [];
  const scratch = options.dryRun ? scratchDirectory() : null;
  const file = journalFile(config, share.name);
  const journal = scratch === null ? openOrSetAside(file, systemRandom, events) : copyJournal(file, join(scratch.path, 'journal'));
  const tree = openShareTree({
    root: share.path,
    shareName: share.name,
    fixedPart: share.fixedPart,
    write: world.codec.write,
    read: world.codec.read,
  });
  const onProgress = (event: ProgressEvent) => {
    collectEarlier(event.filesTotal ?? 0);
    options.onProgress(event);
  };
  const ports = {
    ...{ datastore, journal, tree, owners: systemOwners(systemTime), time: systemTime, random: systemRandom },
    ...{ codec: world.codec, log, member, excluded: compileExcludes(share.exclude), compileExcludes, version },
    commands: openCommands(pathsFile(config, share.name)),
    readiness: openReadyFile(readyFile(config, share.name)),
    ...{ onProgress, stateId: `${member.id} ${config.state}` },
    scratch: scratchBelow(scratch === null ? scratchRoom(config, share.name) : join(scratch.path, 'scratch')),
  };
  const agent = new ShareAgent(ports, share);
  const close = () => {
    agent.close();
    journal.close();
    tree.close();
    scratch?.remove();
  };
  const failed = (error: unknown) => {
    if (scratch === null && error instanceof JournalFault && error.code === 'damaged') noteDamage(file, error.message);
  };
  return { agent, journal, events, failed, close };
}
