import { marked, refuseLineBreaks, type Starter } from './starter.ts';

/** What the service has to reach; everything else is closed to it. */
export interface Reach {
  readonly state: string;
  /** Other directories that are written to: those around the roots, where staging and trash lie, that of the log file, a file:// store. */
  readonly writable: readonly string[];
  /** Paths that are only read: Node, the program, the config. */
  readonly readable: readonly string[];
  /** A command of the config is run inside the service. */
  readonly hasHooks: boolean;
  /** A command of `check` relies on the copy standing in the root's place, in a mount namespace of its own. */
  readonly placesCopies: boolean;
}

/** A unit for /etc/systemd/system. Throws StarterFault. */
export function serviceUnit(starter: Starter, reach: Reach): string {
  return marked('systemd', `${installedHead}${body(starter, reach)}`);
}

/** The same for /lib/systemd/system, where a package puts it before there is a config. Throws StarterFault. */
export function packagedUnit(starter: Starter, reach: Reach): string {
  return `${packagedHead(reach)}${body(starter, reach)}`;
}

function body(starter: Starter, reach: Reach): string {
  refuseLineBreaks(starter);
  const sections = [
    unit,
    service(starter),
    rooms(reach),
    rights(starter.user, reach),
    closed(starter.user === 'root' && reach.placesCopies),
    '[Install]\nWantedBy=multi-user.target\n',
  ];
  return sections.join('\n');
}

const installedHead =
  '# Once this file is edited, `flocksync install systemd --write` leaves it alone. Settings of your own: systemctl edit flocksync\n';

const packagedHead = ({
  writable,
}: Reach) => `# Of the package, for roots below ${writable.join(' and ')} and a config without commands (onChange, check).
# For any other config: flocksync install systemd --write, which makes a unit from it, in /etc/systemd/system, where it comes first.
`;

const unit = `
[Unit]
Description=flocksync, keeps directories identical through a bucket
Wants=network-online.target
After=network-online.target remote-fs.target
`;

function service({ node, program, config, user, variables }: Starter): string {
  const words = [node, program, 'run', ...(config === null ? [] : ['--config', config])];
  const environment = Object.entries(variables).map(([name, value]) => `Environment=${quoted(`${name}=${value}`)}\n`);
  return `[Service]
# It says when all shares are followed (READY), when it reads a changed config (RELOADING), and that it is alive (WATCHDOG).
Type=notify
# What it says is sent by systemd-notify, a child of it.
NotifyAccess=all
# Reading a large tree from a slow disk may keep it from answering for minutes.
WatchdogSec=15min
ExecStart=${words.map(argument).join(' ')}
ExecReload=/bin/kill -HUP $MAINPID
${user === 'root' ? '' : `User=${user}\n`}${environment.join('')}Restart=on-failure
RestartSec=10
# A faulty config does not get better by itself.
RestartPreventExitStatus=2
# It stops within 5 s, and says so with 0; what it has begun goes on at the next start.
TimeoutStopSec=15
KillMode=mixed
`;
}

/** As a StateDirectory, with the rights that it needs. */
export function isMadeBySystemd(state: string): boolean {
  return /^\/var\/lib\/[A-Za-z0-9_.-]+$/.test(state);
}

/** Which parts of the file system are there, and which of them can be written to. */
function rooms({ state, writable, readable }: Reach): string {
  const all = [state, ...writable, ...readable];
  const below = (...places: string[]) => all.some((path) => places.some((place) => isWithin(path, place)));
  const isOwnState = isMadeBySystemd(state);
  const privateTmp = !below('/tmp', '/var/tmp');
  const listed = outermost([...writable, ...(isOwnState ? [] : [state]), ...(privateTmp ? [] : ['/tmp', '/var/tmp'])]);
  return `# The file system is read-only but for these; staging and trash lie beside each root, hence the directories around the roots.
ProtectSystem=strict
${isOwnState ? `StateDirectory=${state.slice('/var/lib/'.length)}\nStateDirectoryMode=0700\n` : ''}${listed.map((path) => `ReadWritePaths=${quoted(`-${path}`)}\n`).join('')}${
  below('/home', '/root', '/run/user') ? '# Something that it needs lies in a home directory.\nProtectHome=read-only' : 'ProtectHome=yes'
}
${privateTmp ? 'PrivateTmp=yes' : '# Something that it needs lies in /tmp or /var/tmp, so they are not replaced by private ones.\nPrivateTmp=no'}
${below('/dev') ? '# Something that it needs lies in /dev.\nPrivateDevices=no' : 'PrivateDevices=yes'}
`;
}

function rights(user: string, { hasHooks, placesCopies }: Reach): string {
  const needed = [
    'CAP_CHOWN CAP_FOWNER CAP_FSETID CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH',
    ...(hasHooks ? ['CAP_KILL CAP_SETUID CAP_SETGID CAP_NET_BIND_SERVICE'] : []),
    ...(placesCopies ? ['CAP_SYS_ADMIN'] : []),
  ];
  const bounding =
    user === 'root'
      ? `# Of root's powers: owners and modes of files, and reading and writing them${hasHooks ? '; and what a reload of a web server needs' : ''}${placesCopies ? ', and a mount of the copy that `check` sees' : ''}.\nCapabilityBoundingSet=${needed.join(' ')}`
      : '# No power of root.\nCapabilityBoundingSet=';
  const hooks =
    '# Commands of the config (onChange, check) run in here too: what they write needs a ReadWritePaths= of its own, and sudo does not work.\n';
  return `${bounding}
${hasHooks ? hooks : ''}NoNewPrivileges=yes
`;
}

/** `mounts`: namespaces for mounts, and mounts in them, are open. */
const closed = (mounts: boolean) => `# The store by TCP, name look-ups (netlink), systemd and the program's own socket (unix).
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
# Left out on purpose: MemoryDenyWriteExecute (Node compiles at run time), RestrictSUIDSGID (a setgid directory is part of the tree),
# ProcSubset=pid (the limits of file events are read from /proc/sys).
SystemCallArchitectures=native
SystemCallFilter=@system-service${mounts ? ' @mount' : ''}
SystemCallErrorNumber=EPERM
RestrictNamespaces=${mounts ? 'mnt' : 'yes'}
RestrictRealtime=yes
LockPersonality=yes
ProtectClock=yes
ProtectHostname=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
`;

/** Those that lie in none of the others: a mount point inside another would keep files from being renamed across it. */
function outermost(paths: readonly string[]): string[] {
  const unique = [...new Set(paths)].sort();
  return unique.filter((path) => !unique.some((other) => other !== path && isWithin(path, other)));
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

function quoted(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%');
  return /^[A-Za-z0-9_@+=:,./%-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}

/** A `$` would begin a variable here. */
function argument(text: string): string {
  return quoted(text).replaceAll('$', '$$$$');
}
