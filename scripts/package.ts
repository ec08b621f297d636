// Makes what is handed out: npm run package [-- --out DIRECTORY] (default packages/). An npm tarball, and a .deb for the machine it runs on.
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { outputOf, PackageFault } from './package/command.ts';
import { makeDeb, programIn } from './package/deb.ts';
import { readProject } from './package/program.ts';
import { startUpOf } from './package/start-up.ts';
import { makeTarball } from './package/tarball.ts';
import { sizeOf } from './package/tree.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const [flag, value, ...rest] = process.argv.slice(2);
if ((flag !== undefined && flag !== '--out') || (flag === '--out' && value === undefined) || rest.length > 0) {
  console.error('usage: npm run package [-- --out DIRECTORY]');
  process.exit(2);
}
const out = value === undefined ? join(root, 'packages') : resolve(value);

/** The same input gives the same bytes, so the time is that of the input. */
function timeOfInput(): number {
  const given = process.env.SOURCE_DATE_EPOCH ?? outputOf('git', ['log', '-1', '--format=%ct'], { cwd: root }).trim();
  if (!/^\d{1,11}$/.test(given)) throw new PackageFault(`SOURCE_DATE_EPOCH takes seconds since 1970, found "${given}"`);
  return Number(given);
}

const megabytes = (bytes: number) => `${(bytes / 1_000_000).toFixed(1)} MB`;
const ms = (duration: number) => `${Math.round(duration)} ms`;

const scratch = mkdtempSync(join(tmpdir(), 'flocksync-package-'));
try {
  const project = readProject(root);
  const seconds = timeOfInput();
  const edition = { version: project.version, day: new Date(seconds * 1000).toISOString().slice(0, 10) };
  mkdirSync(out, { recursive: true });
  const tarball = makeTarball(project, edition, seconds, join(scratch, 'tarball'), out);
  console.log(`${tarball}  ${megabytes(statSync(tarball).size)}, ${megabytes(sizeOf(join(scratch, 'tarball')))} unpacked`);
  const deb = makeDeb(project, edition, seconds, join(scratch, 'deb'), out);
  console.log(`${deb}  ${megabytes(statSync(deb).size)}, ${megabytes(sizeOf(join(scratch, 'deb')))} installed`);
  const { version, idleSync } = startUpOf(programIn(join(scratch, 'deb')));
  console.log(`start-up: flocksync --version ${ms(version)}, flocksync sync with nothing to do on 1,000 files ${ms(idleSync)}`);
} catch (error) {
  if (!(error instanceof PackageFault)) throw error;
  console.error(`package: ${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
