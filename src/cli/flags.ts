import { nearest } from '../model/nearest.ts';

/** What a flag takes after it; nothing when undefined. The word is what help and messages call the value. */
export interface Flag {
  readonly long: string;
  readonly short?: string;
  readonly value?: string;
  /** It may be given several times. */
  readonly many?: boolean;
}

export interface Split {
  readonly ok: true;
  readonly words: readonly string[];
  /** By long name; true for a flag without a value. */
  readonly flags: ReadonlyMap<string, string | true>;
  /** All values of those that may be given several times. */
  readonly lists: ReadonlyMap<string, readonly string[]>;
}

export interface Misuse {
  readonly ok: false;
  readonly message: string;
}

export function misuse(message: string): Misuse {
  return { ok: false, message };
}

export interface FlagRules {
  readonly command: string;
  readonly known: readonly Flag[];
  /** Long names that are documented, but do nothing in this release. */
  readonly unbuilt: readonly string[];
}

interface Taken {
  readonly flag: Flag;
  readonly value: string | true;
  /** Arguments after this one that it used up. */
  readonly used: number;
}

/** Separates flags from words: `--flag value`, `--flag=value`, `-n`, `-vq`; after `--` everything is a word, and `-` alone is one. */
export function splitFlags(argv: readonly string[], rules: FlagRules): Split | Misuse {
  const words: string[] = [];
  const flags = new Map<string, string | true>();
  const lists = new Map<string, string[]>();
  for (let at = 0; at < argv.length; at++) {
    const argument = argv[at] ?? '';
    if (argument === '--') return { ok: true, words: [...words, ...argv.slice(at + 1)], flags, lists };
    if (!argument.startsWith('-') || argument === '-') {
      words.push(argument);
      continue;
    }
    const taken = argument.startsWith('--') ? takeLong(argument, argv[at + 1], rules) : takeShort(argument, argv[at + 1], rules);
    if ('ok' in taken) return taken;
    for (const one of taken) {
      flags.set(one.flag.long, one.value);
      if (one.flag.many) lists.set(one.flag.long, [...(lists.get(one.flag.long) ?? []), String(one.value)]);
    }
    at += Math.max(...taken.map((one) => one.used));
  }
  return { ok: true, words, flags, lists };
}

function takeLong(argument: string, next: string | undefined, rules: FlagRules): Taken[] | Misuse {
  const equals = argument.indexOf('=');
  const long = argument.slice(2, equals < 0 ? undefined : equals);
  const flag = rules.known.find((one) => one.long === long);
  if (flag === undefined) return unknownFlag(`--${long}`, long, rules);
  if (flag.value === undefined && equals >= 0) return misuse(`--${long} takes no value`);
  return takeValue(flag, `--${long}`, equals < 0 ? undefined : argument.slice(equals + 1), next);
}

function takeShort(argument: string, next: string | undefined, rules: FlagRules): Taken[] | Misuse {
  const taken: Taken[] = [];
  for (let at = 1; at < argument.length; at++) {
    const short = argument[at] ?? '';
    const flag = rules.known.find((one) => one.short === short);
    if (flag === undefined) return unknownFlag(`-${short}`, undefined, rules);
    const rest = argument.slice(at + 1);
    const one = takeValue(flag, `-${short}`, flag.value === undefined || rest === '' ? undefined : rest, next);
    if ('ok' in one) return one;
    taken.push(...one);
    if (flag.value !== undefined) break;
  }
  return taken;
}

function takeValue(flag: Flag, shown: string, attached: string | undefined, next: string | undefined): Taken[] | Misuse {
  if (flag.value === undefined) return [{ flag, value: true, used: 0 }];
  if (attached !== undefined)
    return attached === '' ? misuse(`${shown} needs a value: ${shown} ${flag.value}`) : [{ flag, value: attached, used: 0 }];
  if (next === undefined || next === '' || next.startsWith('-')) return misuse(`${shown} needs a value: ${shown} ${flag.value}`);
  return [{ flag, value: next, used: 1 }];
}

function unknownFlag(shown: string, long: string | undefined, rules: FlagRules): Misuse {
  if (long !== undefined && rules.unbuilt.includes(long)) return misuse(`${shown} is not built yet`);
  const close =
    long === undefined
      ? undefined
      : nearest(
          long,
          rules.known.map((flag) => flag.long),
        );
  const hint = close === undefined ? `\`flocksync ${rules.command} --help\` lists its flags` : `did you mean --${close}?`;
  return misuse(`${rules.command} has no flag ${shown}: ${hint}`);
}
