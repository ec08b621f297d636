import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Growth, growthOf, holdersOf } from '../../scripts/heap/growth.ts';
import { type Heap, readHeap } from '../../scripts/heap/snapshot.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';

/** Keeps 700 objects more in the second snapshot, gives 300 of another class away, and turns over as many of a third one. */
const program = `
  const { writeHeapSnapshot } = require('node:v8');
  class Kept { constructor(n) { this.n = n; } }
  class GivenAway { constructor(n) { this.n = n; } }
  class TurnedOver { constructor(n) { this.n = n; } }
  const many = (count, One) => Array.from({ length: count }, (_, n) => new One(n));
  class Register { hoard = many(100, Kept); given = many(300, GivenAway); turned = many(50, TurnedOver); }
  globalThis.register = new Register();
  writeHeapSnapshot(process.argv[1]);
  register.hoard.push(...many(700, Kept));
  register.given = [];
  register.turned = many(50, TurnedOver);
  writeHeapSnapshot(process.argv[2]);
`;

describe('two heap snapshots of one process', () => {
  let after: Heap;
  let grown: readonly Growth[];
  const of = (group: string) => grown.find((growth) => growth.group === group);

  const directory = mkdtempSync(join(tmpdir(), 'flocksync-test-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  beforeAll(() => {
    const [first, second] = [join(directory, 'first.heapsnapshot'), join(directory, 'second.heapsnapshot')];
    execFileSync(process.execPath, ['-e', program, first, second]);
    after = readHeap(second);
    grown = growthOf(readHeap(first), after);
  });

  it('what has grown is told by class, with its new objects', () => {
    expect(of('Kept')).toMatchObject({ objects: 700 });
    expect(of('Kept')?.born).toHaveLength(700);
    expect(of('Kept')?.bytes).toBeGreaterThanOrEqual(700 * 16);
  });

  it('who holds the new objects is told by the names on the way', () => {
    const growth = of('Kept');
    if (growth === undefined) throw new Error('nothing has grown');
    const [first] = holdersOf(after, growth, 6);
    expect(first?.objects).toBe(700);
    expect(first?.path).toContain('.register → Register.hoard → Array');
  });

  it('what has shrunk is told as such', () => {
    expect(of('GivenAway')).toMatchObject({ objects: -300, born: [] });
  });

  it('what was only turned over has not grown', () => {
    expect(of('TurnedOver')).toBeUndefined();
  });

  it('another file is refused by name', () => {
    const file = join(temporaryDirectory(), 'other.json');
    writeFileSync(file, '{"nodes": []}');
    expect(() => readHeap(file)).toThrow(`${file} is not a heap snapshot`);
  });
});
