import { commonRules, type PresetRule, presetNames, presets } from '../model/presets.ts';
import type { CommandSpec } from './command-spec.ts';
import { commands, commonFlags, jsonFlag } from './command-table.ts';
import { wrap } from './format.ts';

export const helpColumnsMax = 80;
export const generalAbout = 'keeps directories identical on many webservers, through an S3 bucket';

/** The screen of one command, of the topic `config`, or the general one; at most 80 columns wide, ending with a line break. */
export function helpScreen(topic: string | null): string {
  const spec = commands.find((one) => one.name === topic);
  if (topic === 'config') return `A config file, /etc/flocksync.yml by default:\n\n${configExample}`;
  if (topic === 'presets') return presetsScreen();
  return spec === undefined ? generalScreen() : commandScreen(spec);
}

/** What standard error gets after a misuse. */
export function misuseScreen(message: string): string {
  return `flocksync: ${message}\n`;
}

function generalScreen(): string {
  const lines = [
    `flocksync ${generalAbout}.`,
    '',
    'Usage: flocksync COMMAND [arguments] [flags]',
    '',
    ...commands.flatMap((spec) => item(spec.name, spec.about, 11)),
    '',
    'Every command:',
    ...flagLines([{ ...jsonFlag, about: `of commands that read: ${jsonFlag.about}` }, ...commonFlags]),
    ...item('--version', 'print the version', 22),
    '',
    ...exitLines,
    '',
    'Start here:',
    '  flocksync demo            see it work, without any setup',
    '  flocksync init URL        write the config, test it, show what would be done',
    '  flocksync help config     a config file to copy',
    '  flocksync doctor          test the bucket',
    '  flocksync sync -n         what the first sync would do',
  ];
  return `${lines.join('\n')}\n`;
}

function commandScreen(spec: CommandSpec): string {
  const words = spec.words === '' ? '' : ` ${spec.words}`;
  const about = `${spec.about.charAt(0).toUpperCase()}${spec.about.slice(1)}.`;
  const lines = [
    `Usage: flocksync ${spec.name}${words} [flags]`,
    '',
    ...wrap(about, helpColumnsMax),
    ...spec.details.flatMap((paragraph) => wrap(paragraph, helpColumnsMax)),
    ...(spec.words.includes('SHARE…')
      ? wrap("SHARE is a name or a quoted pattern such as 'site*'; without one, all shares are meant.", helpColumnsMax)
      : []),
    '',
    ...flagLines([...spec.flags, ...(spec.json ? [jsonFlag] : []), ...commonFlags]),
    '',
    spec.examples.length === 1 ? 'Example:' : 'Examples:',
    ...spec.examples.map((example) => `  ${example}`),
    '',
    ...exitLines,
  ];
  return `${lines.join('\n')}\n`;
}

function presetsScreen(): string {
  const rules = (each: readonly PresetRule[]) =>
    each.flatMap(({ patterns, why }) => [
      ...wrap(patterns.join(' '), helpColumnsMax - 2).map((line) => `  ${line}`),
      ...wrap(why, helpColumnsMax - 6).map((line) => `      ${line}`),
    ]);
  const lines = [
    'preset: NAME, of a share, leaves out what must not be the same on all servers.',
    '',
    ...presetNames.flatMap((name) => item(name, presets[name].about.replaceAll('`', ''), 11)),
    '',
    ...wrap(
      "`exclude` adds to it, and takes a line back: exclude: ['!.git'] publishes repositories. Lines that begin with ! stand in a preset, too.",
      helpColumnsMax,
    ),
    '',
    'Every preset:',
    ...rules(commonRules),
    ...presetNames.flatMap((name) => (presets[name].rules.length === 0 ? [] : ['', `${name}:`, ...rules(presets[name].rules)])),
    '',
    'What must be the same everywhere, and why: docs/presets.md.',
  ];
  return `${lines.join('\n')}\n`;
}

function flagLines(flags: CommandSpec['flags']): string[] {
  return flags.flatMap((flag) => {
    const short = flag.short === undefined ? '' : `-${flag.short}, `;
    const value = flag.value === undefined ? '' : ` ${flag.value}`;
    return item(`${short}--${flag.long}${value}`, flag.about, 22);
  });
}

function item(head: string, about: string, column: number): string[] {
  const lines = wrap(about, helpColumnsMax - column - 4);
  return lines.map((line, index) => `  ${(index === 0 ? head : '').padEnd(column)}  ${line}`);
}

export const exitMeanings: readonly (readonly [number, string])[] = [
  [0, 'done'],
  [1, 'problems, listed'],
  [2, 'wrong usage or config'],
  [3, 'held by a guard: see `flocksync status`, then approve or reject'],
  [70, 'internal error'],
  [75, 'datastore unreachable or refused, try later'],
];
const exitLines: readonly string[] = ['Exit codes:', ...exitMeanings.map(([code, meaning]) => `  ${String(code).padEnd(3)} ${meaning}`)];

/** What `help config` shows. */
export const configExample = `federation: shop                    # the group of servers
datastore:
  url: s3://my-bucket/prefix        # or file:///path
  endpoint: http://127.0.0.1:9000   # omit for AWS
  region: us-east-1                 # the default
  pathStyle: true                   # the default where endpoint is set
  profile: shop                     # of the AWS config files, optional
member: web01                       # a label, by default the host name
state: /var/lib/flocksync           # journals and trash index, the default
log: /var/log/flocksync.jsonl       # JSON lines, optional
page: 127.0.0.1:8385                # web page of the daemon, optional
pageToken: /etc/flocksync.page      # a file (mode 0600), or \${VARIABLE}; lets
                                    # the page approve and reject, optional
shares:
  - name: webroot
    path: /var/www/html             # or a pattern: /var/www/*/html
    mode: heavyweight               # or lightweight: goes by file events
    role: both                      # or publisher, subscriber
    preset: wordpress               # flocksync help presets; optional
    exclude: ["cache/", "*.log"]    # gitignore syntax
    metadata: preserve              # or { owner: www-data, group: www-data,
                                    #      fileMode: "0644", dirMode: "0755" }
    conflict: newest                # or remote, local
    delete: propagate               # or keep (subscribers only)
    maxDelete: { percent: 20, floor: 20, window: 10m }
    settle: 500ms                   # quiet time that ends a changeset
    settleMax: 10s
    poll: adaptive                  # { active: 1s, idle: 15s }, or a duration
    schedule: "*/15 * * * * *"      # scans of the daemon, heavyweight, optional
    # sweep: 10m                    # lightweight: looks at everything
    housekeep: "17 3 * * *"         # of the daemon, optional
    verify: { at: "23 3 * * 0", sample: 5% }     # of the daemon, optional
    history: 30d                    # kept in the bucket
    trash: 7d                       # kept on this server
    join: trash                     # or merge
    statusFile: datasync.status     # below the root, or absolute; optional
    check: nginx -t                 # before others' changes come in, optional
    onChange: systemctl reload nginx # after a change by others, optional

federation, datastore.url and each share's name and path are needed; the rest
shows the defaults, except where it says optional.
\${NAME} is taken from the environment; write $\${ for a literal one.

Credentials never stand in this file. They come from the usual places of AWS
tools, or from /etc/flocksync.env (mode 0600):

AWS_ACCESS_KEY_ID=...
AWS_SECRET_ACCESS_KEY=...
`;
