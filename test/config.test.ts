// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the config file's own variables are written like this
import { expect, test } from 'vitest';
import { formatFault } from '../src/config.ts';
import type { Config } from '../src/config-types.ts';
import { presetPatterns } from '../src/model/presets.ts';
import { faultsOf, loadText, withShare, withTop } from './config-text.ts';

function configOf(text: string, variables: Record<string, string> = {}): Config {
  const result = loadText(text, variables);
  if (!result.ok) throw new Error(result.faults.map(formatFault).join('\n'));
  return result.config;
}

function shareOf(...lines: string[]) {
  return configOf(withShare(...lines)).shares[0];
}

const contract = `
federation: shop
datastore:
  url: s3://my-bucket/optional/prefix    # or file:///path
  endpoint: http://127.0.0.1:9000        # omit for AWS
  region: us-east-1
  pathStyle: true                        # default: true where endpoint is set
  profile: shop                          # optional, of the AWS config files
member: web01                            # a label; default: host name
state: /var/lib/flocksync
shares:
  - name: webroot
    path: /var/www/html
    mode: heavyweight
    role: both
    preset: wordpress                    # joomla | drupal | moodle
    exclude: ["wp-content/cache/", "*.log"]
    metadata: preserve
    conflict: newest
    delete: propagate
    maxDelete: { percent: 20, floor: 20, window: 10m }
    settle: 500ms
    poll: adaptive
    history: 30d
    join: trash
    onChange: "systemctl reload php-fpm"
`;

test('the example of the contract is read as it is meant', () => {
  expect(configOf(contract)).toEqual({
    file: 'f.yml',
    federation: 'shop',
    datastore: {
      kind: 's3',
      url: 's3://my-bucket/optional/prefix',
      bucket: 'my-bucket',
      prefix: 'optional/prefix',
      endpoint: 'http://127.0.0.1:9000',
      region: 'us-east-1',
      pathStyle: true,
      profile: 'shop',
    },
    member: 'web01',
    state: '/var/lib/flocksync',
    log: null,
    page: null,
    shares: [
      {
        name: 'webroot',
        path: '/var/www/html',
        pattern: null,
        mode: 'heavyweight',
        role: 'both',
        preset: 'wordpress',
        exclude: [...presetPatterns('wordpress'), 'wp-content/cache/', '*.log'],
        metadata: 'preserve',
        conflict: 'newest',
        delete: 'propagate',
        maxDelete: { percent: 20, percentBelow40: 20, floor: 20, windowMs: 600_000 },
        settleMs: 500,
        settleMaxMs: 10_000,
        poll: { activeMs: 1000, idleMs: 15_000 },
        ...{ check: null, onChange: { run: 'systemctl reload php-fpm', timeoutMs: 60_000, debounceMs: 2000 } },
        schedule: null,
        sweep: { everyMs: 600_000, at: null },
        housekeep: null,
        verify: null,
        historyMs: 30 * 86_400_000,
        trashMs: 7 * 86_400_000,
        join: 'trash',
        statusFile: null,
      },
    ],
  });
});

test('the defaults are those of the contract', () => {
  const config = configOf(withShare());
  expect(config).toMatchObject({ member: 'host1', state: '/var/lib/flocksync', log: null });
  expect(config.datastore).toEqual({
    kind: 's3',
    url: 's3://my-bucket',
    bucket: 'my-bucket',
    prefix: '',
    endpoint: null,
    region: 'us-east-1',
    pathStyle: false,
    profile: null,
  });
  const written = configOf(contract).shares[0];
  expect(config.shares[0]).toEqual({
    ...written,
    onChange: null,
    preset: null,
    exclude: [],
    maxDelete: { percent: 20, percentBelow40: 50, floor: 20, windowMs: 600_000 },
  });
});

test.each([
  ['mode: heavyweight', { mode: 'heavyweight' }],
  ['role: publisher', { role: 'publisher' }],
  ['role: subscriber', { role: 'subscriber' }],
  ['preset: drupal', { preset: 'drupal', exclude: presetPatterns('drupal') }],
  ['exclude: []', { exclude: [] }],
  ['metadata: { owner: www-data }', { metadata: { owner: 'www-data', group: null, fileMode: null, dirMode: null } }],
  [
    'metadata: { group: "33", fileMode: "0644", dirMode: "2755" }',
    { metadata: { owner: null, group: '33', fileMode: 0o644, dirMode: 0o2755 } },
  ],
  ['conflict: remote', { conflict: 'remote' }],
  ['conflict: local', { conflict: 'local' }],
  ['maxDelete: { percent: 100 }', { maxDelete: { percent: 100, percentBelow40: 100, floor: 20, windowMs: 600_000 } }],
  ['maxDelete: { floor: 1000000 }', { maxDelete: { percent: 20, percentBelow40: 50, floor: 1_000_000, windowMs: 600_000 } }],
  ['settle: 0s', { settleMs: 0 }],
  ['settle: 1m', { settleMs: 60_000, settleMaxMs: 60_000 }],
  ['settleMax: 30s', { settleMaxMs: 30_000 }],
  ['poll: 5s', { poll: { activeMs: 5000, idleMs: 5000 } }],
  ['poll: { active: 100ms, idle: 1m }', { poll: { activeMs: 100, idleMs: 60_000 } }],
  ['poll: { active: 1s, idle: 1s }', { poll: { activeMs: 1000, idleMs: 1000 } }],
  ['housekeep: "17 3 * * *"', { housekeep: '17 3 * * *' }],
  ['verify: "23 3 * * 0"', { verify: { at: '23 3 * * 0', fraction: 0.05 } }],
  ['verify: { at: "0 0 4 * * sun", sample: 100% }', { verify: { at: '0 0 4 * * sun', fraction: 1 } }],
  ['schedule: "*/15 * * * * *"', { schedule: '*/15 * * * * *' }],
  ['mode: lightweight', { mode: 'lightweight', settleMs: 50, settleMaxMs: 10_000, sweep: { everyMs: 600_000, at: null } }],
  ['mode: lightweight\n    settle: 1s\n    sweep: 1h', { settleMs: 1000, sweep: { everyMs: 3_600_000, at: null } }],
  ['mode: lightweight\n    sweep: "*/5 * * * *"', { sweep: { everyMs: null, at: '*/5 * * * *' } }],
  ['history: 24h', { historyMs: 86_400_000 }],
  ['trash: 0s', { trashMs: 0 }],
  ['join: merge', { join: 'merge' }],
])('share key %s', (line, expected) => {
  expect(shareOf(line)).toMatchObject(expected);
});

