import { systemTime } from '../adapters/system.ts';

/** A sleep that can be cut short. */
export class Waker {
  #wake = new AbortController();

  /** Ends the sleep under way, or the next one. */
  wake(): void {
    this.#wake.abort();
  }

  async sleep(ms: number): Promise<void> {
    await systemTime.sleep(ms, this.#wake.signal);
    this.#wake = new AbortController();
  }
}
