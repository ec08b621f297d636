import { createHash } from 'node:crypto';

/** What starts the program: a file of cron or of systemd, and everything that it must spell out, since neither has the shell's environment. */
export interface Starter {
  /** Absolute path of Node, and of the program that it runs. */
  readonly node: string;
  readonly program: string;
  /** The config file, absolute; null for the one that the program takes by itself. */
  readonly config: string | null;
  readonly user: string;
  /** Variables that are no secrets, such as the place of the file with the credentials. */
  readonly variables: Readonly<Record<string, string>>;
}

export type StarterKind = 'cron' | 'systemd';

/** Why something cannot be written into such a file, with the fix. */
export class StarterFault extends Error {
  override readonly name = 'StarterFault';
}

const marker = /^# Written by: flocksync install (cron|systemd) \(([0-9a-f]{8})\)$/;

/** Puts the line on top by which the file is known again; it carries a sum, so that an edit by hand is seen. */
export function marked(kind: StarterKind, body: string): string {
  return `# Written by: flocksync install ${kind} (${sumOf(body)})\n${body}`;
}

/** Whose file this is: `ours` as it was written, `edited` since then, or `foreign`. */
export function ownershipOf(kind: StarterKind, text: string): 'ours' | 'edited' | 'foreign' {
  const end = text.indexOf('\n');
  const found = marker.exec(text.slice(0, end));
  if (end < 0 || found?.[1] !== kind) return 'foreign';
  return found[2] === sumOf(text.slice(end + 1)) ? 'ours' : 'edited';
}

function sumOf(body: string): string {
  return createHash('sha256').update(body).digest('hex').slice(0, 8);
}

/**
 * `flocksync` for the usual config; another one names its own file, so that two set-ups on one machine do not meet. Letters, digits, `_`
 * and `-` only: cron.d takes no other names.
 */
export function starterName(config: string | null): string {
  if (config === null) return 'flocksync';
  const usual = /^\/etc\/flocksync-([A-Za-z0-9_-]{1,40})\.yml$/.exec(config)?.[1];
  if (usual !== undefined) return `flocksync-${usual}`;
  const base = (config.split('/').at(-1) ?? '').replace(/\.ya?ml$/, '').replace(/^flocksync/, '');
  const words = base.split(/[^A-Za-z0-9_]+/).filter((word) => word !== '');
  return ['flocksync', words.join('-').slice(0, 40), sumOf(config).slice(0, 6)].filter((part) => part !== '').join('-');
}

/** Refuses what would end a line, or the file. */
export function refuseLineBreaks(starter: Starter): void {
  const texts = [starter.node, starter.program, starter.config ?? '', starter.user, ...Object.entries(starter.variables).flat()];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
  const broken = texts.find((text) => /[\u0000-\u001f\u007f]/.test(text));
  if (broken !== undefined)
    throw new StarterFault(`${JSON.stringify(broken)} holds a control character, which cannot be written there: rename it`);
}