test('delete: keep is for subscribers', () => {
  expect(shareOf('role: subscriber', 'delete: keep')).toMatchObject({ role: 'subscriber', delete: 'keep' });
});

test.each([
  ['member: "web 01 (Köln)"', { member: 'web 01 (Köln)' }],
  ['state: /srv//state/./x/', { state: '/srv/state/x' }],
  ['log: /var/log/flocksync.jsonl', { log: '/var/log/flocksync.jsonl' }],
])('top key %s', (line, expected) => {
  expect(configOf(withTop(line))).toMatchObject(expected);
});

test('a file:// datastore', () => {
  const text = withShare().replace('s3://my-bucket', 'file:///srv/a%20b');
  expect(configOf(text).datastore).toEqual({ kind: 'file', url: 'file:///srv/a%20b', path: '/srv/a b' });
});

test('variables are expanded, in numbers and truth values too; $${ stands for ${', () => {
  const variables = { FED: 'shop', N: '7', YES: 'true', D: '3s' };
  const share = '    name: "${FED}-x"\n    path: "/srv/$${FED}"\n    settle: "${D}"\n    maxDelete: { percent: "${N}" }\n';
  const text = `federation: \${FED}\ndatastore: { url: "s3://my-\${FED}", pathStyle: "\${YES}" }\nshares:\n  -\n${share}`;
  const config = configOf(text, variables);
  expect(config).toMatchObject({ federation: 'shop', datastore: { bucket: 'my-shop', pathStyle: true } });
  expect(config.shares[0]).toMatchObject({ name: 'shop-x', path: '/srv/${FED}', settleMs: 3000, maxDelete: { percent: 7 } });
});

test('a path with wildcards is a template, one with escaped wildcards is not', () => {
  const text = withTop().replace('path: /var/www/html', "path: '/var/www/*/html'");
  expect(configOf(text).shares[0]).toMatchObject({ path: '/var/www/*/html', pattern: '/var/www/*/html' });
  const escaped = withTop().replace('path: /var/www/html', "path: '/srv/site\\[1\\] ü'");
  expect(configOf(escaped).shares[0]).toMatchObject({ path: '/srv/site[1] ü', pattern: null });
});

test('anchors and aliases carry settings from share to share', () => {
  const text = withShare('exclude: &common ["*.log"]', 'metadata: &meta { fileMode: "0600" }', '').trimEnd();
  const second = '\n  - name: second\n    path: /srv/second\n    exclude: *common\n    metadata: *meta\n';
  expect(configOf(text + second).shares[1]).toMatchObject({ exclude: ['*.log'], metadata: { fileMode: 0o600 } });
});

test('a config is frozen to its depth', () => {
  const config = configOf(contract) as unknown as { shares: { exclude: string[]; maxDelete: { floor: number } }[] };
  expect(() => config.shares.push(...config.shares)).toThrow(TypeError);
  expect(() => config.shares[0]?.exclude.push('x')).toThrow(TypeError);
  expect(() => Object.assign(config.shares[0]?.maxDelete ?? {}, { floor: 1 })).toThrow(TypeError);
});

test('all faults are found at once, in the order of lines', () => {
  const text = 'federation: "a b"\ndatastor: {}\nshares:\n  - name: x\n    path: var\n    mode: quick\n';
  expect(faultsOf(text).map((fault) => Number.parseInt(fault, 10))).toEqual([1, 1, 2, 5, 6]);
});

test('commands: the long form, and what is not said in it', () => {
  const of = (line: string) => configOf(contract.replace(/^ +onChange:.*$/m, `    ${line}`)).shares[0];
  expect(of('onChange: { run: "reload", timeout: 5s, debounce: 0s }')?.onChange).toEqual({ run: 'reload', timeoutMs: 5000, debounceMs: 0 });
  expect(of('onChange: { run: reload }')?.onChange).toEqual({ run: 'reload', timeoutMs: 60_000, debounceMs: 2000 });
  expect(of('check: nginx -t -c $FLOCKSYNC_STAGED/nginx.conf')?.check).toEqual({
    ...{ run: 'nginx -t -c $FLOCKSYNC_STAGED/nginx.conf', timeoutMs: 60_000 },
  });
  expect(of('check: { run: "nginx -t", timeout: 10s }')?.check).toEqual({ run: 'nginx -t', timeoutMs: 10_000 });
});
