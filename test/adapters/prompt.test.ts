import { PassThrough } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { openPrompt } from '../../src/adapters/prompt.ts';

/** A terminal: what the person types, and what stands on the screen. */
function terminal() {
  const input = Object.assign(new PassThrough(), { isTTY: true });
  const screen = Object.assign(new PassThrough(), { isTTY: true });
  let shown = '';
  screen.on('data', (piece: Buffer) => {
    shown += piece.toString();
  });
  const prompt = openPrompt(input, screen);
  if (prompt === null) throw new Error('a terminal has a prompt');
  onTestFinished(() => prompt.close());
  return { input, prompt, shown: () => shown };
}

test('without a terminal on both sides there is nobody to ask', () => {
  const [pipe, tty] = [new PassThrough(), Object.assign(new PassThrough(), { isTTY: true })];
  expect([openPrompt(pipe, tty), openPrompt(tty, pipe)]).toEqual([null, null]);
});

test('a question is shown and answered; a secret is not shown; the next question is shown again', async () => {
  const { input, prompt, shown } = terminal();
  const name = prompt.ask('Name: ');
  input.write('web\r');
  expect(await name).toBe('web');
  const secret = prompt.askSecret('Secret: ');
  input.write('s3cr3t\r');
  expect(await secret).toBe('s3cr3t');
  const last = prompt.ask('Last: ');
  input.write(' \r');
  expect(await last).toBe('');
  expect(shown()).not.toContain('s3cr3t');
  for (const question of ['Name: ', 'Secret: ', 'Last: ']) expect(shown()).toContain(question);
});

test('what is pasted at once answers one question after the other', async () => {
  const { input, prompt } = terminal();
  input.write('one\rtwo\r');
  expect([await prompt.ask('1: '), await prompt.ask('2: ')]).toEqual(['one', 'two']);
});

test('Ctrl-C while nothing is asked means the work that goes on', async () => {
  const { input } = terminal();
  const interrupted = new Promise((resolve) => process.once('SIGINT', resolve));
  input.write('\u0003');
  expect(await interrupted).toBe('SIGINT');
});

test.each([
  ['Ctrl-C', '\u0003'],
  ['Ctrl-D', '\u0004'],
])('%s ends it, and nothing is asked any more', async (_, key) => {
  const { input, prompt } = terminal();
  const answer = prompt.askSecret('Secret: ');
  input.write(key);
  expect([await answer, await prompt.ask('Name: ')]).toEqual([null, null]);
});
