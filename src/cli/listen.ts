import { type Conversation, type Listening, listenAt } from '../adapters/socket-server.ts';
import { shareSocket } from '../adapters/state-directory.ts';
import { systemTime } from '../adapters/system.ts';
import type { World } from '../compose.ts';
import type { ShareConfig } from '../config-types.ts';
import { type Replay, timeLeftMs } from '../model/replay.ts';
import { decodeRequest, type Greeting, type Holder, protocol, type Request } from '../model/request.ts';
import type { Requests } from './requests.ts';

/** Between two lines of progress. */
const tellMs = 250;

/** What a daemon tells of itself apart from its activity; times are ms from now, null for what comes by events or a schedule alone. */
export interface Prospects {
  readonly nextLookMs: number | null;
  readonly nextPollMs: number | null;
  readonly nextCycleMs: number | null;
  /** Directories that are watched; null where the share is scanned. */
  readonly watched: number | null;
}

/** What the process is doing, null between two cycles, and what it will do next, null for a single run. */
export interface ProcessStatus {
  readonly doing: (Replay & { readonly leftMs: number | null }) | null;
  readonly prospects: Prospects | null;
}

/**
 * Listens for other processes of this machine that want something of the share. Null where another process does, or where the state
 * directory lies on a file system without sockets: then everybody takes turns by the lock alone. The caller holds the share's lock.
 */
export async function listenFor(
  world: World,
  share: ShareConfig,
  holder: Holder,
  requests: Requests,
  prospects: () => Prospects | null,
): Promise<Listening | null> {
  const greeting: Greeting = { flocksync: protocol, version: world.version, share: share.name, holder, pid: process.pid };
  const onError = (error: Error) => world.log.warn({ share: share.name, error }, 'nobody can ask this process over a socket');
  return await listenAt(shareSocket(world.config, share.name), greeting, (asked) => answer(asked, requests, prospects), onError);
}

async function answer(conversation: Conversation, requests: Requests, prospects: () => Prospects | null): Promise<object> {
  const request = decodeRequest(conversation.request);
  if ('refused' in request) return { error: request };
  if (request.op === 'status') return { answer: statusOf(requests, prospects()) };
  const stop = tellProgress(conversation, requests);
  const given = await carryOut(request, requests, conversation.signal).finally(stop);
  return given === null ? { error: { refused: 'closing', text: 'this process is about to end' } } : { answer: given };
}

async function carryOut(request: Exclude<Request, { op: 'status' }>, requests: Requests, signal: AbortSignal): Promise<object | null> {
  if (request.op === 'wait') return await requests.applied(request.record, signal);
  return await (request.op === 'sync' ? requests.cycle(request.only) : requests.publish(request.paths));
}

function statusOf({ activity: { doing } }: Requests, prospects: Prospects | null): ProcessStatus {
  if (doing === null) return { doing, prospects };
  // What was told last may be long ago: that nothing has come since belongs to the speed.
  const now = { ...doing, atMs: systemTime.wallMs() };
  return { doing: { ...now, leftMs: timeLeftMs(now) }, prospects };
}

function tellProgress(conversation: Conversation, { activity }: Requests): () => void {
  let toldMs = Number.NEGATIVE_INFINITY;
  return activity.listen(({ phase, filesDone, filesTotal, bytesDone, bytesTotal }) => {
    const nowMs = systemTime.monotonicMs();
    if (nowMs - toldMs < tellMs) return;
    toldMs = nowMs;
    conversation.tell({ progress: { phase, filesDone, filesTotal, bytesDone, bytesTotal } });
  });
}
