import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Federation, startFederation } from './support/federation.ts';
import { killAt } from './support/killer.ts';
import { change, seedSite } from './support/site.ts';
import { differences, hashOf, snapshot, type Tree } from './support/tree.ts';

/** The steps of a cycle in which something is written, in the bucket, in the journal or on the disk. */
const publisherSteps = ['collate', 'pack', 'append', 'record', 'fold', 'bell', 'journal', 'position', 'heartbeat'];
const receiverSteps = [
  'ingest',
  'apply',
  'burst',
  'directory',
  'stage',
  'flush',
  'place',
  'replace',
  'link',
  'remove',
  'journal',
  'position',
  'heartbeat',
];
const killsEach = 50;
const hitsMin = 3;
const delaysMs = [0, 0, 1, 2, 4];
const quiet = { code: 0, stdout: '', stderr: '' };

function start(): Federation {
  const federation = startFederation(['a', 'b']);
  onTestFinished(() => federation.close(), 60_000);
  return federation;
}

async function syncQuietly(federation: Federation, ...members: string[]): Promise<void> {
  for (const member of members) expect(await federation.run(member, ['sync'])).toMatchObject(quiet);
}

/** Kills runs of `victim` at each step in turn until all were hit; returns how often each step was the last one printed. */
async function killRounds(federation: Federation, victim: 'a' | 'b', steps: readonly string[]): Promise<Map<string, number>> {
  const hits = new Map(steps.map((step) => [step, 0]));
  let kills = 0;
  for (let round = 0; (kills < killsEach || Math.min(...hits.values()) < hitsMin) && round < 3 * killsEach; round++) {
    change(federation.root('a'), round);
    const wanted = snapshot(federation.root('a'));
    if (victim === 'b') await syncQuietly(federation, 'a');
    const [step = ''] = [...hits].sort((x, y) => x[1] - y[1])[0] ?? [];
    const run = await killAt(federation, victim, ['sync'], step, delaysMs[round % delaysMs.length] ?? 0);
    if (run.killed) kills++;
    if (run.killed && hits.has(run.lastStep)) hits.set(run.lastStep, (hits.get(run.lastStep) ?? 0) + 1);
    await syncQuietly(federation, ...(victim === 'a' ? ['a', 'b'] : ['b', 'a']));
    expectConverged(federation, wanted, `round ${round}, killed at ${run.lastStep}`);
  }
  return hits;
}

function expectConverged(federation: Federation, wanted: Tree, when: string): void {
  for (const member of ['a', 'b']) expect(differences(wanted, snapshot(federation.root(member))), `${member}, ${when}`).toEqual([]);
}

/** Stages are empty, state directories hold what they should, and each file in a trash has its row. */
function expectTidy(federation: Federation): void {
  for (const member of ['a', 'b']) {
    const area = join(federation.directory, member, '.flocksync-webroot');
    expect(readdirSync(join(area, 'stage'))).toEqual([]);
    const known = /^(member\.json|webroot\.(lock|ready|journal(-wal|-shm)?))$/;
    expect(readdirSync(federation.state(member)).filter((name) => !known.test(name))).toEqual([]);
    const journal = new Database(join(federation.state(member), 'webroot.journal'), { readonly: true });
    const rows = journal.prepare('SELECT name FROM trash').pluck().all() as string[];
    const open = journal
      .prepare('SELECT (SELECT count(*) FROM intent) + (SELECT count(*) FROM outbox) + (SELECT count(*) FROM want)')
      .pluck()
      .get();
    journal.close();
    expect(readdirSync(join(area, 'trash')).sort()).toEqual(rows.sort());
    expect(open).toBe(0);
  }
}

