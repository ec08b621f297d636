import type { CommandName } from './command.ts';
import type { Flag } from './flags.ts';

/** How a command is written, for the parser and for its help screen: one table, so that they cannot disagree. */
export interface CommandSpec {
  readonly name: Exclude<CommandName, 'version'>;
  /** The words after the name, as help writes them. */
  readonly words: string;
  readonly wordsMin: number;
  readonly wordsMax: number;
  readonly json: boolean;
  readonly flags: readonly (Flag & { readonly about: string })[];
  /** Documented flags that this release lacks. */
  readonly unbuiltFlags: readonly string[];
  readonly about: string;
  /** Paragraphs of the help screen. */
  readonly details: readonly string[];
  readonly examples: readonly string[];
}
