import type { ShareFormat } from '../model/format.ts';
import { birthFormat, decodeFormat, encodeFormat, formatBytesMax } from '../model/format.ts';
import { formatKey } from '../model/keys.ts';
import { contradiction, DatastoreFault } from '../ports/datastore.ts';
import type { Journal } from '../ports/journal.ts';
import { listLog, requestKey } from '../steps/pull.ts';
import type { Cycle, Halt } from './context.ts';

const rejoin =
  'Make sure that datastore.url and federation are right. If the bucket was restored or replaced on purpose: flocksync approve lineage --share SHARE (this member joins it again as a union; nothing is deleted).';
const upgrade = 'Upgrade flocksync on this member.';

const haltTexts: Record<string, { text: string; fix: string }> = {
  'another-share': { text: 'the bucket holds another share under this name', fix: rejoin },
  'another-history': { text: 'the bucket holds another history than the one this member took part in', fix: rejoin },
  'log-shorter': { text: 'the log in the bucket is shorter than what this member has already seen', fix: rejoin },
  'bucket-emptied': { text: 'the share is gone from the bucket', fix: rejoin },
  'newer-format': { text: 'the share uses a newer format than this program reads', fix: upgrade },
  'format-missing': {
    text: 'format.json of the share is missing in the bucket, which holds its log',
    fix: 'A member that took part puts it back by itself at its next sync; else restore it from a backup of the bucket.',
  },
  'bad-format': {
    text: 'format.json in the bucket is unusable',
    fix: 'Check datastore.endpoint: does an S3 store answer there? If so, restore format.json of the share from a backup of the bucket.',
  },
};

export function haltOf(share: string, code: string, reason: string): Halt {
  const known = haltTexts[code] ?? { text: code, fix: rejoin };
  return { code, text: reason === '' ? known.text : `${known.text} (${reason})`, fix: known.fix.replace('SHARE', share) };
}

/** Halts that `approve lineage` answers. */
export function isLineageHalt(code: string): boolean {
  return haltTexts[code]?.fix === rejoin;
}

/**
 * Rule L3, decided by a person: the base of the old lineage is dropped, and the next cycle joins what the bucket holds now as a union,
 * without any deletion. Versions that are still owed to the log name no winner of the old lineage any more.
 */
export function forgetLineage(journal: Journal): void {
  forgetBase(journal, 'union');
}

/**
 * As if this member had never seen the share: the next cycle joins it (rule J1). `how` says what becomes of files that only it has: they
 * are published unless they are leftovers (`merge`), or go to the trash; in a `union` all of them are published.
 */
export function forgetBase(journal: Journal, how: 'union' | 'trash' | 'merge'): void {
  journal.transaction(() => {
    journal.resetBase();
    for (const key of [
      'cursor',
      'cursorHash',
      'digest',
      'shareId',
      'format',
      'joined',
      'suspectBase',
      'openChangeset',
      'lastCycle',
    ] as const) {
      journal.setMeta(key, null);
    }
    journal.setMeta('joinBase', how);
    for (const row of journal.owedTrash()) journal.putTrash({ ...row, lostTo: 0 });
  });
}

/**
 * Makes `cycle.format` available: the remembered one, or format.json of the bucket, which the first member that may write creates
 * (rules L3, L7). False when the cycle cannot go on; why is in `cycle.halt` or among the problems.
 */
export async function openShare(cycle: Cycle): Promise<boolean> {
  const { journal } = cycle.ports;
  const remembered = journal.meta('format');
  if (remembered !== undefined && cycle.cursor > 0) {
    const decoded = decodeFormat(Buffer.from(remembered));
    if (decoded.ok) {
      cycle.format = decoded.format;
      return true;
    }
  }
  const bytes = await readFormat(cycle);
  if (bytes === null) return await createOrWait(cycle);
  return adopt(cycle, bytes);
}

async function readFormat(cycle: Cycle): Promise<Buffer | null> {
  try {
    const { value, dateMs } = await cycle.ports.datastore.get(formatKey(cycle.share), { bytesMax: formatBytesMax });
    cycle.heard(dateMs);
    return value?.bytes ?? null;
  } catch (error) {
    if (!(error instanceof DatastoreFault) || error.code !== 'too-large') throw error;
    // Longer than any format.json: the model's reader says so.
    return Buffer.alloc(formatBytesMax + 1);
  }
}

