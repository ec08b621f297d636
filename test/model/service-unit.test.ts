import { expect, test } from 'vitest';
import { packagedUnit, type Reach, serviceUnit } from '../../src/model/service-unit.ts';
import { ownershipOf, type Starter, StarterFault } from '../../src/model/starter.ts';

const starter: Starter = { node: '/usr/bin/node', program: '/opt/flocksync/dist/main.js', config: null, user: 'root', variables: {} };
const reach: Reach = {
  ...{ state: '/var/lib/flocksync', writable: ['/var/www'], hasHooks: false, placesCopies: false },
  readable: ['/usr/bin/node', '/opt/flocksync/dist/main.js', '/etc/flocksync.yml'],
};

/** Values of one key, in their order. */
function values(unit: string, key: string): string[] {
  return unit.split('\n').flatMap((line) => (line.startsWith(`${key}=`) ? [line.slice(key.length + 1)] : []));
}

function unitOf(changes: Partial<Reach>, other: Partial<Starter> = {}): string {
  return serviceUnit({ ...starter, ...other }, { ...reach, ...changes });
}

test('the file in cron/ is what is printed for the usual place', async () => {
  await expect(serviceUnit(starter, reach)).toMatchFileSnapshot('../../cron/flocksync.service');
});

test('a written unit is known again', () => {
  expect(ownershipOf('systemd', unitOf({}))).toBe('ours');
  expect(ownershipOf('systemd', `${unitOf({})}Nice=5\n`)).toBe('edited');
});

test('the unit of a package is the same but for its first lines, and nobody takes it for one that install wrote', () => {
  const lines = (unit: string) => unit.split('\n').filter((line) => !line.startsWith('#'));
  const packaged = packagedUnit(starter, reach);
  expect(lines(packaged)).toEqual(lines(unitOf({})));
  expect(ownershipOf('systemd', packaged)).toBe('foreign');
  expect(packaged).toMatch(/^# Of the package, for roots below \/var\/www /);
});

test('no writable directory lies in another: a mount point between them would forbid renames', () => {
  const unit = unitOf({ writable: ['/var/www/a', '/var/www', '/var/www', '/var/www2', '/srv/a b', '/srv/100%'] });
  expect(values(unit, 'ReadWritePaths')).toEqual(['-/srv/100%%', '"-/srv/a b"', '-/var/www', '-/var/www2']);
});

test('a usual state directory is made by systemd, another one is writable', () => {
  expect(values(unitOf({}), 'StateDirectory')).toEqual(['flocksync']);
  const other = unitOf({ state: '/srv/state' });
  expect(values(other, 'StateDirectory')).toEqual([]);
  expect(values(other, 'ReadWritePaths')).toEqual(['-/srv/state', '-/var/www']);
});

test.each<[string, Partial<Reach>, string, string]>([
  ['a root in /tmp', { writable: ['/tmp/x'] }, 'PrivateTmp', 'no'],
  ['the state in /var/tmp', { state: '/var/tmp/x' }, 'PrivateTmp', 'no'],
  ['nothing in /tmp', { writable: ['/tmpx'] }, 'PrivateTmp', 'yes'],
  ['Node in a home directory', { readable: ['/root/.nvm/node'] }, 'ProtectHome', 'read-only'],
  ['a root in a home directory', { writable: ['/home/me/site'] }, 'ProtectHome', 'read-only'],
  ['nothing in a home directory', { writable: ['/homes/me'] }, 'ProtectHome', 'yes'],
  ['a store in /dev/shm', { writable: ['/dev/shm/bucket'] }, 'PrivateDevices', 'no'],
  ['nothing in /dev', {}, 'PrivateDevices', 'yes'],
])('%s', (_, changes, key, value) => {
  expect(values(unitOf(changes), key)).toEqual([value]);
});

test('without a private /tmp the copy of the journal that a dry run works on still has room', () => {
  expect(values(unitOf({ writable: ['/tmp/x/www'] }), 'ReadWritePaths')).toEqual(['-/tmp', '-/var/tmp']);
});

test('root keeps what owners and modes need; any other user has no power of root', () => {
  expect(values(unitOf({}), 'CapabilityBoundingSet')).toEqual(['CAP_CHOWN CAP_FOWNER CAP_FSETID CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH']);
  expect(values(unitOf({ hasHooks: true }), 'CapabilityBoundingSet')[0]).toContain('CAP_KILL');
  const unit = unitOf({}, { user: 'www-data' });
  expect([values(unit, 'CapabilityBoundingSet'), values(unit, 'User')]).toEqual([[''], ['www-data']]);
});

test("a check that needs the copy in the root's place gets mounts of its own, where root runs it", () => {
  const opened = (unit: string) => ['RestrictNamespaces', 'SystemCallFilter'].flatMap((key) => values(unit, key));
  expect(opened(unitOf({}))).toEqual(['yes', '@system-service']);
  const unit = unitOf({ hasHooks: true, placesCopies: true });
  expect(opened(unit)).toEqual(['mnt', '@system-service @mount']);
  expect(values(unit, 'CapabilityBoundingSet')[0]).toContain('CAP_SYS_ADMIN');
  expect(opened(unitOf({ placesCopies: true }, { user: 'www-data' }))).toEqual(['yes', '@system-service']);
});

test('what systemd would take for a variable, a specifier or a second word is escaped', () => {
  const unit = unitOf({}, { program: '/opt/a "b" $HOME 100%/main.js', config: '/etc/x y.yml', variables: { FLOCKSYNC_ENV_FILE: '/k 1%' } });
  expect(values(unit, 'ExecStart')).toEqual(['/usr/bin/node "/opt/a \\"b\\" $$HOME 100%%/main.js" run --config "/etc/x y.yml"']);
  expect(values(unit, 'Environment')).toEqual(['"FLOCKSYNC_ENV_FILE=/k 1%%"']);
  expect(() => unitOf({}, { config: '/etc/a\nUser=root' })).toThrow(StarterFault);
});
