import { readConfigFile } from './adapters/config-file.ts';
import { optimizeLater } from './adapters/engine.ts';
import { readEnvironment } from './adapters/environment.ts';
import { lookAround } from './adapters/installation.ts';
import { LogFault, openLog } from './adapters/logging.ts';
import { systemTime } from './adapters/system.ts';
import { approve } from './cli/approve.ts';
import { parseArguments } from './cli/arguments.ts';
import type { Command, DemoCommand, ImportCommand, InitCommand, InstallCommand, JoinCommand } from './cli/command.ts';
import { conflicts } from './cli/conflicts.ts';
import { type ExitCode, exit, worst } from './cli/exit.ts';
import { forget } from './cli/forget.ts';
import { helpScreen, misuseScreen } from './cli/help.ts';
import { history } from './cli/history.ts';
import { log } from './cli/log.ts';
import { createOutput, type Output, surviveWriteFaults } from './cli/output.ts';
import { createProgress, type Progress } from './cli/progress.ts';
import { reject } from './cli/reject.ts';
import type { Reread, Variables } from './cli/reload.ts';
import { status } from './cli/status.ts';
import { unknown } from './cli/status-check.ts';
import { sync } from './cli/sync.ts';
import { wait } from './cli/wait.ts';
import { openWorld, type World } from './compose.ts';
import { formatFault } from './config.ts';
import type { Config } from './config-types.ts';

declare const FLOCKSYNC_VERSION: string;

/** `sync` gives the store this long in all when it is in trouble; one attempt that is under way may exceed it. */
const retryBudgetMs = 35_000;
/** A person waits for `status`, and without the store it still has the journal to show. */
const statusBudgetMs = 5_000;

/** argv → config → real adapters → command → exit code. The only composition root. */
export async function main(): Promise<void> {
  optimizeLater();
  let unwritten = false;
  surviveWriteFaults(process.stdout, (message) => {
    if (unwritten) return;
    unwritten = true;
    process.stderr.write(`flocksync: the output could not be written: ${message}\n`);
    process.exitCode = worst([(process.exitCode ?? exit.done) as ExitCode, exit.problems]);
  });
  surviveWriteFaults(process.stderr, () => {});
  const code = await guarded(() => dispatch(process.argv.slice(2)));
  process.exitCode = unwritten ? worst([code, exit.problems]) : code;
}

async function guarded(run: () => Promise<ExitCode>): Promise<ExitCode> {
  try {
    return await run();
  } catch (error) {
    process.stderr.write(
      `flocksync: internal error, please report it: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n` +
        'flocksync: files are safe: a run may end at any point, and the next one goes on from there\n',
    );
    return exit.internal;
  }
}

async function dispatch(argv: readonly string[]): Promise<ExitCode> {
  const parsed = parseArguments(argv);
  if (!parsed.ok) {
    // Monitoring reads standard output, and takes 2 for CRITICAL.
    if (argv[0] === 'status' && argv.includes('--check'))
      return unknown(parsed.message, createOutput(process.stdout, process.stderr, false));
    process.stderr.write(misuseScreen(parsed.message));
    return exit.usage;
  }
  const { command } = parsed;
  if (command.name === 'help') process.stdout.write(helpScreen(command.topic));
  else if (command.name === 'version') process.stdout.write(`flocksync ${FLOCKSYNC_VERSION}\n`);
  else if (command.name === 'demo') return await playDemo(command);
  else if (command.name === 'import') return await importOther(command);
  else if (command.name === 'install') return await startInstall(command);
  else if (command.name === 'init') return await startInit(command);
  else return await withConfig(command);
  return exit.done;
}

/** Makes configs, and needs none. */
async function importOther(command: ImportCommand): Promise<ExitCode> {
  const { importConfig } = await import('./cli/import.ts');
  return importConfig(command, createOutput(process.stdout, process.stderr, command.quiet));
}

