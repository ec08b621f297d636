interface Field {
  readonly name: string;
  readonly low: number;
  readonly high: number;
  readonly words: readonly string[];
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const fields: readonly Field[] = [
  { name: 'second', low: 0, high: 59, words: [] },
  { name: 'minute', low: 0, high: 59, words: [] },
  { name: 'hour', low: 0, high: 23, words: [] },
  { name: 'day of month', low: 1, high: 31, words: [] },
  { name: 'month', low: 1, high: 12, words: months },
  { name: 'day of week', low: 0, high: 7, words: days },
];

/**
 * Why a cron expression of five fields (from minutes) or six (from seconds) is not valid, or undefined when it is.
 * A check of the config file must not load the scheduler.
 */
export function cronFault(expression: string): string | undefined {
  const parts = expression.trim().split(/\s+/);
  if (parts.length !== 5 && parts.length !== 6) return `has ${parts.length} fields; five (from minutes) or six (from seconds) are needed`;
  const used = fields.slice(6 - parts.length);
  for (const [index, part] of parts.entries()) {
    const field = used[index];
    if (field !== undefined && !part.split(',').every((item) => isItem(item.toLowerCase(), field))) {
      return `has "${part}" as ${field.name}; allowed are *, */N and ${field.low}-${field.high}, in lists and ranges`;
    }
  }
  return undefined;
}

function isItem(item: string, field: Field): boolean {
  const match = /^(\*|\w+)(?:-(\w+))?(?:\/(\d{1,2}))?$/.exec(item);
  if (match === null) return false;
  const [, from = '', to, step] = match;
  if (step !== undefined && Number(step) === 0) return false;
  if (from === '*') return to === undefined;
  const low = numberOf(from, field);
  const high = to === undefined ? low : numberOf(to, field);
  return low !== undefined && high !== undefined && low <= high;
}

function numberOf(text: string, field: Field): number | undefined {
  const word = field.words.indexOf(text.slice(0, 3));
  if (word >= 0 && /^[a-z]{3,9}$/.test(text)) return word + field.low;
  const value = /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN;
  return value >= field.low && value <= field.high ? value : undefined;
}
