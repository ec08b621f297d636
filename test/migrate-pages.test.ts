import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../src/config.ts';
import { projectRoot } from './source.ts';

const directory = join(projectRoot, 'docs/migrate');
const pages = readdirSync(directory).filter((name) => name.endsWith('.md'));

/** The fenced blocks of a language, each with its place. */
function blocks(language: string): { readonly name: string; readonly text: string }[] {
  return pages.flatMap((page) => {
    const text = readFileSync(join(directory, page), 'utf8');
    const found = [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))];
    return found.map((match, at) => ({ name: `${page}, block ${at + 1}`, text: match[1] ?? '' }));
  });
}

test('the index names every page', () => {
  const index = readFileSync(join(directory, 'README.md'), 'utf8');
  for (const page of pages) if (page !== 'README.md') expect(index).toContain(`(${page})`);
});

test.each(blocks('yaml'))('$name is a good config', ({ text }) => {
  expect(loadConfig(text, 'f', { variables: {}, hostName: 'h', realpath: () => null })).toMatchObject({ ok: true });
});

const nginx = ['nginx', '/usr/sbin/nginx'].find((program) => spawnSync(program, ['-v']).status === 0);

test.skipIf(nginx === undefined).each(blocks('nginx'))('nginx takes $name', ({ text }) => {
  const home = mkdtempSync(join(tmpdir(), 'flocksync-nginx-'));
  try {
    mkdirSync(join(home, 'temp'));
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${home}/temp/${kind};`);
    // A port that needs no rights.
    const inner = [...paths, `access_log ${home}/access.log;`, text.replaceAll('listen 80;', 'listen 127.0.0.1:8081;')].join('\n');
    writeFileSync(join(home, 'nginx.conf'), `pid ${home}/pid;\nerror_log ${home}/error.log;\nevents {}\nhttp {\n${inner}\n}\n`);
    const tried = spawnSync(nginx ?? '', ['-t', '-c', join(home, 'nginx.conf'), '-p', home], { encoding: 'utf8' });
    expect({ status: tried.status, stderr: tried.stderr }).toMatchObject({
      status: 0,
      stderr: expect.stringContaining('test is successful'),
    });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});
