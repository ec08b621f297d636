import { appendFileSync, closeSync, openSync, readFileSync, renameSync, statSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Federation, quickShare, startFederation } from './support/federation.ts';
import { differences, snapshot } from './support/tree.ts';

let federation: Federation;

beforeEach(() => {
  federation = startFederation(['web-a', 'web-b']);
});

afterEach(() => federation.close());

async function sync(member: string): Promise<void> {
  expect(await federation.run(member, ['sync'])).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
}

function at(member: string, name: string): string {
  return join(federation.root(member), name);
}

/** Same size, same modification time, and the directory is not touched: only the change time of the inode tells. */
function editUnseen(path: string, text: string): void {
  const { mtimeMs } = statSync(path);
  const fd = openSync(path, 'r+');
  writeSync(fd, text, 0);
  closeSync(fd);
  utimesSync(path, 1, mtimeMs / 1000);
}

/** Both members hold `a` and something else. */
async function shared(text: string): Promise<void> {
  writeFileSync(at('web-a', 'a'), text);
  writeFileSync(at('web-a', 'keep'), 'keep');
  utimesSync(at('web-a', 'a'), 1, 1_600_000_000);
  await sync('web-a');
  await sync('web-b');
}

function versions(): Promise<number> {
  return federation.run('web-a', ['log', '--json']).then(({ stdout }) => (stdout.match(/"sequence"/g) ?? []).length);
}

test('R-D2: an edit in place that keeps size, modification time and directory is found by the next sync', async () => {
  await shared('first');
  // Twice, so that the second edit meets a directory whose digest is known.
  for (const text of ['secnd', 'third']) {
    await sync('web-a');
    editUnseen(at('web-a', 'a'), text);
    await sync('web-a');
    await sync('web-b');
    expect(readFileSync(at('web-b', 'a'), 'utf8')).toBe(text);
  }
});

test('R-D2: edits without pause during and after a sync are never missed', async () => {
  await shared('00000');
  for (let round = 0; round < 8; round++) {
    let text = '';
    let running = true;
    const write = () => {
      text = String(10_000 + Math.floor(Math.random() * 89_999));
      editUnseen(at('web-a', 'a'), text);
      if (running) setImmediate(write);
    };
    const syncing = federation.run('web-a', ['sync']);
    write();
    await syncing;
    running = false;
    text = String(10_000 + round);
    editUnseen(at('web-a', 'a'), text);
    await sync('web-a');
    await sync('web-b');
    expect(readFileSync(at('web-b', 'a'), 'utf8')).toBe(text);
  }
});

test('R-D2: a file that is being written stays out of the log until it holds still, and everything else goes', async () => {
  federation.configure('web-a', [...quickShare.filter((line) => !line.startsWith('settle')), 'settle: 300ms', 'settleMax: 1s']);
  writeFileSync(at('web-a', 'growing'), 'start ');
  writeFileSync(at('web-a', 'ready'), 'ready');
  const writing = setInterval(() => appendFileSync(at('web-a', 'growing'), 'more '), 20);
  try {
    await federation.run('web-a', ['sync']);
  } finally {
    clearInterval(writing);
  }
  await sync('web-b');
  expect([...snapshot(federation.root('web-b')).keys()]).toEqual(['ready']);
  await sync('web-a');
  await sync('web-b');
  expect(readFileSync(at('web-b', 'growing'), 'utf8')).toBe(readFileSync(at('web-a', 'growing'), 'utf8'));
});

test('a file that was replaced by rename under equal size and times is found', async () => {
  await shared('first');
  writeFileSync(at('web-a', 'other'), 'other');
  const { atimeMs } = statSync(at('web-a', 'a'));
  utimesSync(at('web-a', 'other'), atimeMs / 1000, 1_600_000_000);
  renameSync(at('web-a', 'other'), at('web-a', 'a'));
  await sync('web-a');
  await sync('web-b');
  expect(readFileSync(at('web-b', 'a'), 'utf8')).toBe('other');
});

test('touched, rewritten with the same bytes or copied anew: content that did not change sends no content', async () => {
  await shared('first');
  const before = await versions();
  writeFileSync(at('web-a', 'a'), 'first');
  utimesSync(at('web-a', 'a'), 1, 1_600_000_000);
  await sync('web-a');
  expect(await versions()).toBe(before);
  utimesSync(at('web-a', 'a'), 1, 1_600_000_001);
  await sync('web-a');
  await sync('web-b');
  expect(differences(snapshot(federation.root('web-a')), snapshot(federation.root('web-b')))).toEqual([]);
});
