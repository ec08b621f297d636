/** A name that means something to lsyncd, such as `default.rsync`; it can be passed on, not computed with. */
export interface LuaName {
  readonly name: string;
}

export type LuaValue = null | boolean | number | string | LuaName | LuaTable;
export type LuaKey = string | number;

/** A value and the line that set it. */
export interface Cell {
  readonly value: LuaValue;
  readonly line: number;
}

export interface LuaTable {
  readonly cells: Map<LuaKey, Cell>;
}

/** The config cannot be read without running it, or not at all. */
export class LuaFault extends Error {
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

export function newTable(): LuaTable {
  return { cells: new Map() };
}

export function isTable(value: LuaValue | undefined): value is LuaTable {
  return typeof value === 'object' && value !== null && 'cells' in value;
}

export function isName(value: LuaValue | undefined): value is LuaName {
  return typeof value === 'object' && value !== null && 'name' in value;
}

export function isTrue(value: LuaValue): boolean {
  return value !== null && value !== false;
}

/** The cells 1, 2, … up to the first hole, as `ipairs` walks them. */
export function listOf(table: LuaTable): Cell[] {
  const cells: Cell[] = [];
  for (let at = 1; ; at++) {
    const cell = table.cells.get(at);
    if (cell === undefined) return cells;
    cells.push(cell);
  }
}

/** A value as the config could write it, on one line of bounded length. */
export function shown(value: LuaValue): string {
  if (value === null) return 'nil';
  if (isName(value)) return value.name;
  if (isTable(value)) return value.cells.size === 0 ? '{}' : '{ … }';
  if (typeof value !== 'string') return String(value);
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
}
