-- The journal of one share, schema version 1. schema/README.md says how these files are run and changed.
--
-- Paths and names are byte strings: each byte is stored as the character U+0000 to U+00FF, so that the BINARY collation, which
-- compares UTF-8, orders them as bytes. A path is kept as (dir, name): dir is the containing directory, '' for the root.
-- Hashes are SHA-256 as 64 lower-case hex digits. Times ending in _ms are ms since 1970, those ending in _us whole microseconds.
-- Columns that copy what a file system answers are REAL, because some file systems give inodes and times beyond 63 bits.

PRAGMA application_id = 0x666C6F63; -- "floc": tells a journal from any other SQLite file

-- Small facts, one row each.
--   shareId        id of the share in the bucket, 32 hex digits; another id there is another lineage (rule L3)
--   format         format version in force at the cursor (rule L7)
--   cursor         sequence of the last ingested record, decimal; absent or 0 = none
--   cursorHash     SHA-256 of that record's bytes: the lineage check of rule L3
--   digest         state digest of the fold at the cursor (rule I1)
--   joined         '1' once the first replay is complete; until then nothing is published
--   joinBase       while joining: the last known sequence (rule J3), 'union' after a re-join without a base (rule L3), or 'seed'
--                  for the member that wrote the share's first changes (rule J1)
--   rootDev        device of the root when it was last seen with its content (rule G1)
--   rootIno        inode of the root at that time (rule G1)
--   exclude        the exclude rules of the last scan; a difference starts rule J5
--   metadata       what the config sets on this disk as of the last cycle, as JSON; absent = preserve
--   halted         why the share stands still until a person decides (rules L3, L7), as JSON; absent = not halted
--   heartbeatAtMs  bucket time of our last heartbeat
--   heartbeatText  that heartbeat's content, to leave out an equal one
--   bucketNowMs    the newest bucket time seen: age is measured against it, never against this machine's clock
--   suspectBase    the base may be stale (clone, restored journal): rule J2 applies to the next replay
--   appliedLosses  JSON [[bucket time in ms, count]] of deletions of others applied within one window of maxDelete (rule G2)
--   lastCycle      result of the last finished cycle as JSON, for status
--   progress       what the running cycle is doing as JSON, for status and for a second sync that waits
--   unsettled      JSON {path: bucket time in ms} of paths that did not hold still, since when (rule D2)
--   openChangeset  id of an ingested changeset whose last record is still to come (rules P4, J1)
CREATE TABLE meta (
  key   TEXT PRIMARY KEY, -- one of the above
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Paths at which disk and log have met: the merge base (rule I1).
CREATE TABLE agreed (
  dir           TEXT NOT NULL,
  name          TEXT NOT NULL CHECK (name <> ''),
  version       INTEGER NOT NULL, -- the record that put the entry there
  -- The entry, with the log's metadata. The same nine columns stand in every table that holds entries.
  kind          TEXT NOT NULL CHECK (kind = 'file' OR kind = 'dir' OR kind = 'link'),
  mode          INTEGER,          -- permission bits; NULL for a link
  mtime_us      INTEGER,          -- files only, as are size, hash and chunks
  size          INTEGER,          -- bytes
  hash          TEXT,             -- of the whole content
  chunks        TEXT,             -- JSON [[hash, size], ...] in order; NULL when the content is one chunk
  owner         TEXT,             -- name, or decimal id; NULL = not known
  group_name    TEXT,             -- likewise
  target        TEXT,             -- links only, verbatim bytes
  -- The stamp: what this disk showed when they met (rules D2, I3). All NULL when the disk must be read to know its state.
  disk_ino      REAL,
  disk_size     REAL,             -- bytes
  disk_mtime    REAL,             -- µs, only good for equality between two looks (mtimeKey)
  disk_ctime    REAL,             -- likewise (ctimeKey)
  disk_mode     INTEGER,          -- metadata as read back from this disk
  disk_mtime_us REAL,
  disk_uid      INTEGER,
  disk_gid      INTEGER,
  disk_racy     INTEGER,          -- 1 = looked at within the clock's tick of the last change: read the content again
  PRIMARY KEY (dir, name)
) STRICT, WITHOUT ROWID;

-- Content that is on this disk already is copied instead of downloaded.
CREATE INDEX agreed_by_hash ON agreed (hash) WHERE hash IS NOT NULL;

-- What the log wants at paths where disk and log have not met. The fold is want where there is a row, else agreed.
CREATE TABLE want (
  dir        TEXT NOT NULL,
  name       TEXT NOT NULL CHECK (name <> ''),
  version    INTEGER NOT NULL, -- the record that says so; for a tombstone the record that deleted
  kind       TEXT CHECK (kind = 'file' OR kind = 'dir' OR kind = 'link'), -- NULL = tombstone
  mode       INTEGER,
  mtime_us   INTEGER,
  size       INTEGER,
  hash       TEXT,
  chunks     TEXT,
  owner      TEXT,
  group_name TEXT,
  target     TEXT,
  at_ms      INTEGER NOT NULL, -- bucket time of that record
  approved   INTEGER NOT NULL, -- 1 = the deletion carries the approval of a publisher's hold (rule G3)
  reason     TEXT NOT NULL,    -- why it is not on this disk yet: WantReason in ports/journal.ts
  detail     TEXT NOT NULL,    -- that reason in words, '' when there is nothing to add
  attempts   INTEGER NOT NULL, -- failed applies so far
  PRIMARY KEY (dir, name)
) STRICT, WITHOUT ROWID;

-- Directories whose listed children all equalled their agreed rows: the same digest again means that no row needs a look.
CREATE TABLE directory_digest (
  dir    TEXT PRIMARY KEY, -- '' = root
  digest TEXT NOT NULL     -- of the listing, see DirectoryListing in ports/filesystem.ts
) STRICT, WITHOUT ROWID;

-- Directories that survive here only because of children that the log does not have (rule R4).
CREATE TABLE lingering (
  path TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- One row for each ingested record of the log.
CREATE TABLE record (
  sequence           INTEGER PRIMARY KEY,
  hash               TEXT NOT NULL,    -- SHA-256 of its bytes
  id                 TEXT NOT NULL,    -- its random id
  author_id          TEXT NOT NULL,
  author             TEXT NOT NULL,    -- label of the member that wrote it
  at_ms              INTEGER NOT NULL, -- bucket time
  kind               TEXT NOT NULL,    -- of its payload
  verdict            TEXT NOT NULL CHECK (verdict = 'ok' OR verdict = 'bad' OR verdict = 'skipped'), -- rules B1, B2
  reason             TEXT NOT NULL,    -- why it is bad or was skipped, else ''
  changeset          TEXT NOT NULL,    -- id of its changeset, '' where it has none
  more               INTEGER NOT NULL, -- 1 = another record of the changeset follows
  puts               INTEGER NOT NULL, -- number of changes of each op
  deletes            INTEGER NOT NULL,
  kept               INTEGER NOT NULL,
  bytes              INTEGER NOT NULL, -- of content that its puts name
  object_size        INTEGER NOT NULL, -- the object as a listing shows it, to notice a rewritten one; 0 and '' = not known yet
  object_modified_ms INTEGER NOT NULL,
  object_tag         TEXT NOT NULL
) STRICT;

-- The bytes of the newest records, so that a lost or damaged one can be put again (rule B2).
CREATE TABLE record_bytes (
  sequence INTEGER PRIMARY KEY REFERENCES record (sequence) ON DELETE CASCADE,
  bytes    BLOB NOT NULL,
  body     BLOB                -- the body object's bytes where the record has one that is not too long to keep
) STRICT;

-- Every change of every ingested record: the history of each path.
CREATE TABLE version (
  path       TEXT NOT NULL,
  version    INTEGER NOT NULL, -- the record
  k          INTEGER NOT NULL, -- 0 = the change itself, 1.. = kept losers of that record at that path, addressed PATH@N~k (rule R2)
  op         TEXT NOT NULL CHECK (op = 'put' OR op = 'delete' OR op = 'kept'),
  kind       TEXT CHECK (kind = 'file' OR kind = 'dir' OR kind = 'link'), -- NULL for a delete
  mode       INTEGER,
  mtime_us   INTEGER,
  size       INTEGER,
  hash       TEXT,
  chunks     TEXT,
  owner      TEXT,
  group_name TEXT,
  target     TEXT,
  against    INTEGER NOT NULL, -- kept: the version it lost to; put that won a conflict: the version it beat; else 0
  at_ms      INTEGER NOT NULL, -- bucket time of the record
  author     TEXT NOT NULL,
  PRIMARY KEY (path, version, k)
) STRICT, WITHOUT ROWID;

CREATE INDEX version_by_record ON version (version);
CREATE INDEX version_conflicts ON version (version, k) WHERE against <> 0 OR op = 'kept';

-- Where content lies, as the log says: hash -> pack and offset, or inline in a record (rule P2).
CREATE TABLE location (
  hash        TEXT NOT NULL,    -- of the chunk before compression
  record      INTEGER NOT NULL, -- the record that holds it inline; else the one that announced it
  pack        TEXT NOT NULL,    -- pack id, '' = inline
  byte_offset INTEGER NOT NULL, -- of the stored bytes
  length      INTEGER NOT NULL, -- stored bytes
  size        INTEGER NOT NULL, -- bytes before compression
  codec       TEXT NOT NULL,    -- how the stored bytes are compressed
  PRIMARY KEY (hash, record, pack, byte_offset)
) STRICT, WITHOUT ROWID;

-- Uploads of this member that no record names yet: a killed publish finds them again (rules P3, P4).
CREATE TABLE upload (
  hash        TEXT PRIMARY KEY,
  record      INTEGER NOT NULL, -- the columns of location
  pack        TEXT NOT NULL,
  byte_offset INTEGER NOT NULL,
  length      INTEGER NOT NULL,
  size        INTEGER NOT NULL,
  codec       TEXT NOT NULL,
  at_ms       INTEGER NOT NULL  -- bucket time of the upload
) STRICT, WITHOUT ROWID;

-- Content that this member cannot fetch and has asked for in the log (rule B3).
CREATE TABLE need (
  hash  TEXT PRIMARY KEY,
  at_ms INTEGER NOT NULL -- bucket time of the newest request
) STRICT, WITHOUT ROWID;

-- The record being appended: immutable bytes bound to one number, written here before the put (rule S1).
CREATE TABLE outbox (
  only        INTEGER PRIMARY KEY CHECK (only = 1), -- there is at most one
  sequence    INTEGER NOT NULL,
  hash        TEXT NOT NULL,    -- SHA-256 of the bytes
  bytes       BLOB NOT NULL,
  body_id     TEXT,             -- NULL when the payload is inside the record
  body_bytes  BLOB,
  free_at_ms  INTEGER NOT NULL, -- bucket time of the read that saw the number free (rule S3)
  not_on_disk TEXT NOT NULL     -- JSON array of paths whose published entry is a merge that the disk does not hold yet
) STRICT;

-- What the trash directory holds.
CREATE TABLE trash (
  name       TEXT PRIMARY KEY, -- file name inside the trash directory
  path       TEXT NOT NULL,    -- where it stood
  kind       TEXT NOT NULL CHECK (kind = 'file' OR kind = 'dir' OR kind = 'link'),
  mode       INTEGER,
  mtime_us   INTEGER,
  size       INTEGER,
  hash       TEXT,
  chunks     TEXT,
  owner      TEXT,
  group_name TEXT,
  target     TEXT,
  at_ms      INTEGER NOT NULL, -- bucket time of the move as far as known
  why        TEXT NOT NULL,    -- TrashRow.why in ports/journal.ts
  owed       INTEGER NOT NULL, -- 1 = must still reach the log as a kept change; never pruned until then (rules R2, H4)
  lost_to    INTEGER NOT NULL, -- the version that displaced it
  disk_ino   REAL NOT NULL,    -- as seen right after the move: a difference is a late write into the displaced file (rule A2)
  disk_size  REAL NOT NULL,
  disk_mtime REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX trash_by_hash ON trash (hash) WHERE hash IS NOT NULL;
CREATE INDEX trash_owed ON trash (at_ms) WHERE owed = 1;

-- The apply burst under way, committed before its first step (rule I4).
CREATE TABLE intent (
  position   INTEGER PRIMARY KEY, -- order of the steps
  path       TEXT NOT NULL,
  version    INTEGER NOT NULL,    -- the want's version
  kind       TEXT CHECK (kind = 'file' OR kind = 'dir' OR kind = 'link'), -- NULL = deletion
  mode       INTEGER,
  mtime_us   INTEGER,
  size       INTEGER,
  hash       TEXT,
  chunks     TEXT,
  owner      TEXT,
  group_name TEXT,
  target     TEXT,
  staged_ino REAL NOT NULL,       -- inode of the staged file that takes the place, 0 where nothing was staged
  trash_name TEXT NOT NULL        -- name in the trash of what is displaced, '' when nothing is
) STRICT;

-- Standing problems, so that each is printed when it begins, when it changes and once a day.
CREATE TABLE problem (
  key        TEXT PRIMARY KEY, -- stable: code and path
  code       TEXT NOT NULL,
  path       TEXT,             -- NULL when it concerns the whole share
  text       TEXT NOT NULL,    -- for people
  fix        TEXT NOT NULL,    -- what a person should do
  since_ms   INTEGER NOT NULL,
  printed_ms INTEGER NOT NULL  -- when it was last printed
) STRICT, WITHOUT ROWID;

-- Deletions and truncations that a guard holds (rules G2, G3).
CREATE TABLE hold (
  id       TEXT PRIMARY KEY,
  kind     TEXT NOT NULL CHECK (kind = 'publisher' OR kind = 'receiver'),
  since_ms INTEGER NOT NULL,
  state    TEXT NOT NULL CHECK (state = 'open' OR state = 'approved' OR state = 'rejected'),
  detail   TEXT NOT NULL -- for people
) STRICT, WITHOUT ROWID;

CREATE TABLE hold_path (
  hold    TEXT NOT NULL REFERENCES hold (id) ON DELETE CASCADE,
  path    TEXT NOT NULL,
  version INTEGER NOT NULL, -- publisher: the agreed version; receiver: the deletion record
  PRIMARY KEY (hold, path)
) STRICT, WITHOUT ROWID;

-- Deletions published by this member, for the rolling window of maxDelete (rule G2).
CREATE TABLE deletion (
  at_ms INTEGER PRIMARY KEY,
  count INTEGER NOT NULL -- paths
) STRICT;

-- One row that each flush changes, so that the flush has a commit to make durable.
CREATE TABLE flush (
  only  INTEGER PRIMARY KEY CHECK (only = 1),
  count INTEGER NOT NULL -- flushes so far
) STRICT;
INSERT INTO flush VALUES (1, 0);
