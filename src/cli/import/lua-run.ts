import type { AssignmentStatement, Chunk, Expression, ForGenericStatement, ForNumericStatement, LocalStatement, Statement } from 'luaparse';
import { evaluate, functionFault, keyOf, lineOf, type Machine, setCell } from './lua-expression.ts';
import { newScope, type Scope } from './lua-scope.ts';
import { type Cell, isName, isTable, isTrue, LuaFault, type LuaTable, type LuaValue, listOf, newTable, shown } from './lua-value.ts';

/** What a config hands over to lsyncd. */
export interface LsyncdCalls {
  /** Everything that was given to `settings`, later values in the place of earlier ones. */
  readonly settings: LuaTable;
  readonly syncs: readonly { readonly table: LuaTable; readonly line: number }[];
  /** Globals that the config sets itself, and where. */
  readonly globals: ReadonlyMap<string, number>;
  /** Names of variables that were read. */
  readonly notes: readonly { readonly line: number; readonly text: string }[];
}

const stepsMax = 100_000;
/** What lsyncd and Lua have before the first line; everything else a config has to set itself. */
const names = ['settings', 'sync', 'default', 'ipairs', 'pairs', 'tostring', 'tonumber', 'table', 'string', 'os', 'io', 'math'];

interface Run extends Machine {
  readonly settings: LuaTable;
  readonly syncs: { table: LuaTable; line: number }[];
  readonly globals: Map<string, number>;
  readonly notes: { line: number; text: string }[];
}

/** Walks through the config: assignments, tables, loops over tables, `settings` and `sync`. Anything else is a `LuaFault`. */
export function runConfig(chunk: Chunk): LsyncdCalls {
  const run = newRun();
  const scope = newScope(null);
  for (const name of names) scope.declare(name, { value: { name }, line: 0 });
  runBlock(run, chunk.body, scope);
  const settings = scope.get('settings')?.value;
  if (isTable(settings)) for (const [key, cell] of settings.cells) run.settings.cells.set(key, cell);
  return run;
}

function newRun(): Run {
  let steps = 0;
  const run: Run = {
    ...{ settings: newTable(), syncs: [], globals: new Map(), notes: [] },
    step: (line) => {
      steps++;
      if (steps > stepsMax) throw new LuaFault(line, `reading the config takes more than ${stepsMax} steps: does a loop have no end?`);
    },
    note: (line, text) => void run.notes.push({ line, text }),
    call: (expression, scope) => call(run, expression, scope),
  };
  return run;
}

/** True when a `break` ended the block. */
function runBlock(run: Run, body: readonly Statement[], scope: Scope): boolean {
  return body.some((statement) => runStatement(run, statement, scope));
}

function runStatement(run: Run, statement: Statement, scope: Scope): boolean {
  const line = lineOf(statement);
  run.step(line);
  switch (statement.type) {
    case 'LocalStatement':
      return runLocal(run, statement, scope);
    case 'AssignmentStatement':
      return runAssignment(run, statement, scope);
    case 'CallStatement':
      evaluate(run, statement.expression, scope);
      return false;
    case 'DoStatement':
      return runBlock(run, statement.body, scope.inner());
    case 'ForGenericStatement':
      return runForIn(run, statement, scope);
    case 'ForNumericStatement':
      return runForNumbers(run, statement, scope);
    case 'IfStatement': {
      const clause = statement.clauses.find((one) => one.type === 'ElseClause' || isTrue(evaluate(run, one.condition, scope)));
      return clause !== undefined && runBlock(run, clause.body, scope.inner());
    }
    case 'BreakStatement':
      return true;
    case 'FunctionDeclaration':
      throw functionFault(line, statement.identifier?.type === 'Identifier' ? statement.identifier.name : '');
    default:
      throw new LuaFault(line, `import does not follow a \`${keywordOf(statement)}\`: write what it comes to`);
  }
}

function keywordOf({ type }: Statement): string {
  return type.replace(/Statement$/, '').toLowerCase();
}

function runLocal(run: Run, statement: LocalStatement, scope: Scope): boolean {
  const values = statement.init.map((each) => ({ value: evaluate(run, each, scope), line: lineOf(each) }));
  for (const [at, variable] of statement.variables.entries())
    scope.declare(variable.name, values[at] ?? { value: null, line: lineOf(variable) });
  return false;
}

