import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Daemon, startDaemon, until } from './support/daemon.ts';
import { type Federation, startFederation } from './support/federation.ts';
import { plant } from './support/plant.ts';
import { answers, configurePage, filesToLose, freePort, lose, type Served, servePage, token } from './support/web-page.ts';

const bearer = { authorization: `Bearer ${token}` };

async function get(url: string, headers: Readonly<Record<string, string>> = {}) {
  return await ask(url, { headers });
}

async function post(url: string, fields: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>> = {}) {
  return await ask(url, { method: 'POST', body: new URLSearchParams(fields), headers });
}

/** More than sixty in a second have to come again, and these tests may be as fast as that. */
async function ask(url: string, request: RequestInit) {
  for (;;) {
    const answer = await fetch(url, { redirect: 'manual', ...request });
    const text = await answer.text();
    if (!text.startsWith('Too many requests')) return { status: answer.status, text, headers: answer.headers };
    await delay(250);
  }
}

/** `fetch` sets the Host header by itself. */
async function statusUnder(host: string, port: number): Promise<number> {
  return await new Promise((done, failed) => {
    const asked = request({ port, host: '127.0.0.1', path: '/', headers: { host } }, (answer) => {
      answer.resume();
      done(answer.statusCode ?? 0);
    });
    asked.once('error', failed).end();
  });
}

/** What only tells of the moment at which it was made. */
function timeless(document: string): unknown {
  return JSON.parse(document, (key, value: unknown) => (/^(seenAt|seenMsAgo|lastCycle|next|process|atMs)$/.test(key) ? null : value));
}

