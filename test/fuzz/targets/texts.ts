import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openMember } from '../../../src/adapters/member-file.ts';
import { lineReader } from '../../../src/adapters/socket-lines.ts';
import { systemRandom } from '../../../src/adapters/system.ts';
import { readHeartbeat } from '../../../src/agent/heartbeat.ts';
import { readAnswer } from '../../../src/cli/answer.ts';
import { memberLines } from '../../../src/cli/status-members.ts';
import { readPart } from '../../../src/cli/status-part.ts';
import { birthFormat, decodeFormat, encodeFormat } from '../../../src/model/format.ts';
import { birthLimits } from '../../../src/model/limits.ts';
import { decodeGreeting, decodeRequest, requestPathsMax } from '../../../src/model/request.ts';
import type { Dice } from '../../e2e/support/random.ts';
import { mutated, mutatedText, oddPath, refusedPath, wrongValue } from '../hostile.ts';
import { roomFor } from '../room.ts';
import { must, type Target } from '../target.ts';
import { isInside } from './records.ts';

export const textTargets: readonly Target[] = [
  { name: 'format.json', inputs: 1500, attempt: readFormat },
  { name: 'heartbeat', inputs: 2000, attempt: hear },
  { name: 'member file', inputs: 150, attempt: readMemberFile },
  { name: 'line of a socket', inputs: 2000, attempt: readLine },
  { name: 'part of a status file', inputs: 300, attempt: (dice) => void readPart(mutatedText(statusPart, dice)) },
];

const format = encodeFormat(birthFormat('2'.repeat(32), 86_400_000, { atMs: 1, by: 'web01' }));

/** No limit is further from its birth value than readers can bear. */
function readFormat(dice: Dice): void {
  const json = JSON.parse(format.toString()) as { limits: Record<string, unknown> } & Record<string, unknown>;
  const inner = dice.oneIn(2) ? json.limits : json;
  inner[dice.pick(Object.keys(inner))] = wrongValue(dice);
  const decoded = decodeFormat(dice.oneIn(2) ? mutated(format, dice) : Buffer.from(JSON.stringify(json)));
  if (!decoded.ok) return;
  for (const [name, birth] of Object.entries(birthLimits)) {
    const limit = decoded.format.limits[name as keyof typeof birthLimits];
    must(Number.isSafeInteger(limit) && limit >= 1 && limit <= birth * 16, `the limit ${name} is ${limit}`);
  }
}

const beats = {
  ...{
    schema: 1,
    id: '3'.repeat(32),
    name: 'web01',
    version: '0.1.0',
    role: 'both',
    cursor: 42,
    hash: 'a'.repeat(64),
    digest: 'b'.repeat(64),
  },
  ...{ applied: true, appliedTo: 42, state: 'idle', problems: 1, holds: [{ id: 'abcd', paths: 3, why: 'no' }] },
  troubles: [{ code: 'unreadable', path: 'x', text: 'cannot be read' }],
  halt: { code: 'root-missing', text: 'the root is missing' },
  progress: { phase: 'applying', filesDone: 1, filesTotal: 2, bytesDone: 3, bytesTotal: 4, leftMs: 5 },
  atMs: 1_700_000_000_000,
};

/** What a heartbeat says can be shown to a person as it is. */
function hear(dice: Dice): void {
  const json = structuredClone(beats) as Record<string, unknown>;
  for (let fields = 1 + dice.below(3); fields > 0; fields--) spoil(json, dice);
  const bytes = dice.oneIn(2) ? mutated(Buffer.from(JSON.stringify(beats)), dice) : Buffer.from(JSON.stringify(json));
  const heartbeat = readHeartbeat(bytes);
  if (heartbeat === null) return;
  const lag = { records: 3, bytes: 10, sinceMs: 5 };
  const status = { members: [{ heartbeat, agoMs: 1000 }], selfId: '', lags: new Map([[heartbeat.id, lag]]), nowMs: 1_700_000_000_000 };
  const shown = memberLines(status as unknown as Parameters<typeof memberLines>[0]);
  const strange = shown.find((line) => /\p{Cc}|[\u202a-\u202e\u2066-\u2069]/u.test(line) || line.length > 5000);
  must(strange === undefined, `a terminal is shown ${JSON.stringify(strange)?.slice(0, 200)}`);
}

