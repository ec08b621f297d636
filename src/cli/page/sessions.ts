import { createHash, timingSafeEqual } from 'node:crypto';
import type { Random } from '../../ports/random.ts';
import type { Time } from '../../ports/time.ts';

const sessionMs = 12 * 3600 * 1000;
const sessionsMax = 100;
const idBytes = 24;
/** Wrong tokens within a minute; then nobody signs in until the minute is over. */
const wrongMax = 20;
const wrongWithinMs = 60_000;
const notesMax = 10;

export interface Note {
  readonly isBad: boolean;
  readonly text: string;
}

/** A browser that has shown the token. */
export interface Session {
  readonly id: string;
  /** Stands in each form of this session, so that no other site can send one. */
  readonly proof: string;
  readonly untilMs: number;
  /** What the next screen tells. */
  readonly notes: Note[];
}

/** Who may decide: whoever shows the token, in a header or by signing in. Everything is forgotten when the process ends. */
export class Sessions {
  readonly #random: Random;
  readonly #time: Time;
  readonly #sessions = new Map<string, Session>();
  #token: string | null;
  #wrong = { count: 0, untilMs: 0 };

  constructor(token: string | null, random: Random, time: Time) {
    [this.#token, this.#random, this.#time] = [token, random, time];
  }

  get hasToken(): boolean {
    return this.#token !== null;
  }

  /** Another token ends every session. */
  renew(token: string | null): void {
    if (token !== this.#token) this.#sessions.clear();
    this.#token = token;
  }

  /** `later`: too many wrong ones lately. */
  signIn(given: string): Session | 'wrong' | 'later' {
    if (this.#isTooOften()) return 'later';
    if (!this.isToken(given)) {
      this.#noteWrong();
      return 'wrong';
    }
    this.#sweep();
    const session = {
      id: this.#random.hex(idBytes),
      proof: this.#random.hex(idBytes),
      untilMs: this.#time.monotonicMs() + sessionMs,
      notes: [],
    };
    this.#sessions.set(session.id, session);
    return session;
  }

  /** Null for one that never was, or is over. */
  find(id: string): Session | null {
    const session = this.#sessions.get(id);
    return session !== undefined && session.untilMs > this.#time.monotonicMs() ? session : null;
  }

  signOut(id: string): void {
    this.#sessions.delete(id);
  }

  /** Takes as long for any text that is not the token. */
  isToken(given: string): boolean {
    return this.#token !== null && isEqual(given, this.#token);
  }

  #isTooOften(): boolean {
    return this.#wrong.count >= wrongMax && this.#time.monotonicMs() < this.#wrong.untilMs;
  }

  #noteWrong(): void {
    const nowMs = this.#time.monotonicMs();
    if (nowMs >= this.#wrong.untilMs) this.#wrong = { count: 0, untilMs: nowMs + wrongWithinMs };
    this.#wrong.count++;
  }

  #sweep(): void {
    const nowMs = this.#time.monotonicMs();
    for (const [id, { untilMs }] of this.#sessions) if (untilMs <= nowMs) this.#sessions.delete(id);
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size >= sessionsMax && oldest !== undefined) this.#sessions.delete(oldest);
  }
}

/** Their hashes are compared, so that neither the place of a difference nor the length shows. */
export function isEqual(given: string, wanted: string): boolean {
  const [a, b] = [given, wanted].map((text) => createHash('sha256').update(text).digest()) as [Buffer, Buffer];
  return timingSafeEqual(a, b);
}

export function tell(session: Session, notes: readonly Note[]): void {
  session.notes.push(...notes);
  session.notes.splice(0, Math.max(0, session.notes.length - notesMax));
}
