import { nearest } from '../model/nearest.ts';
import { presetNames } from '../model/presets.ts';
import type { Common, InitCommand } from './command.ts';
import { type Misuse, misuse, type Split } from './flags.ts';

const choices = {
  preset: [...presetNames, 'none'],
  role: ['both', 'publisher', 'subscriber'],
  mode: ['heavyweight', 'lightweight'],
  join: ['trash', 'merge'],
  'path-style': ['true', 'false'],
} as const;

/** The arguments of `init`. What the config reader can judge is left to it. */
export function buildInit({ words, flags }: Split, common: Common): { readonly ok: true; readonly command: InitCommand } | Misuse {
  for (const [flag, allowed] of Object.entries(choices)) {
    const fault = choiceFault(flag, flags.get(flag), allowed);
    if (fault !== undefined) return misuse(fault);
  }
  const text = (flag: string) => (flags.get(flag) as string | undefined) ?? null;
  const [url = '', path = null] = words;
  const pathStyle = text('path-style');
  const chosen = {
    preset: text('preset') as InitCommand['preset'],
    role: (text('role') ?? 'both') as InitCommand['role'],
    mode: (text('mode') ?? 'heavyweight') as InitCommand['mode'],
    join: (text('join') ?? 'trash') as InitCommand['join'],
    pathStyle: pathStyle === null ? null : pathStyle === 'true',
  };
  const named = { endpoint: text('endpoint'), region: text('region'), profile: text('profile'), federation: text('federation') };
  const here = { share: text('share'), member: text('member'), state: text('state') };
  const how = { force: flags.has('force'), saveKeys: flags.has('save-keys'), yes: flags.has('yes') };
  return { ok: true, command: { name: 'init', url, path, ...named, ...here, ...chosen, ...how, ...common } };
}

function choiceFault(flag: string, value: string | true | undefined, allowed: readonly string[]): string | undefined {
  if (typeof value !== 'string' || allowed.includes(value)) return undefined;
  const close = nearest(value, allowed);
  const list = `${allowed.slice(0, -1).join(', ')} or ${allowed.at(-1)}`;
  return `--${flag} takes ${list}, found "${value}"${close === undefined ? '' : ` (did you mean ${close}?)`}`;
}
