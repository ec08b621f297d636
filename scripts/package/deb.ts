import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { cronFile } from '../../src/model/cron-file.ts';
import { packagedUnit } from '../../src/model/service-unit.ts';
import type { Starter } from '../../src/model/starter.ts';
import { outputOf, PackageFault } from './command.ts';
import { bashCompletion } from './completion.ts';
import { licencesOf, nodeLicence, underlined } from './licences.ts';
import { commandManual, configManual, type Edition } from './manual.ts';
import { buildProgram, copyBeside, type Project } from './program.ts';
import { refuseForeign, runningNode } from './runtime.ts';
import { apart } from './tarball.ts';
import { openStage, pathsBelow, type Stage, settle, sizeOf } from './tree.ts';

const home = 'opt/flocksync';
const starter: Starter = { node: `/${home}/bin/node`, program: `/${home}/dist/main.js`, config: null, user: 'root', variables: {} };
/** Cron's seconds in the fragment; `flocksync install cron` takes the name of the member. */
const rhythm = { everyMs: 15_000, member: 'web01' };

const native = 'node_modules/better-sqlite3/build/Release/better_sqlite3.node';
/** Of each package what is needed at run time. */
const carried: Readonly<Record<string, readonly string[]>> = {
  [apart]: ['package.json', 'lib', 'LICENSE'],
  bindings: ['package.json', 'bindings.js', 'LICENSE.md'],
  'file-uri-to-path': ['package.json', 'index.js', 'LICENSE'],
};

/** Fills `directory` and packs it into `out`; returns the name of the file. Throws PackageFault. */
export function makeDeb(project: Project, edition: Edition, seconds: number, directory: string, out: string): string {
  const stage = openStage(directory);
  const licences = placeProgram(project, stage);
  placeNative(project, stage);
  placeStarters(stage);
  placeManuals(project, edition, seconds, stage);
  stage.write('usr/share/doc/flocksync/copyright', copyright(project, licences));
  const architecture = outputOf('dpkg', ['--print-architecture']).trim();
  placeControl(project, architecture, stage);
  settle(directory, seconds);
  const file = join(out, `flocksync_${project.version}_${architecture}.deb`);
  // One thread: with several, the bytes would depend on how many there are. Level 6 saves a seventh of the size and takes four times as long.
  const packing = ['-Zxz', '-z1', '--threads-max=1', '--root-owner-group'];
  outputOf('dpkg-deb', [...packing, '--build', directory, file], { variables: { SOURCE_DATE_EPOCH: String(seconds) } });
  return file;
}

/** What starts the program from a tree that was filled here. */
export function programIn(directory: string): string[] {
  return [join(directory, starter.node), join(directory, starter.program)];
}

