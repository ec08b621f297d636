import { execFileSync, spawn } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { type AskOptions, askAt } from '../../src/adapters/socket-client.ts';
import { socketFile } from '../../src/adapters/socket-place.ts';
import { type Conversation, listenAt, type Patience } from '../../src/adapters/socket-server.ts';
import { temporaryDirectory } from './temporary.ts';

const greeting = { flocksync: 1, share: 'webroot' };
const brief: Patience = {
  ...{ requestBytesMax: 1000, requestMs: 200, conversationsMax: 3, unreadBytesMax: 64 * 1024, lastLineMs: 300, aliveMs: 20 },
};
const echo = ({ request }: Conversation) => Promise.resolve({ answer: request ?? 'no JSON' });

async function listen(file: string, answer: (conversation: Conversation) => Promise<object> = echo, bounds = brief) {
  const errors: Error[] = [];
  const listening = await listenAt(file, greeting, answer, (error) => errors.push(error), bounds);
  onTestFinished(() => listening?.close());
  return { listening, errors };
}

function ask(file: string, request: object, options: Partial<AskOptions> = {}) {
  const signal = new AbortController().signal;
  return askAt(file, request, { accept: () => true, onLine: () => {}, signal, greetingMs: 3000, silenceMs: 3000, ...options });
}

/** A promise that something else resolves. */
function signalled(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

function socketIn(directory: string): string {
  return join(directory, 'webroot.sock');
}

test('a question is greeted, told about, and answered', async () => {
  const file = socketIn(temporaryDirectory());
  await listen(file, async ({ request, tell }) => {
    tell({ progress: 1 });
    await delay(50);
    return { answer: { got: request } };
  });
  const lines: object[] = [];
  const greetings: unknown[] = [];
  const accept = (line: unknown) => greetings.push(line) > 0;
  const asked = await ask(file, { op: 'x', name: 'caf\xe9\u0000' }, { accept, onLine: (line) => lines.push(line) });
  expect(asked).toEqual({ outcome: 'answered', answer: { got: { op: 'x', name: 'caf\xe9\u0000' } } });
  expect(greetings).toEqual([greeting]);
  expect(lines).toContainEqual({ progress: 1 });
  expect(lines).toContainEqual({ alive: true });
});

test('only this user may ask, and the file is gone once nobody listens', async () => {
  const file = socketIn(temporaryDirectory());
  const { listening } = await listen(file);
  expect(lstatSync(file).mode & 0o777).toBe(0o600);
  expect(existsSync(`${file}.new`)).toBe(false);
  listening?.close();
  expect(existsSync(file)).toBe(false);
  expect(await ask(file, {})).toEqual({ outcome: 'nobody' });
});

test.runIf(process.getuid?.() === 0)('another user is refused', async () => {
  const directory = temporaryDirectory();
  const file = socketIn(directory);
  await listen(file);
  execFileSync('chmod', ['-R', 'a+rx', directory]);
  execFileSync('chmod', ['600', file]);
  const text = "require('net').connect(process.argv[1]).on('error', (e) => console.log(e.code)).on('connect', () => console.log('in'))";
  const child = spawn(process.execPath, ['-e', text, file], { uid: 65534, gid: 65534, cwd: '/', timeout: 10_000 });
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => {
    said += bytes.toString();
  });
  await new Promise((done) => child.once('close', done));
  expect(said.trim()).toBe('EACCES');
});

test('what a killed process left is replaced; who listens is not disturbed', async () => {
  const file = socketIn(temporaryDirectory());
  const text = "require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))";
  const child = spawn(process.execPath, ['-e', text, file]);
  await new Promise((done) => child.once('close', done));
  expect(existsSync(file)).toBe(true);
  expect(await ask(file, {})).toEqual({ outcome: 'nobody' });
  expect((await listen(file)).listening).not.toBeNull();
  const second = await listen(file, () => Promise.resolve({ answer: 'second' }));
  expect(second).toEqual({ listening: null, errors: [] });
  expect(await ask(file, { n: 1 })).toEqual({ outcome: 'answered', answer: { n: 1 } });
});

test('a file that is no socket is replaced, a directory is told and left', async () => {
  const directory = temporaryDirectory();
  const file = socketIn(directory);
  writeFileSync(file, 'left over');
  await listen(file);
  expect(await ask(file, { n: 1 })).toEqual({ outcome: 'answered', answer: { n: 1 } });
  const other = join(directory, 'other.sock');
  mkdirSync(other);
  const { listening, errors } = await listen(other);
  expect(listening).toBeNull();
  expect(errors).toHaveLength(1);
  expect(existsSync(other)).toBe(true);
});

test('a state directory and a share with very long names', async () => {
  let directory = temporaryDirectory();
  for (let depth = 0; depth < 6; depth++) directory = join(directory, 'x'.repeat(60));
  mkdirSync(directory, { recursive: true });
  const [short, long] = [socketFile(directory, 'webroot'), socketFile(directory, `sites-${'y'.repeat(200)}`)];
  expect(short).toBe(join(directory, 'webroot.sock'));
  expect(socketFile(directory, `sites-${'y'.repeat(201)}`)).not.toBe(long);
  for (const file of [short, long]) {
    expect((await listen(file)).errors).toEqual([]);
    expect(existsSync(file)).toBe(true);
    expect(await ask(file, { n: 1 })).toEqual({ outcome: 'answered', answer: { n: 1 } });
  }
});

