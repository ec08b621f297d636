import { chmodSync, lstatSync, renameSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { lineReader } from './socket-lines.ts';
import { openPlace, type SocketPlace } from './socket-place.ts';

/** Bounds of what others may cost this process. Times in ms. */
export interface Patience {
  readonly requestBytesMax: number;
  /** A request that is not complete by then is not waited for. */
  readonly requestMs: number;
  readonly conversationsMax: number;
  /** Lines on the way are left out while the other side has this much to read. */
  readonly unreadBytesMax: number;
  /** So long the last line may take to be read. */
  readonly lastLineMs: number;
  /** A conversation says at least that often that it is alive. */
  readonly aliveMs: number;
}

const patience: Patience = {
  ...{ requestBytesMax: 1024 * 1024, requestMs: 5000, conversationsMax: 64 },
  ...{ unreadBytesMax: 64 * 1024, lastLineMs: 10_000, aliveMs: 2000 },
};

/** One request and what is said about it. */
export interface Conversation {
  /** Undefined where the line was no JSON. */
  readonly request: unknown;
  /** Aborts once the other side is gone. */
  readonly signal: AbortSignal;
  /** A line before the last one; not sent where the other side does not read. */
  tell(line: object): void;
}

export interface Listening {
  /** Ends all conversations; once is enough. */
  close(): void;
}

/**
 * Listens at `file` with rights for this user alone; null where somebody else does. What a killed process left there is replaced, so
 * the caller holds a lock. Each connection is greeted, may ask once, and is closed behind the last line, which `answer` resolves to.
 * `onError` gets what the system refuses. Never throws.
 */
export async function listenAt(
  file: string,
  greeting: object,
  answer: (conversation: Conversation) => Promise<object>,
  onError: (error: Error) => void,
  bounds: Patience = patience,
): Promise<Listening | null> {
  let place: SocketPlace | undefined;
  try {
    place = openPlace(file);
    if (await isAnswered(place)) {
      place.close();
      return null;
    }
    return await bind(place, greeting, answer, onError, bounds);
  } catch (error) {
    place?.close();
    onError(error as Error);
    return null;
  }
}

/** Somebody listens there, however slowly. */
async function isAnswered(place: SocketPlace): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(place.address(place.name));
    const end = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.once('connect', () => end(true));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code === 'EAGAIN'));
  });
}

/** The name appears with its rights, and takes the place of what was there in one step. */
async function bind(
  place: SocketPlace,
  greeting: object,
  answer: (conversation: Conversation) => Promise<object>,
  onError: (error: Error) => void,
  bounds: Patience,
): Promise<Listening> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
    converse(socket, greeting, answer, bounds);
  });
  server.maxConnections = bounds.conversationsMax;
  const fresh = place.address(`${place.name}.new`);
  rmSync(fresh, { force: true });
  await listening(server, fresh);
  server.on('error', onError);
  chmodSync(fresh, 0o600);
  const { ino } = lstatSync(fresh);
  renameSync(fresh, place.address(place.name));
  let closed = false;
  return {
    close: () => {
      if (closed) return;
      closed = true;
      removeOwn(place, ino);
      server.close();
      for (const socket of open) socket.destroy();
      place.close();
    },
  };
}

function listening(server: Server, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}

/** Another process may have taken the name over. */
function removeOwn(place: SocketPlace, ino: number): void {
  const address = place.address(place.name);
  try {
    if (lstatSync(address).ino === ino) rmSync(address, { force: true });
  } catch {
    // Gone already, and whoever connects to what is left finds nobody.
  }
}

function converse(socket: Socket, greeting: object, answer: (conversation: Conversation) => Promise<object>, bounds: Patience): void {
  const gone = new AbortController();
  const late = setTimeout(() => socket.destroy(), bounds.requestMs);
  const send = (line: object) => socket.writable && socket.write(`${JSON.stringify(line)}\n`);
  const tell = (line: object) => void (socket.writableLength < bounds.unreadBytesMax && send(line));
  const alive = setInterval(() => tell({ alive: true }), bounds.aliveMs);
  const end = (last: object) => {
    clearInterval(alive);
    send(last);
    socket.end();
    setTimeout(() => socket.destroy(), bounds.lastLineMs).unref();
  };
  let asked = false;
  const lines = lineReader(bounds.requestBytesMax, (request) => {
    if (asked) return;
    asked = true;
    clearTimeout(late);
    answer({ request, signal: gone.signal, tell }).then(end, () => socket.destroy());
  });
  socket.on('data', (bytes: Buffer) => void ((asked || lines.push(bytes)) === false && socket.destroy()));
  socket.once('close', () => {
    clearTimeout(late);
    clearInterval(alive);
    gone.abort();
  });
  send(greeting);
}
