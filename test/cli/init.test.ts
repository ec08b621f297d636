import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readEnvironment } from '../../src/adapters/environment.ts';
import type { Prompt } from '../../src/adapters/prompt.ts';
import { parseArguments } from '../../src/cli/arguments.ts';
import { init } from '../../src/cli/init/init.ts';
import { openWorld } from '../../src/compose.ts';
import type { DevS3Options } from '../../src/dev-s3/server.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { environment, startTestS3, type TestS3 } from '../dev-s3/start.ts';

type Asked = { readonly question: string; readonly answer: string };

/** A server with a root, a place for its files, and a person who answers by what is asked; what is not foreseen fails the test. */
function server(s3: TestS3, shell: Readonly<Record<string, string>> = {}) {
  const home = temporaryDirectory();
  mkdirSync(join(home, 'html'));
  const file = (name: string) => join(home, name);
  const variables = { FLOCKSYNC_ENV_FILE: file('env'), ...shell };
  const shown: string[] = [];
  const ran = async (answers: Readonly<Record<string, string | null>> | null, ...flags: string[]) => {
    const asked: Asked[] = [];
    const args = ['init', 's3://bucket/web', file('html'), '--config', file('config'), '--state', file('state'), ...flags];
    const parsed = parseArguments(args);
    if (!parsed.ok || parsed.command.name !== 'init') throw new Error(JSON.stringify(parsed));
    shown.length = 0;
    const fromFile = readEnvironment(existsSync(file('env')) ? variables : { FLOCKSYNC_ENV_FILE: '' });
    const code = await init(parsed.command, {
      variables,
      merged: fromFile.ok ? { ...fromFile.variables, ...variables } : variables,
      prompt: answers === null ? null : personWith(answers, asked),
      output: { terminal: answers !== null, line: (text) => void shown.push(text), error: (text) => void shown.push(text) },
      progress: { update: () => {}, clear: () => {} },
      open: (config, all) =>
        openWorld({ config, variables: all, log: silent, signal: new AbortController().signal, version: '0', retryBudgetMs: 1000 }),
    });
    return { code, questions: asked.map(({ question }) => question), text: shown.join('\n') };
  };
  return { ran, file, read: (name: string) => readFileSync(file(name), 'utf8'), endpoint: s3.endpoint };
}

const nothing = () => {};
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing };

function personWith(answers: Readonly<Record<string, string | null>>, asked: Asked[]): Prompt {
  const ask = async (question: string) => {
    const known = Object.keys(answers).find((start) => question.startsWith(start));
    if (known === undefined) throw new Error(`nobody knows an answer to: ${question}`);
    const answer = answers[known] ?? null;
    if (answer !== null) asked.push({ question: known, answer });
    return answer;
  };
  return { ask, askSecret: ask, close: () => {} };
}

async function store(options: Partial<DevS3Options> = {}): Promise<TestS3> {
  const s3 = await startTestS3(options);
  onTestFinished(() => s3.close());
  return s3;
}

const keys = { 'Access key id': environment.AWS_ACCESS_KEY_ID, 'Secret access key': environment.AWS_SECRET_ACCESS_KEY };

test('a person with an endpoint and a key is asked for these and the group; the key goes into a file of its owner alone', async () => {
  const { ran, file, read, endpoint } = server(await store());
  const { code, questions, text } = await ran({ Endpoint: endpoint, Region: '', ...keys, 'Name of the group': 'shop' });
  expect(code, text).toBe(0);
  expect(questions).toEqual(['Endpoint', 'Region', 'Access key id', 'Secret access key', 'Name of the group']);
  expect(read('env')).toBe("# Keys of flocksync's bucket.\nAWS_ACCESS_KEY_ID=test\nAWS_SECRET_ACCESS_KEY=testtest\n");
  expect([statSync(file('env')).mode & 0o777, statSync(file('config')).mode & 0o777]).toEqual([0o600, 0o644]);
  expect(read('config')).not.toContain('testtest');
  expect(text).toContain('All 15 checks passed.');
});