test('a state directory that is not there has nobody to ask, and nobody to listen', async () => {
  const file = join(temporaryDirectory(), 'nowhere', 'webroot.sock');
  expect(await ask(file, {})).toEqual({ outcome: 'nobody' });
  expect((await listen(file)).errors).toHaveLength(1);
});

/** A connection that does as it likes, and everything it has heard; `closed` is how long it lived, in ms. */
function rude(file: string): { readonly socket: Socket; heard(): string; readonly closed: Promise<number> } {
  const socket = connect(file);
  const startedMs = performance.now();
  let heard = '';
  socket.on('data', (bytes: Buffer) => {
    heard += bytes.toString();
  });
  socket.on('error', () => {});
  const closed = new Promise<number>((done) => socket.once('close', () => done(performance.now() - startedMs)));
  onTestFinished(() => void socket.destroy());
  return { socket, heard: () => heard, closed };
}

test('half a request, an endless one, none, and rubbish: none of them lasts, and others are answered meanwhile', async () => {
  const file = socketIn(temporaryDirectory());
  await listen(file, echo, { ...brief, conversationsMax: 8 });
  const [half, endless, silent, rubbish, twice] = [rude(file), rude(file), rude(file), rude(file), rude(file)];
  half.socket.write('{"op":');
  endless.socket.write('x'.repeat(5000));
  rubbish.socket.write('\x00\xff nothing\n');
  twice.socket.end('{"n":1}\n{"n":2}\n');
  expect(await ask(file, { n: 3 })).toEqual({ outcome: 'answered', answer: { n: 3 } });
  await Promise.all([half, endless, silent, rubbish, twice].map(({ closed }) => closed));
  expect(half.heard()).not.toContain('answer');
  expect(endless.heard()).not.toContain('answer');
  expect(rubbish.heard()).toContain('{"answer":"no JSON"}');
  expect(twice.heard()).toContain('{"answer":{"n":1}}');
  expect(twice.heard()).not.toContain('"n":2');
});

test('who does not read what is said is left out, and does not keep the conversation open', async () => {
  const file = socketIn(temporaryDirectory());
  let told = 0;
  const over = signalled();
  await listen(file, async ({ tell, signal }) => {
    for (let n = 0; n < 2000 && !signal.aborted; n++) {
      tell({ progress: 'x'.repeat(10_000) });
      if (++told % 100 === 0) await delay(1);
    }
    over.resolve();
    return { answer: 'y'.repeat(2_000_000) };
  });
  const deaf = rude(file);
  deaf.socket.pause();
  deaf.socket.write('{}\n');
  await over.promise;
  await delay(500);
  deaf.socket.resume();
  await deaf.closed;
  expect(told).toBe(2000);
  expect(deaf.heard().length).toBeLessThan(2_000_000);
});

test('more conversations than the bound are not begun', async () => {
  const file = socketIn(temporaryDirectory());
  await listen(file, echo, { ...brief, requestMs: 2000 });
  const open = Array.from({ length: 3 }, () => rude(file));
  while (open.some(({ heard }) => heard() === '')) await delay(5);
  expect(await ask(file, {})).toEqual({ outcome: 'nobody' });
  for (const { socket } of open) socket.destroy();
  await Promise.all(open.map(({ closed }) => closed));
  while ((await ask(file, { n: 1 })).outcome === 'nobody') await delay(5);
});

test('the answering side learns when the asking one is gone, and the other way round', async () => {
  const file = socketIn(temporaryDirectory());
  const gone = signalled();
  const { listening } = await listen(file, async ({ signal }) => {
    signal.addEventListener('abort', () => gone.resolve());
    return await new Promise(() => {});
  });
  const stop = new AbortController();
  const first = ask(file, {}, { signal: stop.signal, onLine: () => stop.abort() });
  expect(await first).toEqual({ outcome: 'lost' });
  await gone.promise;
  const second = ask(file, {}, { onLine: () => listening?.close() });
  expect(await second).toEqual({ outcome: 'lost' });
});

test('who answers with a defect, or in another language, is not waited for', async () => {
  const file = socketIn(temporaryDirectory());
  await listen(file, () => Promise.reject(new Error('a defect')));
  expect(await ask(file, {})).toEqual({ outcome: 'lost' });
  expect(await ask(file, {}, { accept: () => false })).toEqual({ outcome: 'nobody' });
});

test('a process that hangs, before or behind its greeting, is given up', async () => {
  const file = socketIn(temporaryDirectory());
  const text = [
    "const server = require('net').createServer();",
    "server.listen(process.argv[1], () => { console.log('up'); setTimeout(() => { for (;;); }, 50); });",
  ].join('');
  const child = spawn(process.execPath, ['-e', text, file]);
  onTestFinished(() => void child.kill('SIGKILL'));
  await new Promise((done) => child.stdout.once('data', done));
  await delay(100);
  expect(await ask(file, {}, { greetingMs: 300 })).toEqual({ outcome: 'nobody' });
  const other = socketIn(temporaryDirectory());
  await listen(other, () => new Promise(() => {}), { ...brief, aliveMs: 60_000 });
  expect(await ask(other, {}, { silenceMs: 300 })).toEqual({ outcome: 'lost' });
});