/** The demo brings its own config, store and credentials. */
async function playDemo(command: DemoCommand): Promise<ExitCode> {
  const { demo } = await import('./cli/demo.ts');
  const output = createOutput(process.stdout, process.stderr, command.quiet);
  return await demo(process.argv[1] ?? '', command, output, stopSignal());
}

/** Whoever starts the program later has another environment: the config must be sound in that one. */
async function startInstall(command: InstallCommand): Promise<ExitCode> {
  const { install } = await import('./cli/install.ts');
  const output = createOutput(process.stdout, process.stderr, command.quiet);
  const place = lookAround(process.argv[1] ?? '', command.config, process.env);
  if (command.remove) return install(null, command, place, output);
  const environment = readEnvironment(place.variables);
  if (!environment.ok) return refuse(`flocksync: ${environment.message}`);
  const read = readConfigFile(place.config, environment.variables);
  if (read.ok) return install(read.config, command, place, output);
  const hint =
    'flocksync: cron and systemd have none of the variables of this shell: what the config takes from them belongs into /etc/flocksync.env';
  const lines = read.faults.map(formatFault);
  return refuse([...lines, ...(lines.some((line) => line.includes('not set in the environment')) ? [hint] : [])].join('\n'));
}

/** Writes the config that everything else needs. */
async function startInit(command: InitCommand): Promise<ExitCode> {
  const [{ init }, { openPrompt }, { isUnwritten }] = await Promise.all([
    import('./cli/init/init.ts'),
    import('./adapters/prompt.ts'),
    import('./cli/init/credentials.ts'),
  ]);
  const environment = readEnvironment(process.env);
  // A file that is named and not there is about to be written.
  if (!environment.ok && !isUnwritten(process.env.FLOCKSYNC_ENV_FILE)) return refuse(`flocksync: ${environment.message}`);
  const merged = environment.ok ? environment.variables : process.env;
  const prompt = command.yes ? null : openPrompt(process.stdin, process.stdout);
  const signal = stopSignal();
  const { log } = await openLog({ file: null, member: '', steps: command.verbose ? process.stderr : null });
  try {
    return await init(command, {
      ...{ variables: process.env, merged, prompt },
      output: createOutput(process.stdout, process.stderr, command.quiet),
      progress: createProgress(process.stderr, systemTime, { quiet: command.quiet }),
      open: (config, variables) => openWorld({ config, variables, log, signal, version: FLOCKSYNC_VERSION, retryBudgetMs: statusBudgetMs }),
    });
  } finally {
    prompt?.close();
  }
}

/** Both signals of a `timeout`, which tells its child and then its whole group, come within this. */
const sameSignalMs = 100;

