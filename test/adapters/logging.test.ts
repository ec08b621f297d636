import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openLog } from '../../src/adapters/logging.ts';
import { temporaryDirectory } from './temporary.ts';

function linesOf(file: string): Record<string, unknown>[] {
  return readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

test('JSON lines, appended', async () => {
  const file = join(temporaryDirectory(), 'log.jsonl');
  for (const text of ['first', 'second']) {
    const { log, close } = await openLog({ file, member: 'web01', steps: null });
    log.info({ share: 'webroot', files: 3 }, text);
    close();
  }
  expect(linesOf(file)).toMatchObject([
    { level: 30, member: 'web01', share: 'webroot', files: 3, msg: 'first' },
    { level: 30, msg: 'second' },
  ]);
});

test('a rotated file is left behind by reopen', async () => {
  const file = join(temporaryDirectory(), 'log.jsonl');
  const { log, reopen, close } = await openLog({ file, member: 'm', steps: null });
  log.warn({}, 'old');
  renameSync(file, `${file}.1`);
  reopen();
  log.error({}, 'new');
  close();
  expect(linesOf(`${file}.1`)).toMatchObject([{ msg: 'old' }]);
  expect(linesOf(file)).toMatchObject([{ msg: 'new' }]);
});

test('steps are one line each, and cannot steer a terminal', async () => {
  const written: string[] = [];
  const { log } = await openLog({ file: null, member: 'm', steps: { write: (text) => written.push(text) } });
  log.debug({ path: 'a\x1b[2J\nb', files: 2, error: new Error('no') }, 'scan');
  log.warn({}, 'held');
  expect(written).toEqual(['scan path=a?[2J?b files=2 error=no\n', 'warn: held\n']);
});

test('a file that cannot be opened is said by name', async () => {
  const file = join(temporaryDirectory(), 'no', 'log.jsonl');
  await expect(openLog({ file, member: 'm', steps: null })).rejects.toThrow(`the log file ${file} cannot be opened`);
});
