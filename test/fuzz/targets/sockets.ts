import { rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { askAt } from '../../../src/adapters/socket-client.ts';
import { listenAt } from '../../../src/adapters/socket-server.ts';
import { decodeGreeting, decodeRequest } from '../../../src/model/request.ts';
import type { Dice } from '../../e2e/support/random.ts';
import { mutated, mutatedText } from '../hostile.ts';
import { roomFor } from '../room.ts';
import { must, type Target } from '../target.ts';

export const socketTargets: readonly Target[] = [
  { name: 'server of a socket', inputs: 60, attempt: speakTo },
  { name: 'client of a socket', inputs: 60, attempt: answerTo },
];

const greeting = { flocksync: 1, version: '0', share: 'webroot', holder: 'run', pid: 1 };
const bounds = { requestBytesMax: 4096, requestMs: 200, conversationsMax: 4, unreadBytesMax: 4096, lastLineMs: 50, aliveMs: 50 };
const waitMs = 3000;

/** Whatever comes, the next one who asks is answered. */
async function speakTo(dice: Dice): Promise<void> {
  const room = roomFor('socket');
  const file = join(room, 's');
  const answer = async ({ request }: { request: unknown }) => ({ answer: decodeRequest(request) });
  const listening = await listenAt(file, greeting, answer, () => {}, bounds);
  try {
    const text = `${JSON.stringify({ op: 'publish', paths: ['a', 'b'] })}\n`;
    const hostile = dice.oneIn(2) ? mutated(Buffer.from(text), dice) : Buffer.from(mutatedText(text, dice));
    await spoken(file, hostile, dice.oneIn(2));
    let asked = await askAt(file, { op: 'status' }, options());
    // A machine that is busy enough lets the time for a request pass.
    for (let again = 0; again < 3 && asked.outcome !== 'answered'; again++) asked = await askAt(file, { op: 'status' }, options());
    must(asked.outcome === 'answered', `the next one who asks finds: ${asked.outcome}`);
  } finally {
    listening?.close();
    rmSync(room, { recursive: true, force: true });
  }
}

function options() {
  const accept = (line: unknown) => decodeGreeting(line, 'webroot') !== null;
  return { accept, onLine: () => {}, signal: AbortSignal.timeout(waitMs), greetingMs: 1000, silenceMs: 1000 };
}

/** Sends the bytes and leaves, or waits until the other side has said its last. */
async function spoken(file: string, bytes: Buffer, waits: boolean): Promise<void> {
  await new Promise<void>((resolve) => {
    const socket = connect(file);
    const end = () => {
      socket.destroy();
      resolve();
    };
    socket.setTimeout(waitMs, end);
    socket.on('error', end);
    socket.on('close', () => resolve());
    socket.resume();
    socket.write(bytes, () => (waits ? socket.end() : end()));
  });
}

/** Whatever answers, the question comes to an end. */
async function answerTo(dice: Dice): Promise<void> {
  const room = roomFor('socket');
  const lines = [greeting, { progress: { phase: 'x' } }, { alive: true }, { answer: { code: 0 } }].map(
    (line) => `${JSON.stringify(line)}\n`,
  );
  const said = dice.oneIn(2) ? mutated(Buffer.from(lines.join('')), dice) : Buffer.from(mutatedText(lines.join(''), dice));
  const server = createServer((socket: Socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(said);
  });
  try {
    await opened(server, join(room, 's'));
    const asked = await askAt(join(room, 's'), { op: 'status' }, options());
    must(['answered', 'nobody', 'lost'].includes(asked.outcome), 'the question came to no end');
  } finally {
    server.close();
    rmSync(room, { recursive: true, force: true });
  }
}

async function opened(server: Server, file: string): Promise<void> {
  await new Promise<void>((resolve) => {
    server.listen(file, resolve);
  });
}
