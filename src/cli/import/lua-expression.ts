import type { Expression, TableConstructorExpression } from 'luaparse';
import type { Scope } from './lua-scope.ts';
import { isName, isTable, isTrue, LuaFault, type LuaKey, type LuaTable, type LuaValue, listOf, newTable, shown } from './lua-value.ts';

/** What expressions are computed in. */
export interface Machine {
  /** Counts one step; throws when there were too many. */
  step(line: number): void;
  note(line: number, text: string): void;
  call(expression: Expression, scope: Scope): LuaValue;
}

const textMax = 65_536;

export function lineOf(node: { readonly loc?: { readonly start: { readonly line: number } } | undefined }): number {
  return node.loc?.start.line ?? 0;
}

/** The value of an expression, computed without running anything but table look-ups, concatenation and arithmetic. */
export function evaluate(machine: Machine, expression: Expression, scope: Scope): LuaValue {
  const line = lineOf(expression);
  machine.step(line);
  switch (expression.type) {
    case 'StringLiteral':
      return textOf(expression.value, line);
    case 'NumericLiteral':
    case 'BooleanLiteral':
      return expression.value;
    case 'NilLiteral':
      return null;
    case 'Identifier':
      return variable(expression.name, scope, line);
    case 'TableConstructorExpression':
      return tableOf(machine, expression, scope);
    case 'MemberExpression':
      return member(evaluate(machine, expression.base, scope), expression.identifier.name, line);
    case 'IndexExpression':
      return member(evaluate(machine, expression.base, scope), keyOf(evaluate(machine, expression.index, scope), line), line);
    case 'UnaryExpression':
      return unary(expression.operator, evaluate(machine, expression.argument, scope), line);
    case 'LogicalExpression':
      return logical(machine, expression, scope);
    case 'BinaryExpression':
      return binary(expression.operator, evaluate(machine, expression.left, scope), evaluate(machine, expression.right, scope), line);
    case 'CallExpression':
    case 'TableCallExpression':
    case 'StringCallExpression':
      return machine.call(expression, scope);
    case 'FunctionDeclaration':
      throw functionFault(line);
    default:
      throw new LuaFault(line, '`...` cannot be read here: write what it stands for');
  }
}

export function functionFault(line: number, name = ''): LuaFault {
  const what = name === '' ? 'a function' : `the function \`${name}\``;
  return new LuaFault(
    line,
    `here stands ${what}, and import never runs any: take it out of a copy of the file and import that; ` +
      'what it did after a change can be an `onChange` of the share',
  );
}

/** Strings of the tree are bytes, one in each character. */
function textOf(bytes: string, line: number): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(bytes, 'latin1'));
  } catch {
    throw new LuaFault(line, 'this text is not UTF-8, so no config of flocksync can hold it');
  }
}

function variable(name: string, scope: Scope, line: number): LuaValue {
  const cell = scope.get(name);
  if (cell !== undefined) return cell.value;
  throw new LuaFault(line, `\`${name}\` is not set before this line: set it, or put its value here`);
}

function tableOf(machine: Machine, expression: TableConstructorExpression, scope: Scope): LuaTable {
  const table = newTable();
  let next = 1;
  for (const field of expression.fields) {
    const line = lineOf(field);
    if (field.value.type === 'VarargLiteral') {
      machine.note(line, '`...` stands for something that was left out; nothing is read for it');
      continue;
    }
    const value = evaluate(machine, field.value, scope);
    if (field.type === 'TableKey') setCell(table, keyOf(evaluate(machine, field.key, scope), line), value, line);
    else setCell(table, field.type === 'TableValue' ? next++ : field.key.name, value, line);
  }
  return table;
}

/** A second value for a key replaces the first one, and nil takes it away, as in Lua. */
export function setCell(table: LuaTable, key: LuaKey, value: LuaValue, line: number): void {
  if (value === null) table.cells.delete(key);
  else table.cells.set(key, { value, line });
}

export function keyOf(value: LuaValue, line: number): LuaKey {
  if (typeof value === 'string' || typeof value === 'number') return value;
  throw new LuaFault(line, `${shown(value)} cannot be the key of a table here: write a text or a number`);
}

function member(base: LuaValue, key: LuaKey, line: number): LuaValue {
  if (isTable(base)) return base.cells.get(key)?.value ?? null;
  if (isName(base)) return { name: `${base.name}.${key}` };
  throw new LuaFault(line, `${shown(base)} is no table, so it has no \`${key}\``);
}

function logical(machine: Machine, expression: Expression & { type: 'LogicalExpression' }, scope: Scope): LuaValue {
  const left = evaluate(machine, expression.left, scope);
  return isTrue(left) === (expression.operator === 'and') ? evaluate(machine, expression.right, scope) : left;
}

function unary(operator: string, value: LuaValue, line: number): LuaValue {
  if (operator === 'not') return !isTrue(value);
  if (operator === '-') return -numberOf(value, operator, line);
  if (operator === '#' && isTable(value)) return listOf(value).length;
  if (operator === '#' && typeof value === 'string') return Buffer.byteLength(value);
  throw cannot(operator, value, line);
}

function binary(operator: string, left: LuaValue, right: LuaValue, line: number): LuaValue {
  if (operator === '..') return concatenation(left, right, line);
  if (operator === '==') return left === right;
  if (operator === '~=') return left !== right;
  const [a, b] = [numberOf(left, operator, line), numberOf(right, operator, line)];
  const compute = arithmetic[operator];
  if (compute === undefined) throw cannot(operator, left, line);
  return compute(a, b);
}

const arithmetic: Readonly<Record<string, (a: number, b: number) => number | boolean>> = {
  ...{ '+': (a, b) => a + b, '-': (a, b) => a - b, '*': (a, b) => a * b, '/': (a, b) => a / b },
  ...{ '<': (a, b) => a < b, '>': (a, b) => a > b, '<=': (a, b) => a <= b, '>=': (a, b) => a >= b },
};

function concatenation(left: LuaValue, right: LuaValue, line: number): string {
  for (const side of [left, right]) if (typeof side !== 'string' && typeof side !== 'number') throw cannot('..', side, line);
  const text = `${left}${right}`;
  if (text.length > textMax) throw new LuaFault(line, `a text of more than ${textMax} characters is put together here`);
  return text;
}

function numberOf(value: LuaValue, operator: string, line: number): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number === 'number' && !Number.isNaN(number)) return number;
  throw cannot(operator, value, line);
}

function cannot(operator: string, value: LuaValue, line: number): LuaFault {
  return new LuaFault(line, `import cannot compute \`${operator}\` with ${shown(value)}: put the result in its place`);
}
