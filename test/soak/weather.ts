import type { Asked, Fate } from '../dev-s3/proxy.ts';
import type { Dice } from '../e2e/support/random.ts';

/** Each fault with how many of 10,000 requests meet it, in the present weather. */
type Rates = Readonly<Record<FaultName, number>>;
type FaultName = (typeof faultNames)[number];

const faultNames = [
  'delayed',
  'reset',
  'answer swallowed',
  'answered 500',
  'answered 503',
  'answered 500 after the work',
  'answer cut',
  'answer stalled',
  'request cut',
  'put late',
  'unanswered',
] as const;

/** Of 10,000, at most; what makes the asker wait for its timeout is rare, or nothing else would happen. */
const stormMost: Rates = {
  ...{ delayed: 2000, reset: 800, 'answer swallowed': 800, 'answered 500': 500, 'answered 503': 800 },
  ...{ 'answered 500 after the work': 500, 'answer cut': 800, 'answer stalled': 40, 'request cut': 800, 'put late': 800, unanswered: 40 },
};
const perMost = 10_000;

type Kind = 'calm' | 'showers' | 'storm' | 'pause' | 'away';

export interface Weather {
  fateOf(asked: Asked): Fate;
  /** Draws the next weather; returns how long it lasts, ms. */
  change(): number;
  /** No faults from now on. */
  clear(): void;
  /** How many requests passed, and how many met each fault. */
  readonly counts: Map<string, number>;
  /** What it is like now, for the report of a failure. */
  tell(): string;
}

/** Rates of faults that change with the time; everything is drawn from the dice. Long outages are longer than the patience of a `sync`. */
export function weather(random: Dice, nowMs: () => number, longOutages: boolean): Weather {
  const counts = new Map<string, number>();
  let kind: Kind = 'calm';
  let rates = calm;
  let endsMs = 0;
  const count = (name: string) => counts.set(name, (counts.get(name) ?? 0) + 1);
  const met = (name: string, fate: Fate): Fate => {
    count(name);
    return fate;
  };
  return {
    counts,
    tell: () => kind,
    clear: () => {
      [kind, rates] = ['calm', calm];
    },
    change: () => {
      kind = random.pick(['calm', 'calm', 'showers', 'showers', 'showers', 'storm', 'storm', 'pause', 'away'] as const);
      rates = kind === 'showers' ? drawn(random, 5) : kind === 'storm' ? drawn(random, 1) : calm;
      const isLong = longOutages && (kind === 'pause' || kind === 'away') && random.oneIn(15);
      const lastsMs = isLong ? 60_000 + random.below(30_000) : 1000 + random.below(random.oneIn(4) ? 20_000 : 6000);
      endsMs = nowMs() + lastsMs;
      return lastsMs;
    },
    fateOf: (asked) => {
      count('requests');
      if (kind === 'away') return met('reset while away', 'reset');
      if (kind === 'pause') return met('held in a pause', { delayMs: Math.max(0, endsMs - nowMs()) + random.below(500) });
      let left = random.below(perMost);
      for (const name of faultNames) {
        left -= rates[name];
        if (left < 0) return met(name, fateNamed(name, random, asked));
      }
      return 'pass';
    },
  };
}

const calm = Object.fromEntries(faultNames.map((name) => [name, 0])) as Rates;

/** Each fault has a rate of its own, up to the storm's one divided by `by`; some do not occur at all. */
function drawn(random: Dice, by: number): Rates {
  return Object.fromEntries(faultNames.map((name) => [name, random.oneIn(3) ? 0 : random.below(Math.ceil(stormMost[name] / by))])) as Rates;
}

function fateNamed(name: FaultName, random: Dice, { method }: Asked): Fate {
  const writes = method === 'PUT' || method === 'POST' || method === 'DELETE';
  switch (name) {
    case 'delayed':
      return { delayMs: random.below(2500) };
    case 'reset':
      return 'reset';
    case 'answer swallowed':
      return 'swallow';
    case 'answered 500':
      return { status: 500 };
    case 'answered 503':
      return { status: 503, headers: random.oneIn(3) ? { 'retry-after': '1' } : {} };
    case 'answered 500 after the work':
      return { statusAfter: 500 };
    case 'answer cut':
      return { truncateBodyAt: random.below(400) };
    case 'answer stalled':
      return { stallBodyAt: random.below(400) };
    case 'request cut':
      return writes ? { cutRequestAt: random.below(2000) } : 'reset';
    case 'put late':
      return writes ? { lateMs: 200 + random.below(30_000) } : 'reset';
    case 'unanswered':
      return 'hang';
  }
}
