import { expect, test } from 'vitest';
import { parseArguments } from '../../src/cli/arguments.ts';
import { commands } from '../../src/cli/command-table.ts';
import { helpColumnsMax, helpScreen } from '../../src/cli/help.ts';
import { loadConfig } from '../../src/config.ts';

const topics = [null, 'config', 'presets', ...commands.map((spec) => spec.name)];

test.each(topics)('the screen %s fits 80 columns and ends with a line break', (topic) => {
  const screen = helpScreen(topic);
  expect(screen.split('\n').filter((line) => [...line].length > helpColumnsMax)).toEqual([]);
  expect(screen).toMatch(/[^\n]\n$/);
});

test.each(commands.map((spec) => spec.name))('%s has an example that the parser takes, and the exit codes', (name) => {
  const screen = helpScreen(name);
  const examples = screen.split('\n').filter((line) => line.startsWith('  flocksync '));
  expect(examples.length).toBeGreaterThan(0);
  for (const example of examples) expect(parseArguments(example.trim().replace(/'/g, '').split(' ').slice(1))).toMatchObject({ ok: true });
  for (const code of [0, 1, 2, 3, 70, 75]) expect(screen).toMatch(new RegExp(`^  ${code} `, 'm'));
});

test('the general screen names every command', () => {
  for (const { name } of commands) expect(helpScreen(null)).toContain(`\n  ${name} `);
});

test('the config that help shows is a good one', () => {
  const screen = helpScreen('config');
  const text = screen.slice(screen.indexOf('federation:'), screen.indexOf('federation, datastore.url'));
  expect(loadConfig(text, 'f', { variables: {}, hostName: 'h', realpath: () => null })).toMatchObject({ ok: true });
});
