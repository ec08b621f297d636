import { isAbsolute, resolve } from 'node:path';
import type { Prompt } from '../../adapters/prompt.ts';
import { detectPreset } from '../../adapters/site.ts';
import { nameFault } from '../../model/share-name.ts';
import type { InitCommand } from '../command.ts';
import type { Found } from './bucket.ts';
import type { Answers } from './config-text.ts';
import type { Variables } from './credentials.ts';

/** What can be answered without the bucket. */
export type Place = Omit<Answers, 'federation' | 'share'>;

/** A sentence for people instead of an answer. */
export type Unanswered = { readonly fault: string };

const usualPath = '/var/www/html';

/** Null when the person has ended it. Without a prompt the flags, the shell's variables and the tree answer. */
export async function askForPlace(command: InitCommand, variables: Variables, prompt: Prompt | null): Promise<Place | null> {
  const { url, profile, role, mode, join, member } = command;
  const typed = command.path ?? (prompt === null ? usualPath : await ask(prompt, 'Directory to keep identical', usualPath));
  if (typed === null) return null;
  const path = isAbsolute(typed) ? typed : resolve(typed);
  const store = url.startsWith('s3://') ? await askForStore(command, variables, prompt) : { endpoint: null, region: null };
  if (store === null) return null;
  const preset = command.preset === 'none' ? null : (command.preset ?? (wildcard.test(path) ? null : detectPreset(path)));
  const state = command.state === null ? null : resolve(command.state);
  return {
    url,
    ...store,
    pathStyle: command.pathStyle,
    profile: profile ?? variables.AWS_PROFILE ?? null,
    path,
    preset,
    role,
    mode,
    join,
    member,
    state,
  };
}

type Store = Pick<Answers, 'endpoint' | 'region'>;

async function askForStore(command: InitCommand, variables: Variables, prompt: Prompt | null): Promise<Store | null> {
  const { AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS_REGION, AWS_DEFAULT_REGION } = variables;
  let endpoint = command.endpoint ?? AWS_ENDPOINT_URL_S3 ?? AWS_ENDPOINT_URL ?? null;
  let region = command.region ?? AWS_REGION ?? AWS_DEFAULT_REGION ?? null;
  if (prompt !== null && endpoint === null) {
    const typed = await ask(prompt, 'Endpoint of the store (empty: AWS)', '');
    if (typed === null) return null;
    endpoint = typed === '' ? null : typed;
  }
  if (prompt !== null && region === null) {
    region = await ask(prompt, 'Region', 'us-east-1');
    if (region === null) return null;
  }
  return { endpoint, region };
}

/** The federation that is meant, null when the person has ended it. */
export async function askForFederation(
  { federation }: InitCommand,
  found: Found,
  prompt: Prompt | null,
): Promise<string | Unanswered | null> {
  if (federation !== null) return federation;
  const known = [...new Set(found.shares.map((share) => share.federation))];
  const [only] = known;
  if (only !== undefined && known.length === 1) return only;
  const list = `in the bucket are ${known.join(', ')}`;
  if (prompt !== null)
    return await ask(prompt, `Name of the group of servers${known.length > 1 ? ` (${list})` : ''}`, only ?? 'web', nameFault);
  return known.length > 1 ? { fault: `${list}: say which group of servers this one belongs to, with --federation NAME` } : 'web';
}

/** The share that is meant, null when the person has ended it. */
export async function askForShare(
  { share }: InitCommand,
  path: string,
  known: readonly string[],
  prompt: Prompt | null,
): Promise<string | null> {
  if (share !== null) return share;
  const usual = shareNameOf(path);
  // The bucket has the shares that a pattern makes, and not its name.
  if (wildcard.test(path)) return usual;
  const [only] = known;
  const likely = !known.includes(usual) && usual === webroot && only !== undefined && known.length === 1 ? only : usual;
  // With nothing there to be mistaken for, the usual name is as good as any.
  if (prompt === null || known.length === 0 || (known.length === 1 && likely === only)) return likely;
  return await ask(prompt, `Name of the share (in the bucket: ${known.join(', ')})`, likely, nameFault);
}

const wildcard = /[*?[{]/;
const webroot = 'webroot';
const webrootNames = /^(html|htdocs|httpdocs|public|public_html|www|web|wordpress|joomla|drupal)$/;

/** `/var/www/html` and its like are `webroot` everywhere; else the name of the directory, as far as it makes a name. */
function shareNameOf(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && !wildcard.test(part));
  const last = parts.at(-1) ?? '';
  if (webrootNames.test(last)) return webroot;
  const name = last
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 64);
  return nameFault(name) === undefined && name !== 'bell' ? name : webroot;
}

/** Asks until the answer is a good one. Null is the end of the input. */
async function ask(
  prompt: Prompt,
  question: string,
  usual: string,
  faultIn = (_: string): string | undefined => undefined,
): Promise<string | null> {
  for (;;) {
    const answer = await prompt.ask(`${question}${usual === '' ? '' : ` [${usual}]`}: `);
    if (answer === null) return null;
    const text = answer === '' ? usual : answer;
    const fault = faultIn(text);
    if (fault === undefined) return text;
    question = `It ${fault}. ${question.replace(/^It .*?\. /, '')}`;
  }
}
