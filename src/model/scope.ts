import type { BytePath } from './path.ts';

/**
 * What a look at the disk takes in.
 * - whole: everything. - directories: what is directly inside `paths`, with everything below where a directory in them is new or another
 *   than before, and everything below `subtrees`.
 * - below: these paths with everything below them, and nothing else.
 * The root itself is always listed (rule G1).
 */
export type Scope =
  | { readonly kind: 'whole' }
  | { readonly kind: 'directories'; readonly paths: ReadonlySet<BytePath>; readonly subtrees: ReadonlySet<BytePath> }
  | { readonly kind: 'below'; readonly paths: readonly BytePath[] };

export const wholeScope: Scope = { kind: 'whole' };