/** Aborts at the first SIGTERM or SIGINT; a second one, unless it comes along with the first, ends the process as it does by default. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  const signals = ['SIGTERM', 'SIGINT'] as const;
  let firstMs: number | null = null;
  const onSignal = (signal: NodeJS.Signals) => {
    const nowMs = systemTime.monotonicMs();
    firstMs ??= nowMs;
    stop.abort();
    if (nowMs - firstMs < sameSignalMs) return;
    for (const each of signals) process.removeListener(each, onSignal);
    process.kill(process.pid, signal);
  };
  for (const signal of signals) process.on(signal, onSignal);
  return stop.signal;
}

type Configured = Exclude<Command, { name: 'help' | 'version' | 'demo' | 'import' | 'install' | 'init' }>;

async function withConfig(command: Configured): Promise<ExitCode> {
  const output = createOutput(process.stdout, process.stderr, command.quiet);
  const environment = readEnvironment(process.env);
  const refuseTo = (text: string) => (command.name === 'status' && command.check !== null ? unknown(text, output) : refuse(text));
  if (!environment.ok) return refuseTo(`flocksync: ${environment.message}`);
  const read = readConfigFile(command.config, environment.variables);
  if (!read.ok) return refuseTo(read.faults.map(formatFault).join('\n'));
  return await withWorld(command, read.config, environment.variables, output);
}

function refuse(text: string): ExitCode {
  process.stderr.write(`${text}\n`);
  return exit.usage;
}

async function withWorld(command: Configured, config: Config, variables: Variables, output: Output): Promise<ExitCode> {
  const log = await openLog({ file: config.log, member: config.member, steps: command.verbose ? process.stderr : null }).catch(
    (error: unknown) => {
      if (error instanceof LogFault) return error;
      throw error;
    },
  );
  if (log instanceof LogFault) return refuse(`flocksync: ${log.message}: correct \`log\` in the config, or make its directory`);
  if (command.name === 'run') process.on('SIGHUP', () => log.reopen());
  const world = openWorld({
    config,
    variables,
    log: log.log,
    signal: stopSignal(),
    version: FLOCKSYNC_VERSION,
    retryBudgetMs: command.name === 'status' || command.name === 'doctor' ? statusBudgetMs : retryBudgetMs,
  });
  try {
    if (command.name === 'run') return await serve(world, command, variables, output);
    return await perform(world, command, output);
  } finally {
    await world.close();
    log.close();
  }
}

/** The daemon, and what the process around it has to offer. */
async function serve(world: World, { config }: Configured, variables: Variables, output: Output): Promise<ExitCode> {
  const [{ run }, { openSupervisor }] = await Promise.all([import('./cli/run.ts'), import('./adapters/supervisor.ts')]);
  const supervisor = openSupervisor(process.env, (message) =>
    world.log.warn({}, `the service manager cannot be told anything: ${message}`),
  );
  return await run(world, output, {
    supervisor,
    variables,
    reread: () => reread(config),
    onReload: (listener) => process.on('SIGHUP', listener),
  });
}

function reread(file: string): Reread {
  const environment = readEnvironment(process.env);
  if (!environment.ok) return { ok: false, lines: [`flocksync: ${environment.message}`] };
  const read = readConfigFile(file, environment.variables);
  return read.ok ? { ...read, variables: environment.variables } : { ok: false, lines: read.faults.map(formatFault) };
}

async function perform(world: World, command: Exclude<Configured, { name: 'run' }>, output: Output): Promise<ExitCode> {
  const progress = createProgress(process.stderr, systemTime, { quiet: command.quiet });
  switch (command.name) {
    case 'sync':
      return await sync(world, command, output, progress);
    case 'doctor':
      return await (await import('./cli/doctor.ts')).doctor(world, command, output);
    case 'status':
      return await status(world, command, output);
    case 'wait':
      return await wait(world, command, output);
    case 'log':
      return await log(world, command, output);
    case 'history':
      return await history(world, command, output);
    case 'restore':
      return await (await import('./cli/restore.ts')).restore(world, command, output, progress);
    case 'undo':
      return await (await import('./cli/undo.ts')).undo(world, command, output, progress);
    case 'diff':
      return await (await import('./cli/diff.ts')).diff(world, command, output);
    case 'conflicts':
      return await conflicts(world, command, output);
    case 'approve':
      return await approve(world, command, output);
    case 'reject':
      return await reject(world, command, output);
    case 'join':
      return await startJoin(world, command, output, progress);
    case 'forget':
      return await forget(world, command, output);
    case 'housekeep':
      return await (await import('./cli/housekeep.ts')).housekeep(world, command, output, progress);
    case 'verify':
      return await (await import('./cli/verify.ts')).verify(world, command, output, progress);
  }
}

async function startJoin(world: World, command: JoinCommand, output: Output, progress: Progress): Promise<ExitCode> {
  const [{ join }, { openPrompt }] = await Promise.all([import('./cli/join.ts'), import('./adapters/prompt.ts')]);
  const prompt = command.yes || command.dryRun ? null : openPrompt(process.stdin, process.stdout);
  try {
    return await join(world, command, output, progress, prompt);
  } finally {
    prompt?.close();
  }
}
