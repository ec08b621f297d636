import { styleText } from 'node:util';
import { type Finished, runNode } from '../adapters/child.ts';
import { type DemoDisk, makeSite, openDemoDisk } from '../adapters/demo-site.ts';
import { systemRandom, systemTime } from '../adapters/system.ts';
import { type DevS3, startDevS3 } from '../dev-s3/server.ts';
import type { DemoCommand } from './command.ts';
import { type ExitCode, exit } from './exit.ts';
import { counted, formatElapsed } from './format.ts';
import type { Output } from './output.ts';

const members = ['web1', 'web2', 'web3'] as const;
type Member = (typeof members)[number];

/** Rounds of `sync` on all members after which trees that still differ are a failure. */
const roundsMax = 4;

/** What the demo is played on. */
interface Stage {
  readonly disk: DemoDisk;
  readonly output: Output;
  /** Runs the real command on one member. */
  run(member: Member, name: string, ...args: string[]): Promise<Finished>;
}

/** The story stopped: its text is the reason. */
class Stopped extends Error {}

/** Three members, one bucket, real processes, temporary directories. `program` is the file that Node runs for `flocksync`. */
export async function demo(program: string, command: DemoCommand, output: Output, signal: AbortSignal): Promise<ExitCode> {
  const disk = openDemoDisk();
  let server: DevS3 | undefined;
  try {
    // A folder of this form is a bucket of the development server.
    disk.makeDirectory('s3/demo/objects');
    const credentials = { accessKey: systemRandom.hex(8), secretKey: systemRandom.hex(16) };
    server = await startDevS3({ directory: `${disk.directory}/s3`, ...credentials });
    await play(await openStage(disk, server, credentials, program, output, signal));
    if (command.keep) output.line(`\nThe directories stay in ${disk.directory}`);
    return exit.done;
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
    output.error(`flocksync demo: ${signal.aborted ? 'interrupted' : error.message}`);
    return exit.problems;
  } finally {
    await server?.close();
    if (!command.keep || signal.aborted) disk.close();
  }
}

async function openStage(
  disk: DemoDisk,
  server: DevS3,
  keys: { readonly accessKey: string; readonly secretKey: string },
  program: string,
  output: Output,
  signal: AbortSignal,
): Promise<Stage> {
  for (const member of members) {
    disk.write(`${member}/flocksync.yml`, configOf(disk.directory, member, server.endpoint));
    disk.makeDirectory(`${member}/state`);
  }
  const variables = { FLOCKSYNC_ENV_FILE: '', AWS_ACCESS_KEY_ID: keys.accessKey, AWS_SECRET_ACCESS_KEY: keys.secretKey, LC_ALL: 'C.UTF-8' };
  const run = async (member: Member, name: string, ...args: string[]) => {
    if (signal.aborted) throw new Stopped('interrupted');
    return await runNode(program, [name, '--config', `${disk.directory}/${member}/flocksync.yml`, ...args], variables, signal);
  };
  return { disk, output, run };
}

function configOf(directory: string, member: Member, endpoint: string): string {
  return [
    'federation: demo',
    `datastore: { url: "s3://demo/sites", endpoint: "${endpoint}" }`,
    `member: ${member}`,
    `state: ${directory}/${member}/state`,
    `shares: [ { name: webroot, path: ${directory}/${member}/html, settle: 100ms } ]`,
    '',
  ].join('\n');
}

async function play(stage: Stage): Promise<void> {
  const { disk, output } = stage;
  const startedMs = systemTime.monotonicMs();
  output.line(`Three webservers (${members.join(', ')}) and one S3 bucket, in ${disk.directory}`);
  for (const act of [firstSite, editsEverywhere, conflict, awayMember, heldDeletion]) await act(stage);
  const digests = members.map((member) => disk.digest(`${member}/html`));
  output.line('');
  for (const [index, member] of members.entries())
    output.line(`  ${member}  ${counted(disk.count(`${member}/html`), 'file')}  sha256 ${digests[index]}`);
  if (new Set(digests).size !== 1) throw new Stopped('the trees differ');
  output.line(
    `${mark(output)} All three trees are equal in every name, mode, time and byte (${formatElapsed(systemTime.monotonicMs() - startedMs)}).`,
  );
  output.line('');
  output.line('Next, on your servers, the one with the good content first:');
  output.line('  flocksync init s3://BUCKET/PREFIX    writes the config, tests it, shows what would be done');
  output.line('  flocksync sync                       does it; cron or "flocksync run" repeats it');
}

// ---- the acts ----------------------------------------------------------------------------------------------------------------

async function firstSite(stage: Stage): Promise<void> {
  const { disk } = stage;
  makeSite(`${disk.directory}/web1/html`);
  title(stage, `web1 publishes its site of ${counted(disk.count('web1/html'), 'file')}; web2 and web3 start with nothing`);
  await expectCode(stage, 'web1', 0);
  await converge(stage);
}

