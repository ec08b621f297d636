import { clockTickUs } from '../../model/local.ts';
import type { FilesRead } from '../../ports/filesystem.ts';
import { breathing } from './breath.ts';
import type { Candidate, CollateOptions, CollatePorts, Reading } from './finding.ts';
import { type Counted, isQuicklyRead, isSmall, judgeRead, readOne } from './read.ts';

/** A group is large enough to be worth a message to another thread. */
const groupFilesMax = 512;
const groupBytesMin = 1024 * 1024;
/** Below both, another thread costs more than it spares. */
const aheadFilesMin = 200;
/** What is read before it is asked for, so that reading goes on while others compute. */
const aheadBytesMax = 8 * 1024 * 1024;
const aheadFilesMax = 4096;

/** `reading` is null for what is not read before the quiet time is over. */
export interface Handed {
  readonly candidate: Candidate;
  readonly reading: Reading | null;
  /** Read before the quiet time was over: it needs a second look. */
  readonly isEarly: boolean;
}

/** Reads the candidates of one look, in order. A look in parts keeps its reader, so that the next part is read while one is published. */
export interface Reader {
  /** Candidates that have not been handed out. */
  left(): number;
  /** The next few; none at the end, when the look is told to stop, and when the next few are more than `most`, which is some hundreds at least. */
  next(most: number, counted: Counted): Promise<readonly Handed[]>;
}

interface Group {
  readonly candidates: readonly Candidate[];
  readonly isEarly: boolean;
  /** When the reading was asked for, microseconds: what changed in the tick before it is not trusted. */
  readonly askedUs: number;
  /** What is being read of them beside this thread. */
  readonly ahead: ReadonlySet<Candidate>;
  readonly read: Promise<FilesRead> | null;
}

/**
 * Small files are read before the quiet time is over, too, unless they changed within the tick of this look: a change after the read could
 * look the same. Everything else waits until then. Uses `found` up, so that a large look is not held twice.
 */
export function openReader(ports: CollatePorts, found: Candidate[], settledMs: number, options: CollateOptions): Reader {
  const waiting = found.reverse();
  const flying: Group[] = [];
  const breathe = breathing(ports.time);
  let [files, bytes] = [0, 0];
  const fill = (): void => {
    while (waiting.length > 0 && files < aheadFilesMax && bytes < aheadBytesMax) {
      const group = begin(ports, takeGroup(waiting), settledMs, options);
      flying.push(group);
      files += group.candidates.length;
      bytes += bytesOf(group);
    }
  };
  return {
    left: () => waiting.length + files,
    next: async (most, counted) => {
      if (options.signal.aborted) return [];
      fill();
      const [group] = flying;
      if (group === undefined || group.candidates.length > most) return [];
      flying.shift();
      const handed = await handOut(ports, group, settledMs, options, counted);
      files -= group.candidates.length;
      bytes -= bytesOf(group);
      fill();
      await breathe();
      return handed;
    },
  };
}

function takeGroup(waiting: Candidate[]): Candidate[] {
  const group: Candidate[] = [];
  let bytes = 0;
  while (group.length < groupFilesMax && bytes < groupBytesMin) {
    const candidate = waiting.pop();
    if (candidate === undefined) break;
    group.push(candidate);
    if (isSmall(candidate)) bytes += candidate.stat.size;
  }
  return group;
}

function bytesOf({ ahead }: Group): number {
  let bytes = 0;
  for (const { stat } of ahead) bytes += stat.size;
  return bytes;
}

function begin(ports: CollatePorts, candidates: readonly Candidate[], settledMs: number, options: CollateOptions): Group {
  const isEarly = ports.time.monotonicMs() < settledMs;
  if (!isMany(candidates)) return { candidates, isEarly, askedUs: 0, ahead: new Set(), read: null };
  const askedUs = ports.time.wallMs() * 1000;
  const ahead = candidates.filter((candidate) => isQuick(candidate, isEarly, askedUs, options));
  const read = ahead.length === 0 ? null : ports.tree.readFiles(ahead.map(({ path, stat }) => ({ path, size: stat.size })));
  read?.catch(() => undefined);
  return { candidates, isEarly, askedUs, ahead: new Set(ahead), read };
}

function isMany(candidates: readonly Candidate[]): boolean {
  const small = candidates.filter(isSmall);
  return small.length >= aheadFilesMin || small.reduce((sum, { stat }) => sum + stat.size, 0) >= groupBytesMin;
}

function isQuick(candidate: Candidate, isEarly: boolean, nowUs: number, options: CollateOptions): boolean {
  const isQuiet = !isEarly || candidate.stat.ctimeKey <= nowUs - clockTickUs;
  return isQuiet && isQuicklyRead(candidate, options) && !options.remembered.has(candidate.path);
}

async function handOut(
  ports: CollatePorts,
  { candidates, isEarly, askedUs, ahead, read }: Group,
  settledMs: number,
  options: CollateOptions,
  counted: Counted,
): Promise<readonly Handed[]> {
  const handed: Handed[] = [];
  const answer = await read;
  const breathe = breathing(ports.time);
  let next = 0;
  for (const candidate of candidates) {
    if (options.signal.aborted) break;
    let reading: Reading | null = null;
    const file = ahead.has(candidate) ? answer?.files[next++] : undefined;
    if (file !== undefined) reading = await judgeRead(ports, candidate, file, askedUs, options, counted);
    else if (!isEarly || isDueNow(ports, candidate, settledMs, options)) reading = await readOne(ports, candidate, options, counted);
    handed.push({ candidate, reading, isEarly });
    await breathe();
  }
  answer?.release();
  return handed;
}

function isDueNow({ time }: CollatePorts, candidate: Candidate, settledMs: number, options: CollateOptions): boolean {
  return time.monotonicMs() < settledMs && isQuick(candidate, true, time.wallMs() * 1000, options);
}
