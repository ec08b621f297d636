/** A content that a member gave to a path which others write as well. */
interface Bid {
  readonly member: string;
  readonly path: string;
  readonly hash: string;
  acknowledged: boolean;
}

/**
 * The manifest of contested paths: whoever wins there, every content that a `sync` has acknowledged has to be live somewhere or a
 * version in the bucket.
 */
export class Contest {
  readonly #bids: Bid[] = [];

  wrote(member: string, path: string, hash: string): void {
    this.#bids.push({ member, path, hash, acknowledged: false });
  }

  /** What a member has written and still shows; `hashAt` reads its disk. To be handed to `acknowledge` when the `sync` has returned 0. */
  standing(member: string, hashAt: (path: string) => string | null): readonly object[] {
    const own = this.#bids.filter((bid) => bid.member === member && !bid.acknowledged);
    return own.filter((bid) => hashAt(bid.path) === bid.hash);
  }

  acknowledge(standing: readonly object[]): void {
    for (const bid of this.#bids) if (standing.includes(bid)) bid.acknowledged = true;
  }

  get acknowledged(): number {
    return this.#bids.filter((bid) => bid.acknowledged).length;
  }

  /** Acknowledged contents that nobody has any more. */
  lost(isKept: (hash: string) => boolean): string[] {
    const gone = this.#bids.filter((bid) => bid.acknowledged && !isKept(bid.hash));
    return gone.map(({ member, path, hash }) => `what ${member} wrote to ${JSON.stringify(path)} is lost (${hash.slice(0, 12)})`);
  }
}
