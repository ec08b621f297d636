import { type Asked, askAt } from '../adapters/socket-client.ts';
import { shareSocket } from '../adapters/state-directory.ts';
import type { ProgressEvent } from '../agent/context.ts';
import type { World } from '../compose.ts';
import type { ShareConfig } from '../config-types.ts';
import { decodeGreeting, type Greeting, type Request } from '../model/request.ts';
import { readAnswer, type SyncAnswer } from './answer.ts';
import type { ProcessStatus } from './listen.ts';
import type { Progress } from './progress.ts';
import type { Position } from './requests.ts';

/** A process that walks a tree of millions hears nothing for as long. */
const patientMs = 15_000;
const silenceMs = 60_000;
/** Who asks in passing goes on without the answer. */
const briefMs = 500;

interface Patience {
  readonly greetingMs: number;
  readonly silenceMs: number;
}

/** What a share's own process answers to `sync` or `publish`; null where this process should look after the share itself. */
export async function askToSync(
  world: World,
  share: ShareConfig,
  request: Request & { op: 'sync' | 'publish' },
  progress: Progress,
): Promise<SyncAnswer | null> {
  const onProgress = (event: ProgressEvent) => progress.update({ ...blankProgress, ...event });
  const asked = await ask(world, share, request, { greetingMs: patientMs, silenceMs }, onProgress);
  progress.clear();
  return asked.outcome === 'answered' ? readAnswer(asked.answer) : null;
}

/** Who looks after a share, and what it is doing; null for the latter where it is too busy to say. */
export interface Process {
  readonly greeting: Greeting;
  readonly status: ProcessStatus | null;
}

/** Null where nobody looks after the share now. */
export async function askForStatus(world: World, share: ShareConfig): Promise<Process | null> {
  const greetings: Greeting[] = [];
  const patience = { greetingMs: briefMs, silenceMs: briefMs };
  const asked = await ask(
    world,
    share,
    { op: 'status' },
    patience,
    () => {},
    (greeting) => greetings.push(greeting),
  );
  const [greeting] = greetings;
  return greeting === undefined ? null : { greeting, status: readStatus(asked.outcome === 'answered' ? asked.answer : null) };
}

function readStatus(json: unknown): ProcessStatus | null {
  const status = json as Partial<ProcessStatus> | null;
  const isOne = typeof status?.doing === 'object' && typeof status.prospects === 'object';
  return isOne && (status.doing === null || typeof status.doing.phase === 'string') ? (status as ProcessStatus) : null;
}

/** Resolves once the record is applied here; null where nobody can tell, so that the journal has to be asked. */
export async function askToWait(world: World, share: ShareConfig, record: number, signal: AbortSignal): Promise<Position | null> {
  const asked = await ask({ ...world, signal }, share, { op: 'wait', record }, { greetingMs: briefMs, silenceMs }, () => {});
  const { cursor, appliedTo } = (asked.outcome === 'answered' ? asked.answer : {}) as Partial<Position>;
  return typeof cursor === 'number' && typeof appliedTo === 'number' ? { cursor, appliedTo } : null;
}

async function ask(
  world: Pick<World, 'config' | 'signal' | 'log'>,
  share: ShareConfig,
  request: Request,
  patience: Patience,
  onProgress: (event: ProgressEvent) => void,
  onGreeting: (greeting: Greeting) => unknown = () => {},
): Promise<Asked> {
  const asked = await askAt(shareSocket(world.config, share.name), request, {
    ...{ ...patience, signal: world.signal },
    accept: (line) => {
      const greeting = decodeGreeting(line, share.name);
      if (greeting !== null) onGreeting(greeting);
      return greeting !== null;
    },
    onLine: ({ progress }) => {
      if (isProgress(progress)) onProgress(progress);
    },
  });
  world.log.debug({ share: share.name, op: request.op, outcome: asked.outcome }, 'asked the process that looks after the share');
  return asked;
}

const blankProgress = { filesDone: 0, filesTotal: null, bytesDone: 0, bytesTotal: null };

function isProgress(json: unknown): json is ProgressEvent {
  return typeof json === 'object' && json !== null && typeof (json as Partial<ProgressEvent>).phase === 'string';
}
