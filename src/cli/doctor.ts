import { styleText } from 'node:util';
import { checkRoot, checkStateDirectory } from '../adapters/check-root.ts';
import type { BucketInspection } from '../adapters/s3-inspect.ts';
import { lockShare, type ShareLock } from '../adapters/share-lock.ts';
import { hasJournal, lockFile } from '../adapters/state-directory.ts';
import { systemRandom, systemTime } from '../adapters/system.ts';
import { checkStore } from '../agent/check-store.ts';
import type { World } from '../compose.ts';
import type { ShareConfig } from '../config-types.ts';
import { type Finding, finding, type Verdict } from '../model/finding.ts';
import { DatastoreFault } from '../ports/datastore.ts';
import { JournalFault } from '../ports/journal.ts';
import type { DoctorCommand } from './command.ts';
import { printDocument } from './document.ts';
import { type ExitCode, exit, worst } from './exit.ts';
import type { Output } from './output.ts';
import { readJournal } from './shares.ts';
import { ownId } from './status-look.ts';

/** Tests the store, this machine and every share; nothing that it writes stays. */
export async function doctor(world: World, command: DoctorCommand, output: Output): Promise<ExitCode> {
  const findings: Finding[] = [];
  for await (const each of checkAll(world)) {
    findings.push(each);
    if (!command.json) for (const line of findingLines(each, output.terminal)) output.line(line);
  }
  const code = worst(findings.map(({ verdict }) => codes[verdict]));
  if (command.json) printDocument(output, { ok: code === exit.done, findings, requests: world.requests() });
  else output.line(summaryLine(findings));
  return code;
}

const codes: Readonly<Record<Verdict, ExitCode>> = {
  ...{ ok: exit.done, note: exit.done, warning: exit.done },
  ...{ problem: exit.problems, unreachable: exit.unreachable },
};

async function* checkAll(world: World): AsyncGenerator<Finding> {
  yield finding('config', 'ok', `${world.config.file}: federation ${world.config.federation}, member ${world.config.member}`);
  const { shares, problems } = await world.shares(false);
  yield* storeFindings(world, shares);
  yield checkStateDirectory(world.config.state);
  for (const { share, message } of problems)
    yield { ...finding('pattern', 'problem', message, 'Correct "path" of the share, or the directory.'), share };
  for (const share of shares) for await (const each of shareFindings(world, share)) yield { ...each, share: share.name };
}

// ---- the store ---------------------------------------------------------------------------------------------------------------

async function* storeFindings(world: World, shares: readonly ShareConfig[]): AsyncGenerator<Finding> {
  const mayWrite = shares.length === 0 || shares.some((share) => share.role !== 'subscriber');
  try {
    const datastore = await world.datastore();
    let reached = false;
    for await (const each of checkStore({ datastore, time: systemTime, random: systemRandom, signal: world.signal }, mayWrite)) {
      reached ||= each.check === 'put';
      yield each;
    }
    const inspection = reached && !world.signal.aborted ? await world.inspection() : null;
    if (inspection !== null) yield* bucketFindings(inspection);
    if (world.signal.aborted)
      yield finding('interrupted', 'problem', 'stopped by a signal before it was done', 'Run flocksync doctor again.');
  } catch (error) {
    if (!(error instanceof DatastoreFault)) throw error;
    yield finding('store', error.kind === 'permanent' ? 'problem' : 'unreachable', `${error.message} (${error.code})`, error.fix);
  }
}

async function* bucketFindings(inspection: BucketInspection): AsyncGenerator<Finding> {
  const rules = await inspection.lifecycleRules();
  if (typeof rules === 'string') yield finding('lifecycle', 'note', `the lifecycle rules cannot be seen (${rules})`, lifecycleFix);
  else {
    const fatal = rules.filter((rule) => rule.touchesLiveObjects);
    for (const rule of fatal) {
      const text = `lifecycle rule "${rule.id}" (prefix "${rule.prefix}") expires or moves objects of this federation: the log would lose records`;
      yield finding(
        'lifecycle',
        'problem',
        text,
        'Restrict the rule to other prefixes; flocksync removes what it no longer needs by itself.',
      );
    }
    const aborts = rules.some((rule) => rule.abortsUploads);
    if (fatal.length === 0)
      yield finding(
        'lifecycle',
        'ok',
        `no lifecycle rule touches the federation${aborts ? '; uploads that were given up are removed' : ''}`,
      );
  }
  const versioning = await inspection.bucketVersioning();
  if (versioning === 'enabled')
    yield finding('versioning', 'note', 'bucket versioning is on: overwritten bells and heartbeats pile up', versioningFix);
  else yield finding('versioning', versioning === 'denied' || versioning === 'unsupported' ? 'note' : 'ok', versioningTexts[versioning]);
}

