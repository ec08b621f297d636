import type { PresetName } from './model/presets.ts';

/**
 * The config file after checking: every default filled in, every duration in milliseconds, everything frozen.
 * Paths are absolute, normalised text; the file is UTF-8.
 */
export interface Config {
  /** The file that it came from, for messages. */
  readonly file: string;
  readonly federation: string;
  readonly datastore: DatastoreConfig;
  /** A label for people, never an identity. */
  readonly member: string;
  /** Directory of journals, trash index and member.json. */
  readonly state: string;
  /** File for JSON lines, or null. */
  readonly log: string | null;
  /** Where the daemon serves its web page, or null. */
  readonly page: PageConfig | null;
  /** As written: shares with a pattern are still templates, see `expandShares`. */
  readonly shares: readonly ShareConfig[];
}

export interface PageConfig {
  /** An address, or `localhost`. */
  readonly host: string;
  readonly port: number;
  /** Only this machine can reach it: then it may be read without the token. */
  readonly loopback: boolean;
  /** Null: nobody can decide anything there. */
  readonly token: PageToken | null;
}

export type PageToken = { readonly kind: 'text'; readonly value: string } | { readonly kind: 'file'; readonly path: string };

export type DatastoreConfig = S3Config | DirectoryConfig;

export interface S3Config {
  readonly kind: 's3';
  /** As written, for messages. */
  readonly url: string;
  readonly bucket: string;
  /** Without leading and trailing slash; '' when the federations lie at the top of the bucket. */
  readonly prefix: string;
  /** Null means AWS. */
  readonly endpoint: string | null;
  readonly region: string;
  readonly pathStyle: boolean;
  /** Of the AWS config files, or null for the default chain. */
  readonly profile: string | null;
}

export interface DirectoryConfig {
  readonly kind: 'file';
  readonly url: string;
  readonly path: string;
}

export type Role = 'both' | 'publisher' | 'subscriber';
export type ConflictPolicy = 'newest' | 'remote' | 'local';

/** The attributes that members of this share set instead of carrying them over; null leaves one as it is in the log. */
export interface FixedMetadata {
  readonly owner: string | null;
  readonly group: string | null;
  /** Permission bits 0 to 0o7777. */
  readonly fileMode: number | null;
  readonly dirMode: number | null;
}

/** A changeset that deletes more than `floor` paths and more than the percentage is held. */
export interface MaxDelete {
  /** 0 to 100 of the share's files, for shares of 40 files and more. */
  readonly percent: number;
  /** The same for smaller shares: 50 unless the file names a percentage. */
  readonly percentBelow40: number;
  readonly floor: number;
  readonly windowMs: number;
}

/** How often the log is asked; equal numbers for a fixed interval. */
export interface Poll {
  /** While something happens. */
  readonly activeMs: number;
  /** What it eases to; at least `activeMs`. */
  readonly idleMs: number;
}

/** Verifications by the daemon. */
export interface VerifySchedule {
  /** Cron expression of five or six fields. */
  readonly at: string;
  /** Part of contents and files that is read, above 0 and at most 1. */
  readonly fraction: number;
}

/** A file that tells whoever looks at it whether all is well. */
export interface StatusFileConfig {
  /** Absolute, or relative to the root. */
  readonly path: string;
  readonly format: 'datasync' | 'json';
  /** How long a good report holds: by then the next one has to be written. */
  readonly goodForMs: number;
}

/** A command for the shell that says whether the share may become what the log wants. */
export interface Check {
  readonly run: string;
  readonly timeoutMs: number;
}

/** A command for the shell that is called after what the log brought has been applied. */
export interface OnChange extends Check {
  /** Quiet time that ends a series of changes; one call speaks of all of them. */
  readonly debounceMs: number;
}

export interface ShareConfig {
  /** Unique in the federation; for a template the part before the `-`. */
  readonly name: string;
  /** The root; for a template the pattern's text. */
  readonly path: string;
  /** The pattern of a template (a path with `*` in it), null for a share with one root. */
  readonly pattern: string | null;
  /** Of a share that a pattern made: the directory before the first wildcard; everything below it may be created. */
  readonly fixedPart?: string;
  /** Lightweight: the daemon looks where file events tell of something. */
  readonly mode: 'heavyweight' | 'lightweight';
  readonly role: Role;
  /** What the root holds, for what is left out by itself. */
  readonly preset: PresetName | null;
  /** Lines in gitignore syntax, relative to the root; those of the preset come first. */
  readonly exclude: readonly string[];
  readonly metadata: 'preserve' | FixedMetadata;
  readonly conflict: ConflictPolicy;
  /** `keep` only with the role subscriber. */
  readonly delete: 'propagate' | 'keep';
  readonly maxDelete: MaxDelete;
  /** Quiet time that ends a changeset; 0 means two looks without a pause. */
  readonly settleMs: number;
  readonly settleMaxMs: number;
  readonly poll: Poll;
  /** Cron expression of five or six fields for scans of the daemon, or null. */
  readonly schedule: string | null;
  /** How often a lightweight share is looked at as a whole: a distance in ms, or a cron expression of five or six fields. */
  readonly sweep: { readonly everyMs: number; readonly at: null } | { readonly everyMs: null; readonly at: string };
  /** When the daemon looks after the bucket without thresholds, as a cron expression; null leaves it to the cycles. */
  readonly housekeep: string | null;
  readonly verify: VerifySchedule | null;
  /** Retention of versions in the bucket, used when this member creates the share. */
  readonly historyMs: number;
  /** Retention of the local trash. */
  readonly trashMs: number;
  /** Judges what is about to be applied, or null. */
  readonly check: Check | null;
  /** Told of what was applied, or null. */
  readonly onChange: OnChange | null;
  /** What becomes of local-only files when a member joins a share that others have filled. */
  readonly join: 'trash' | 'merge';
  readonly statusFile: StatusFileConfig | null;
}

/** One thing that is wrong with the config file. */
export interface ConfigFault {
  readonly file: string;
  /** From 1; 0 when the file as a whole is meant. */
  readonly line: number;
  /** What was found and the fix, one sentence or two. */
  readonly message: string;
}