function runAssignment(run: Run, statement: AssignmentStatement, scope: Scope): boolean {
  const values = statement.init.map((each) => evaluate(run, each, scope));
  for (const [at, target] of statement.variables.entries()) {
    const [value, line] = [values[at] ?? null, lineOf(target)];
    if (target.type === 'Identifier') assignVariable(run, target.name, { value, line }, scope);
    else {
      const given = evaluate(run, target.base, scope);
      // `settings.delay = 5`: lsyncd's `settings` is a table that can be called.
      const base = isName(given) && given.name === 'settings' ? run.settings : given;
      if (!isTable(base)) throw new LuaFault(line, `import does not change ${shown(base)}: set the value in each \`sync\` instead`);
      const key = target.type === 'MemberExpression' ? target.identifier.name : keyOf(evaluate(run, target.index, scope), line);
      setCell(base, key, value, line);
    }
  }
  return false;
}

function assignVariable(run: Run, name: string, cell: Cell, scope: Scope): void {
  if (scope.get(name) === undefined) run.globals.set(name, cell.line);
  scope.set(name, cell);
  if (name === 'settings') run.note(cell.line, '`settings = {` is the form of lsyncd 2.0; newer ones want `settings {`. Both are read');
}

function runForIn(run: Run, statement: ForGenericStatement, scope: Scope): boolean {
  const line = lineOf(statement);
  const [key, value] = statement.variables;
  for (const [at, cell] of entriesOf(run, statement.iterators, scope, line)) {
    run.step(line);
    const inner = scope.inner();
    if (key !== undefined) inner.declare(key.name, { value: at, line });
    if (value !== undefined) inner.declare(value.name, cell);
    if (runBlock(run, statement.body, inner)) break;
  }
  return false;
}

function entriesOf(run: Run, iterators: readonly Expression[], scope: Scope, line: number): [string | number, Cell][] {
  const [iterator] = iterators;
  const parts = iterator === undefined || iterators.length > 1 ? null : partsOf(iterator);
  const walked = parts === null ? null : evaluate(run, parts.base, scope);
  if (parts === null || !isName(walked) || (walked.name !== 'ipairs' && walked.name !== 'pairs'))
    throw new LuaFault(line, 'import follows loops over `ipairs(LIST)` and `pairs(TABLE)` only: write the blocks out');
  const [given] = parts.given;
  const table = given === undefined ? null : evaluate(run, given, scope);
  if (!isTable(table)) throw new LuaFault(line, `\`${walked.name}\` wants a table, found ${shown(table)}`);
  return walked.name === 'pairs' ? [...table.cells] : listOf(table).map((cell, at) => [at + 1, cell]);
}

function runForNumbers(run: Run, statement: ForNumericStatement, scope: Scope): boolean {
  const line = lineOf(statement);
  const [from, to, by] = [statement.start, statement.end, statement.step].map((each) => (each ? evaluate(run, each, scope) : 1));
  if (typeof from !== 'number' || typeof to !== 'number' || typeof by !== 'number' || by === 0)
    throw new LuaFault(line, 'this loop needs numbers, and a step that is not 0');
  for (let at = from; by > 0 ? at <= to : at >= to; at += by) {
    run.step(line);
    const inner = scope.inner();
    inner.declare(statement.variable.name, { value: at, line });
    if (runBlock(run, statement.body, inner)) break;
  }
  return false;
}

function call(run: Run, expression: Expression, scope: Scope): LuaValue {
  const line = lineOf(expression);
  const parts = partsOf(expression);
  if (parts === null) throw new LuaFault(line, 'this is no call');
  const { base, given } = parts;
  const callee = base.type === 'Identifier' && scope.get(base.name) === undefined ? { name: base.name } : evaluate(run, base, scope);
  const name = isName(callee) ? callee.name : shown(callee);
  const values = given.map((each) => evaluate(run, each, scope));
  const [first = null] = values;
  if (name === 'settings' && isTable(first)) return takeSettings(run, first);
  if (name === 'sync' && isTable(first)) {
    run.syncs.push({ table: first, line });
    return newTable();
  }
  if (name === 'table.insert' && isTable(first) && values.length === 2) {
    setCell(first, listOf(first).length + 1, values[1] ?? null, line);
    return null;
  }
  if (name === 'tostring' && ['string', 'number', 'boolean'].includes(typeof first)) return String(first);
  throw new LuaFault(line, `import does not call \`${name}\`: it would run code or ask this machine; put the result in its place`);
}

/** What a call calls, and with what; null for anything that is no call. */
function partsOf(expression: Expression): { base: Expression; given: readonly Expression[] } | null {
  if (expression.type === 'CallExpression') return { base: expression.base, given: expression.arguments };
  if (expression.type === 'TableCallExpression') return { base: expression.base, given: [expression.arguments] };
  if (expression.type === 'StringCallExpression') return { base: expression.base, given: [expression.argument] };
  return null;
}

function takeSettings(run: Run, table: LuaTable): null {
  for (const [key, cell] of table.cells) run.settings.cells.set(key, cell);
  return null;
}