describe('a member with a page beside one without', () => {
  let federation: Federation;
  let served: Served;
  let other: Daemon;
  const path = (member: string, name: string) => join(federation.root(member), name);

  beforeAll(async () => {
    federation = startFederation(['web-a', 'web-b'], { share: ['settle: 0s', 'schedule: "* * * * * *"', 'poll: 200ms'] });
    plant(federation.root('web-a'), { ...filesToLose(), 'index.php': '<?php' });
    writeFileSync(path('web-a', 'index.php'), 'x');
    served = await servePage(federation, 'web-a');
    other = startDaemon(federation, 'web-b');
    await until('web-b has everything', () => existsSync(join(federation.root('web-b'), 'index.php')), 30_000);
  });

  afterAll(async () => {
    await Promise.all([served?.daemon.stop(), other?.stop()]);
    federation?.close();
  });

  test('/healthz, /readyz and /metrics answer without a request to the bucket', async () => {
    expect(await get(`${served.url}healthz`)).toMatchObject({ status: 200, text: 'ok\n' });
    expect(await get(`${served.url}readyz`)).toMatchObject({ status: 200, text: 'ready\n' });
    expect(await get(`${served.url}readyz?share=webroot`)).toMatchObject({ status: 200 });
    expect(await get(`${served.url}readyz?share=other`)).toMatchObject({ status: 503 });
    const { status, text, headers } = await get(`${served.url}metrics`);
    expect([status, headers.get('content-type')]).toEqual([200, expect.stringContaining('text/plain; version=0.0.4')]);
    expect(text).toMatch(/^flocksync_share_files\{share="webroot"\} 61$/m);
    expect(text).toMatch(/^flocksync_share_applied_record\{share="webroot"\} 1$/m);
    expect(text).toMatch(/^flocksync_share_cycle_duration_seconds_count\{share="webroot"\} [1-9]/m);
    const lists = (metrics: string) => Number(/^flocksync_store_calls_total\{operation="list"\} (\d+)$/m.exec(metrics)?.[1]);
    const before = lists(text);
    for (let asked = 0; asked < 20; asked++) await get(`${served.url}metrics`);
    // Its own cycles list as well, but by far not so often.
    expect(lists((await get(`${served.url}metrics`)).text) - before).toBeLessThan(10);
  });

  test('forty readers cost the bucket no more than one', async () => {
    const lists = async () =>
      Number(/^flocksync_store_calls_total\{operation="list"\} (\d+)$/m.exec((await get(`${served.url}metrics`)).text)?.[1]);
    const [before, startedMs] = [await lists(), performance.now()];
    for (let round = 0; round < 4; round++) {
      const answers = await Promise.all(Array.from({ length: 10 }, () => get(served.url)));
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
    }
    // Two lists for each look, one look in two seconds, and those of the cycles, one in a second.
    const seconds = (performance.now() - startedMs) / 1000;
    expect((await lists()) - before).toBeLessThanOrEqual(6 + 3 * seconds);
  });

  test('/api/status.json says what status --json says', async () => {
    await expect
      .poll(
        async () => {
          const shown = await get(`${served.url}api/status.json`);
          const printed = await federation.run('web-a', ['status', '--json'], { FLOCKSYNC_PAGE_TOKEN: token });
          expect([shown.status, printed.code]).toEqual([200, 0]);
          return [timeless(shown.text), timeless(printed.stdout)]
            .map((document) => JSON.stringify(document))
            .filter((each, at, all) => all.indexOf(each) === at);
        },
        { timeout: 30_000 },
      )
      .toHaveLength(1);
  });

  test('it can be read without the token, under an address or localhost alone', async () => {
    expect((await get(served.url)).text).toContain('All is well');
    expect(await statusUnder(`localhost:${served.port}`, served.port)).toBe(200);
    expect(await statusUnder(`evil.example:${served.port}`, served.port)).toBe(421);
    expect((await get(`${served.url}nothing`)).status).toBe(404);
    expect((await get(`${served.url}constructor`)).status).toBe(404);
    expect((await get(`${served.url}share?name=other`)).status).toBe(404);
  });

  test('a path is found as it is typed, absolute, and as it is shown; what is new here is told from what is everywhere', async () => {
    const of = async (typed: string) => (await get(`${served.url}path?path=${typed}`)).text;
    await expect.poll(async () => await of('index.php'), { timeout: 20_000 }).toContain('Yes, everywhere');
    expect(await of(encodeURIComponent(path('web-a', 'index.php')))).toContain('Yes, everywhere');
    expect(await of('none.php')).toContain('Not known');
    expect(await of('/etc/passwd')).toContain('It is outside of');
    expect(await of('../../etc/passwd')).toContain('It is outside of');
    writeFileSync(Buffer.concat([Buffer.from(`${federation.root('web-a')}/caf`), Buffer.from([0xe9])]), 'x');
    await expect.poll(async () => await of('caf%E9'), { timeout: 20_000 }).toContain('Yes, everywhere');
    expect(await of('caf%5Cxe9')).toContain('Yes, everywhere');
    expect((await get(`${served.url}path?path=old`)).text).toContain('Latest changes at and below it');
  });

  test('nothing is decided without the token, by another site, or twice; then as by the command', async () => {
    lose(federation, 'web-a');
    let id = '';
    await expect
      .poll(
        async () => {
          id = /held\?share=webroot&amp;id=([0-9a-f]+)/.exec((await get(served.url)).text)?.[1] ?? '';
          return id;
        },
        { timeout: 20_000 },
      )
      .not.toBe('');
    const fields = { share: 'webroot', id, verdict: 'reject' };
    const decide = (headers: Readonly<Record<string, string>>, more: Readonly<Record<string, string>> = {}) =>
      post(`${served.url}decide`, { ...fields, ...more }, headers);
    expect((await decide({})).status).toBe(403);
    expect((await decide({ authorization: 'Bearer wrong' })).status).toBe(403);
    expect((await post(`${served.url}sign-in`, { token: 'wrong' })).status).toBe(403);
    expect((await post(`${served.url}sign-in`, { token }, { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    const signedIn = await post(`${served.url}sign-in`, { token, next: '//evil.example/' });
    expect([signedIn.status, signedIn.headers.get('location')]).toEqual([303, '.']);
    const [cookie = '', ...flags] = (signedIn.headers.get('set-cookie') ?? '').split('; ');
    expect(flags).toEqual(expect.arrayContaining(['HttpOnly', 'SameSite=Strict']));
    const proof =
      /name="proof" value="([0-9a-f]+)"/.exec((await get(`${served.url}held?share=webroot&id=${id}`, { cookie })).text)?.[1] ?? '';
    expect((await decide({ cookie })).status).toBe(403);
    expect((await decide({ cookie, 'sec-fetch-site': 'cross-site' }, { proof })).status).toBe(403);
    expect(
      (await fetch(`${served.url}decide`, { method: 'POST', body: JSON.stringify({ ...fields, proof }), headers: { cookie } })).status,
    ).toBe(415);
    expect((await decide(bearer, { id: 'lineage' })).status).toBe(404);
    expect((await decide(bearer, { verdict: 'forget' })).status).toBe(400);
    expect(existsSync(join(federation.root('web-a'), 'old/d0/f0'))).toBe(false);
    const done = await decide(bearer);
    expect(done).toMatchObject({ status: 200, text: expect.stringContaining(`hold ${id} rejected`) });
    await until('the files are back', () => existsSync(join(federation.root('web-a'), 'old/d0/f0')), 20_000);
    expect((await decide(bearer)).status).toBe(404);
    expect(existsSync(join(federation.root('web-b'), 'old/d0/f0'))).toBe(true);
  });

  test('the token is nowhere in what the page sends, and not in the process list of its children', async () => {
    const pages = await Promise.all(
      ['', 'metrics', 'api/status.json', 'sign-in', 'share?name=webroot'].map(
        async (where) => (await get(`${served.url}${where}`, bearer)).text,
      ),
    );
    expect(pages.join()).not.toContain(token);
  });
});

describe('a page and its daemon', () => {
  let federation: Federation;
  const running: Daemon[] = [];

  beforeAll(() => {
    federation = startFederation(['web-a'], { share: ['settle: 0s'] });
    writeFileSync(join(federation.root('web-a'), 'index.php'), 'x');
  });

  afterEach(async () => {
    await Promise.all(running.splice(0).map((daemon) => daemon.stop()));
  });

  afterAll(() => federation?.close());

  test('a port that is taken is said once, stops nothing, and is taken over when it is free; SIGHUP moves the page', async () => {
    const [port, next] = [await freePort(), await freePort()];
    const squatter = createServer().listen(port, '127.0.0.1');
    const secret = join(federation.directory, 'token');
    configurePage(federation, 'web-a', [`page: 127.0.0.1:${port}`, `pageToken: ${secret}`]);
    writeFileSync(secret, `${token}\n`, { mode: 0o644 });
    const daemon = startDaemon(federation, 'web-a');
    running.push(daemon);
    await until('it is said', () => daemon.stderr().includes('EADDRINUSE'), 20_000);
    expect(daemon.stderr()).toContain(`flocksync: page: the token file ${secret} is open to others: run chmod 600 ${secret}`);
    expect(daemon.stderr()).toContain(`another process listens on 127.0.0.1:${port} (EADDRINUSE)`);
    await until('the share goes on', () => existsSync(join(federation.bucket, 'shop/webroot/log/0000000000000001')), 20_000);
    // Each is another try, as every ten seconds.
    for (let tries = 0; tries < 3; tries++) {
      daemon.process.kill('SIGHUP');
      await delay(200);
    }
    await new Promise((done) => squatter.close(done));
    chmodSync(secret, 0o600);
    configurePage(federation, 'web-a', [`page: 127.0.0.1:${next}`, `pageToken: ${secret}`]);
    daemon.process.kill('SIGHUP');
    await answers(`http://127.0.0.1:${next}/`, daemon);
    expect((await post(`http://127.0.0.1:${next}/sign-in`, { token })).status).toBe(303);
    writeFileSync(secret, `${token}-another\n`);
    daemon.process.kill('SIGHUP');
    await expect.poll(async () => (await post(`http://127.0.0.1:${next}/sign-in`, { token })).status, { timeout: 20_000 }).toBe(403);
    configurePage(federation, 'web-a', []);
    daemon.process.kill('SIGHUP');
    await expect
      .poll(
        async () =>
          await get(`http://127.0.0.1:${next}/healthz`).then(
            () => 'served',
            () => 'gone',
          ),
        { timeout: 20_000 },
      )
      .toBe('gone');
    const said = daemon.stderr().trim().split('\n');
    expect(new Set(said).size).toBe(said.length);
    expect(await daemon.stop()).toMatchObject({ code: 0 });
  });

  test('without a token it is read-only; SIGTERM ends it with somebody reading', async () => {
    const { daemon, url } = await servePage(federation, 'web-a', false);
    running.push(daemon);
    expect((await get(url)).text).toContain('Read-only');
    expect((await post(`${url}decide`, { share: 'webroot', id: 'x', verdict: 'approve' }, bearer)).status).toBe(403);
    expect((await post(`${url}sign-in`, { token: '' })).status).toBe(403);
    const reading = get(`${url}api/status.json`).catch(() => null);
    const ended = await daemon.stop();
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.tookMs).toBeLessThan(8000);
    await reading;
  });

  test('on an address for others everything but health asks for the token', async () => {
    const port = await freePort();
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the config file's own variables are written like this
    configurePage(federation, 'web-a', [`page: 0.0.0.0:${port}`, 'pageToken: ${FLOCKSYNC_PAGE_TOKEN}']);
    const daemon = startDaemon(federation, 'web-a', { FLOCKSYNC_PAGE_TOKEN: token });
    running.push(daemon);
    const url = `http://127.0.0.1:${port}/`;
    await answers(url, daemon);
    expect((await get(`${url}healthz`)).status).toBe(200);
    for (const where of ['metrics', 'api/status.json']) {
      expect((await get(`${url}${where}`)).status).toBe(401);
      expect((await get(`${url}${where}`, bearer)).status).toBe(200);
    }
    for (const where of ['', 'share?name=webroot', 'path?path=x', 'changes', 'conflicts', 'held?id=x']) {
      const asked = await get(`${url}${where}`);
      expect([asked.status, asked.headers.get('location')]).toEqual([303, `sign-in?next=${encodeURIComponent(where || '.')}`]);
      expect((await get(`${url}${where}`, bearer)).status, where).not.toBe(303);
    }
    expect((await get(`${url}sign-in`)).text).not.toContain('webroot');
    expect(await daemon.stop()).toMatchObject({ code: 0, stderr: '' });
  });
});
