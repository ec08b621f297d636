import type { Answer, Datastore, Key } from '../../src/ports/datastore.ts';
import { type Bucket, fault } from './bucket.ts';
import type { Chance } from './chance.ts';
import { type Coverage, type Fault, oftenAt, type Step } from './coverage.ts';
import type { Process } from './process.ts';
import type { Scheduler } from './scheduler.ts';

/** How often a call meets each fault; drawn per seed, all zero once the world is healed. */
export interface NetworkRates {
  failed: number;
  answerLost: number;
  late: number;
  cut: number;
  throttled: number;
  date: number;
  /** Never drawn: a byte of a content that is read from a pack is another one. */
  flipped?: number;
}

export interface NetworkParts {
  readonly scheduler: Scheduler;
  readonly bucket: Bucket;
  readonly chance: Chance;
  readonly coverage: Coverage;
  readonly rates: NetworkRates;
  /** Keys per page of a listing. */
  readonly pageKeys: number;
  /** True while the store is away, or refuses this member everything. */
  readonly trouble: (process: Process, operation: Operation) => 'away' | 'refused' | null;
  /** May kill the process; true when it did. */
  readonly mortal: (process: Process, what: string, step: Step) => boolean;
}

type Operation = keyof Datastore;

const clientTimeoutMs = 12_000;
const latestMs = 8 * 60_000;
const yearMs = 365 * 24 * 3600 * 1000;
/** Content of a stream that needs an upload in several parts. */
const partBytes = 1024;

/** What became of one call: which fault it meets, when it arrives and how long its answer takes. */
interface Fate {
  readonly fault: Fault | null;
  readonly thereMs: number;
  readonly backMs: number;
}

/** The bucket as one process reaches it: each call is two events, and between them anything may happen. */
export class Network {
  readonly #parts: NetworkParts;
  #answersSinceDate = 0;

  constructor(parts: NetworkParts) {
    this.#parts = parts;
  }

  /** The port for one process. Calls that are on their way arrive even when it has died meanwhile. */
  linkOf(process: Process): Datastore {
    const { bucket, pageKeys } = this.#parts;
    const call = <T>(operation: Operation, key: Key, act: () => T) => this.#call(process, operation, key, act);
    return {
      get: (key, options) => call('get', key, () => this.#flipped(key, bucket.get(key, options))),
      put: (key, bytes) => {
        const sent = Buffer.from(bytes);
        return call('put', key, () => bucket.put(key, sent));
      },
      putIfAbsent: (key, bytes) => {
        const sent = Buffer.from(bytes);
        return call('putIfAbsent', key, () => bucket.putIfAbsent(key, sent));
      },
      putStream: (key, size, open) => this.#putStream(process, key, size, open),
      list: (prefix, { after, limit = 1000 }) => call('list', prefix, () => bucket.list(prefix, after, Math.min(limit, pageKeys))),
      listFolders: (prefix) => call('listFolders', prefix, () => bucket.listFolders(prefix)),
      remove: (key) => call('remove', key, () => bucket.remove(key)),
      unfinishedUploads: (prefix) => call('unfinishedUploads', prefix, () => bucket.unfinishedUploads(prefix)),
      abortUpload: (upload) => call('abortUpload', upload.key, () => bucket.abortUpload(upload)),
      close: () => Promise.resolve(),
    };
  }

  /** A store, or a wire, that changes a byte of a content now and then. */
  #flipped<T extends { readonly bytes: Buffer } | null>(key: Key, got: T): T {
    const { rates, chance } = this.#parts;
    if (got === null || !rates.flipped || !key.includes('/packs/') || !chance.maybe(rates.flipped)) return got;
    const bytes = Buffer.from(got.bytes);
    const at = chance.below(bytes.length);
    bytes[at] = (bytes[at] as number) ^ 1;
    return { ...got, bytes };
  }

