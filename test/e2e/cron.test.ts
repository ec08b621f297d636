import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { phaseOf } from '../../src/model/phase.ts';
import { type CronMachine, canRunCron, cronMachine } from './support/cron.ts';
import { until } from './support/daemon.ts';
import { type Federation, program, startFederation } from './support/federation.ts';

const possible = canRunCron();
const members = ['web-a', 'web-b'] as const;
let federation: Federation;
let machine: CronMachine | undefined;

beforeEach(() => {
  federation = startFederation(members, { share: ['settle: 0s'] });
});

afterEach(() => {
  machine?.close();
  machine = undefined;
  federation.close();
});

/** Both members stand on one machine, with files of their own in cron.d. */
function start(speed: number, every: string): CronMachine {
  machine = cronMachine(speed);
  const install = (member: string) =>
    `FLOCKSYNC_ENV_FILE= ${process.execPath} ${program} install cron --write --every ${every} --config ${federation.configFile(member)}`;
  machine.start(members.map(install));
  return machine;
}

function path(member: string, name: string): string {
  return join(federation.root(member), name);
}

test.skipIf(!possible)(
  'from cron: a run after the reboot, then again and again; a quiet hour sends no mail, and a problem sends one',
  async () => {
    const speed = 240;
    const hours = (count: number) => (count * 3_600_000) / speed;
    writeFileSync(path('web-a', 'first'), 'x');
    const { mails, files, starts, output } = start(speed, '5m');
    await until('the runs after the reboot', () => existsSync(path('web-b', 'first')), hours(0.7));
    expect(files(), output()).toEqual([expect.stringMatching(/^flocksync-[0-9a-f]{6}$/), expect.stringMatching(/^flocksync-[0-9a-f]{6}$/)]);
    writeFileSync(path('web-b', 'second'), 'y');
    await until('the change of the other', () => existsSync(path('web-a', 'second')), hours(0.7));
    const before = starts().length;
    await delay(hours(1));
    expect(starts().length - before).toBeGreaterThanOrEqual(16);
    expect(mails()).toEqual([]);
    renameSync(federation.root('web-b'), `${federation.root('web-b')}-away`);
    await until('the mail', () => mails().length > 0, hours(0.7));
    await delay(hours(0.5));
    expect(mails()).toHaveLength(1);
    expect(mails()[0]).toMatch(/^To: root$/m);
    expect(mails()[0]).toContain('flocksync: webroot: ');
  },
);

test.skipIf(!possible)('every 15 seconds: each member at seconds of its own, never in the same as the other', async () => {
  const speed = 12;
  const phases = members.map((member) => Math.floor(phaseOf(member) * 15));
  const { starts, mails, output } = start(speed, '15s');
  await until('two minutes', () => starts().length >= 14, 30_000);
  const seconds = members.map((member) => starts().flatMap(({ command, second }) => (command.includes(`/${member}/`) ? [second] : [])));
  const [a = [], b = []] = seconds;
  for (const each of seconds) expect(each.length, output()).toBeGreaterThanOrEqual(5);
  expect(Math.min(...a.flatMap((one) => b.map((other) => Math.abs(one - other))))).toBeGreaterThan(1);
  for (const [index, each] of seconds.entries()) {
    const steps = each.slice(1).map((second, at) => second - (each[at] ?? 0));
    const middle = steps.sort((x, y) => x - y)[Math.floor(steps.length / 2)] ?? 0;
    expect(Math.abs(middle - 15), `${members[index]} with second ${phases[index]}: ${each.map(Math.round)}`).toBeLessThan(3);
  }
  expect(mails()).toEqual([]);
});
