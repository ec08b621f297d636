import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, type Page, chromium as playwright } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Daemon, startDaemon, until } from './support/daemon.ts';
import { type Federation, startFederation } from './support/federation.ts';
import { plant } from './support/plant.ts';
import { chromium, filesToLose, lose, type Served, servePage, token } from './support/web-page.ts';

/** Screenshots, for whoever wants to look at them. */
const pictures = process.env.FLOCKSYNC_TEST_PICTURES;
const phone: BrowserContextOptions = { viewport: { width: 360, height: 740 }, colorScheme: 'dark', hasTouch: true };
const hostile = '<img src=x onerror="document.title=`broken`">.txt';

describe.skipIf(chromium === null)('the page in Chromium', () => {
  let federation: Federation;
  let served: Served;
  let other: Daemon;
  let browser: Browser;

  beforeAll(async () => {
    federation = startFederation(['web-a', 'web-b'], { share: ['settle: 0s', 'schedule: "* * * * * *"', 'poll: 200ms'] });
    plant(federation.root('web-a'), { ...filesToLose(), [hostile]: 'x', 'index.php': '<?php' });
    expect((await federation.run('web-a', ['sync'])).code).toBe(0);
    other = startDaemon(federation, 'web-b');
    [served, browser] = await Promise.all([
      servePage(federation, 'web-a'),
      playwright.launch({ executablePath: chromium ?? '', args: ['--no-sandbox', '--disable-gpu'] }),
    ]);
    await until('web-b has everything', () => existsSync(join(federation.root('web-b'), 'index.php')), 30_000);
  });

  afterAll(async () => {
    await browser?.close();
    await Promise.all([served?.daemon.stop(), other?.stop()]);
    federation?.close();
  });

  /** A page of its own whose errors fail the test. */
  async function open(where: string, options: BrowserContextOptions = {}): Promise<{ page: Page; errors: string[] }> {
    const page = await (await browser.newContext(options)).newPage();
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => void (message.type() === 'error' && errors.push(message.text())));
    page.on('request', (request) => void (request.url().startsWith(served.url) || errors.push(`asked ${request.url()}`)));
    await page.goto(`${served.url}${where}`);
    return { page, errors };
  }

  async function picture(page: Page, name: string): Promise<void> {
    if (pictures === undefined) return;
    mkdirSync(pictures, { recursive: true });
    await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
  }

  test.each([
    ['wide', {}],
    ['phone', phone],
  ])('shows shares, members and hostile names on a screen that is %s, and fits it', async (name, options) => {
    const { page, errors } = await open('', options);
    await page.getByRole('row', { name: /web-b/ }).waitFor();
    expect(await page.getByRole('status').first().textContent()).toContain('All is well');
    expect(await page.getByRole('link', { name: 'webroot' }).first().isVisible()).toBe(true);
    for (const where of ['', 'share?name=webroot', 'changes', 'conflicts', 'path?share=webroot&path=index.php', 'sign-in']) {
      await page.goto(`${served.url}${where}`);
      const beyond = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
      expect(beyond, `${where} is wider than the screen`).toBe(0);
      await picture(page, `${name}-${where.replace(/\W+/g, '-') || 'overview'}`);
    }
    await page.goto(`${served.url}changes`);
    expect(await page.getByText(hostile).count()).toBe(1);
    expect(await page.title()).toBe('Changes · shop · flocksync');
    expect(errors).toEqual([]);
    await page.context().close();
  });

  test('a change that comes while somebody looks is shown without a reload, and leaves what is typed alone', async () => {
    const { page, errors } = await open('');
    const field = page.getByLabel('Path');
    await field.fill('half a na');
    writeFileSync(join(federation.root('web-b'), 'from-b.txt'), 'new');
    await until('it has come', () => existsSync(join(federation.root('web-a'), 'from-b.txt')), 20_000);
    await page.waitForTimeout(3500);
    expect(await field.inputValue()).toBe('half a na');
    await field.fill('');
    await page.getByRole('heading', { level: 2 }).first().click();
    await page.getByRole('link', { name: 'from-b.txt' }).waitFor({ timeout: 20_000 });
    await page.getByRole('link', { name: 'from-b.txt' }).click();
    await page.getByText('Yes, everywhere').waitFor({ timeout: 20_000 });
    expect(errors).toEqual([]);
    await page.context().close();
  });

  test('what is held is found, read and approved by keyboard alone', async () => {
    lose(federation, 'web-a');
    const { page, errors } = await open('', phone);
    await page.getByText('36 deletions made here are held').waitFor({ timeout: 20_000 });
    await picture(page, 'phone-needs');
    await walkTo(page, 'Skip to the content');
    await page.keyboard.press('Enter');
    await walkTo(page, 'Look at it and decide');
    await page.keyboard.press('Enter');
    await page.getByText('No other server has deleted them yet').waitFor();
    expect(await page.getByRole('button', { name: /Approve/ }).count()).toBe(0);
    await walkTo(page, 'Sign in to decide');
    await page.keyboard.press('Enter');
    await page.getByLabel('Token').waitFor();
    await page.keyboard.type(token);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: '36 deletions held' }).waitFor();
    await picture(page, 'phone-held');
    await walkTo(page, 'Approve: delete 36 files');
    await page.keyboard.press('Enter');
    await page.getByText('Approved.').waitFor({ timeout: 60_000 });
    await picture(page, 'phone-approved');
    await until('web-b has deleted them', () => !existsSync(join(federation.root('web-b'), 'old')), 20_000);
    expect(errors).toEqual([]);
    await page.context().close();
  });

  test('without scripts everything can be read and looked up', async () => {
    const { page } = await open('', { javaScriptEnabled: false });
    await page.getByRole('row', { name: /web-b/ }).waitFor();
    await page.getByLabel('Path').fill('index.php');
    await page.getByRole('button', { name: 'Look it up' }).click();
    await page.getByText('Yes, everywhere').waitFor();
    expect(await page.getByRole('table', { name: 'Versions, the newest first' }).isVisible()).toBe(true);
    await page.context().close();
  });

  test('when the daemon ends the screen says how old it is', async () => {
    const { page } = await open('');
    const root = federation.root('web-a');
    await served.daemon.stop();
    await page.getByText(/No answer from flocksync for \d+ s/).waitFor({ timeout: 20_000 });
    expect(await page.getByText('web-b').first().isVisible()).toBe(true);
    renameSync(join(root, 'index.php'), join(root, 'index2.php'));
    await page.context().close();
  });
});

/** Tab after Tab until what has the focus says so: as somebody without a mouse comes to it. */
async function walkTo(page: Page, words: string): Promise<void> {
  for (let steps = 0; steps < 60; steps++) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate('document.activeElement?.textContent ?? ""');
    if (String(focused).trim() !== words) continue;
    const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
    expect(outline, `${words} shows that it has the focus`).not.toBe('none');
    return;
  }
  throw new Error(`no Tab leads to "${words}"`);
}
