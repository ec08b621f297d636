import { Gate } from '../../adapters/bounded.ts';
import type { World } from '../../compose.ts';
import { approve } from '../approve.ts';
import { type ExitCode, exit } from '../exit.ts';
import { reject } from '../reject.ts';
import type { Note } from './sessions.ts';

/** More would wait for each other's turn with the share. */
const waitingMax = 4;

export interface Decided {
  readonly code: ExitCode;
  readonly notes: readonly Note[];
}

/** Approves and rejects exactly as the commands do, one after the other. */
export class Decisions {
  readonly #world: World;
  readonly #gate = new Gate(1);
  #waiting = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** Null where too many are waiting already. */
  async decide(verdict: 'approve' | 'reject', share: string, id: string): Promise<Decided | null> {
    if (this.#waiting >= waitingMax) return null;
    this.#waiting++;
    try {
      return await this.#gate.through(() => this.#carryOut(verdict, share, id));
    } finally {
      this.#waiting--;
    }
  }

  async #carryOut(verdict: 'approve' | 'reject', share: string, id: string): Promise<Decided> {
    const notes: Note[] = [];
    const output = {
      terminal: false,
      line: (text: string) => void notes.push({ isBad: false, text }),
      error: (text: string) => void notes.push({ isBad: true, text: text.replace(/^flocksync: /, '') }),
    };
    const common = { config: this.#world.config.file, json: false, verbose: false, quiet: false, ids: [id], share };
    const code =
      verdict === 'approve'
        ? await approve(this.#world, { name: 'approve', ...common }, output)
        : await reject(this.#world, { name: 'reject', ...common }, output);
    this.#world.log.info(
      { share, id, verdict, code },
      code === exit.done ? 'decided on the page' : 'a decision on the page was not carried out',
    );
    // The daemon itself goes on with it.
    return { code, notes: notes.filter(({ text }) => !text.includes(': run now, or wait for the next cycle')) };
  }
}
