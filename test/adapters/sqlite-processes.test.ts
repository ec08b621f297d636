import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { openJournal } from '../../src/adapters/sqlite.ts';
import type { Journal } from '../../src/ports/journal.ts';
import { journalFile } from './sqlite-fixture.ts';

const script = fileURLToPath(new URL('./sqlite-writer.ts', import.meta.url));

/** A process that commits until it is killed; `reach` resolves when it has printed that it committed `count` more times. */
function writer(file: string): { child: ChildProcess; reach(count: number): Promise<void>; last(): number } {
  const child = spawn(process.execPath, ['--import', 'tsx', script, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let printed = 0;
  let last = 0;
  const lines = createInterface({ input: child.stdout as NonNullable<typeof child.stdout> });
  lines.on('line', (line) => {
    printed++;
    last = Number(line);
  });
  const reach = async (count: number) => {
    const target = printed + count;
    while (printed < target) await once(lines, 'line');
  };
  return { child, reach, last: () => last };
}

/** The cursor, once every row has been seen to carry it. */
function consistentCursor(journal: Journal): number {
  return journal.transaction(() => {
    const cursor = Number(journal.meta('cursor'));
    const wants = journal.wants();
    expect(wants).toHaveLength(200);
    expect(wants.every(({ version }) => version === cursor)).toBe(true);
    const base = journal.agreedBelow('');
    expect(base).toHaveLength(100);
    expect(base.every(({ version }) => version === cursor)).toBe(true);
    return cursor;
  });
}

test('kill -9 amid commits leaves the last whole commit', { timeout: 60_000 }, async () => {
  const file = journalFile();
  for (const commits of [1, 2, 5, 13, 40, 90]) {
    const { child, reach, last } = writer(file);
    await reach(commits);
    child.kill('SIGKILL');
    await once(child, 'close');
    const journal = openJournal({ file });
    const cursor = consistentCursor(journal);
    journal.close();
    expect(cursor).toBeGreaterThanOrEqual(last());
    expect(cursor).toBeLessThanOrEqual(last() + 1);
  }
});

test('a reader in another process sees whole commits only, and new ones as they come', { timeout: 60_000 }, async () => {
  const file = journalFile();
  const { child, reach } = writer(file);
  await reach(1);
  const reader = openJournal({ file, readOnly: true });
  const seen: number[] = [];
  for (let look = 0; look < 25; look++) {
    seen.push(consistentCursor(reader));
    await reach(2);
  }
  reader.close();
  child.kill('SIGKILL');
  await once(child, 'close');
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  expect(new Set(seen).size).toBeGreaterThan(20);
});

test('two processes that create a journal at once both get a whole one', { timeout: 60_000 }, async () => {
  const file = journalFile();
  const both = [writer(file), writer(file)];
  await Promise.all(both.map(({ reach }) => reach(3)));
  for (const { child } of both) {
    child.kill('SIGKILL');
    await once(child, 'close');
  }
  const journal = openJournal({ file });
  expect(Number(journal.meta('cursor'))).toBeGreaterThanOrEqual(3);
  journal.close();
});
