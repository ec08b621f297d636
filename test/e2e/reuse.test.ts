import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Federation, onS3, startFederation } from './support/federation.ts';
import { startCounting, type Traffic } from './support/traffic.ts';
import { differences, snapshot } from './support/tree.ts';

const members = ['web-a', 'web-b', 'web-c'];
let traffic: Traffic;
let federation: Federation;

beforeEach(async () => {
  traffic = await startCounting();
  federation = startFederation(members, { datastore: onS3(traffic.store.endpoint) });
});

afterEach(async () => {
  federation.close();
  await traffic.store.close();
});

function at(member: string, path: string): string {
  return join(federation.root(member), path);
}

/** One run, and what it cost. */
async function sync(member: string): Promise<Readonly<Traffic>> {
  traffic.reset();
  expect(await federation.run(member, ['sync'])).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
  return { ...traffic };
}

function requireEqual(others: readonly string[] = ['web-b']): void {
  const tree = snapshot(federation.root('web-a'));
  for (const other of others) expect(differences(tree, snapshot(federation.root(other)))).toEqual([]);
}

function plantMany(directory: string, count: number, bytes: number): void {
  for (let i = 0; i < count; i++) {
    if (i % 100 === 0) mkdirSync(join(directory, `d${i / 100}`), { recursive: true });
    writeFileSync(join(directory, `d${Math.floor(i / 100)}/f${i}`), randomBytes(bytes));
  }
}

describe('content that is known moves no data', () => {
  test('a tree that is renamed, and one that is copied', async () => {
    plantMany(at('web-a', 'tree'), 1000, 10_000);
    await sync('web-a');
    await sync('web-b');
    renameSync(at('web-a', 'tree'), at('web-a', 'renamed'));
    execFileSync('cp', ['-a', at('web-a', 'renamed'), at('web-a', 'copied')]);
    const sent = await sync('web-a');
    expect(sent.packPuts).toBe(0);
    expect(sent.bytesSent).toBeLessThan(600_000);
    expect((await sync('web-b')).packGets).toBe(0);
    requireEqual();
  });

  test('content that came back, and content that another member already holds', async () => {
    writeFileSync(at('web-a', 'a'), randomBytes(1_000_000));
    writeFileSync(at('web-a', 'keep'), 'keep');
    await sync('web-a');
    await sync('web-b');
    renameSync(at('web-a', 'a'), join(federation.directory, 'away'));
    await sync('web-a');
    await sync('web-b');
    renameSync(join(federation.directory, 'away'), at('web-a', 'b'));
    expect((await sync('web-a')).packPuts).toBe(0);
    // From the trash.
    expect((await sync('web-b')).packGets).toBe(0);
    requireEqual();
    cpSync(at('web-a', 'b'), at('web-b', 'c'));
    expect((await sync('web-b')).packPuts).toBe(0);
  });
});

test('a burst of 10,000 files is a handful of requests', async () => {
  plantMany(at('web-a', 'burst'), 10_000, 300);
  expect((await sync('web-a')).requests).toBeLessThan(20);
  expect((await sync('web-b')).requests).toBeLessThan(20);
  requireEqual();
});

const applications = ['/usr/share/wordpress', '/usr/share/phpmyadmin'].filter((path) => existsSync(path));

test.skipIf(applications.length === 0)(
  'three members hold web applications, links out of the tree as they are (needs the packages)',
  async () => {
    for (const source of applications) execFileSync('cp', ['-a', source, at('web-a', basename(source))]);
    await sync('web-a');
    for (const member of ['web-b', 'web-c']) expect((await sync(member)).requests).toBeLessThan(60);
    requireEqual(['web-b', 'web-c']);
    const links = [...snapshot(federation.root('web-c')).values()].filter((words) => words.startsWith('link /'));
    expect(links.length).toBeGreaterThan(0);
    expect((await sync('web-b')).requests).toBeLessThan(8);
  },
);
