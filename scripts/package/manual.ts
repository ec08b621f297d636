import type { CommandSpec } from '../../src/cli/command-spec.ts';
import { commands, commonFlags, jsonFlag } from '../../src/cli/command-table.ts';
import { configExample, exitMeanings, generalAbout } from '../../src/cli/help.ts';
import { bold, escaped, italic, item, paragraphs, section, subsection, title, verbatim } from './roff.ts';

export interface Edition {
  readonly version: string;
  /** Such as 2026-11-20. */
  readonly day: string;
}

/** flocksync(1), from the table that the parser and the help screens come from. */
export function commandManual({ version, day }: Edition): string {
  return page([
    title('flocksync', 1, day, `flocksync ${version}`),
    ...section('NAME', `flocksync \\- ${escaped(generalAbout)}`),
    ...section('SYNOPSIS', `${bold('flocksync')} ${italic('COMMAND')} [${italic('arguments')}] [${italic('flags')}]`),
    ...section('COMMANDS', ...commands.flatMap(commandPart)),
    ...section('OPTIONS', 'Every command takes these:', ...flagItems([...commonFlags, { long: 'version', about: 'print the version' }])),
    ...section('EXIT STATUS', ...exitMeanings.flatMap(([code, meaning]) => item(bold(String(code)), meaning))),
    ...section('FILES', ...files.flatMap(([file, text]) => item(bold(file), text))),
    ...section('SEE ALSO', `${bold('flocksync.yml')}(5), /usr/share/doc/flocksync/, /opt/flocksync/docs/`),
  ]);
}

/** flocksync.yml(5): the config that `help config` shows. */
export function configManual({ version, day }: Edition): string {
  const text = configExample.trimEnd().split('\n');
  return page([
    title('flocksync.yml', 5, day, `flocksync ${version}`),
    ...section('NAME', 'flocksync.yml \\- the config of flocksync'),
    ...section('DESCRIPTION', ...verbatim(text)),
    ...section('SEE ALSO', `${bold('flocksync')}(1), /opt/flocksync/docs/`),
  ]);
}

function page(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}

function commandPart(spec: CommandSpec): string[] {
  const flags = [...spec.flags, ...(spec.json ? [jsonFlag] : [])];
  const words = spec.words === '' ? '' : ` ${spec.words}`;
  const about = `${spec.about.charAt(0).toUpperCase()}${spec.about.slice(1)}.`;
  return [
    ...subsection(`flocksync ${spec.name}${words}`, ...paragraphs([about, ...spec.details])),
    ...flagItems(flags),
    '.PP',
    spec.examples.length === 1 ? 'Example:' : 'Examples:',
    ...verbatim(spec.examples),
  ];
}

function flagItems(flags: CommandSpec['flags']): string[] {
  return flags.flatMap(({ long, short, value, about }) => {
    const names = [...(short === undefined ? [] : [bold(`-${short}`)]), bold(`--${long}`)].join(', ');
    return item(value === undefined ? names : `${names} ${italic(value)}`, about);
  });
}

const files: readonly (readonly [string, string])[] = [
  ['/etc/flocksync.yml', 'The config, see `flocksync.yml`(5).'],
  ['/etc/flocksync.env', 'Credentials, one NAME=VALUE a line, mode 0600. The variable `FLOCKSYNC_ENV_FILE` names another file.'],
  ['/var/lib/flocksync', 'The state: a journal for each share. It needs no backup, and must not be copied to another server.'],
];
