import { expect, test } from 'vitest';
import { cronFile, rhythmFault } from '../../src/model/cron-file.ts';
import { ownershipOf, type Starter, StarterFault, starterName } from '../../src/model/starter.ts';

const starter: Starter = { node: '/usr/bin/node', program: '/opt/flocksync/dist/main.js', config: null, user: 'root', variables: {} };
const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;

function jobs(everyMs: number, member: string, changes: Partial<Starter> = {}): string[] {
  const lines = cronFile({ ...starter, ...changes }, { everyMs, member }).split('\n');
  return lines.filter((line) => /^[@*\d]/.test(line));
}

/** Seconds of an hour at which the lines of a member start something; only the forms that are written here are understood. */
function startsInAnHour(lines: readonly string[]): number[] {
  return lines
    .filter((line) => !line.startsWith('@'))
    .flatMap((line) => {
      const [minute = ''] = line.split(' ');
      const sleep = Number(/ sleep (\d+) ;/.exec(line)?.[1] ?? 0);
      const range = /^(\d+)-59\/(\d+)$/.exec(minute);
      const [first, step] = minute === '*' ? [0, 1] : range === null ? [Number(minute), 60] : [Number(range[1]), Number(range[2])];
      const minutes = Array.from({ length: 60 }, (_, each) => each).filter((each) => each >= first && (each - first) % step === 0);
      return minutes.map((each) => each * 60 + sleep);
    })
    .sort((a, b) => a - b);
}

test('the file in cron/ is what is printed for the usual place', async () => {
  await expect(cronFile(starter, { everyMs: 15 * secondMs, member: 'web01' })).toMatchFileSnapshot('../../cron/flocksync');
});

test.each([5, 10, 15, 20, 30, 60, 120, 300, 600, 1800])('every %i s: equal steps around the hour, whatever the name', (everySeconds) => {
  for (const member of ['web01', 'web02', 'web03', 'a', '', 'größe', '99']) {
    const starts = startsInAnHour(jobs(everySeconds * secondMs, member));
    expect(starts).toHaveLength(3600 / everySeconds);
    expect(new Set(starts.map((start) => start % everySeconds)).size).toBe(1);
  }
});

test.each([1, 2, 6, 24])('every %i h: once in so many hours', (hours) => {
  const [, line = '', ...more] = jobs(hours * hourMs, 'web01');
  expect(more).toEqual([]);
  const [minute, hour] = line.split(' ');
  expect(Number(minute)).toBeLessThan(60);
  const form = hours === 1 ? /^\*$/ : hours === 24 ? /^\d{1,2}$/ : new RegExp(`^[0-${hours - 1}]-23/${hours}$`);
  expect(hour).toMatch(form);
});

test('members are spread: of a hundred names, each second of fifteen is taken by some', () => {
  const seconds = Array.from({ length: 100 }, (_, n) => startsInAnHour(jobs(15 * secondMs, `web${n}`))[0]);
  expect(new Set(seconds).size).toBeGreaterThan(12);
});

test('a member keeps its seconds', () => {
  expect(jobs(15 * secondMs, 'web01')).toEqual(jobs(15 * secondMs, 'web01'));
});

test.each([0, 1, 4000, 4999, 7000, 45_000, 61_000, 90_000, 7 * minuteMs, 45 * minuteMs, 5 * hourMs, 48 * hourMs, 15_500])(
  'cron cannot keep a rhythm of %i ms',
  (everyMs) => expect(rhythmFault(everyMs)).toContain('divides'),
);

test('what a shell or cron would take apart is quoted', () => {
  const [first = ''] = jobs(hourMs, 'a', { node: '/opt/my node/bin/node', program: "/srv/100%/it's/main.js", config: '/etc/$HOME.yml' });
  expect(first.trim()).toBe(
    `@reboot root '/opt/my node/bin/node' '/srv/100\\%/it'\\''s/main.js' sync --config '/etc/$HOME.yml'`.replace(
      '@reboot',
      first.slice(0, first.indexOf(' root')),
    ),
  );
});

test('variables stand above the lines, in quotes', () => {
  const text = cronFile({ ...starter, variables: { FLOCKSYNC_ENV_FILE: '/etc/my keys.env' } }, { everyMs: hourMs, member: 'a' });
  expect(text).toContain('\nFLOCKSYNC_ENV_FILE="/etc/my keys.env"\n');
});

test.each<[string, Partial<Starter>]>([
  ['a line break in a path', { program: '/opt/a\nb/main.js' }],
  ['a line break in the config', { config: '/etc/x\n* * * * * root reboot\n.yml' }],
  ['a line break in a variable', { variables: { FLOCKSYNC_ENV_FILE: '/a\n' } }],
  ['both kinds of quotes', { variables: { FLOCKSYNC_ENV_FILE: `/a"b'c` } }],
  ['a command that cron would drop', { program: `/opt/${'x'.repeat(980)}` }],
])('%s is refused', (_, changes) => {
  expect(() => jobs(hourMs, 'a', changes)).toThrow(StarterFault);
});

test('a file is known again, and an edit of it is seen', () => {
  const text = cronFile(starter, { everyMs: 15 * secondMs, member: 'web01' });
  expect(ownershipOf('cron', text)).toBe('ours');
  expect(ownershipOf('systemd', text)).toBe('foreign');
  expect(ownershipOf('cron', text.replace('MAILTO=root', 'MAILTO=me'))).toBe('edited');
  expect(ownershipOf('cron', text.slice(text.indexOf('\n') + 1))).toBe('foreign');
  for (const foreign of ['', '\n', '# my own\n', text.trim().split('\n')[0] ?? '']) expect(ownershipOf('cron', foreign)).toBe('foreign');
});

test.each([
  [null, /^flocksync$/],
  ['/etc/flocksync-shop.yml', /^flocksync-shop$/],
  ['/etc/shop.yml', /^flocksync-shop-[0-9a-f]{6}$/],
  ['/etc/a b.c.yml', /^flocksync-a-b-c-[0-9a-f]{6}$/],
  ['/srv/flocksync.yml', /^flocksync-[0-9a-f]{6}$/],
  ['/srv/größe.yml', /^flocksync-gr-e-[0-9a-f]{6}$/],
  ['/srv/..', /^flocksync-[0-9a-f]{6}$/],
  [`/srv/${'x'.repeat(300)}`, /^flocksync-x{40}-[0-9a-f]{6}$/],
])('the config %s gives a name that cron.d takes', (config, name) => {
  expect(starterName(config)).toMatch(name);
  expect(starterName(config)).toMatch(/^[A-Za-z0-9_-]+$/);
});

test('two configs never share a name', () => {
  const configs = [
    '/etc/a.yml',
    '/etc/a.b.yml',
    '/etc/a-b.yml',
    '/srv/a.yml',
    '/srv/b/a.yml',
    '/etc/a.yaml',
    '/etc/flocksync.yaml',
    '/etc/flocksync-a.yml',
  ];
  expect(new Set([null, ...configs].map(starterName)).size).toBe(configs.length + 1);
});