describe('kill -9', { timeout: 300_000 }, () => {
  test('R-P1 R-S1 R-S2: of a publisher at every step loses nothing and brings no deleted path back', async () => {
    const federation = start();
    seedSite(federation.root('a'));
    await syncQuietly(federation, 'a', 'b');
    const hits = await killRounds(federation, 'a', publisherSteps);
    console.info(`kills of a publisher by step: ${JSON.stringify(Object.fromEntries(hits))}`);
    expect(Math.min(...hits.values())).toBeGreaterThanOrEqual(hitsMin);
    expectTidy(federation);
  });

  test('R-I4: of a receiver at every step loses nothing and brings no deleted path back', async () => {
    const federation = start();
    seedSite(federation.root('a'));
    await syncQuietly(federation, 'a', 'b');
    const hits = await killRounds(federation, 'b', receiverSteps);
    console.info(`kills of a receiver by step: ${JSON.stringify(Object.fromEntries(hits))}`);
    expect(Math.min(...hits.values())).toBeGreaterThanOrEqual(hitsMin);
    expectTidy(federation);
  });

  test('R-P1: between body and record leaves a body that nobody needs, and the change goes out all the same', async () => {
    const federation = start();
    await syncQuietly(federation, 'a', 'b');
    for (let round = 0; round < 3; round++) {
      // Hashes do not shrink: a change list that does not fit into the record.
      for (let i = 0; i < 4000; i++) writeFileSync(join(federation.root('a'), `file-${i}`), `${round} ${i}`);
      const run = await killAt(federation, 'a', ['sync'], 'body', round);
      expect(run).toMatchObject({ killed: true, lastStep: expect.stringMatching(/body|append|record/) });
      await syncQuietly(federation, 'a', 'b');
      expectConverged(federation, snapshot(federation.root('a')), `round ${round}`);
    }
  });

  test('R-R2: of the loser of a conflict, at every step, keeps both versions', async () => {
    const federation = start();
    const steps = [...publisherSteps.slice(1, 5), ...['ingest', 'burst', 'stage', 'replace', 'journal']];
    for (const [round, step] of [...steps, ...steps].entries()) {
      const name = `page-${round}`;
      writeFileSync(join(federation.root('a'), name), 'before');
      await syncQuietly(federation, 'a', 'b');
      writeFileSync(join(federation.root('b'), name), `older ${'b'.repeat(round)}`);
      await new Promise((done) => setTimeout(done, 5));
      writeFileSync(join(federation.root('a'), name), `newer ${'a'.repeat(round)}`);
      await syncQuietly(federation, 'a');
      await killAt(federation, 'b', ['sync'], step, 0);
      await syncQuietly(federation, 'b', 'a');
      expectConverged(federation, snapshot(federation.root('a')), step);
      expect(readFileSync(join(federation.root('b'), name), 'utf8')).toMatch(/^newer/);
      expect(keptHashes(federation, 'a', name), `loser after a kill at ${step}`).toContain(hashOf(`older ${'b'.repeat(round)}`));
    }
    expectTidy(federation);
  });

  test('R-R2: of a run that may only pull, in the middle of a burst, keeps every loser owed until it can be published', async () => {
    const federation = start();
    for (let round = 0; round < 6; round++) {
      const names = Array.from({ length: 150 }, (_, n) => `page-${round}-${n}`);
      const write = (member: string, text: string) => {
        for (const name of names) writeFileSync(join(federation.root(member), name), `${text} ${name}`);
      };
      write('a', 'before');
      await syncQuietly(federation, 'a', 'b');
      write('b', 'older');
      await new Promise((done) => setTimeout(done, 5));
      write('a', 'newer');
      await syncQuietly(federation, 'a');
      // The line before the first replacement: what follows are 150 moves to the trash.
      const run = await killAt(federation, 'b', ['sync', '--only', 'pull'], 'place', round);
      await federation.run('b', ['sync', '--only', 'pull']);
      await syncQuietly(federation, 'b', 'a');
      const lost = names.filter((name) => !keptHashes(federation, 'a', name).includes(hashOf(`older ${name}`)));
      expect(lost, `losers that nobody has after a kill at ${run.lastStep}`).toEqual([]);
    }
    expectTidy(federation);
  });
});

/** Contents of the versions that lost a conflict at the path, as the member's journal knows them. */
function keptHashes(federation: Federation, member: string, path: string): string[] {
  const journal = new Database(join(federation.state(member), 'webroot.journal'), { readonly: true });
  const hashes = journal.prepare("SELECT hash FROM version WHERE path = ? AND op = 'kept'").pluck().all(path) as string[];
  journal.close();
  return hashes;
}
