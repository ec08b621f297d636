import type { Cell } from './lua-value.ts';

/** Variables: the innermost block first, the globals last. */
export interface Scope {
  get(name: string): Cell | undefined;
  /** Sets a variable that exists, or a global one. */
  set(name: string, cell: Cell): void;
  declare(name: string, cell: Cell): void;
  inner(): Scope;
}

export function newScope(outer: Scope | null): Scope {
  const cells = new Map<string, Cell>();
  const scope: Scope = {
    get: (name) => cells.get(name) ?? outer?.get(name),
    set: (name, cell) => (outer === null || cells.has(name) ? void cells.set(name, cell) : outer.set(name, cell)),
    declare: (name, cell) => void cells.set(name, cell),
    inner: () => newScope(scope),
  };
  return scope;
}
