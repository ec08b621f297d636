import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Import, SourceFile } from './source.ts';
import { blank, functionsOf, importsOf, lineOf, projectRoot, sourceFiles } from './source.ts';

const linesMax = 400;
const functionLinesMax = 60;

const source = sourceFiles('src');
const typed = source.filter(({ path }) => path.endsWith('.ts'));

type Layer = 'model' | 'ports' | 'steps' | 'adapters' | 'dev-s3' | 'config' | 'agent' | 'cli' | 'main';

/** What a layer may import of ours. Where a port needs words of the model it takes types; everything else may run. */
const layers: Readonly<Record<Layer, readonly Layer[]>> = {
  model: ['model'],
  ports: ['model', 'ports'],
  steps: ['model', 'ports', 'steps'],
  adapters: ['model', 'ports', 'adapters', 'config'],
  'dev-s3': ['model', 'ports', 'adapters', 'dev-s3'],
  config: ['model', 'ports', 'config'],
  agent: ['model', 'ports', 'steps', 'config', 'agent'],
  cli: ['model', 'ports', 'steps', 'adapters', 'dev-s3', 'config', 'agent', 'cli', 'main'],
  main: ['model', 'ports', 'steps', 'adapters', 'dev-s3', 'config', 'agent', 'cli', 'main'],
};