async function editsEverywhere(stage: Stage): Promise<void> {
  const { disk } = stage;
  title(stage, 'At the same time web1 edits a page, web2 uploads 5 photos, web3 renames a directory of 80 files');
  disk.write('web1/html/pages/page-7/index.html', '<h1>Page 7, edited on web1</h1>\n');
  for (let n = 1; n <= 5; n++) disk.write(`web2/html/uploads/2026-11/new-${n}.jpg`, Buffer.alloc(40_000 + n, `photo ${n} `));
  disk.move('web3/html/plugins/shop', 'web3/html/plugins/store');
  await converge(stage);
}

async function conflict(stage: Stage): Promise<void> {
  const { disk } = stage;
  title(stage, 'web1 and web3 edit about.html at the same time, differently');
  disk.write('web1/html/about.html', '<h1>About us, by web1</h1>\n');
  disk.age('web1/html/about.html', 2);
  disk.write('web3/html/about.html', '<h1>About us, by web3</h1>\n');
  await converge(stage);
  const versions = await versionsOf(stage, 'about.html');
  say(
    stage,
    `live everywhere: "${disk.read('web2/html/about.html').trim()}", the newer one; "flocksync history" has all ${versions} versions`,
  );
}

async function awayMember(stage: Stage): Promise<void> {
  const { disk } = stage;
  title(stage, 'web3 is down; web1 deletes 12 pages, web2 edits another; then web3 is back with its old files');
  for (let n = 10; n < 22; n++) disk.remove(`web1/html/pages/page-${n}`);
  disk.write('web2/html/pages/page-8/index.html', '<h1>Page 8, edited on web2</h1>\n');
  await expectCode(stage, 'web1', 0);
  await expectCode(stage, 'web2', 0);
  const stale = disk.count('web3/html');
  await converge(stage);
  say(stage, `web3 had ${counted(stale, 'file')}, now ${disk.count('web3/html')}: what was deleted stays deleted`);
}

async function heldDeletion(stage: Stage): Promise<void> {
  const { disk } = stage;
  title(stage, 'By mistake all uploads vanish on web2 (rm -rf uploads)');
  const uploads = disk.count('web2/html/uploads');
  disk.remove('web2/html/uploads');
  await expectCode(stage, 'web2', 3);
  await Promise.all([expectCode(stage, 'web1', 0), expectCode(stage, 'web3', 0)]);
  const left = disk.count('web1/html/uploads');
  if (left !== uploads) throw new Stopped(`web1 lost uploads: ${left} of ${uploads} are left`);
  say(stage, `held: "flocksync sync" exits 3 on web2; the others keep all ${left} uploads`);
  const rejected = await stage.run('web2', 'reject');
  if (rejected.code !== 0) throw new Stopped(`reject exited ${rejected.code}: ${rejected.stderr.trim()}`);
  say(stage, '"flocksync reject" on web2 brings them back');
  await converge(stage);
}

// ---- what the acts are made of -----------------------------------------------------------------------------------------------

/** Rounds of `sync` on all members at once, until all trees are equal. */
async function converge(stage: Stage): Promise<void> {
  const startedMs = systemTime.monotonicMs();
  let said: Finished[] = [];
  for (let round = 1; round <= roundsMax; round++) {
    said = await Promise.all(members.map((member) => stage.run(member, 'sync')));
    const digests = new Set(members.map((member) => stage.disk.digest(`${member}/html`)));
    if (digests.size === 1 && said.every(({ code }) => code === 0)) {
      const elapsed = formatElapsed(systemTime.monotonicMs() - startedMs);
      return say(
        stage,
        `${mark(stage.output)} equal after ${counted(round, 'sync')} per member, ${elapsed}: ${[...digests][0]?.slice(0, 16)}`,
      );
    }
  }
  throw new Stopped(
    `the trees differ after ${roundsMax} rounds: ${said.map(({ code, stderr }) => `exit ${code} ${stderr.trim()}`).join(' | ')}`,
  );
}

async function expectCode(stage: Stage, member: Member, code: number): Promise<void> {
  const finished = await stage.run(member, 'sync');
  if (finished.code !== code) throw new Stopped(`sync on ${member} exited ${finished.code}, not ${code}: ${finished.stderr.trim()}`);
}

async function versionsOf(stage: Stage, path: string): Promise<number> {
  const finished = await stage.run('web1', 'history', path, '--json');
  if (finished.code !== 0) throw new Stopped(`history exited ${finished.code}: ${finished.stderr.trim()}`);
  return (JSON.parse(finished.stdout) as { versions: unknown[] }).versions.length;
}

function title(stage: Stage, text: string): void {
  stage.output.line(`\n${styled(stage.output, 'bold', text)}`);
}

function say(stage: Stage, text: string): void {
  stage.output.line(`  ${text}`);
}

function mark(output: Output): string {
  return styled(output, 'green', '✓');
}

/** Colours for people at a terminal only. */
function styled(output: Output, style: 'bold' | 'green', text: string): string {
  return output.terminal ? styleText(style, text) : text;
}
