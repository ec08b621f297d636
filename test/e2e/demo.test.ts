import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from './support/daemon.ts';
import { ended, program } from './support/federation.ts';

let temporary: string;

beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'flocksync-demo-test-'));
});

afterEach(() => rmSync(temporary, { recursive: true, force: true }));

function start(args: readonly string[] = []) {
  // Variables of whoever runs the demo must not lead it to a real bucket.
  const env = { PATH: process.env.PATH, TMPDIR: temporary, AWS_ENDPOINT_URL: 'http://127.0.0.1:9', AWS_PROFILE: 'none' };
  return spawn(process.execPath, [program, 'demo', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
}

test('the demo converges, shows it in a few plain lines, and leaves nothing', async () => {
  const startedMs = performance.now();
  const { code, stdout, stderr } = await ended(start());
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(performance.now() - startedMs).toBeLessThan(60_000);
  const lines = stdout.trimEnd().split('\n');
  expect(lines.filter((line) => line !== '').length).toBeLessThanOrEqual(30);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(160);
  expect(stdout).not.toContain('\u001b');
  expect(new Set([...stdout.matchAll(/sha256 ([0-9a-f]{64})$/gm)].map((match) => match[1])).size).toBe(1);
  expect(stdout).toContain('All three trees are equal');
  expect(readdirSync(temporary)).toEqual([]);
});

test('--keep leaves the directories', async () => {
  const { code, stdout } = await ended(start(['--keep']));
  expect(code).toBe(0);
  const [name = ''] = readdirSync(temporary);
  expect(stdout).toContain(join(temporary, name));
  expect(readdirSync(join(temporary, name))).toEqual(['s3', 'web1', 'web2', 'web3']);
});

test('Ctrl-C ends it, and leaves nothing', async () => {
  const child = start();
  let text = '';
  child.stdout.on('data', (piece: Buffer) => {
    text += piece.toString();
  });
  await until('the second act', () => text.includes('At the same time'), 30_000);
  child.kill('SIGINT');
  expect((await ended(child)).code).toBe(1);
  expect(readdirSync(temporary)).toEqual([]);
});
