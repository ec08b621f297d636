import { formatDuration } from './duration.ts';
import { phaseOf } from './phase.ts';
import { shellWord } from './shell-word.ts';
import { marked, refuseLineBreaks, type Starter, StarterFault } from './starter.ts';

export interface CronRhythm {
  /** One of those that `rhythmFault` accepts. */
  readonly everyMs: number;
  /** A label, by which members with equal rhythms stay apart. */
  readonly member: string;
}

const secondMs = 1000;
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** A cycle with nothing to do takes a third of a second; more lines would only wait for each other. */
const everyMsMin = 5 * secondMs;
/** Cron drops a longer command without a word. */
const commandBytesMax = 990;

/** Why cron cannot keep this rhythm, or undefined: lines repeat by the minute, the hour and the day, so it has to divide one of them. */
export function rhythmFault(everyMs: number): string | undefined {
  const [unit, whole] = everyMs < minuteMs ? [secondMs, minuteMs] : everyMs < hourMs ? [minuteMs, hourMs] : [hourMs, 24 * hourMs];
  if (everyMs >= everyMsMin && everyMs % unit === 0 && whole % everyMs === 0) return undefined;
  return 'takes a time that divides a minute, an hour or a day, such as 5s, 15s, 1m, 10m or 1h';
}

/** A file for /etc/cron.d. Throws StarterFault. */
export function cronFile(starter: Starter, rhythm: CronRhythm): string {
  refuseLineBreaks(starter);
  const command = (...words: string[]) => shellCommand([starter.node, starter.program, ...words], starter.config);
  const periodic = cronTimes(rhythm).map(({ times, sleepSeconds }) => {
    const delay = sleepSeconds === 0 ? '' : `sleep ${sleepSeconds} ; `;
    return { times, command: `${delay}${command('sync', '--no-wait')}` };
  });
  const lines = [{ times: '@reboot', command: command('sync') }, ...periodic];
  for (const { command } of lines) refuseLong(command);
  const width = Math.max(...lines.map(({ times }) => times.length));
  return marked('cron', `${[...preamble(rhythm), ...settings(starter), '', ...lines.map((line) => cronLine(line))].join('\n')}\n`);

  function cronLine({ times, command }: { times: string; command: string }): string {
    return `${times.padEnd(width)} ${starter.user} ${command.replaceAll('%', '\\%')}`;
  }
}

function preamble({ everyMs }: CronRhythm): string[] {
  return [
    `# After a reboot, then every ${formatDuration(everyMs)}; the seconds come from the member's name, so that members do not all ask at once.`,
    '# The first line waits for a cycle that is running; the others leave at once, silently (--no-wait), so a long transfer is never stacked on.',
    '# A run without problems prints nothing, hence cron sends no mail.',
    '# Once this file is edited, `flocksync install cron --write` leaves it alone; `--remove` takes it away.',
  ];
}

/** Cron's own PATH lacks most of this; a hook of the config may need it. */
const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

function settings({ variables }: Starter): string[] {
  return [
    'SHELL=/bin/sh',
    `PATH=${path}`,
    'MAILTO=root',
    ...Object.entries(variables).map(([name, value]) => `${name}=${quotedValue(value)}`),
  ];
}

/** Cron strips one pair of quotes and knows no escapes. */
function quotedValue(value: string): string {
  const quote = value.includes('"') ? "'" : '"';
  if (value.includes(quote)) throw new StarterFault(`${value} holds both kinds of quotes, which cron cannot read: rename it`);
  return `${quote}${value}${quote}`;
}

function refuseLong(command: string): void {
  const bytes = Buffer.byteLength(command);
  if (bytes > commandBytesMax)
    throw new StarterFault(
      `the command has ${bytes} bytes, and cron takes ${commandBytesMax}: install Node or the program at a shorter path`,
    );
}

function shellCommand(words: readonly string[], config: string | null): string {
  return [...words, ...(config === null ? [] : ['--config', config])].map(shellWord).join(' ');
}

interface CronTime {
  readonly times: string;
  readonly sleepSeconds: number;
}

/** Cron counts minutes: seconds come from lines that sleep first, as many of them as runs fit into a minute. */
function cronTimes({ everyMs, member }: CronRhythm): CronTime[] {
  const phase = Math.floor((phaseOf(member) * everyMs) / secondMs);
  const [seconds, minutes, hours] = [phase % 60, Math.floor(phase / 60) % 60, Math.floor(phase / 3600)];
  if (everyMs < minuteMs) {
    const starts = Array.from({ length: minuteMs / everyMs }, (_, index) => phase + (index * everyMs) / secondMs);
    return starts.map((sleepSeconds) => ({ times: '* * * * *', sleepSeconds }));
  }
  if (everyMs < hourMs) return [{ times: `${from(minutes, 59, everyMs / minuteMs)} * * * *`, sleepSeconds: seconds }];
  return [{ times: `${minutes} ${from(hours, 23, everyMs / hourMs)} * * *`, sleepSeconds: seconds }];
}

function from(first: number, last: number, step: number): string {
  if (step === 1) return '*';
  return step > last ? String(first) : `${first}-${last}/${step}`;
}