/** Pure computation only: no files, sockets, clocks or chance. */
const pureBuiltins = ['node:buffer', 'node:crypto', 'node:path', 'node:util', 'node:zlib'];
const vendors: Readonly<Record<Layer, RegExp>> = {
  model: /^$/,
  ports: /^$/,
  steps: /^$/,
  adapters: /^(?!pino$|node-cron$)/,
  'dev-s3': /^node:/,
  config: /^yaml$/,
  agent: /^$/,
  cli: /^node:(util|url|os|tty|readline)$/,
  main: /^(pino|node:(os|url|util))$/,
};
/** Each of these has one home. */
const oneHome: readonly { readonly vendor: RegExp; readonly home: RegExp }[] = [
  { vendor: /^@aws-sdk\//, home: /^src\/adapters\// },
  { vendor: /^better-sqlite3$/, home: /^src\/adapters\// },
  { vendor: /^node-cron$/, home: /^src\/adapters\/schedul/ },
  { vendor: /^pino$/, home: /^src\/(main|adapters\/logging)\.ts$/ },
  { vendor: /^node:(fs|fs\/promises|http|https|net|child_process|worker_threads)$/, home: /^src\/(adapters|dev-s3)\// },
];

function layerOf(path: string): Layer {
  const folder = /^src\/(model|ports|steps|adapters|dev-s3|agent|cli)\//.exec(path)?.[1];
  if (folder !== undefined) return folder as Layer;
  if (/^src\/config[\w-]*\.ts$/.test(path)) return 'config';
  if (/^src\/agent[\w-]*\.ts$/.test(path)) return 'agent';
  return 'main';
}

const imports = typed.flatMap((file) => importsOf(file).map((found) => ({ ...found, by: file.path })));
const tell = (found: Import & { readonly by: string }) => `${found.by}:${found.line} imports ${found.file ?? found.from}`;

/** Every match of a pattern in the code, as `path:line text`. */
function offenders(files: readonly SourceFile[], pattern: RegExp, where: 'code' | 'text' = 'code'): string[] {
  return files.flatMap((file) =>
    [...file[where].matchAll(new RegExp(pattern, 'g'))].map(
      (match) => `${file.path}:${lineOf(file[where], match.index)} ${match[0].trim()}`,
    ),
  );
}

describe('imports point one way', () => {
  test('layers import what lies below them', () => {
    const wrong = imports.filter(({ by, file }) => file !== undefined && !layers[layerOf(by)].includes(layerOf(file)));
    expect(wrong.map(tell)).toEqual([]);
  });

  test('ports take only types from the model', () => {
    const wrong = imports.filter(
      ({ by, file, typeOnly }) => layerOf(by) === 'ports' && file !== undefined && layerOf(file) === 'model' && !typeOnly,
    );
    expect(wrong.map(tell)).toEqual([]);
  });

  // A step that is too long for one file has its parts in a folder of its name.
  test('no step imports another step', () => {
    const stepOf = (path: string) => /^src\/steps\/([\w-]+)/.exec(path)?.[1];
    const wrong = imports.filter(
      ({ by, file }) => layerOf(by) === 'steps' && file !== undefined && layerOf(file) === 'steps' && stepOf(by) !== stepOf(file),
    );
    expect(wrong.map(tell)).toEqual([]);
  });

  test('packages and built-in modules stay in their layers', () => {
    const wrong = imports.filter(({ by, file, from, typeOnly }) => {
      if (file !== undefined || typeOnly || pureBuiltins.includes(from)) return false;
      const home = oneHome.find(({ vendor }) => vendor.test(from));
      return home === undefined ? !vendors[layerOf(by)].test(from) : !home.home.test(by);
    });
    expect(wrong.map(tell)).toEqual([]);
  });

  test('built-in modules are named with node:', () => {
    expect(imports.filter(({ from }) => /^(fs|path|os|http|crypto|zlib|util|url|stream|events)(\/|$)/.test(from)).map(tell)).toEqual([]);
  });

  test('imports name the file, with its ending', () => {
    expect(imports.filter(({ file }) => file !== undefined && !/\.(ts|json)$/.test(file)).map(tell)).toEqual([]);
  });

  test('there are no barrels', () => {
    expect(typed.map(({ path }) => path).filter((path) => /\/index\.ts$/.test(path))).toEqual([]);
    expect(imports.filter(({ everything }) => everything).map(tell)).toEqual([]);
    const own = /^(export )?(declare |abstract |async )*(const|let|function|class|interface|type|enum)\b(?! *\{)/m;
    const barrels = typed.filter((file) => importsOf(file).some(({ reexport }) => reexport) && !own.test(file.code));
    expect(barrels.map(({ path }) => path)).toEqual([]);
  });

  test('there are no cycles', () => expect(cycles()).toEqual([]));
});

/** One line for each import that closes a cycle; types count, since a cycle of types tangles the reader as well. */
function cycles(): string[] {
  const graph = new Map(typed.map(({ path }) => [path, imports.filter(({ by }) => by === path).flatMap(({ file }) => file ?? [])]));
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) found.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
    if (done.has(path)) return;
    done.add(path);
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
  };
  for (const path of graph.keys()) visit(path, []);
  return found;
}

describe('effects stand at the rim', () => {
  // What draws the web page draws what it is given.
  const rim = /^src\/(adapters\/|dev-s3\/|cli\/(?!page\/html\/)|main\.ts$|launcher\.js$)/;
  const inner = source.filter(({ path }) => !rim.test(path));
  test.each([
    { name: 'the clock', pattern: /\bDate\.|\bnew Date\b|\bDate\(|\bperformance\./ },
    { name: 'chance', pattern: /\bMath\.random\b|\brandomUUID\b|\brandomBytes\b/ },
    { name: 'timers', pattern: /\b(setTimeout|setInterval|setImmediate|queueMicrotask)\b/ },
    { name: 'the process', pattern: /(?<![.\w])process\./ },
    { name: 'the console', pattern: /(?<![.\w])console\./ },
  ])('$name', ({ pattern }) => expect(offenders(inner, pattern)).toEqual([]));
});

describe('shape', () => {
  test(`no file is longer than ${linesMax} lines`, () => {
    const long = source
      .map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
      .filter(({ lines }) => lines > linesMax);
    expect(long.map(({ path, lines }) => `${path}: ${lines} lines`)).toEqual([]);
  });

  test(`no function is longer than ${functionLinesMax} lines`, () => {
    const long = typed.flatMap((file) => functionsOf(file).map((span) => ({ ...span, path: file.path })));
    expect(long.length).toBeGreaterThan(typed.length);
    const wrong = long.filter(({ lines }) => lines > functionLinesMax);
    expect(wrong.map(({ path, line, name, lines }) => `${path}:${line} ${name}: ${lines} lines`)).toEqual([]);
  });

  test('no file is named after nothing', () => {
    expect(source.map(({ path }) => path).filter((path) => /util|helper|manager/i.test(path))).toEqual([]);
  });

  test('nothing is left for later, and no test is left out or alone', () => {
    const all = [...source, ...sourceFiles('test'), ...sourceFiles('scripts')].filter(({ path }) => path !== 'test/tidy.test.ts');
    expect(offenders(all, /\b(TODO|FIXME|XXX|HACK)\b/, 'text')).toEqual([]);
    expect(offenders(all, /\b(test|describe|it)\.only\b/)).toEqual([]);
  });

  test('the compiler and the linter are not silenced without a reason', () => {
    expect(offenders(source, /@ts-(ignore|nocheck|expect-error)\b.*/, 'text')).toEqual([]);
    expect(offenders(source, /biome-ignore [\w/]+:?\s*$/m, 'text')).toEqual([]);
  });
});

test('package-lock.json names no host, so that any registry or mirror serves an install', () => {
  const lock = readFileSync(join(projectRoot, 'package-lock.json'), 'utf8').split('\n');
  expect(lock.flatMap((line, index) => (/"resolved"\s*:/.test(line) ? [`package-lock.json:${index + 1} ${line.trim()}`] : []))).toEqual([]);
});

describe('the reader of source behind these tests', () => {
  const file = (text: string): SourceFile => ({ path: 'src/model/x.ts', text, code: blank(text) });

  test('comments, strings, templates and patterns are no code', () => {
    const text = [
      "const a = 'process.x {'; // process.y {",
      ['const b = `process.z $', '{process.env} {`;'].join(''),
      'const c = /process\\.[/{]/g;',
      'const d = 4 / 2; /* { */',
    ].join('\n');
    const code = blank(text);
    expect(code).toHaveLength(text.length);
    expect([...code.matchAll(/process\./g)].map((match) => lineOf(code, match.index))).toEqual([2]);
    expect(code.split('{')).toHaveLength(2);
  });

  test('imports of every form are seen', () => {
    const text = [
      "import { a } from './a.ts';",
      "import type { B } from '../ports/b.ts';",
      "import { type C, type D } from 'vendor';",
      "import './e.ts';",
      "const f = await import('./f.ts');",
      "export { g } from './g.ts';",
      'const text = \'import x from "y"\';',
      'import {',
      '  type H,',
      '  i,',
      "} from './h.ts';",
    ].join('\n');
    expect(importsOf(file(text)).map(({ line, from, file: at, typeOnly, reexport }) => [line, at ?? from, typeOnly, reexport])).toEqual([
      [1, 'src/model/a.ts', false, false],
      [2, 'src/ports/b.ts', true, false],
      [3, 'vendor', true, false],
      [4, 'src/model/e.ts', false, false],
      [5, 'src/model/f.ts', false, false],
      [6, 'src/model/g.ts', false, true],
      [8, 'src/model/h.ts', false, false],
    ]);
  });

  test('functions of every form are measured, other braces are not', () => {
    const text = [
      'function a(x: number): number {',
      '  if (x > 0) {',
      '    return 1;',
      '  }',
      '  return 2;',
      '}',
      'const b = async (x: { y: number }) => {',
      '};',
      'class C {',
      '  d(): Promise<void> {',
      '  }',
      '  async *e({ f }: G) {',
      '  }',
      '}',
      'interface H {',
      '}',
      'const i = { j: 1 };',
      'function k<T>(x: T): { l: T } {',
      '  for (const y of [x]) {',
      '  }',
      '  try {',
      '  } catch (error) {',
      '  }',
      '}',
    ].join('\n');
    const found = functionsOf(file(text)).map(({ name, lines }) => [name, lines]);
    expect(found).toEqual([
      ['a', 6],
      ['b', 2],
      ['d', 2],
      ['e', 2],
      ['k', 7],
    ]);
  });
});
