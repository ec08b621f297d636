import { placeFiles, readImported, readLinesOf } from '../adapters/import-files.ts';
import { loadConfig } from '../config.ts';
import type { ImportCommand } from './command.ts';
import { type ExitCode, exit } from './exit.ts';
import { importLsyncd } from './import/lsyncd.ts';
import { reportLines } from './import/report.ts';
import type { WrittenConfig } from './import/write-configs.ts';
import { quoted } from './import/yaml-lines.ts';
import type { Output } from './output.ts';

/** Prints, or writes into a directory, the configs that replace an lsyncd config, and what became of each of its lines. */
export function importConfig(command: ImportCommand, output: Output): ExitCode {
  const unfit = givenFault(command);
  if (unfit !== undefined) return refuse(output, unfit);
  const read = readImported(command.file);
  if (!read.ok) return refuse(output, `${command.file}: ${read.message}`);
  const imported = importLsyncd(read.text, { from: command.file, federation: command.federation, bucket: command.bucket }, readLinesOf);
  if (!imported.ok) return refuse(output, `${command.file}${imported.line === 0 ? '' : `:${imported.line}`}: ${imported.message}`);
  const report = reportLines(command.file, imported.configs, imported.findings);
  if (command.out === null) print(report, imported.configs, output);
  else {
    const placed = placeFiles(command.out, imported.configs);
    if (!placed.ok) return refuse(output, placed.message);
    if (!command.quiet) for (const line of report) output.line(line);
  }
  return imported.configs.some(({ faults }) => faults.length > 0) ? exit.problems : exit.done;
}

function refuse(output: Output, message: string): ExitCode {
  output.error(message);
  return exit.usage;
}

/** What the config reader says about a bucket and a federation that were given. */
function givenFault({ bucket, federation }: ImportCommand): string | undefined {
  const text = `datastore: { url: ${quoted(bucket ?? 's3://bucket')} }\nfederation: ${quoted(federation)}\nshares: [{ name: a, path: /a }]\n`;
  const result = loadConfig(text, '', { variables: {}, hostName: 'host', realpath: () => null });
  const fault = result.ok ? undefined : result.faults[0];
  if (fault === undefined) return undefined;
  return `flocksync: ${fault.line === 1 ? '--bucket' : '--federation'}: ${fault.message}`;
}

/** The report as comments, then each config behind a line with its name: all of it is valid YAML. */
function print(report: readonly string[], configs: readonly WrittenConfig[], output: Output): void {
  for (const line of report) output.line(line === '' ? '#' : `# ${line}`);
  for (const { file, text } of configs) {
    output.line(`--- # ${file}`);
    output.line(text.trimEnd());
  }
}