const lifecycleFix = 'See to it that no rule expires or moves objects below the prefix.';
const versioningFix =
  'Let a lifecycle rule expire noncurrent versions after some days. A bucket that is replicated both ways is not supported.';
const versioningTexts = {
  ...{ off: 'bucket versioning is off', suspended: 'bucket versioning is suspended' },
  ...{ denied: 'the versioning of the bucket cannot be seen (denied)', unsupported: 'the store has no bucket versioning' },
};

// ---- the shares --------------------------------------------------------------------------------------------------------------

async function* shareFindings(world: World, share: ShareConfig): AsyncGenerator<Finding> {
  const journal = journalFinding(world, share);
  yield journal.finding;
  if (journal.stands === 'unknown') return;
  // Without a journal no cycle can be running, and nothing must be made in the state directory.
  if (!journal.stands) return yield* checkRoot(share, stateId(world), false);
  let lock: ShareLock | null;
  try {
    lock = await lockShare(lockFile(world.config, share.name), systemTime, { wait: false, signal: world.signal });
  } catch (error) {
    if (!(error instanceof JournalFault)) throw error;
    return yield finding('lock', 'problem', error.message, stateFix);
  }
  if (lock === null) return yield finding('staging', 'note', 'a cycle is running now: root and staging were not tested');
  try {
    yield* checkRoot(share, stateId(world), sawRoot(world, share));
  } finally {
    lock.release();
  }
}

function sawRoot(world: World, share: ShareConfig): boolean {
  try {
    return readJournal(world, share.name, (journal) => journal !== null && journal.meta('rootIno') !== undefined);
  } catch (error) {
    if (error instanceof JournalFault) return false;
    throw error;
  }
}

const stateFix = 'Let the user that runs flocksync write to the directory that the config calls "state".';

function stateId(world: World): string {
  return `${ownId(world)} ${world.config.state}`;
}

function journalFinding(world: World, share: ShareConfig): { readonly finding: Finding; readonly stands: boolean | 'unknown' } {
  let stands: boolean | 'unknown' = 'unknown';
  try {
    stands = hasJournal(world.config, share.name);
    const cursor = readJournal(world, share.name, (journal) => journal?.meta('cursor') ?? null);
    const text = cursor === null ? 'never synced here' : `the journal is at record ${cursor}`;
    return { finding: finding('journal', 'ok', text), stands };
  } catch (error) {
    if (!(error instanceof JournalFault)) throw error;
    return { finding: finding('journal', 'problem', error.message, error.fix ?? journalFixes[error.code]), stands };
  }
}

const journalFixes = {
  damaged: 'Run flocksync sync: it sets the journal aside and rebuilds it from the bucket.',
  newer: 'Upgrade flocksync.',
  unusable: 'See to the rights of the state directory, or run doctor as the user that runs flocksync.',
};

// ---- lines -------------------------------------------------------------------------------------------------------------------

const marks: Readonly<Record<Verdict, readonly [string, 'green' | 'cyan' | 'yellow' | 'red']>> = {
  ok: ['ok', 'green'],
  note: ['note', 'cyan'],
  warning: ['warn', 'yellow'],
  problem: ['FAIL', 'red'],
  unreachable: ['FAIL', 'red'],
};

function findingLines({ check, share, verdict, text, fix }: Finding, terminal: boolean): string[] {
  const [word, color] = marks[verdict];
  const mark = word.padEnd(5);
  const head = `${terminal ? styleText(color, mark) : mark} ${check.padEnd(16)} ${share === null ? '' : `${share}: `}${text}`;
  return fix === '' ? [head] : [head, `${' '.repeat(23)}→ ${fix}`];
}

function summaryLine(findings: readonly Finding[]): string {
  const bad = findings.filter(({ verdict }) => verdict === 'problem' || verdict === 'unreachable').length;
  const warnings = findings.filter(({ verdict }) => verdict === 'warning').length;
  if (bad > 0) return `${bad} of ${findings.length} checks failed.`;
  return warnings > 0 ? `All ${findings.length} checks passed, ${warnings} with a warning.` : `All ${findings.length} checks passed.`;
}
