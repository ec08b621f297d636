import { loadConfig } from '../../config.ts';
import { excludeLines, gapName, gaps, headLines, logFile, pathLine, type Wanted } from './config-parts.ts';
import type { Findings } from './findings.ts';
import { shown } from './lua-value.ts';
import type { Settings } from './read-settings.ts';
import type { PlannedShare } from './share-plan.ts';
import { type Draft, subscriberConfigs } from './subscriber-configs.ts';
import { line, quoted, written, type YamlLine } from './yaml-lines.ts';

export interface WrittenConfig extends Draft {
  /** What the config reader finds wrong with it, once its variables are set. */
  readonly faults: readonly string[];
}

/** The publisher's config, and one for its subscribers, or for each of them where they differ. */
export function writeConfigs(
  shares: readonly PlannedShare[],
  settings: Settings,
  wanted: Wanted,
  findings: Findings,
): readonly WrittenConfig[] {
  tellSettings(settings, findings);
  const paths = shares.map(({ source }) => source?.value ?? 'a directory to be filled in').join(', ');
  const publisher: Draft = {
    file: 'publisher.yml',
    text: written(publisherLines(shares, settings, wanted)),
    about: `for this server, which ran lsyncd: publishes ${paths}`,
  };
  return [publisher, ...subscriberConfigs(shares, settings, wanted, findings)].map((draft) => ({ ...draft, faults: faultsOf(draft) }));
}

function tellSettings({ logfile, statusFile }: Settings, findings: Findings): void {
  if (logfile !== null)
    findings.add(
      'carried',
      logfile.line,
      `logfile = ${shown(logfile.value)}`,
      `\`log: ${logFile}\`, as JSON lines; the old file is left alone`,
    );
  if (statusFile === null) return;
  const absolute = statusFile.value.startsWith('/');
  findings.add(
    absolute ? 'carried' : 'missing',
    statusFile.line,
    `statusFile = ${shown(statusFile.value)}`,
    absolute ? statusText : 'only an absolute path can be taken over; `statusFile:` of the share sets one',
  );
}

const statusText =
  '`statusFile:` on the publisher, with what waits to be published and applied, in words of its own: adapt the check that reads it. Remove ' +
  "lsyncd's file before, since what is no status file of flocksync is left alone";

function publisherLines(shares: readonly PlannedShare[], settings: Settings, wanted: Wanted): YamlLine[] {
  const lines = [...headLines('this server, which ran lsyncd', settings, wanted), line(0, 'shares:')];
  for (const [at, share] of shares.entries()) {
    lines.push(line(2, `- name: ${quoted(share.name)}`));
    lines.push(pathLine(share.source?.value ?? null, share.source?.line ?? 0, 'source', gapName(gaps.source, at)));
    lines.push(line(4, 'role: publisher', 'lsyncd brings changes from here to the targets, never back'));
    lines.push(line(4, 'mode: lightweight', 'changes are found by file events, as with lsyncd'));
    lines.push(...excludeLines(share.patterns, share.followers));
    lines.push(...statusLines(settings));
  }
  return lines;
}

function statusLines({ statusFile }: Settings): YamlLine[] {
  if (statusFile === null || !statusFile.value.startsWith('/')) return [];
  return [line(4, `statusFile: ${quoted(statusFile.value)}`, `line ${statusFile.line}`)];
}

/** What the config reader says about it, with values in the place of what is left to be filled in. */
function faultsOf({ file, text }: Draft): string[] {
  const variables: Record<string, string> = { [gaps.bucket]: 's3://bucket' };
  for (const [name] of text.matchAll(/FLOCKSYNC_(SOURCE|TARGET)(_\d+)?/g)) variables[name] = `/import/${name}/root`;
  const result = loadConfig(text, file, { variables, hostName: 'host', realpath: () => null });
  return result.ok ? [] : result.faults.map((fault) => `line ${fault.line}: ${fault.message}`);
}
