import type { Pattern } from './filter-rules.ts';
import { shown } from './lua-value.ts';
import type { Settings } from './read-settings.ts';
import type { Follower } from './share-plan.ts';
import { comment, line, quoted, type YamlLine } from './yaml-lines.ts';

export interface Wanted {
  /** Name of the lsyncd config, for comments. */
  readonly from: string;
  readonly federation: string;
  /** As given, or null: then the variable of the config says it. */
  readonly bucket: string | null;
}

/** Variables that stand for what the lsyncd config does not tell. */
export const gaps = { bucket: 'FLOCKSYNC_BUCKET', source: 'FLOCKSYNC_SOURCE', target: 'FLOCKSYNC_TARGET' } as const;

export const logFile = '/var/log/flocksync.jsonl';

/** Everything above `shares:`; the first line names the server, and nothing else does. */
export function headLines(server: string, { logfile }: Settings, { from, federation, bucket }: Wanted): YamlLine[] {
  const url = bucket === null ? `"\${${gaps.bucket}}"` : quoted(bucket);
  const fill = `put ${gaps.bucket}=s3://BUCKET/PREFIX into /etc/flocksync.env, or write it here`;
  return [
    comment(0, `For ${server}: /etc/flocksync.yml there.`),
    comment(0, `Made by flocksync import from ${from}; "line" means a line of that file.`),
    line(0, `federation: ${quoted(federation)}`, 'the same on all servers'),
    line(0, 'datastore:'),
    line(2, `url: ${url}`, bucket === null ? fill : ''),
    comment(2, 'region: eu-central-1    that of the bucket; us-east-1 unless set. For another provider than AWS add endpoint: https://…'),
    ...(logfile === null ? [] : [line(0, `log: ${logFile}`, `line ${logfile.line}: logfile = ${shown(logfile.value)}`)]),
  ];
}

/** The variable for the first, second, … thing that is not told. */
export function gapName(name: string, at: number): string {
  return at === 0 ? name : `${name}_${at + 1}`;
}

export function pathLine(path: string | null, said: number, key: string, gap: string): YamlLine {
  if (path !== null) return line(4, `path: ${quoted(path)}`, `line ${said}: ${key}`);
  return line(4, `path: "\${${gap}}"`, `not told by the lsyncd config: write the directory here, or set ${gap}`);
}

export function excludeLines(patterns: readonly Pattern[], followers: readonly Follower[]): YamlLine[] {
  const absent = new Map(followers.flatMap(({ sync }) => sync.absentFiles.map((file) => [file.path, file.line] as const)));
  const holes = [...absent].map(([path, said]) =>
    comment(4, `exclude: the patterns of ${path} (line ${said}) belong here; it could not be read`),
  );
  if (patterns.length === 0) return holes;
  return [
    ...holes,
    line(4, 'exclude:'),
    ...patterns.map(({ text, line: at, from }) => line(6, `- ${quoted(text)}`, `line ${at}: ${from}`)),
  ];
}
