import { isMap } from 'yaml';
import { addFault, type Field, readSection, resolved, type Section } from './config-document.ts';
import { checkKeys, onChangeKeys, refuseUnknownKeys } from './config-keys.ts';
import type { Check, OnChange } from './config-types.ts';
import { fieldOf, readDuration, readText, requireKeys } from './config-values.ts';

const timeoutMs = 60_000;
const timeoutMsMin = 100;
const debounceMs = 2000;

/** A command for the shell, or `{ run, timeout, debounce }`; null where the key is absent. */
export function readOnChange(section: Section): OnChange | null {
  const command = readCommand(section, 'onChange', onChangeKeys);
  if (command === null) return null;
  const { run, limits } = command;
  return { run, timeoutMs: timeoutOf(limits), debounceMs: (limits && readDuration(limits, 'debounce')) ?? debounceMs };
}

/** A command for the shell, or `{ run, timeout }`; null where the key is absent. */
export function readCheck(section: Section): Check | null {
  const command = readCommand(section, 'check', checkKeys);
  return command === null ? null : { run: command.run, timeoutMs: timeoutOf(command.limits) };
}

/** `limits` is null in the short form. */
function readCommand(section: Section, key: string, keys: readonly string[]): { run: string; limits: Section | null } | null {
  const field = fieldOf(section, key);
  if (field === undefined) return null;
  if (!isMap(resolved(section.source, field.node))) return { run: readShellText(section, key, field), limits: null };
  const limits = readSection(section.source, field.node, `\`${key}\``, `\`${key}\``);
  if (limits === null) return null;
  refuseUnknownKeys(limits, keys);
  requireKeys(limits, ['run']);
  return { run: readShellText(limits, 'run', field), limits };
}

function readShellText(section: Section, key: string, field: Field): string {
  const text = readText(section, key);
  if (text === undefined) return '';
  if (text.value.trim() === '') addFault(section.source, text.line, `\`${key}\` is empty: write a command, or remove \`${field.key}\``);
  else if (text.value.includes('\0')) addFault(section.source, text.line, `\`${key}\` holds a NUL character, which no command can`);
  return text.value;
}

function timeoutOf(limits: Section | null): number {
  return (limits && readDuration(limits, 'timeout', { minMs: timeoutMsMin })) ?? timeoutMs;
}
