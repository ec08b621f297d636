import type { Thresholds } from '../model/monitoring.ts';
import type { PresetName } from '../model/presets.ts';

/** Flags that every command takes. */
export interface Common {
  /** Path of the config file. */
  readonly config: string;
  /** One JSON document on standard output; only read commands accept it. */
  readonly json: boolean;
  readonly verbose: boolean;
  readonly quiet: boolean;
}

/** Names or globs as typed; empty means all. See `selectShares`. */
interface Shares {
  readonly shares: readonly string[];
}

export interface SyncCommand extends Common, Shares {
  readonly name: 'sync';
  readonly dryRun: boolean;
  readonly only: 'publish' | 'pull' | null;
  /** As typed: publish what is there, first and only that; empty for everything. */
  readonly paths: readonly string[];
  /** False: leave at once when another cycle runs. */
  readonly wait: boolean;
}

export interface RunCommand extends Common {
  readonly name: 'run';
}

export interface StatusCommand extends Common, Shares {
  readonly name: 'status';
  /** Only say whether the shares are ready, by the exit code. */
  readonly ready: boolean;
  /** One line for monitoring, with these limits; null without. */
  readonly check: Thresholds | null;
  /** With `check`: other members count as well. */
  readonly all: boolean;
}

export interface WaitCommand extends Common, Shares {
  readonly name: 'wait';
  /** All members, not only this one. */
  readonly all: boolean;
  /** A sequence number, or null for the head as first read. */
  readonly record: number | null;
  readonly timeoutMs: number | null;
}

export interface LogCommand extends Common, Shares {
  readonly name: 'log';
  /** Records to show, the newest ones; with `local`, steps. */
  readonly limit: number;
  /** What was applied to this machine, instead of what the log says. */
  readonly local: boolean;
  /** Only this path and what is below it, as typed. */
  readonly path: string | null;
  /** Changed paths to show of each record. */
  readonly paths: number;
}

export interface HistoryCommand extends Common {
  readonly name: 'history';
  /** As typed: absolute, or relative to the share's root. */
  readonly path: string;
  readonly share: string | null;
}

export interface RestoreCommand extends Common {
  readonly name: 'restore';
  /** As typed, with its version unless `at` says the time. */
  readonly path: string;
  readonly share: string | null;
  /** As typed. */
  readonly at: string | null;
  readonly exact: boolean;
  readonly dryRun: boolean;
}

export interface UndoCommand extends Common {
  readonly name: 'undo';
  readonly sequence: number;
  readonly share: string | null;
  readonly dryRun: boolean;
}

export interface DiffCommand extends Common {
  readonly name: 'diff';
  /** Record numbers; 0 is the empty state before the first. */
  readonly from: number;
  readonly to: number;
  readonly share: string | null;
  readonly stat: boolean;
}

export interface ConflictsCommand extends Common, Shares {
  readonly name: 'conflicts';
}

export interface ApproveCommand extends Common {
  readonly name: 'approve';
  /** Hold ids or record numbers as typed; empty means everything that is held. */
  readonly ids: readonly string[];
  readonly share: string | null;
}

export interface RejectCommand extends Common {
  readonly name: 'reject';
  readonly ids: readonly string[];
  readonly share: string | null;
}

/** What the config is to say: null leaves the default, or what the tree, the shell and the bucket tell. */
export interface InitCommand extends Common {
  readonly name: 'init';
  readonly url: string;
  /** As typed. */
  readonly path: string | null;
  readonly endpoint: string | null;
  readonly region: string | null;
  readonly pathStyle: boolean | null;
  readonly profile: string | null;
  readonly federation: string | null;
  readonly share: string | null;
  /** Null: by what the tree shows. */
  readonly preset: PresetName | 'none' | null;
  readonly role: 'both' | 'publisher' | 'subscriber';
  readonly mode: 'heavyweight' | 'lightweight';
  readonly join: 'trash' | 'merge';
  readonly member: string | null;
  /** As typed. */
  readonly state: string | null;
  /** Replace the config that stands there. */
  readonly force: boolean;
  /** Write the keys of the shell into the env file. */
  readonly saveKeys: boolean;
  /** Ask nothing. */
  readonly yes: boolean;
}

export interface JoinCommand extends Common {
  readonly name: 'join';
  readonly share: string;
  /** Publish what only this member has, whatever the config says. */
  readonly merge: boolean;
  readonly dryRun: boolean;
  /** Ask nothing. */
  readonly yes: boolean;
}

export interface ForgetCommand extends Common {
  readonly name: 'forget';
  readonly share: string;
}

export interface VerifyCommand extends Common, Shares {
  readonly name: 'verify';
  /** Part of the contents and files that is read, above 0 and at most 1. */
  readonly fraction: number;
  readonly repair: boolean;
}

export interface HousekeepCommand extends Common, Shares {
  readonly name: 'housekeep';
  readonly dryRun: boolean;
}

export interface ImportCommand extends Common {
  readonly name: 'import';
  /** The config of lsyncd. */
  readonly file: string;
  /** Directory for the configs, or null: then they are printed. */
  readonly out: string | null;
  /** The url of the datastore, or null: then the configs leave it open. */
  readonly bucket: string | null;
  readonly federation: string;
}

export interface DoctorCommand extends Common {
  readonly name: 'doctor';
}

export interface InstallCommand extends Common {
  readonly name: 'install';
  readonly what: 'cron' | 'systemd';
  /** Put the file in place instead of printing it. */
  readonly write: boolean;
  /** Take away what `write` has put there. */
  readonly remove: boolean;
  /** Null: whoever runs the command. */
  readonly user: string | null;
  /** For cron; null for the usual rhythm. */
  readonly everyMs: number | null;
}

export interface DemoCommand extends Common {
  readonly name: 'demo';
  /** Leave the directories in place at the end. */
  readonly keep: boolean;
}

export interface HelpCommand {
  readonly name: 'help';
  /** A command or topic, or null for the general screen. */
  readonly topic: string | null;
}

export interface VersionCommand {
  readonly name: 'version';
}

export type Command =
  | InitCommand
  | SyncCommand
  | RunCommand
  | StatusCommand
  | WaitCommand
  | LogCommand
  | HistoryCommand
  | RestoreCommand
  | UndoCommand
  | DiffCommand
  | ConflictsCommand
  | ApproveCommand
  | RejectCommand
  | JoinCommand
  | ForgetCommand
  | VerifyCommand
  | HousekeepCommand
  | ImportCommand
  | DoctorCommand
  | InstallCommand
  | DemoCommand
  | HelpCommand
  | VersionCommand;

export type CommandName = Command['name'];
