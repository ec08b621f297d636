import { type ConfigResult, loadConfig } from '../src/config.ts';

/** What stands on this machine for the tests: nothing but these links. */
export function loadText(text: string, variables: Record<string, string> = {}, links: Record<string, string> = {}): ConfigResult {
  return loadConfig(text, 'f.yml', { variables, hostName: 'host1', realpath: (path) => links[path] ?? null });
}

/** `line: message` of each fault; empty for a good config. */
export function faultsOf(text: string, variables: Record<string, string> = {}, links: Record<string, string> = {}): string[] {
  const result = loadText(text, variables, links);
  return result.ok ? [] : result.faults.map((fault) => `${fault.line}: ${fault.message}`);
}

export const head = 'federation: shop\ndatastore: { url: s3://my-bucket }\n';

/** A good config with one share, whose further keys are given, from line 6 on. */
export function withShare(...lines: string[]): string {
  return [`${head}shares:`, '  - name: webroot', '    path: /var/www/html', ...lines.map((line) => `    ${line}`), ''].join('\n');
}

/** A good config with further lines at its top, from line 3 on. */
export function withTop(...lines: string[]): string {
  return `${head}${lines.map((line) => `${line}\n`).join('')}shares: [{ name: webroot, path: /var/www/html }]\n`;
}
