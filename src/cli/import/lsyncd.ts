import { parseLua } from '../../adapters/lua.ts';
import { lastWords } from '../../model/said.ts';
import type { Wanted } from './config-parts.ts';
import { createFindings, type Finding, type Findings } from './findings.ts';
import { type LsyncdCalls, runConfig } from './lua-run.ts';
import { LuaFault } from './lua-value.ts';
import { readSettings } from './read-settings.ts';
import { type ReadLines, readSync } from './read-sync.ts';
import { emptyShare, planShares } from './share-plan.ts';
import { readSnippet } from './snippet.ts';
import { type WrittenConfig, writeConfigs } from './write-configs.ts';

export type Imported =
  | { readonly ok: true; readonly configs: readonly WrittenConfig[]; readonly findings: readonly Finding[] }
  /** Line 0 means the file as a whole. */
  | { readonly ok: false; readonly line: number; readonly message: string };

/** An lsyncd config as configs of flocksync. It is read and never run; what cannot be read so is refused with its line. */
export function importLsyncd(text: string, wanted: Wanted, readLines: ReadLines): Imported {
  const imported = read(text, wanted, readLines);
  return imported.ok ? imported : { ...imported, message: lastWords(imported.message, messageCharactersMax) };
}

/** It quotes the text, which may hold anything. */
const messageCharactersMax = 400;

function read(text: string, wanted: Wanted, readLines: ReadLines): Imported {
  const snippet = readSnippet(text);
  if (!snippet.ok) return snippet;
  const parsed = parseLua(snippet.lua);
  if (!parsed.ok) return { ok: false, line: parsed.line, message: `this is no Lua that can be read: ${parsed.message}` };
  const findings = createFindings();
  for (const { line, text: note } of snippet.notes) findings.add('note', line, '', note);
  try {
    return { ok: true, configs: convert(runConfig(parsed.chunk), wanted, readLines, findings), findings: findings.all() };
  } catch (error) {
    if (error instanceof LuaFault) return { ok: false, line: error.line, message: error.message };
    if (error instanceof RangeError) return { ok: false, line: 0, message: 'it is nested too deeply' };
    throw error;
  }
}

function convert(calls: LsyncdCalls, wanted: Wanted, readLines: ReadLines, findings: Findings): readonly WrittenConfig[] {
  for (const { line, text } of calls.notes) findings.add('note', line, '', text);
  const settings = readSettings(calls.settings, findings);
  const syncs = calls.syncs.flatMap(({ table, line }) => readSync(table, line, findings, readLines) ?? []);
  if (syncs.length === 0) tellNoSync(calls, findings);
  const shares = planShares(syncs, findings);
  return writeConfigs(shares.length > 0 ? shares : [emptyShare()], settings, wanted, findings);
}

function tellNoSync({ globals }: LsyncdCalls, findings: Findings): void {
  for (const [name, line] of globals) if (name !== 'settings') findings.add('note', line, name, 'it is set, and no `sync` block uses it');
  findings.add('note', 0, '', 'no `sync` block says what is brought where: the configs have one share to be filled in');
}
