import type { Dice } from '../e2e/support/random.ts';

/** Numbers that break what is not looked at closely. */
const numbers = ['-1', '0', '1.5', '1e308', '-1e308', '1e400', '9007199254740991', '9007199254740993', '4294967296', '2147483648', '-0'];
const words = ['null', 'true', '""', '[]', '{}', '"__proto__"', '"constructor"', '"../../etc/passwd"', '"\\u0000"', '"\\ud800"', '[[]]'];
const keys = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'length', ''];
const depths = [100, 5_000, 60_000];

/** One to three changes of real bytes. */
export function mutated(bytes: Buffer, dice: Dice): Buffer {
  let now = bytes;
  for (let edits = 1 + dice.below(3); edits > 0; edits--) now = dice.pick(byteEdits)(now, dice);
  return now;
}

export function mutatedText(text: string, dice: Dice): string {
  if (dice.oneIn(4)) return mutated(Buffer.from(text), dice).toString('utf8');
  return dice.pick(textEdits)(text, dice);
}

type ByteEdit = (bytes: Buffer, dice: Dice) => Buffer;

const byteEdits: readonly ByteEdit[] = [
  flipBit,
  (bytes, dice) => bytes.subarray(0, dice.below(bytes.length + 1)),
  (bytes, dice) => without(bytes, ...span(bytes, dice)),
  duplicate,
  splice,
  enlargeLength,
  insertNoise,
  (bytes, dice) => Buffer.from(dice.pick(textEdits)(bytes.toString('latin1'), dice), 'latin1'),
];

function span(bytes: Buffer, dice: Dice): [number, number] {
  const from = dice.below(bytes.length + 1);
  return [from, Math.min(bytes.length, from + 1 + dice.below(64))];
}

function without(bytes: Buffer, from: number, to: number): Buffer {
  return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
}

function flipBit(bytes: Buffer, dice: Dice): Buffer {
  if (bytes.length === 0) return bytes;
  const changed = Buffer.from(bytes);
  const at = dice.below(bytes.length);
  changed[at] = (changed[at] as number) ^ (1 << dice.below(8));
  return changed;
}

function duplicate(bytes: Buffer, dice: Dice): Buffer {
  const [from, to] = span(bytes, dice);
  const times = dice.pick([1, 2, 50, 3000]);
  return Buffer.concat([bytes.subarray(0, to), ...Array<Buffer>(times).fill(bytes.subarray(from, to)), bytes.subarray(to)]);
}

function splice(bytes: Buffer, dice: Dice): Buffer {
  const [from, to] = span(bytes, dice);
  const at = dice.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(from, to), bytes.subarray(at)]);
}

/** As lengths of frames and blobs are written. */
function enlargeLength(bytes: Buffer, dice: Dice): Buffer {
  if (bytes.length < 4) return bytes;
  const changed = Buffer.from(bytes);
  changed.writeUInt32BE(dice.pick([0, 1, 2 ** 20, 2 ** 20 + 1, 2 ** 31, 2 ** 32 - 1]), dice.below(bytes.length - 3));
  return changed;
}

function insertNoise(bytes: Buffer, dice: Dice): Buffer {
  const at = dice.below(bytes.length + 1);
  const noise = Buffer.from(Array.from({ length: 1 + dice.below(32) }, () => dice.below(256)));
  return Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)]);
}

const textEdits: readonly ((text: string, dice: Dice) => string)[] = [
  (text, dice) => replaceOne(text, /-?\d+(\.\d+)?/g, dice.pick(numbers), dice),
  (text, dice) => replaceOne(text, /"[^"\n]{0,200}"(?=:)/g, JSON.stringify(dice.pick(keys)), dice),
  (text, dice) => replaceOne(text, /(?<=[:=,[] ?)("[^"\n]{0,200}"|\d+|true|false|null)/g, dice.pick(words), dice),
  (text, dice) => replaceOne(text, /(?<=[:=,[] ?)("[^"\n]{0,200}"|\d+|true|false|null)/g, nested(dice), dice),
  (text, dice) => replaceOne(text, /\n/g, dice.pick(['\r', '\r\n', '\u2028', '\t', '']), dice),
  (text, dice) => replaceOne(text, /[a-z]{2,}/g, dice.pick(['', 'x'.repeat(70_000), '\0', '\u202e', ...keys]), dice),
];

/** Open without an end, or well-formed. */
function nested(dice: Dice): string {
  const depth = dice.pick(depths);
  const [open, close] = dice.pick([['[', ']'] as const, ['{"a":', '}'] as const, ['{ a: ', '}'] as const]);
  return dice.oneIn(3) ? open.repeat(depth) : `${open.repeat(depth)}1${close.repeat(depth)}`;
}

function replaceOne(text: string, pattern: RegExp, by: string, dice: Dice): string {
  const found = [...text.matchAll(pattern)];
  if (found.length === 0) return text;
  const { index, 0: match } = dice.pick(found);
  return text.slice(0, index) + by + text.slice(index + match.length);
}

const hostilePaths = [
  ...['', '.', '..', '../x', 'd/../../x', '/etc/passwd', 'd//f', './x', 'd/.', 'd/', 'a\0b', '\u0100', 'x'.repeat(256), '\\..\\x'],
  ...['d/'.repeat(100_000), Array(513).fill('e').join('/'), Array(40).fill('y'.repeat(250)).join('/')],
];
const oddPaths = [
  ...[
    'x',
    'd',
    'd/f',
    'd/g',
    'l',
    'l/x',
    'l/l/x',
    'new',
    'new/a',
    'new/a/b',
    '__proto__',
    'constructor',
    'a\nb',
    '-rf',
    '\x1b[2J',
    '\xff\xfe',
  ],
  ...['.flocksync', '.flocksync/stage/x', '.flocksync-webroot/trash', '...', ' ', '*', '%2e%2e', 'n'.repeat(255), 'caf\xc3\xa9'],
];

/** A path that no reader may take. */
export function refusedPath(dice: Dice): string {
  return dice.pick(hostilePaths);
}

/** A path that is strange and right. */
export function oddPath(dice: Dice): string {
  return dice.pick(oddPaths);
}

/** Any value of JSON that a field might hold instead of what belongs there. */
export function wrongValue(dice: Dice): unknown {
  const text = dice.pick([...numbers.filter((number) => number !== '1e400'), ...words]);
  return text === '[[]]' ? Array.from({ length: 1000 }, (_, at) => at) : JSON.parse(text);
}

export function hex(digits: number, dice: Dice): string {
  return Array.from({ length: digits }, () => dice.below(16).toString(16)).join('');
}