  async #putStream(process: Process, key: Key, size: number, open: () => AsyncIterable<Buffer>): Promise<Answer<void>> {
    const { bucket } = this.#parts;
    const upload = size > partBytes ? bucket.beginUpload(key) : null;
    const pieces: Buffer[] = [];
    for await (const piece of open()) pieces.push(Buffer.from(piece));
    const bytes = Buffer.concat(pieces);
    if (bytes.length !== size) throw new Error(`a stream of ${bytes.length} bytes was announced with ${size}`);
    return await this.#call(process, 'putStream', key, () => {
      bucket.put(key, bytes);
      upload?.end();
    });
  }

  #call<T>(process: Process, operation: Operation, key: Key, act: () => T): Promise<Answer<T>> {
    const { scheduler, coverage, mortal } = this.#parts;
    const step = stepOf(process, operation, key);
    const label = `${process.name} ${operation} ${key}`;
    process.assertAlive();
    scheduler.note(label);
    if (mortal(process, `before ${label}`, step)) return new Promise(() => {});
    const fate = this.#fate(process, operation, oftenAt(step));
    if (fate.fault !== null) coverage.hit(fate.fault, step);
    return new Promise((resolve, reject) => {
      const answer = (delayMs: number, what: string, settle: () => void) =>
        scheduler.at(delayMs, `${label}: ${what}`, () => {
          if (process.alive) settle();
        });
      if (fate.fault === 'failed' || fate.fault === 'throttled' || fate.fault === 'refused') {
        const known = { failed: 'unreachable', throttled: 'throttled', refused: 'refused' }[fate.fault];
        answer(fate.backMs, known, () => reject(fault(fate.fault === 'refused' ? 'permanent' : 'transient', known, key)));
        return;
      }
      const lost = () => reject(fault(operation === 'putIfAbsent' ? 'unknown' : 'transient', 'timeout', key));
      if (fate.fault === 'late') answer(clientTimeoutMs, 'no answer in time', lost);
      scheduler.at(fate.thereMs, `${label}: arrives`, () => {
        const done = carriedOut(act);
        if (process.alive && mortal(process, `after ${label}`, step)) return;
        if (fate.fault === 'late') return;
        if (fate.fault === 'answer-lost') return void answer(clientTimeoutMs, 'answer lost', lost);
        if (fate.fault === 'cut') return void answer(fate.backMs, 'cut', () => reject(fault('transient', 'truncated', key)));
        answer(fate.backMs, 'answered', () => {
          if (!done.ok) reject(done.fault);
          else resolve({ value: done.value, dateMs: this.#dateMs(fate) });
        });
      });
    });
  }

  #dateMs({ fault }: Fate): number {
    const { bucket, chance } = this.#parts;
    const nowMs = bucket.nowMs();
    return fault === 'date' ? nowMs + (chance.maybe(0.5) ? 1 : -1) * chance.between(1, 3) * yearMs : nowMs;
  }

  #fate(process: Process, operation: Operation, often: number): Fate {
    const { chance, rates, trouble } = this.#parts;
    const thereMs = chance.maybe(0.03) ? chance.between(1000, 5000) : chance.between(1, 40);
    const backMs = chance.between(1, 40);
    const met = trouble(process, operation);
    if (met !== null) return { fault: met === 'away' ? 'failed' : 'refused', thereMs, backMs };
    const drawn = chance.fraction() / often;
    const reads = operation === 'get';
    const limits: readonly (readonly [Fault, number])[] = [
      ['failed', rates.failed],
      ['answer-lost', rates.answerLost],
      ['late', rates.late],
      ['throttled', rates.throttled],
      ['date', rates.date],
      ['cut', reads ? rates.cut : 0],
    ];
    let sum = 0;
    this.#answersSinceDate++;
    for (const [kind, rate] of limits) {
      sum += rate;
      // One gateway of several has a wrong clock.
      if (kind === 'date' && drawn < sum && this.#answersSinceDate < 8) break;
      if (kind === 'date' && drawn < sum) this.#answersSinceDate = 0;
      if (drawn < sum) return { fault: kind, thereMs: kind === 'late' ? chance.between(clientTimeoutMs, latestMs) : thereMs, backMs };
    }
    return { fault: null, thereMs, backMs };
  }
}

function carriedOut<T>(act: () => T): { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: unknown } {
  try {
    return { ok: true, value: act() };
  } catch (error) {
    return { ok: false, fault: error };
  }
}

/** What the member is at, by what it asks the bucket for. */
function stepOf({ activity }: Process, operation: Operation, key: Key): Step {
  if (activity === 'verify') return 'verify';
  if (activity === 'restore' && operation === 'putIfAbsent') return 'restore';
  if (key.includes('/members/')) return 'heartbeat';
  if (key.includes('/snapshots/'))
    return operation === 'put' || operation === 'putStream' ? 'snapshot' : operation === 'remove' ? 'housekeep' : 'bootstrap';
  if (key.endsWith('/format.json')) return 'open';
  if (operation === 'remove' || operation === 'unfinishedUploads' || operation === 'abortUpload') return 'housekeep';
  if (operation === 'get') return key.includes('/packs/') ? 'fetch' : 'ingest';
  if (operation === 'list') return key.includes('/log/') ? 'ingest' : 'housekeep';
  return 'publish';
}
