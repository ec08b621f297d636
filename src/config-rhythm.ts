import { isMap, isScalar } from 'yaml';
import { addFault, type Field, quoted, readSection, resolved, type Section } from './config-document.ts';
import { pollKeys, refuseUnknownKeys, verifyKeys } from './config-keys.ts';
import type { Poll, ShareConfig, VerifySchedule } from './config-types.ts';
import { fieldOf, readDuration, readText, requireKeys, type Text } from './config-values.ts';
import { cronFault } from './model/cron.ts';
import { adaptivePoll } from './model/pace.ts';
import { parseShareOf } from './model/verify.ts';

const pollMsMin = 100;
/** Of contents and files, where `verify` names no part: a year of nights reads each of them many times over. */
const usualFraction = 0.05;

/** `adaptive`, a duration, or `{ active, idle }`. */
export function readPoll(section: Section): Poll {
  const field = fieldOf(section, 'poll');
  if (field === undefined) return adaptivePoll;
  const node = resolved(section.source, field.node);
  if (isMap(node)) return readRange(section, field);
  const written = isScalar(node) && typeof node.value === 'string' ? node.value : '';
  if (written === 'adaptive') return adaptivePoll;
  if (cronFault(written) === undefined) {
    const message = `\`poll\` is ${quoted(written)}: write adaptive or a duration; a cron expression belongs to \`schedule\``;
    addFault(section.source, field.line, message);
    return adaptivePoll;
  }
  const ms = readDuration(section, 'poll', { minMs: pollMsMin, or: 'adaptive' });
  return ms === undefined ? adaptivePoll : { activeMs: ms, idleMs: ms };
}

function readRange(section: Section, field: Field): Poll {
  const range = readSection(section.source, field.node, '`poll`', '`poll`');
  if (range === null) return adaptivePoll;
  refuseUnknownKeys(range, pollKeys);
  requireKeys(range, pollKeys);
  const activeMs = readDuration(range, 'active', { minMs: pollMsMin }) ?? adaptivePoll.activeMs;
  const idleMs = readDuration(range, 'idle', { minMs: pollMsMin }) ?? Math.max(activeMs, adaptivePoll.idleMs);
  if (idleMs < activeMs)
    addFault(
      section.source,
      range.fields.get('idle')?.line ?? field.line,
      '`idle` is shorter than `active`: exchange them, or make them equal',
    );
  return { activeMs, idleMs };
}

/** Looks of a heavyweight daemon by the clock. */
export function readSchedule(section: Section, mode: ShareConfig['mode']): string | null {
  refuseOtherMode(
    section,
    'schedule',
    mode === 'lightweight',
    'mode: heavyweight',
    'file events tell when to look; `sweep` sets when everything is',
  );
  return readCron(section, 'schedule', '*/15 * * * * *');
}

const usualSweep: ShareConfig['sweep'] = { everyMs: 10 * 60_000, at: null };
const sweepMsMin = 10_000;

/** A duration or a cron expression. */
export function readSweep(section: Section, mode: ShareConfig['mode']): ShareConfig['sweep'] {
  refuseOtherMode(section, 'sweep', mode === 'heavyweight', 'mode: lightweight', 'every look of a heavyweight share takes in everything');
  const field = fieldOf(section, 'sweep');
  if (field === undefined) return usualSweep;
  const node = resolved(section.source, field.node);
  const written = isScalar(node) && typeof node.value === 'string' ? node.value : '';
  if (cronFault(written) === undefined) return { everyMs: null, at: written };
  const ms = readDuration(section, 'sweep', { minMs: sweepMsMin, or: 'a cron expression such as "*/10 * * * *"' });
  return ms === undefined ? usualSweep : { everyMs: ms, at: null };
}

function refuseOtherMode(section: Section, key: string, isOther: boolean, needs: string, why: string): void {
  const line = section.fields.get(key)?.line;
  if (isOther && line !== undefined) addFault(section.source, line, `\`${key}\` needs \`${needs}\`: ${why}`);
}

/** A cron expression, or null where the key is absent. */
export function readCron(section: Section, key: string, example: string): string | null {
  const text = readText(section, key);
  return text === undefined ? null : cronOf(section, key, text, example);
}

function cronOf(section: Section, key: string, text: Text, example: string): string {
  const fault = cronFault(text.value);
  if (fault !== undefined) addFault(section.source, text.line, `\`${key}\` ${text.shown} ${fault}; for example "${example}"`);
  return text.value;
}

/** A cron expression, or `{ at, sample }`. */
export function readVerify(section: Section): VerifySchedule | null {
  const field = fieldOf(section, 'verify');
  if (field === undefined) return null;
  const example = '23 3 * * 0';
  if (!isMap(resolved(section.source, field.node))) {
    const at = readCron(section, 'verify', example);
    return at === null ? null : { at, fraction: usualFraction };
  }
  const when = readSection(section.source, field.node, '`verify`', '`verify`');
  if (when === null) return null;
  refuseUnknownKeys(when, verifyKeys);
  requireKeys(when, ['at']);
  return { at: readCron(when, 'at', example) ?? '', fraction: readSample(when) };
}

function readSample(when: Section): number {
  const text = readText(when, 'sample');
  if (text === undefined) return usualFraction;
  const fraction = parseShareOf(text.value);
  if (fraction === undefined) addFault(when.source, text.line, `\`sample\` is ${text.shown}: write a part such as 5% or 0.5%`);
  return fraction ?? usualFraction;
}