/** Under /opt/flocksync everything lies as in a checkout. */
function placeProgram(project: Project, stage: Stage): string {
  const licences = buildProgram(project, stage, `${home}/dist`);
  const main = stage.path(`${home}/dist/main.js`);
  writeFileSync(main, readFileSync(main, 'utf8').replace(/^#!.*/, `#!${starter.node}`));
  copyBeside(project, stage, home, ['dist', 'cron']);
  stage.write(`${home}/package.json`, `${JSON.stringify({ name: 'flocksync', version: project.version, type: 'module' }, null, 2)}\n`);
  stage.link('usr/bin/flocksync', starter.program);
  return licences;
}

function placeNative({ root }: Project, stage: Stage): void {
  for (const [name, places] of Object.entries(carried))
    for (const place of places) stage.copy(join(root, 'node_modules', name, place), `${home}/node_modules/${name}/${place}`);
  stage.copy(join(root, native), `${home}/${native}`);
  stage.copy(runningNode(), `${home}/bin/node`);
  chmodSync(stage.path(`${home}/bin/node`), 0o755);
  refuseForeign('the native module', stage.path(`${home}/${native}`));
  chmodSync(stage.path(`${home}/${native}`), 0o644);
  for (const place of [native, 'bin/node']) outputOf('strip', ['--strip-unneeded', '--preserve-dates', stage.path(`${home}/${place}`)]);
}

/** Made by what `flocksync install` makes them with. */
function placeStarters(stage: Stage): void {
  const reach = {
    ...{ state: '/var/lib/flocksync', writable: ['/var/log', '/var/www'], hasHooks: false, placesCopies: false },
    readable: [starter.node, starter.program, '/etc/flocksync.yml'],
  };
  const unit = packagedUnit(starter, reach);
  stage.write('lib/systemd/system/flocksync.service', unit);
  stage.write(`${home}/cron/flocksync`, cronFile(starter, rhythm));
  stage.link('usr/share/doc/flocksync/examples', `/${home}/cron`);
}

function placeManuals({ root, version }: Project, edition: Edition, seconds: number, stage: Stage): void {
  const zip = (place: string, text: string) => stage.write(place, gzipSync(text, { level: 9 }));
  zip('usr/share/man/man1/flocksync.1.gz', commandManual(edition));
  zip('usr/share/man/man5/flocksync.yml.5.gz', configManual(edition));
  zip('usr/share/doc/flocksync/changelog.gz', changelog(version, seconds));
  stage.link('usr/share/doc/flocksync/docs', `/${home}/docs`);
  stage.write('usr/share/bash-completion/completions/flocksync', bashCompletion());
  stage.copy(join(root, 'packaging/logrotate'), 'etc/logrotate.d/flocksync');
  stage.copy(join(root, 'packaging/lintian-overrides'), 'usr/share/lintian/overrides/flocksync');
}

/** Where mail about the package goes is for whoever builds it to say, by the variables that Debian's tools read. */
function maintainer(): string {
  return `${process.env.DEBFULLNAME ?? 'the flocksync founders'} <${process.env.DEBEMAIL ?? 'flocksync@localhost.localdomain'}>`;
}

function changelog(version: string, seconds: number): string {
  const at = new Date(seconds * 1000).toUTCString().replace('GMT', '+0000');
  return `flocksync (${version}) stable; urgency=medium\n\n  * What changed stands in /${home}/CHANGELOG.md.\n\n -- ${maintainer()}  ${at}\n`;
}

function copyright({ root }: Project, bundled: string): string {
  const text = nodeLicence(root, runningNode(), process.versions.node);
  if (text === null)
    throw new PackageFault(
      `the licence of Node.js ${process.versions.node} is not beside it: put it into packaging/ as node-MAJOR-LICENSE`,
    );
  const own = readFileSync(join(root, 'LICENSE'), 'utf8').trim();
  const modules = Object.keys(carried).map((name) => `node_modules/${name}`);
  const parts = [
    `${underlined('flocksync')}\n\n${own}\n`,
    'What follows are the licences of what this package brings along. SQLite, inside better-sqlite3, is in the public domain.\n',
    licencesOf(root, modules),
    bundled,
    `${underlined(`Node.js ${process.versions.node}`)}\n\n${text}\n`,
  ];
  return parts.join('\n');
}

function placeControl({ root, version }: Project, architecture: string, stage: Stage): void {
  const kilobytes = Math.ceil(sizeOf(stage.directory) / 1024);
  const sums = pathsBelow(stage.directory).filter((name) => lstatSync(stage.path(name)).isFile());
  mkdirSync(stage.path('DEBIAN'));
  for (const name of ['preinst', 'postinst', 'prerm', 'postrm']) {
    copyFileSync(join(root, 'packaging/debian', name), stage.path(`DEBIAN/${name}`));
    chmodSync(stage.path(`DEBIAN/${name}`), 0o755);
  }
  stage.write('DEBIAN/conffiles', '/etc/logrotate.d/flocksync\n');
  stage.write('DEBIAN/md5sums', sums.map((name) => `${md5(stage.path(name))}  ${name}\n`).join(''));
  stage.write(
    'DEBIAN/control',
    `Package: flocksync
Version: ${version}
Architecture: ${architecture}
Maintainer: ${maintainer()}
Installed-Size: ${kilobytes}
Depends: ${librariesOf(stage)}
Recommends: procps
Suggests: cron | systemd, logrotate
Section: admin
Priority: optional
Description: synchroniser of directories among webservers, through an S3 bucket
 Keeps the same files on every webserver of a load-balanced group. Each server
 runs the same agent, which publishes what changed here into an S3-compatible
 bucket and applies what changed elsewhere. Servers never talk to each other.
 .
 It brings its own Node.js, and starts nothing by itself.
`,
  );
}

function md5(path: string): string {
  return createHash('md5').update(readFileSync(path)).digest('hex');
}

/** Which versions of Debian's libraries the two binaries need. */
function librariesOf(stage: Stage): string {
  const directory = mkdtempSync(join(tmpdir(), 'flocksync-package-'));
  try {
    mkdirSync(join(directory, 'debian'));
    writeFileSync(join(directory, 'debian/control'), 'Source: flocksync\n\nPackage: flocksync\nArchitecture: any\n');
    const binaries = ['bin/node', native].map((place) => `-e${stage.path(`${home}/${place}`)}`);
    const printed = outputOf('dpkg-shlibdeps', ['-O', '--ignore-missing-info', ...binaries], { cwd: directory });
    return /^shlibs:Depends=(.*)$/m.exec(printed)?.[1] ?? '';
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
