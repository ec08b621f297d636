import type { BytePath } from '../model/path.ts';

export interface PreviewBounds {
  /** Names of any kind. */
  readonly namesMax: number;
  /** Of all files together. */
  readonly bytesMax: number;
}

/**
 * A copy of all that stands below the root, what the config excludes included, in the staging area: nothing that is done to it reaches
 * the share. Links that lead into the share lead into the copy, and those that leave it to where they led. Throws `DiskFault`.
 */
export interface Preview {
  /** The copy's root, absolute, as text for a command. */
  readonly path: string;
  /** Of names and stats of everything below the share's root; null beyond the bounds. Equal digests: nothing has changed. */
  digest(bounds: PreviewBounds): string | null;
  /** False beyond the bounds: then the copy is incomplete. */
  copy(bounds: PreviewBounds): Promise<boolean>;
  /** Nothing where nothing stands, or a directory with something in it. */
  remove(path: BytePath): void;
  makeDirectory(path: BytePath, mode: number): void;
  makeLink(path: BytePath, target: string): void;
  /** Moves a staged file, by its name in the stage, to its place; it is no staged file any more. */
  place(staged: { readonly name: string }, path: BytePath): void;
  /** What cannot be removed now goes with the leftovers of the next cycle. */
  discard(): void;
}
