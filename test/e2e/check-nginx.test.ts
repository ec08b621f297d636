import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { shareStatus } from './support/document.ts';
import { type Actor, expectEqual, scenario } from './support/pair.ts';

const nginx = ['/usr/sbin/nginx', '/usr/bin/nginx'].find((path) => existsSync(path)) ?? '';
const isThere = nginx !== '' && existsSync('/etc/nginx/nginx.conf');
const isRoot = process.getuid?.() === 0;

/** A copy of /etc/nginx that any user can test; `prefix` stands in the place of /etc/nginx/ in its includes. */
function plantNginx({ root }: Actor, prefix: string): void {
  cpSync('/etc/nginx', root, { recursive: true, verbatimSymlinks: true });
  rmSync(join(root, 'sites-enabled'), { recursive: true, force: true });
  rmSync(join(root, 'modules-enabled'), { recursive: true, force: true });
  cpSync(join(root, 'sites-available'), join(root, 'sites-enabled'), { recursive: true });
  rmSync(join(root, 'sites-enabled', 'default'));
  symlinkSync('../sites-available/default', join(root, 'sites-enabled', 'default'));
  const scratch = join(root, '..');
  for (const name of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!name.isFile()) continue;
    const path = join(name.parentPath, name.name);
    const text = readFileSync(path, 'utf8');
    const own = text
      .replaceAll('/etc/nginx/', prefix)
      .replace(/^(\s*)(pid|error_log|access_log)\s+\S+?;/gm, `$1$2 ${scratch}/$2;`)
      .replace(/listen\s+(\[::\]:)?80\b/g, 'listen $118099');
    writeFileSync(path, own);
  }
}

function isValid({ root }: Actor): boolean {
  return spawnSync(nginx, ['-t', '-q', '-c', join(root, 'nginx.conf')]).status === 0;
}

function callsOf(file: string): string[][] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('|')
    .slice(0, -1)
    .map((call) => call.split('\0').slice(0, -1));
}

test.skipIf(!isThere)('a good change is applied and told; a broken one is held, seen from everywhere, and the fix flows', async () => {
  const { federation, member } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  const calls = join(federation.directory, 'calls');
  b.configure(
    `check: nginx -t -q -c "$FLOCKSYNC_STAGED/nginx.conf"`,
    `onChange: { run: "{ cat; printf '|'; } >> ${calls}", debounce: 0s }`,
  );
  plantNginx(a, '');
  expect(isValid(a)).toBe(true);
  await a.sync();
  await b.sync();
  expectEqual(a, b);
  expect(callsOf(calls)).toHaveLength(1);

  a.put({ 'conf.d/good.conf': 'map $http_host $flock { default 1; }\n' });
  await a.sync();
  await b.sync();
  expect(callsOf(calls)[1]).toEqual(['conf.d/good.conf']);

  a.put({ 'conf.d/good.conf': 'map $http_host $flock { default 2; }\n', 'conf.d/bad.conf': 'no_such_directive on;\n' });
  await a.sync();
  const refused = await b.sync(3);
  expect(refused.stderr).toMatch(/2 changes of others are held.*unknown directive "no_such_directive" in \S+conf\.d\/bad\.conf:1/);
  expect(refused.stderr).not.toContain('.flocksync-webroot');
  expect((await b.sync(3)).stderr).toBe('');
  expect([b.read('conf.d/bad.conf'), b.read('conf.d/good.conf')]).toEqual([undefined, 'map $http_host $flock { default 1; }\n']);
  expect(isValid(b)).toBe(true);
  expect(callsOf(calls)).toHaveLength(2);

  const [{ id }] = (await shareStatus(b, 3)).holds as [{ id: string }];
  const screen = (await a.run('status')).stdout;
  expect(screen).toMatch(new RegExp(`^ +b .* ${id}$`, 'm'));
  expect(screen.replace(/\s+/g, ' ')).toContain('unknown directive "no_such_directive" in');
  const seen = (await shareStatus(a)).members as { name: string; holds: unknown[] }[];
  expect(seen.find(({ name }) => name === 'b')?.holds).toEqual([{ id, paths: 2, why: expect.stringContaining('no_such_directive') }]);
  expect((await a.run('wait', '--all', '--timeout', '1s')).stderr).toMatch(
    /b \(has read up to 3, applied up to 2; its check refuses: .*no_such_directive/,
  );

  a.put({ 'conf.d/bad.conf': '# repaired\n' });
  await a.sync();
  await b.sync();
  expectEqual(a, b);
  expect(callsOf(calls)[2]).toEqual(['conf.d/bad.conf', 'conf.d/good.conf']);
  expect((await shareStatus(b)).holds).toEqual([]);
  await b.sync();
  expect((await a.run('status')).stdout).not.toContain('no_such_directive');
});

test.skipIf(!isThere)('an approval from the publisher lets a refused change through on the member that refuses it', async () => {
  const { member } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  b.configure(`check: nginx -t -q -c "$FLOCKSYNC_STAGED/nginx.conf"`);
  plantNginx(a, '');
  await a.sync();
  await b.sync();
  a.put({ 'conf.d/bad.conf': 'no_such_directive on;\n' });
  await a.sync();
  await b.sync(3);
  const [{ id }] = (await shareStatus(b, 3)).holds as [{ id: string }];
  expect((await b.run('reject', id)).stderr).toContain('flocksync undo');
  expect((await a.run('approve', id)).stdout).toContain('1 change held by b approved');
  await b.sync();
  expect(b.read('conf.d/bad.conf')).toBe('no_such_directive on;\n');
  await b.sync();
});

const mounts = isRoot && spawnSync('unshare', ['--mount', 'true']).status === 0;

test.skipIf(!isThere || !mounts)('absolute includes lead into the tree as it would be (needs root and mount namespaces)', async () => {
  const { member } = scenario(['a', 'b']);
  const [a, b] = [member('a'), member('b')];
  b.configure(`check: test "$FLOCKSYNC_IN_PLACE" = 1 && nginx -t -q -c "$FLOCKSYNC_ROOT/nginx.conf"`);
  plantNginx(a, `${b.root}/`);
  await a.sync();
  await b.sync();
  a.put({ 'conf.d/bad.conf': 'no_such_directive on;\n' });
  await a.sync();
  expect((await b.sync(3)).stderr).toContain('unknown directive "no_such_directive"');
  expect(execFileSync('cat', ['/proc/mounts'], { encoding: 'utf8' })).not.toContain(b.root);
  a.remove('conf.d/bad.conf');
  await a.sync();
  await b.sync();
  expect(isValid(b)).toBe(true);
});
