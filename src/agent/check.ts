import { contentHash } from '../model/digest.ts';
import { type BytePath, comparePaths } from '../model/path.ts';
import { needsPlace } from '../model/preview-place.ts';
import { lastWords, saysTheSame } from '../model/said.ts';
import { DiskFault } from '../ports/filesystem.ts';
import type { HoldPath } from '../ports/journal.ts';
import type { Preview, PreviewBounds } from '../ports/preview.ts';
import type { Plan } from '../steps/plan.ts';
import { keepJoining } from './base.ts';
import type { Cycle } from './context.ts';
import { variablesOf } from './hooks.ts';
import { layOver } from './preview.ts';

/** A check is for config directories: all of them is copied for it. */
const bounds: PreviewBounds = { namesMax: 10_000, bytesMax: 256 * 1024 * 1024 };
const boundsText = 'more than 10,000 names or 256 MiB';
/** What lies outside the share may decide, too: a certificate, a module, a program. */
const againMs = 5 * 60_000;

/** What the check was asked about last, and refused; bucket time, ms. */
interface Refused {
  readonly asked: string;
  readonly said: string;
  readonly checkedAtMs: number;
}

/**
 * Whether what is planned may be applied, by the word of the command of `check`. What it refuses is held as a whole: its wants wait with
 * the reason, and everything else goes on. It is asked again when the log or the disk shows something else, every five minutes, and not
 * at all about what a person has approved.
 */
export async function isLetThrough(cycle: Cycle, decided: Plan): Promise<boolean> {
  const { check } = cycle.config;
  const paths = check === null ? [] : heldPaths(cycle, decided);
  if (check === null || paths.length === 0 || isApproved(cycle, paths)) {
    letGo(cycle, paths.length > 0 && check !== null);
    return true;
  }
  const said = await ask(cycle, decided, paths);
  if (said === 'stopped') return false;
  if (said === null) letGo(cycle, false);
  else hold(cycle, decided, paths, said);
  return said === null;
}

function heldPaths({ ports: { journal } }: Cycle, { applies, newFiles }: Plan): HoldPath[] {
  const files = journal.transaction(() => newFiles.map(({ path }) => ({ path, version: journal.want(path)?.version ?? 0 })));
  return [...applies.map(({ path, version }) => ({ path, version })), ...files].sort((a, b) => comparePaths(a.path, b.path));
}

/** Also what is left of an approved changeset after a kill. */
function isApproved({ ports: { journal } }: Cycle, paths: readonly HoldPath[]): boolean {
  const approved = new Map<BytePath, number>();
  for (const hold of journal.holds()) {
    if (hold.kind !== 'check' || hold.state !== 'approved') continue;
    for (const { path, version } of journal.holdPaths(hold.id)) approved.set(path, version);
  }
  return approved.size > 0 && paths.every(({ path, version }) => approved.get(path) === version);
}

/** `approvedStays` until nothing is left to apply of what was approved. */
function letGo(cycle: Cycle, approvedStays: boolean): void {
  const { journal } = cycle.ports;
  if (journal.meta('check') !== undefined) journal.setMeta('check', null);
  for (const one of journal.holds()) if (one.kind === 'check' && (one.state === 'open' || !approvedStays)) journal.dropHold(one.id);
  recallRefusal(cycle);
}

/** Null: nothing speaks against it. */
async function ask(cycle: Cycle, decided: Plan, paths: readonly HoldPath[]): Promise<string | 'stopped' | null> {
  const { tree, journal } = cycle.ports;
  const nowMs = cycle.bucketNowMs();
  const before = readRefused(cycle);
  try {
    const preview = tree.preview();
    try {
      const asked = contentHash(JSON.stringify([cycle.config.check, paths, preview.digest(bounds)]));
      const ageMs = nowMs - (before?.checkedAtMs ?? 0);
      if (before?.asked === asked && ageMs >= 0 && ageMs < againMs) return before.said;
      const said = await judge(cycle, decided, preview);
      if (said === null || said === 'stopped') return said;
      const same = before !== null && saysTheSame(before.said, said);
      const refused: Refused = { asked, said: same ? before.said : said, checkedAtMs: nowMs };
      journal.setMeta('check', JSON.stringify(refused));
      return refused.said;
    } finally {
      preview.discard();
    }
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
    return `the copy for it cannot be made: ${error.message}`;
  }
}

