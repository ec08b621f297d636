import { nearest } from '../../model/nearest.ts';
import type { Findings } from './findings.ts';
import type { Cell, LuaTable } from './lua-value.ts';

/** The cells with a name, under the name that was most likely meant: `Delay` is `delay`, `statusIntervall` is `statusInterval`. */
export function namedCells(table: LuaTable, known: readonly string[], findings: Findings): Map<string, Cell> {
  const cells = new Map<string, Cell>();
  for (const [key, cell] of table.cells) {
    if (typeof key === 'number') continue;
    const name = meantBy(key, known) ?? key;
    if (name !== key) findings.add('note', cell.line, key, `read as \`${name}\``);
    if (name === key || !table.cells.has(name)) cells.set(name, cell);
  }
  return cells;
}

/** Short words that differ in a letter or two, such as `port` and `host`, are different words. */
function meantBy(key: string, known: readonly string[]): string | undefined {
  if (known.includes(key)) return key;
  const sameLetters = known.find((name) => name.toLowerCase() === key.toLowerCase());
  if (sameLetters !== undefined || key.length < 6) return sameLetters;
  return nearest(
    key,
    known.filter((name) => name[0] === key[0]),
  );
}