/** Rule B2 for format.json: who took part puts it back where it is missing, and leaves alone what stands there. True: it was missing. */
export async function putFormatBack(cycle: Cycle): Promise<boolean> {
  const { value } = await cycle.ports.datastore.putIfAbsent(formatKey(cycle.share), encodeFormat(cycle.inForce));
  return value === 'created';
}

/** A log without its format.json is damaged, not new: another share id would split the federation. The others see the request. */
async function askForFormat(cycle: Cycle): Promise<void> {
  const { datastore, member } = cycle.ports;
  cycle.halt = haltOf(cycle.share, 'format-missing', '');
  if (cycle.config.role === 'subscriber' || cycle.options.dryRun) return;
  await datastore.put(requestKey(cycle.share, 1), Buffer.from(`${member.id}\n`));
}

function adopt(cycle: Cycle, bytes: Buffer): boolean {
  const { journal } = cycle.ports;
  const decoded = decodeFormat(bytes);
  if (!decoded.ok) {
    cycle.halt = haltOf(cycle.share, decoded.verdict === 'newer-format' ? 'newer-format' : 'bad-format', decoded.reason);
    return false;
  }
  const known = journal.meta('shareId');
  if (known !== undefined && known !== decoded.format.share) {
    cycle.halt = haltOf(cycle.share, 'another-share', '');
    return false;
  }
  remember(cycle, decoded.format);
  return true;
}

function remember(cycle: Cycle, format: ShareFormat): void {
  const { journal } = cycle.ports;
  cycle.format = format;
  journal.transaction(() => {
    journal.setMeta('shareId', format.share);
    journal.setMeta('format', encodeFormat(format).toString());
  });
}

async function createOrWait(cycle: Cycle): Promise<boolean> {
  const { ports, config, options } = cycle;
  if (ports.journal.meta('shareId') !== undefined && cycle.cursor > 0) {
    cycle.halt = haltOf(cycle.share, 'bucket-emptied', '');
    return false;
  }
  if ((await listLog(ports.datastore, cycle.share, 1)).head > 0) {
    await askForFormat(cycle);
    return false;
  }
  if (config.role === 'subscriber' || options.only === 'pull' || options.dryRun) return waitForCreation(cycle);
  const created = { atMs: cycle.bucketNowMs(), by: ports.member.name };
  const format = birthFormat(ports.journal.meta('shareId') ?? ports.random.hex(16), config.historyMs, created);
  return adopt(cycle, await settleFormat(cycle, encodeFormat(format)));
}

const formatAttempts = 5;
const formatPauseMs = 300;

/** As with a record, a lost answer is settled by reading back; only an object that stands there settles. */
async function settleFormat(cycle: Cycle, bytes: Buffer): Promise<Buffer> {
  for (let attempt = 1; ; attempt++) {
    const fault = await putFormat(cycle, bytes);
    if (fault === 'created') {
      cycle.ports.log.debug({ step: 'format', share: cycle.share }, 'share created');
      return bytes;
    }
    const standing = await readFormat(cycle);
    if (standing !== null) return standing;
    if (attempt >= formatAttempts) throw fault;
    await cycle.ports.time.sleep(formatPauseMs * attempt * (0.5 + cycle.ports.random.fraction() / 2), cycle.options.signal);
  }
}

function waitForCreation(cycle: Cycle): boolean {
  if (cycle.options.dryRun) {
    cycle.format = birthFormat('0'.repeat(32), cycle.config.historyMs, { atMs: 0, by: cycle.ports.member.name });
    return true;
  }
  cycle.note(
    'no-share',
    null,
    'the share is not in the bucket yet',
    'Run flocksync sync on a member that publishes, or check datastore.url, federation and the share name.',
  );
  return false;
}

/** Anything but 'created' is what to say when nothing stands there afterwards either. */
async function putFormat(cycle: Cycle, bytes: Buffer): Promise<'created' | DatastoreFault> {
  try {
    const { value, dateMs } = await cycle.ports.datastore.putIfAbsent(formatKey(cycle.share), bytes);
    cycle.heard(dateMs);
    return value === 'created' ? value : contradiction(formatKey(cycle.share));
  } catch (error) {
    if (error instanceof DatastoreFault && error.kind === 'unknown') return error;
    throw error;
  }
}