function readRefused({ ports: { journal } }: Cycle): Refused | null {
  const text = journal.meta('check');
  return text === undefined ? null : (JSON.parse(text) as Refused);
}

/** What the command says against the tree as it would be; null: nothing. Throws DiskFault. */
async function judge(cycle: Cycle, decided: Plan, preview: Preview): Promise<string | 'stopped' | null> {
  const { ports, config, options } = cycle;
  if (config.check === null) return null;
  ports.onProgress({ phase: 'checking' });
  const incoming = decided.newFiles.reduce((sum, { size }) => sum + size, 0);
  const fits = decided.applies.length + decided.newFiles.length <= bounds.namesMax && incoming <= bounds.bytesMax;
  if (!fits || !(await preview.copy(bounds))) return `the share has ${boundsText}, and a check is for config directories`;
  await layOver(cycle, decided, preview);
  if (options.signal.aborted) return 'stopped';
  const end = await ports.commands.call({
    ...{ run: config.check.run, timeoutMs: config.check.timeoutMs, directory: preview.path, signal: options.signal, paths: null },
    variables: { ...variablesOf(config, ports.journal, 'check'), FLOCKSYNC_STAGED: preview.path },
    stand: { from: preview.path, at: config.path, needed: needsPlace(config.check.run) },
  });
  ports.log.debug({ step: 'check', share: cycle.share, ended: end.ended }, `check: ${end.how}`);
  if (end.ended === 'done') return null;
  if (end.ended === 'stopped') return 'stopped';
  // The copy has another name each time.
  const words = lastWords(end.output.replaceAll(preview.path, config.path));
  return [end.how, words].filter((part) => part !== '').join(': ');
}

/** The hold travels with the heartbeat, so that every member sees who refuses what, and why; any of them may approve it. */
function hold(cycle: Cycle, decided: Plan, paths: readonly HoldPath[], said: string): void {
  const { journal } = cycle.ports;
  const id = contentHash(`check\0${paths.map(({ path, version }) => `${version} ${path}\0`).join('')}`).slice(0, 8);
  const reason = `the check refuses it: ${said}`;
  journal.transaction(() => {
    const before = journal.holds().filter(({ kind }) => kind === 'check');
    const open = before.filter(({ state }) => state === 'open');
    // An approval of something else is used up.
    for (const one of before) if (one.id !== id) journal.dropHold(one.id);
    const sinceMs = Math.min(cycle.bucketNowMs(), ...open.map((one) => one.sinceMs));
    if (!open.some((one) => one.id === id && one.detail === said))
      journal.putHold({ id, kind: 'check', sinceMs, state: 'open', detail: said }, paths);
    for (const { path } of paths) {
      const want = journal.want(path);
      if (want !== null && (want.reason !== 'held' || want.detail !== reason)) journal.setWantReason(path, 'held', reason, 0);
    }
  });
  const left = decided.applies.filter(({ wanted }) => !wanted);
  keepJoining(
    cycle,
    decided,
    left.map((task) => ({ task, reason: 'held' as const, detail: reason })),
  );
  recallRefusal(cycle);
}

/** One problem speaks of what is held, also in a cycle that applies nothing. */
export function recallRefusal(cycle: Cycle): void {
  const { journal } = cycle.ports;
  const held = journal.holds().find(({ kind, state }) => kind === 'check' && state === 'open');
  cycle.refused = held !== undefined;
  cycle.withdraw(({ code }) => code === 'check-refused');
  if (held === undefined) return;
  const count = journal.holdPaths(held.id).length;
  const what = count === 1 ? '1 change of others is' : `${count} changes of others are`;
  const text = `${what} held, because the check refuses the share as it would be (${held.detail})`;
  const fix = `Correct it on any member, and all of it is applied. If the check is wrong: flocksync approve ${held.id} --share ${cycle.share}.`;
  cycle.note('check-refused', null, text, fix);
}
