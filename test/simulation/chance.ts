import type { Random } from '../../src/ports/random.ts';

/** All chance of one run follows from its seed: sfc32 by Chris Doty-Humphrey (PractRand), seeded through a 32-bit mixing function. */
export class Chance implements Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: string) {
    const mixed = mixer(seed);
    [this.#a, this.#b, this.#c] = [mixed(), mixed(), mixed()];
    for (let round = 0; round < 12; round++) this.#next();
  }

  /** A stream of its own: what one part draws shifts no other part. */
  fork(name: string): Chance {
    return new Chance(`${name} ${this.#next()} ${this.#next()}`);
  }

  /** Uniform in [0, 1). */
  fraction(): number {
    return this.#next() / 2 ** 32;
  }

  hex(bytes: number): string {
    let text = '';
    while (text.length < bytes * 2) text += this.#next().toString(16).padStart(8, '0');
    return text.slice(0, bytes * 2);
  }

  /** 0 up to `count` - 1. */
  below(count: number): number {
    return Math.floor(this.fraction() * count);
  }

  /** From `low` up to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  maybe(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError('there is nothing to choose from');
    return item;
  }

  /** One of the names, as often as its weight says. */
  weighted<T extends string>(weights: Readonly<Record<T, number>>): T {
    const names = Object.keys(weights) as T[];
    let left = this.fraction() * names.reduce((sum, name) => sum + weights[name], 0);
    for (const name of names) {
      left -= weights[name];
      if (left < 0) return name;
    }
    return this.pick(names);
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }
}

function mixer(text: string): () => number {
  let state = 0x9e3779b9 ^ text.length;
  for (let at = 0; at < text.length; at++) {
    state = Math.imul(state ^ text.charCodeAt(at), 0xcc9e2d51);
    state = (state << 13) | (state >>> 19);
  }
  return () => {
    state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
    state ^= state >>> 16;
    return state >>> 0;
  };
}
