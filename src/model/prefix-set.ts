import type { Hash } from './entry.ts';

const slotsAtFirst = 1024;

/**
 * A set of hashes by their first eight bytes: 16 to 32 bytes of memory for each, where a set of strings takes a hundred. `has` is true for
 * every hash that was added, and for another one about once in 2^64 pairs: only for what such a mistake does not harm.
 */
export class PrefixSet {
  private slots = new Uint32Array(2 * slotsAtFirst);
  private count = 0;

  add(hash: Hash): void {
    const [high, low] = prefixOf(hash);
    if (!this.insert(high, low)) return;
    this.count++;
    if (this.count * 4 > this.slots.length) this.grow();
  }

  has(hash: Hash): boolean {
    const [high, low] = prefixOf(hash);
    const at = this.slotOf(high, low);
    return this.slots[at] === high && this.slots[at + 1] === low;
  }

  /** False when it is there already. */
  private insert(high: number, low: number): boolean {
    const at = this.slotOf(high, low);
    if (this.slots[at] === high && this.slots[at + 1] === low) return false;
    this.slots[at] = high;
    this.slots[at + 1] = low;
    return true;
  }

  /** Where it is, or the free slot where it would be. */
  private slotOf(high: number, low: number): number {
    const mask = this.slots.length - 1;
    for (let at = (high * 2) & mask; ; at = (at + 2) & mask) {
      const free = this.slots[at] === 0 && this.slots[at + 1] === 0;
      if (free || (this.slots[at] === high && this.slots[at + 1] === low)) return at;
    }
  }

  private grow(): void {
    const old = this.slots;
    this.slots = new Uint32Array(old.length * 2);
    for (let at = 0; at < old.length; at += 2) {
      const [high, low] = [old[at] as number, old[at + 1] as number];
      if (high !== 0 || low !== 0) this.insert(high, low);
    }
  }
}

/** Two zeros mark a free slot. */
function prefixOf(hash: Hash): [high: number, low: number] {
  const high = Number.parseInt(hash.slice(0, 8), 16);
  const low = Number.parseInt(hash.slice(8, 16), 16);
  return [high, high === 0 && low === 0 ? 1 : low];
}
