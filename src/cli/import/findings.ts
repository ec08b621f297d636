/** What became of a line of the lsyncd config. */
export type Fate = 'carried' | 'unneeded' | 'missing' | 'note';

export interface Finding {
  readonly fate: Fate;
  /** Line of the lsyncd config, from 1; 0 where no single line is meant. */
  readonly line: number;
  /** As it stands there, short. */
  readonly what: string;
  readonly text: string;
}

export interface Findings {
  add(fate: Fate, line: number, what: string, text: string): void;
  /** Each once, in the order of lines. */
  all(): readonly Finding[];
}

/** A loop makes several syncs of the same lines: what is said twice is kept once. */
export function createFindings(): Findings {
  const found = new Map<string, Finding>();
  return {
    add: (fate, line, what, text) => {
      const key = JSON.stringify([fate, line, what, text]);
      if (!found.has(key)) found.set(key, { fate, line, what, text });
    },
    all: () => [...found.values()].sort((a, b) => a.line - b.line),
  };
}
