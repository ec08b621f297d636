// What push-datasync.sh asks of `flocksync status --json`, which comes on standard input.
//   publisher OWN             the name of another member that publishes and is not gone; nothing where there is none
//   behind FILE MINUTES NAME… those of the names that have not applied for so long what was published; FILE remembers since when
import { readFileSync, writeFileSync } from 'node:fs';

const { shares } = JSON.parse(readFileSync(0, 'utf8'));
const [what, ...rest] = process.argv.slice(2);
/** Since when a member has not had which record, by share and name; seconds. */
let remembered;
const short = (name) => name.split('.')[0];

if (what === 'publisher') {
  const [own = ''] = rest;
  const members = shares.flatMap((share) => share.members);
  const other = members.find(({ name, self, role, gone }) => role !== 'subscriber' && !self && !gone && short(name) !== short(own));
  process.stdout.write(other?.name.replace(/[^\w.-]/g, '?') ?? '');
} else {
  const [file = '', minutes = '30', ...names] = rest;
  const late = names.filter((name) => shares.map((share) => isLate(share, name, known(file), Number(minutes) * 60)).includes(true));
  remember(file);
  process.stdout.write(late.join(' '));
}

function known(file) {
  if (remembered !== undefined) return remembered;
  try {
    remembered = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    remembered = {};
  }
  return remembered;
}

function remember(file) {
  writeFileSync(file, JSON.stringify(remembered ?? {}));
}

/** Of several lives of one server the one that was heard of last counts. A server that was never heard of has applied nothing. */
function isLate({ name: share, cursor, members }, name, since, seconds) {
  const lives = members.filter((member) => short(member.name) === short(name)).sort((a, b) => a.seenMsAgo - b.seenMsAgo);
  const applied = lives[0]?.appliedTo ?? 0;
  const key = `${share} ${name}`;
  const nowS = Math.floor(Date.now() / 1000);
  if (applied >= cursor) {
    delete since[key];
    return false;
  }
  const waiting = since[key];
  if (waiting === undefined || applied >= waiting.record || waiting.atS > nowS) since[key] = { record: cursor, atS: nowS };
  return nowS - since[key].atS >= seconds;
}
