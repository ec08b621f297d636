/** What is thrown at the place where a process dies: it ends everything that the process was at. */
export class Killed extends Error {
  override readonly name = 'Killed';
}

/** What a process was started for. */
export type Activity = 'sync' | 'daemon' | 'housekeep' | 'restore' | 'approve' | 'verify';

/** One process of flocksync on one machine. Once it is dead, nothing that it still calls has an effect, and nothing is answered. */
export class Process {
  readonly name: string;
  readonly activity: Activity;
  /** Its SIGTERM. */
  readonly term = new AbortController();
  readonly #atDeath: (() => void)[] = [];
  alive = true;

  constructor(name: string, activity: Activity) {
    this.name = name;
    this.activity = activity;
  }

  /** Throws where the process is dead. */
  assertAlive(): void {
    if (!this.alive) throw new Killed(`${this.name} is dead`);
  }

  /** `release` is what the operating system does when a process is gone, however it went. */
  onEnd(release: () => void): void {
    this.#atDeath.push(release);
  }

  /** By itself or by a kill. */
  end(): void {
    if (!this.alive) return;
    this.alive = false;
    for (const release of this.#atDeath.splice(0).reverse()) release();
  }
}