test('a key that does not fit: nothing is written, unless that is wanted', async () => {
  const { ran, file, endpoint } = server(await store());
  const wrong = { Endpoint: endpoint, Region: '', ...keys, 'Secret access key': 'wrong', 'Name of the group': '' };
  const refused = await ran({ ...wrong, 'Write the config all the same': '' });
  expect(refused).toMatchObject({
    code: 75,
    text: expect.stringMatching(/SignatureDoesNotMatch[\s\S]*nothing was written; correct what failed/),
  });
  expect([existsSync(file('env')), existsSync(file('config'))]).toEqual([false, false]);
  expect(await ran({ ...wrong, 'Write the config all the same': 'y' })).toMatchObject({
    code: 75,
    text: expect.stringContaining('go on with: flocksync doctor'),
  });
  expect([existsSync(file('env')), existsSync(file('config'))]).toEqual([true, true]);
});

test('keys of the shell: a person is asked, a script has --save-keys, and without either it is said', async () => {
  const s3 = await store();
  const shell = { AWS_ENDPOINT_URL: s3.endpoint, AWS_REGION: 'eu-x', ...environment };
  const script = server(s3, shell);
  const first = await script.ran(null);
  expect(first).toMatchObject({ code: 0, text: expect.stringContaining("flocksync: note: the keys stand in this shell's environment") });
  expect(existsSync(script.file('env'))).toBe(false);
  expect(script.read('config')).toContain(`\n  endpoint: ${s3.endpoint} `);
  expect(script.read('config')).toContain('\n  region: eu-x\n');
  expect(await script.ran(null, '--save-keys')).toMatchObject({
    code: 0,
    text: expect.stringContaining('written, for its owner alone (0600)'),
  });
  expect(script.read('env')).toContain('AWS_ACCESS_KEY_ID=test\n');
  const person = server(s3, shell);
  expect((await person.ran({ 'Name of the group': '', 'Write the keys of this shell': '' })).code).toBe(0);
  expect(existsSync(person.file('env'))).toBe(true);
});

test('temporary keys are never written, and an env file that is there is left alone', async () => {
  const s3 = await store();
  const shell = { AWS_ENDPOINT_URL: s3.endpoint, ...environment };
  const temporary = server(s3, { ...shell, AWS_SESSION_TOKEN: 'token' });
  expect((await temporary.ran(null, '--save-keys')).text).toContain('would soon expire');
  expect(existsSync(temporary.file('env'))).toBe(false);
  const taken = server(s3, shell);
  writeFileSync(taken.file('env'), 'OTHER=1\n', { mode: 0o600 });
  expect((await taken.ran(null, '--save-keys')).text).toContain('is there already, and stays');
  expect(taken.read('env')).toBe('OTHER=1\n');
});

test('whoever stops answering leaves nothing behind, and a config that is there is not asked about', async () => {
  const { ran, file } = server(await store());
  for (const answers of [{ Endpoint: null }, { Endpoint: '', Region: null }]) {
    expect(await ran(answers)).toMatchObject({ code: 2, text: 'flocksync: ended before all was answered; nothing was written' });
    expect(existsSync(file('config'))).toBe(false);
  }
  writeFileSync(file('config'), 'mine');
  expect(await ran({})).toMatchObject({ code: 2, questions: [], text: expect.stringContaining('--force replaces it') });
});

test('with the minimal policy the bucket shows one group alone: its name has to be said, and its share is found', async () => {
  const own = 'web/shop/';
  const denied = { status: 403, code: 'AccessDenied' };
  const s3 = await store({ intercept: ({ key, query }) => ((key || (query.get('prefix') ?? '')).startsWith(own) ? 'pass' : denied) });
  const shell = { AWS_ENDPOINT_URL: s3.endpoint, ...environment };
  const unnamed = server(s3, shell);
  expect(await unnamed.ran(null)).toMatchObject({
    code: 1,
    text: expect.stringContaining('the bucket does not tell which shares there are'),
  });
  const asked = await server(s3, shell).ran({ Region: '', 'Name of the group': 'shop', 'Write the keys': 'n' });
  expect(asked).toMatchObject({ code: 0, questions: ['Region', 'Name of the group', 'Write the keys'] });
  const named = await server(s3, shell).ran(null, '--federation', 'shop');
  expect(named).toMatchObject({ code: 0, text: expect.stringContaining('Share webroot is not in the bucket yet.') });
  expect(named.text).not.toContain('does not tell');
});
