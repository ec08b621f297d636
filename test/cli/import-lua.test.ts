import { describe, expect, test } from 'vitest';
import { parseLua } from '../../src/adapters/lua.ts';
import { type LsyncdCalls, runConfig } from '../../src/cli/import/lua-run.ts';
import { isName, isTable, LuaFault, type LuaTable, type LuaValue } from '../../src/cli/import/lua-value.ts';
import { readSnippet } from '../../src/cli/import/snippet.ts';

function run(text: string): LsyncdCalls {
  const snippet = readSnippet(text);
  if (!snippet.ok) throw new LuaFault(snippet.line, snippet.message);
  const parsed = parseLua(snippet.lua);
  if (!parsed.ok) throw new LuaFault(parsed.line, parsed.message);
  return runConfig(parsed.chunk);
}

/** Tables as plain objects, for comparing. */
function plain(value: LuaValue | LuaTable): unknown {
  if (isName(value)) return `<${value.name}>`;
  if (!isTable(value)) return value;
  return Object.fromEntries([...value.cells].map(([key, cell]) => [key, plain(cell.value)]));
}

const syncsOf = (text: string) => run(text).syncs.map(({ table }) => plain(table));

describe('what a config says is read', () => {
  test.each([
    ['sync{ default.rsync, source="/a" }', [{ 1: '<default.rsync>', source: '/a' }]],
    ["sync({source='/a' .. '/b', delay = 2 * 3 + 1})", [{ source: '/a/b', delay: 7 }]],
    ['local base = "/srv"; sync{ source = base .. "/x", target = [[/y]] }', [{ source: '/srv/x', target: '/y' }]],
    [
      'for i, d in ipairs({"a", "b"}) do sync{ source = "/" .. d, delay = i } end',
      [
        { source: '/a', delay: 1 },
        { source: '/b', delay: 2 },
      ],
    ],
    [
      'for k, v in pairs{ x = "/1", y = "/2" } do sync{ source = v, host = k } end',
      [
        { source: '/1', host: 'x' },
        { source: '/2', host: 'y' },
      ],
    ],
    ['for n = 1, 3 do if n == 2 then sync{ delay = n } end end', [{ delay: 2 }]],
    ['for n = 1, 9 do if n > 2 then break end sync{ delay = n } end', [{ delay: 1 }, { delay: 2 }]],
    ['t = {} t.a = { b = "c" } table.insert(t, "x") t[2] = "y" sync(t)', [{ a: { b: 'c' }, 1: 'x', 2: 'y' }]],
    ['local x = nil; sync{ source = x or "/d", delay = #"ab", delete = not true }', [{ source: '/d', delay: 2, delete: false }]],
    ['sync{ source = "gr\u00f6\u00dfe\\n\\65" }', [{ source: 'größe\nA' }]],
    ['do local a = "/in" sync{ source = a } end', [{ source: '/in' }]],
    ['sync{ source = “/a” }', [{ source: '/a' }]],
    ["sync{ source = ‘it's’ }", [{ source: "it's" }]],
    ['sync{ source = "‘kept’ – as – it – is" }', [{ source: '‘kept’ – as – it – is' }]],
    ['# a note\nsync{ source = "/#a" } – and a dash', [{ source: '/#a' }]],
    ['--[[ a\n... # block ]] sync{ source = "/a", ... }¬', [{ source: '/a' }]],
    ['sync{\r\n...\r\nsource="/a",\r\n}', [{ source: '/a' }]],
  ])('%s', (text, expected) => expect(syncsOf(text)).toEqual(expected));

  test('settings as a call, as a variable, and twice', () => {
    expect(plain(run('settings{ a = 1, b = 2 } settings{ b = 3 }').settings)).toEqual({ a: 1, b: 3 });
    expect(plain(run('settings = { a = 1 } settings.b = 2').settings)).toEqual({ a: 1, b: 2 });
    expect(plain(run('settings.a = 1 settings{ b = 2 }').settings)).toEqual({ a: 1, b: 2 });
  });

  test('each value knows its line', () => {
    const [sync] = run('\n\nsync{\n  source = "/a",\n  exclude = { "x",\n "y" } }').syncs;
    expect([sync?.line, sync?.table.cells.get('source')?.line]).toEqual([3, 4]);
    const list = sync?.table.cells.get('exclude')?.value;
    expect(isTable(list) ? [...list.cells.values()].map(({ line }) => line) : []).toEqual([5, 6]);
  });
});

describe('what would have to be run is refused with its line', () => {
  test.each([
    ['sync{ source = "/a",\n onCreate = function(event) spawn(event, "x") end }', 2, 'function'],
    ['\n\nfunction hosts() return {} end', 3, '`hosts`'],
    ['x = 1\nos.execute("rm -rf /")', 2, '`os.execute`'],
    ['dofile("/etc/other.conf")', 1, '`dofile`'],
    ['local h = io.popen("hostname"):read()', 1, 'import does not'],
    ['while true do end', 1, '`while`'],
    ['repeat until false', 1, '`repeat`'],
    ['for l in io.lines("/etc/hosts") do end', 1, 'ipairs(LIST)'],
    ['sync{ source = base }', 1, '`base` is not set'],
    ['default.rsync.delay = 1', 1, 'default.rsync'],
    ['sync{ source = "/a" .. nil }', 1, 'nil'],
    ['sync{ source = "\\255" }', 1, 'UTF-8'],
    ['sync{ source = "/a"', 1, 'expected'],
    ['local t = {} for i = 1, 1e9 do t[i] = i end', 1, '100000 steps'],
    ['local s = "aaaaaaaa" for i = 1, 40 do s = s .. s end', 1, '65536 characters'],
    ['for i = 1, 2, 0 do end', 1, 'step'],
    [`x = ${'{'.repeat(101)}${'}'.repeat(101)}`, 1, '100 levels'],
    [`x = ${'not '.repeat(200_000)} true`, 0, 'nested'],
    ['x'.repeat(1_100_000), 0, 'characters'],
  ])('%.60s', (text, line, word) => {
    const fault = (() => {
      try {
        return run(text);
      } catch (error) {
        return error;
      }
    })();
    expect(fault).toBeInstanceOf(LuaFault);
    expect(fault).toMatchObject({ line, message: expect.stringContaining(word) });
  });

  test('names of objects mean nothing', () => {
    for (const name of ['constructor', '__proto__', 'toString']) {
      expect(() => run(`sync{ source = ${name} }`)).toThrow('is not set');
      expect(syncsOf(`sync{ ${name} = { x = 1 } }`)).toHaveLength(1);
    }
  });
});