function spoil(json: Record<string, unknown>, dice: Dice): void {
  const field = dice.pick(Object.keys(json));
  const inner = Array.isArray(json[field]) ? (json[field] as unknown[])[0] : json[field];
  const text = dice.pick(['\x1b[2J\x1b[31m', '\u202e', '\r\n', 'x'.repeat(100_000), '\0', '__proto__']);
  const value = dice.oneIn(2) ? text : wrongValue(dice);
  if (dice.oneIn(3) && typeof inner === 'object' && inner !== null) {
    const fields = inner as Record<string, unknown>;
    fields[dice.pick(Object.keys(fields))] = value;
  } else json[field] = value;
}

const memberFile = `${JSON.stringify({ schema: 1, id: '3'.repeat(32), shares: { webroot: { shareId: '2'.repeat(32), cursor: 7 }, b: { shareId: 'x', cursor: 1 } } }, null, 2)}\n`;

function readMemberFile(dice: Dice): void {
  const room = roomFor('member');
  try {
    const file = join(room, 'member.json');
    if (dice.oneIn(20)) mkdirSync(file);
    else writeFileSync(file, dice.oneIn(2) ? mutated(Buffer.from(memberFile), dice) : mutatedText(memberFile, dice));
    if (dice.oneIn(20)) return;
    const member = openMember(room, 'web01', systemRandom, { temporary: dice.oneIn(3) });
    must(/^[0-9a-f]{32}$/.test(member.id), `the member's id is ${member.id}`);
    for (const share of ['webroot', '__proto__', 'constructor', 'toString']) {
      const known = member.lastKnown(share);
      must(known === undefined || Number.isSafeInteger(known.cursor), `the position of ${share} is ${String(known?.cursor)}`);
    }
    member.remember('webroot', '2'.repeat(32), 9);
    must(member.lastKnown('webroot')?.cursor === 9, 'a position that was remembered is not known');
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'JournalFault') throw error;
  } finally {
    rmSync(room, { recursive: true, force: true });
  }
}

const spoken = [
  { op: 'sync', only: 'pull' },
  { op: 'publish', paths: ['d/f', ''] },
  { op: 'wait', record: 7 },
  { op: 'status' },
  { flocksync: 1, version: '0.1.0', share: 'webroot', holder: 'run', pid: 1 },
  { answer: { code: 0, events: [], problems: [], fault: null, counts: {}, cursor: 3 } },
];

function readLine(dice: Dice): void {
  const json = structuredClone(dice.pick(spoken)) as Record<string, unknown>;
  if (dice.oneIn(2)) json[dice.pick(Object.keys(json))] = dice.oneIn(3) ? [refusedPath(dice), oddPath(dice)] : wrongValue(dice);
  const text = `${dice.oneIn(2) ? mutatedText(JSON.stringify(json), dice) : JSON.stringify(json)}\n`;
  const bytesMax = dice.pick([16, 1000, 2 ** 20]);
  const lines = lineReader(bytesMax, (line) => {
    understand(line);
    understand((line as { answer?: unknown } | null | undefined)?.answer);
  });
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += 4096) if (!lines.push(bytes.subarray(at, at + 4096))) return;
  must(bytes.length - 1 <= bytesMax || text.slice(0, -1).includes('\n'), 'a line is longer than was allowed');
}

function understand(line: unknown): void {
  const request = decodeRequest(line);
  if ('op' in request && request.op === 'publish') {
    must(request.paths.length <= requestPathsMax, 'too many paths are asked for');
    for (const path of request.paths) must(path === '' || isInside(path), `the path ${JSON.stringify(path)} is asked for`);
  }
  decodeGreeting(line, 'webroot');
  readAnswer(line);
}

const statusPart = JSON.stringify({ schema: 1, share: 'webroot', trouble: ['held'], goodAtMs: 5, record: 3, writtenMs: 7 });
