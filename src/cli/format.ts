import { fromText, toText } from '../model/path.ts';

const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** `0 B`, `999 B`, `1.5 kB`, `274 MB`: decimal units, three significant digits. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (unit < byteUnits.length - 1 && asShown(value, unit) >= 1000) {
    value /= 1000;
    unit++;
  }
  return `${asShown(value, unit)} ${byteUnits[unit]}`;
}

export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** `36,000`: grouped in the same way on every machine. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `1 file`, `36,000 files`. */
export function counted(count: number, one: string, several = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : several}`;
}

/** `0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`, `5 d 3 h`: for people, never read back. */
export function formatElapsed(ms: number): string {
  if (ms < 9950) return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return pair(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return pair(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  const hours = Math.round(minutes / 60);
  return pair(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

/** `2026-11-20 08:19:05Z`: one time zone for all members. */
export function formatMoment(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

/** Text from elsewhere (a member's label, a share's name) as a terminal may show it. */
export function printable(text: string): string {
  return toText(fromText(text));
}

/** A table as lines without trailing blanks, the same on a terminal and in a pipe. Columns named in `right` are flush right. */
export function formatTable(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const widths: number[] = [];
  for (const row of rows) for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, width(cell));
  return rows.map((row) =>
    row
      .map((cell, column) => padded(cell, widths[column] ?? 0, right.includes(column)))
      .join('  ')
      .trimEnd(),
  );
}

/** Words in lines of at most `columns` characters; a longer word has its own line. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** What is rounded up to 1000 belongs to the next unit. */
function asShown(value: number, unit: number): number {
  return unit === 0 ? Math.round(value) : Number(value.toPrecision(3));
}

function pair(big: number, bigUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${big} ${bigUnit}` : `${big} ${bigUnit} ${small} ${smallUnit}`;
}

/** Code points: good enough for names in most scripts, and what every padding function does. */
function width(text: string): number {
  return [...text].length;
}

function padded(cell: string, to: number, right: boolean): string {
  const blanks = ' '.repeat(Math.max(0, to - width(cell)));
  return right ? blanks + cell : cell + blanks;
}
