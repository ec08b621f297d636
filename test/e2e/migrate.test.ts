// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the shell
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { projectRoot } from '../source.ts';
import { asCron, installProgram } from './support/datasync.ts';
import { plant } from './support/plant.ts';

vi.setConfig({ testTimeout: 120_000 });

/** The commands of a page: what is indented by four columns, or by eight below a numbered item; output and files among them. */
function indented(page: string): string[] {
  const text = readFileSync(join(projectRoot, 'docs/migrate', page), 'utf8');
  return text.split('\n').flatMap((line) => (/^( {4}| {7})\S/.test(line) ? [line.trim()] : []));
}

/** The commands that begin like this, in the order of the page; all of them must be there. */
function commands(page: string, beginnings: readonly string[]): string[] {
  const lines = indented(page);
  return beginnings.map((beginning) => {
    const found = lines.find((line) => line.startsWith(beginning));
    if (found === undefined) throw new Error(`${page} has no command that begins with: ${beginning}`);
    return found;
  });
}

/** A machine of its own below a temporary directory: absolute paths of the page mean places in it. */
function machine(): {
  at: (path: string) => string;
  run: (lines: readonly string[], extra?: Record<string, string>) => ReturnType<typeof asCron>;
} {
  const directory = mkdtempSync(join(tmpdir(), 'flocksync-move-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  for (const below of ['bin', 'etc', 'opt/scripts', 'usr/local/bin', 'var/www/html', 'var/lib', 'bucket', 'root'])
    mkdirSync(join(directory, below), { recursive: true });
  installProgram(join(directory, 'usr/local/bin'));
  // An editor that appends what a person would type, and a crontab that touches no real one.
  writeFileSync(join(directory, 'bin/editor'), `#!/bin/sh\nprintf 'FLOCKSYNC_BUCKET=file://${directory}/bucket\\n' >>"$1"\n`, {
    mode: 0o755,
  });
  writeFileSync(
    join(directory, 'bin/crontab'),
    `#!/bin/sh\nif [ "$1" = -l ]; then cat ${directory}/crontab; else cat "$@" >${directory}/crontab; fi\n`,
    { mode: 0o755 },
  );
  const at = (path: string) => join(directory, path);
  const moved = (line: string) =>
    line
      .replaceAll('/opt/flocksync/', `${projectRoot}/`)
      .replace(/(?<![\w.}/-])\/(etc|opt\/scripts|usr\/local\/bin|var\/www|var\/lib)\b/g, (path) => at(path));
  return {
    at,
    run: (lines, extra = {}) => {
      const PATH = `${at('bin')}:${at('usr/local/bin')}:${dirname(process.execPath)}:/usr/bin:/bin`;
      return asCron(`export PATH='${PATH}'; unset FLOCKSYNC_ENV_FILE; set -e; ${lines.map(moved).join('\n')}`, at('root'), {
        ...extra,
        FLOCKSYNC: at('usr/local/bin/flocksync'),
      });
    },
  };
}

const quiet = { code: 0, signal: null, stdout: '', stderr: '' };

test('docs/migrate/datasync.md: its commands lead to a script that runs', async () => {
  const { at, run } = machine();
  mkdirSync(at('opt/scripts/datasync'));
  plant(at('var/www/html'), { 'index.html': 'page' });
  const [secrets = '', exchange = '', copy = '', copyMore = '', first = '', cron = ''] = commands('datasync.md', [
    'install -m 600 /dev/null',
    'cd /opt/scripts',
    'cp /opt/flocksync/scripts/pull-datasync.sh',
    'cp /opt/flocksync/scripts/datasync.sh',
    '/opt/scripts/datasync/push-datasync.sh; cat',
    '*/10 * * * * ',
  ]);
  expect(await run([secrets, exchange, copy, copyMore])).toEqual(quiet);
  expect(statSync(at('etc/flocksync.env')).mode & 0o777).toBe(0o600);
  // Options as this machine has them.
  const script = at('opt/scripts/datasync/push-datasync.sh');
  const options = readFileSync(script, 'utf8').replace(
    /(["( ])\/(var\/www|var\/lib|usr\/local\/bin)/g,
    (_, before, path) => `${before}${at(path)}`,
  );
  writeFileSync(script, options);
  const env = { FLOCKSYNC_ENV_FILE: at('etc/flocksync.env') };
  const ran = await run([`export FLOCKSYNC_ENV_FILE='${env.FLOCKSYNC_ENV_FILE}'`, first]);
  expect(ran).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^SUCCESS : flocksync completed successfully at /) });
  expect(await run([`export FLOCKSYNC_ENV_FILE='${env.FLOCKSYNC_ENV_FILE}'`, cron.replace('*/10 * * * * ', '')])).toEqual(quiet);
  for (const line of commands('datasync.md', ['flocksync status --config', 'flocksync wait --all --config']))
    expect((await run([`export FLOCKSYNC_ENV_FILE='${env.FLOCKSYNC_ENV_FILE}'`, line])).code, line).toBe(0);
});

test('docs/migrate/adt.md: its commands put the scripts in place, and the cron lines come back', async () => {
  const { at, run } = machine();
  plant(at('root'), { 'providerscripts/datastore/operations/PutToDatastore.sh': 'theirs' });
  plant(at('var/www/html'), { 'index.php': 'page' });
  const steps = commands('adt.md', [
    'mkdir -p "${HOME}/runtime"',
    'install -m 600 /dev/null',
    'crontab -l',
    'cp -a "${HOME}/providerscripts',
    'cp -a /opt/flocksync',
  ]);
  const [heavyweight = '', light = '', byHand = ''] = commands('adt.md', [
    '* * * * * export HOME',
    '@reboot export HOME',
    '${HOME}/providerscripts/',
  ]);
  const before = `MAILTO=root\n${heavyweight}\n${light}\n`;
  writeFileSync(at('crontab'), before);
  expect(await run(steps)).toEqual(quiet);
  expect(readFileSync(at('crontab'), 'utf8')).toBe('MAILTO=root\n');
  expect(readFileSync(at('root/providerscripts/datastore/operations/PutToDatastore.sh'), 'utf8')).toBe('theirs');
  expect(await run([byHand])).toEqual(quiet);
  expect(await run(['crontab "${HOME}/crontab.old"'])).toEqual(quiet);
  expect(readFileSync(at('crontab'), 'utf8')).toBe(before);
  expect(await run([heavyweight.replace('* * * * * ', '')])).toEqual(quiet);
  const byName = commands('adt.md', ['export FLOCKSYNC_ENV_FILE', 'flocksync status --config', 'flocksync log --config']);
  expect(await run(byName)).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('index.php') });
});
