-- A journal as version 2 wrote it, with rows in every table. Never edited: what a later program must bring forward.
PRAGMA application_id = 1718382435;
CREATE TABLE meta (
  key   TEXT PRIMARY KEY, -- one of the above
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
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
CREATE TABLE directory_digest (
  dir    TEXT PRIMARY KEY, -- '' = root
  digest TEXT NOT NULL     -- of the listing, see DirectoryListing in ports/filesystem.ts
) STRICT, WITHOUT ROWID;
CREATE TABLE lingering (
  path TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
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
, body_id TEXT NOT NULL DEFAULT '') STRICT;
CREATE TABLE record_bytes (
  sequence INTEGER PRIMARY KEY REFERENCES record (sequence) ON DELETE CASCADE,
  bytes    BLOB NOT NULL,
  body     BLOB                -- the body object's bytes where the record has one that is not too long to keep
) STRICT;
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
  author     TEXT NOT NULL, approved INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (path, version, k)
) STRICT, WITHOUT ROWID;
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
CREATE TABLE need (
  hash  TEXT PRIMARY KEY,
  at_ms INTEGER NOT NULL -- bucket time of the newest request
) STRICT, WITHOUT ROWID;
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
CREATE TABLE intent (
  position   INTEGER PRIMARY KEY, -- order of the steps
  path       TEXT NOT NULL,
  version    INTEGER NOT NULL,    -- the want's version
  staged_ino REAL NOT NULL,       -- inode of the staged file that takes the place, 0 where nothing was staged
  trash_name TEXT NOT NULL        -- name in the trash of what is displaced, '' when nothing is
) STRICT;
CREATE TABLE problem (
  key        TEXT PRIMARY KEY, -- stable: code and path
  code       TEXT NOT NULL,
  path       TEXT,             -- NULL when it concerns the whole share
  text       TEXT NOT NULL,    -- for people
  fix        TEXT NOT NULL,    -- what a person should do
  since_ms   INTEGER NOT NULL,
  printed_ms INTEGER NOT NULL  -- when it was last printed
) STRICT, WITHOUT ROWID;
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
CREATE TABLE deletion (
  at_ms INTEGER PRIMARY KEY,
  count INTEGER NOT NULL -- paths
) STRICT;
CREATE TABLE flush (
  only  INTEGER PRIMARY KEY CHECK (only = 1),
  count INTEGER NOT NULL -- flushes so far
) STRICT;
CREATE TABLE snapshot (
  id     TEXT PRIMARY KEY,
  up_to  INTEGER NOT NULL, -- the state as of this record
  hash   TEXT NOT NULL,    -- of that record
  record INTEGER NOT NULL, -- the record that announced it
  at_ms  INTEGER NOT NULL  -- bucket time of the announcement
) STRICT, WITHOUT ROWID;
CREATE TABLE retired (
  kind   TEXT NOT NULL CHECK (kind = 'pack' OR kind = 'body' OR kind = 'snapshot'),
  id     TEXT NOT NULL,
  record INTEGER NOT NULL, -- the retire record
  at_ms  INTEGER NOT NULL, -- its bucket time
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE audit (
  number  INTEGER PRIMARY KEY,
  at_ms   INTEGER NOT NULL, -- bucket time as far as known
  path    TEXT NOT NULL,
  op      TEXT NOT NULL CHECK (op = 'put' OR op = 'delete' OR op = 'metadata'),
  kind    TEXT CHECK (kind = 'file' OR kind = 'dir' OR kind = 'link'), -- NULL where nothing of the kind is known
  size    INTEGER,          -- bytes; files only
  version INTEGER NOT NULL, -- the record that asked for it
  author  TEXT NOT NULL     -- label of the member that wrote that record, '' when not known any more
) STRICT;
CREATE INDEX agreed_by_hash ON agreed (hash) WHERE hash IS NOT NULL;
CREATE INDEX version_by_record ON version (version);
CREATE INDEX version_conflicts ON version (version, k) WHERE against <> 0 OR op = 'kept';
CREATE INDEX trash_by_hash ON trash (hash) WHERE hash IS NOT NULL;
CREATE INDEX trash_owed ON trash (at_ms) WHERE owed = 1;
INSERT INTO meta VALUES ('appliedLosses', '[[1700000000000,2]]');
INSERT INTO meta VALUES ('bucketNowMs', '1700000009000');
INSERT INTO meta VALUES ('cursor', '9');
INSERT INTO meta VALUES ('cursorHash', '0000000000000000000000000000000000000000000000000000000000000009');
INSERT INTO meta VALUES ('digest', '0000000000000000000000000000000000000000000000000000000000000063');
INSERT INTO meta VALUES ('exclude', '["*.log"]');
INSERT INTO meta VALUES ('format', '{"version":1}');
INSERT INTO meta VALUES ('halted', '{"code":"x"}');
INSERT INTO meta VALUES ('heartbeatAtMs', '1700000009000');
INSERT INTO meta VALUES ('heartbeatText', '{"schema":1}');
INSERT INTO meta VALUES ('joinBase', '7');
INSERT INTO meta VALUES ('joined', '1');
INSERT INTO meta VALUES ('lastCycle', '{"atMs":1}');
INSERT INTO meta VALUES ('metadata', 'preserve');
INSERT INTO meta VALUES ('openChangeset', '0123456789abcdef');
INSERT INTO meta VALUES ('progress', '{"phase":"applying"}');
INSERT INTO meta VALUES ('rootDev', '2049');
INSERT INTO meta VALUES ('rootIno', '131');
INSERT INTO meta VALUES ('shareId', 'abababababababababababababababab');
INSERT INTO meta VALUES ('suspectBase', '1');
INSERT INTO meta VALUES ('unsettled', '{"x":1}');
INSERT INTO agreed VALUES ('', 'd', 1, 'dir', 1517, NULL, NULL, NULL, NULL, NULL, 'www-data', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO agreed VALUES ('', 'l', 1, 'link', NULL, NULL, NULL, NULL, NULL, '1000', NULL, '../ÿ''target
', 4711.0, 10.0, 1700000000123456.0, 1700000000123457.0, 420, 1700000000123455.0, 33, 4294967294, 1);
INSERT INTO agreed VALUES ('', 'large', 1, 'file', 420, 1700000000123456, 50, '0000000000000000000000000000000000000000000000000000000000000005', '[["0000000000000000000000000000000000000000000000000000000000000006",20],["0000000000000000000000000000000000000000000000000000000000000007",30]]', 'www-data', NULL, NULL, 4711.0, 10.0, 1700000000123456.0, 1700000000123457.0, 420, 1700000000123455.0, 33, 4294967294, 1);
INSERT INTO agreed VALUES ('d', '', 4, 'file', 420, 1700000000123456, 10, '0000000000000000000000000000000000000000000000000000000000000001', NULL, 'www-data', NULL, NULL, 4711.0, 10.0, 1700000000123456.0, 1700000000123457.0, 420, 1700000000123455.0, 33, 4294967294, 1);
INSERT INTO agreed VALUES ('d', '
', 5, 'file', 420, 1700000000123456, 10, '0000000000000000000000000000000000000000000000000000000000000001', NULL, 'www-data', NULL, NULL, 4711.0, 10.0, 1700000000123456.0, 1700000000123457.0, 420, 1700000000123455.0, 33, 4294967294, 1);
INSERT INTO agreed VALUES ('d', ' ', 6, 'file', 420, 1700000000123456, 10, '0000000000000000000000000000000000000000000000000000000000000001', NULL, 'www-data', NULL, NULL, 4711.0, 10.0, 1700000000123456.0, 1700000000123457.0, 420, 1700000000123455.0, 33, 4294967294, 1);
INSERT INTO agreed VALUES ('d', '"', 3, 'file', 420, 1700000000123456, 10, '0000000000000000000000000000000000000000000000000000000000000001', NULL, 'www-data', NULL, NULL, 4711.0, 10.0, 1700000000123456.0, 1700000000123457.0, 420, 1700000000123455.0, 33, 4294967294, 1);
INSERT INTO agreed VALUES ('d', '%', 8, 'file', 420, 1700000000123456, 10, '0000000000000000000000000000000000000000000000000000000000000001', NULL, 'www-data', NULL, NULL, 4711.0, 10.0, 1700000000123456.0, 1700000000123457.0, 420, 1700000000123455.0, 33, 4294967294, 1);
INSERT INTO agreed VALUES ('d', '''', 2, 'file', 420, 1700000000123456, 10, '0000000000000000000000000000000000000000000000000000000000000001', NULL, 'www-data', NULL, NULL, 4711.0, 10.0, 1700000000123456.0, 1700000000123457.0, 420, 1700000000123455.0, 33, 4294967294, 1);
INSERT INTO agreed VALUES ('d', '*', 2, 'file', 420, 1700000000123456, 10, '0000000000000000000000000000000000000000000000000000000000000001', NULL, 'www-data', NULL, NULL, 4711.0, 10.0, 1700000000123456.0, 1700000000123457.0, 420, 1700000000123455.0, 33, 4294967294, 1);
INSERT INTO agreed VALUES ('d', '-', 7, 'file', 420, 1700000000123456, 10, '0000000000000000000000000000000000000000000000000000000000000001', NULL, 'www-data', NULL, NULL, 4711.0, 10.0, 1700000000123456.0, 1700000000123457.0, 420, 1700000000123455.0, 33, 4294967294, 1);
INSERT INTO agreed VALUES ('d', '--', 8, 'file', 420, 1700000000123456, 10, '0000000000000000000000000000000000000000000000000000000000000001', NULL, 'www-data', NULL, NULL, 4711.0, 10.0, 1700000000123456.0, 1700000000123457.0, 420, 1700000000123455.0, 33, 4294967294, 1);
INSERT INTO agreed VALUES ('d', '?1', 1, 'file', 420, 1700000000123456, 10, '0000000000000000000000000000000000000000000000000000000000000001', NULL, 'www-data', NULL, NULL, 4711.0, 10.0, 1700000000123456.0, 1700000000123457.0, 420, 1700000000123455.0, 33, 4294967294, 1);
INSERT INTO agreed VALUES ('d', '[a]', 3, 'file', 420, 1700000000123456, 10, '0000000000000000000000000000000000000000000000000000000000000001', NULL, 'www-data', NULL, NULL, 4711.0, 10.0, 1700000000123456.0, 1700000000123457.0, 420, 1700000000123455.0, 33, 4294967294, 1);
INSERT INTO agreed VALUES ('d', '\', 4, 'file', 420, 1700000000123456, 10, '0000000000000000000000000000000000000000000000000000000000000001', NULL, 'www-data', NULL, NULL, 4711.0, 10.0, 1700000000123456.0, 1700000000123457.0, 420, 1700000000123455.0, 33, 4294967294, 1);
INSERT INTO agreed VALUES ('d', '_', 1, 'file', 420, 1700000000123456, 10, '0000000000000000000000000000000000000000000000000000000000000001', NULL, 'www-data', NULL, NULL, 4711.0, 10.0, 1700000000123456.0, 1700000000123457.0, 420, 1700000000123455.0, 33, 4294967294, 1);
INSERT INTO agreed VALUES ('d', 'a', 1, 'file', 420, 1700000000123456, 10, '0000000000000000000000000000000000000000000000000000000000000001', NULL, 'www-data', NULL, NULL, 4711.0, 10.0, 1700000000123456.0, 1700000000123457.0, 420, 1700000000123455.0, 33, 4294967294, 1);
INSERT INTO agreed VALUES ('d', 'a!', 3, 'file', 420, 1700000000123456, 10, '0000000000000000000000000000000000000000000000000000000000000001', NULL, 'www-data', NULL, NULL, 4711.0, 10.0, 1700000000123456.0, 1700000000123457.0, 420, 1700000000123455.0, 33, 4294967294, 1);
INSERT INTO agreed VALUES ('d', 'a-b', 4, 'file', 420, 1700000000123456, 10, '0000000000000000000000000000000000000000000000000000000000000001', NULL, 'www-data', NULL, NULL, 4711.0, 10.0, 1700000000123456.0, 1700000000123457.0, 420, 1700000000123455.0, 33, 4294967294, 1);
INSERT INTO agreed VALUES ('d', 'a.b', 5, 'file', 420, 1700000000123456, 10, '0000000000000000000000000000000000000000000000000000000000000001', NULL, 'www-data', NULL, NULL, 4711.0, 10.0, 1700000000123456.0, 1700000000123457.0, 420, 1700000000123455.0, 33, 4294967294, 1);
INSERT INTO agreed VALUES ('d', 'a0', 6, 'file', 420, 1700000000123456, 10, '0000000000000000000000000000000000000000000000000000000000000001', NULL, 'www-data', NULL, NULL, 4711.0, 10.0, 1700000000123456.0, 1700000000123457.0, 420, 1700000000123455.0, 33, 4294967294, 1);
INSERT INTO agreed VALUES ('d', 'a~', 7, 'file', 420, 1700000000123456, 10, '0000000000000000000000000000000000000000000000000000000000000001', NULL, 'www-data', NULL, NULL, 4711.0, 10.0, 1700000000123456.0, 1700000000123457.0, 420, 1700000000123455.0, 33, 4294967294, 1);
INSERT INTO agreed VALUES ('d', 'b', 2, 'file', 420, 1700000000123456, 10, '0000000000000000000000000000000000000000000000000000000000000001', NULL, 'www-data', NULL, NULL, 4711.0, 10.0, 1700000000123456.0, 1700000000123457.0, 420, 1700000000123455.0, 33, 4294967294, 1);
INSERT INTO agreed VALUES ('d', 'eÌ', 2, 'file', 420, 1700000000123456, 10, '0000000000000000000000000000000000000000000000000000000000000001', NULL, 'www-data', NULL, NULL, 4711.0, 10.0, 1700000000123456.0, 1700000000123457.0, 420, 1700000000123455.0, 33, 4294967294, 1);
INSERT INTO agreed VALUES ('d', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', 4, 'file', 420, 1700000000123456, 10, '0000000000000000000000000000000000000000000000000000000000000001', NULL, 'www-data', NULL, NULL, 4711.0, 10.0, 1700000000123456.0, 1700000000123457.0, 420, 1700000000123455.0, 33, 4294967294, 1);
INSERT INTO agreed VALUES ('d', '', 5, 'file', 420, 1700000000123456, 10, '0000000000000000000000000000000000000000000000000000000000000001', NULL, 'www-data', NULL, NULL, 4711.0, 10.0, 1700000000123456.0, 1700000000123457.0, 420, 1700000000123455.0, 33, 4294967294, 1);
INSERT INTO agreed VALUES ('d', '', 6, 'file', 420, 1700000000123456, 10, '0000000000000000000000000000000000000000000000000000000000000001', NULL, 'www-data', NULL, NULL, 4711.0, 10.0, 1700000000123456.0, 1700000000123457.0, 420, 1700000000123455.0, 33, 4294967294, 1);
INSERT INTO agreed VALUES ('d', '¿', 7, 'file', 420, 1700000000123456, 10, '0000000000000000000000000000000000000000000000000000000000000001', NULL, 'www-data', NULL, NULL, 4711.0, 10.0, 1700000000123456.0, 1700000000123457.0, 420, 1700000000123455.0, 33, 4294967294, 1);
INSERT INTO agreed VALUES ('d', 'Ã©', 1, 'file', 420, 1700000000123456, 10, '0000000000000000000000000000000000000000000000000000000000000001', NULL, 'www-data', NULL, NULL, 4711.0, 10.0, 1700000000123456.0, 1700000000123457.0, 420, 1700000000123455.0, 33, 4294967294, 1);
INSERT INTO agreed VALUES ('d', 'ÿ', 8, 'file', 420, 1700000000123456, 10, '0000000000000000000000000000000000000000000000000000000000000001', NULL, 'www-data', NULL, NULL, 4711.0, 10.0, 1700000000123456.0, 1700000000123457.0, 420, 1700000000123455.0, 33, 4294967294, 1);
INSERT INTO agreed VALUES ('d', 'ÿþ', 3, 'file', 420, 1700000000123456, 10, '0000000000000000000000000000000000000000000000000000000000000001', NULL, 'www-data', NULL, NULL, 4711.0, 10.0, 1700000000123456.0, 1700000000123457.0, 420, 1700000000123455.0, 33, 4294967294, 1);
INSERT INTO want VALUES ('', 'gone', 8, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1700000000000, 1, 'held', 'held by hold ab', 3);
INSERT INTO want VALUES ('', 'w', 2, 'file', 420, 1700000000123456, 20, '0000000000000000000000000000000000000000000000000000000000000002', NULL, 'www-data', NULL, NULL, 1700000000000, 0, 'pending', '', 0);
INSERT INTO want VALUES ('d', 'excluded', 2, 'dir', 1517, NULL, NULL, NULL, NULL, NULL, 'www-data', NULL, 1700000000000, 0, 'excluded', '', 0);
INSERT INTO directory_digest VALUES ('d', 'digest of d');
INSERT INTO lingering VALUES ('lingers');
INSERT INTO record VALUES (1, '0000000000000000000000000000000000000000000000000000000000000001', 'id 0', 'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd', 'wéb01', 1700000000000, 'changes', 'ok', '', '0123456789abcdef', 1, 2, 1, 1, 123, 99, 1700000000001, '"etag"', '');
INSERT INTO record VALUES (2, '0000000000000000000000000000000000000000000000000000000000000002', 'id 1', 'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd', 'web02', 1700000000001, 'changes', 'ok', '', '', 0, 2, 1, 1, 123, 99, 1700000000001, '"etag"', '');
INSERT INTO record VALUES (3, '0000000000000000000000000000000000000000000000000000000000000003', 'id 2', 'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd', 'wéb01', 1700000000002, 'snapshot', 'ok', '', '', 0, 2, 1, 1, 123, 99, 1700000000001, '"etag"', '');
INSERT INTO record VALUES (4, '0000000000000000000000000000000000000000000000000000000000000004', 'id 3', 'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd', 'web02', 1700000000003, 'retire', 'ok', '', '', 0, 2, 1, 1, 123, 99, 1700000000001, '"etag"', '');
INSERT INTO record VALUES (5, '0000000000000000000000000000000000000000000000000000000000000005', 'id 4', 'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd', 'wéb01', 1700000000004, 'pack', 'ok', '', '', 0, 2, 1, 1, 123, 99, 1700000000001, '"etag"', '');
INSERT INTO record VALUES (6, '0000000000000000000000000000000000000000000000000000000000000006', 'id 5', 'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd', 'web02', 1700000000005, 'need', 'skipped', '', '', 0, 2, 1, 1, 123, 99, 1700000000001, '"etag"', '');
INSERT INTO record VALUES (7, '0000000000000000000000000000000000000000000000000000000000000007', 'id 6', 'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd', 'wéb01', 1700000000006, 'approve', 'bad', 'a wrong base', '', 0, 2, 1, 1, 123, 99, 1700000000001, '"etag"', '');
INSERT INTO record VALUES (8, '0000000000000000000000000000000000000000000000000000000000000008', 'id 7', 'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd', 'web02', 1700000000007, 'changes', 'ok', '', '', 0, 2, 1, 1, 123, 99, 1700000000001, '"etag"', '');
INSERT INTO record VALUES (9, '0000000000000000000000000000000000000000000000000000000000000009', 'id 8', 'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd', 'wéb01', 1700000000008, 'format', 'ok', '', '', 0, 2, 1, 1, 123, 99, 1700000000001, '"etag"', '');
INSERT INTO record_bytes VALUES (8, X'0001ff2707', X'6120626f6479');
INSERT INTO record_bytes VALUES (9, X'0001ff2708', NULL);
INSERT INTO version VALUES ('d/', 1, 0, 'put', 'link', NULL, NULL, NULL, NULL, NULL, '1000', NULL, '../ÿ''target
', 0, 1700000000000, 'web01', 0);
INSERT INTO version VALUES ('d/
', 1, 0, 'put', 'link', NULL, NULL, NULL, NULL, NULL, '1000', NULL, '../ÿ''target
', 0, 1700000000000, 'web01', 0);
INSERT INTO version VALUES ('d/ ', 1, 0, 'put', 'link', NULL, NULL, NULL, NULL, NULL, '1000', NULL, '../ÿ''target
', 0, 1700000000000, 'web01', 0);
INSERT INTO version VALUES ('d/"', 1, 0, 'put', 'link', NULL, NULL, NULL, NULL, NULL, '1000', NULL, '../ÿ''target
', 0, 1700000000000, 'web01', 0);
INSERT INTO version VALUES ('d/%', 1, 0, 'put', 'link', NULL, NULL, NULL, NULL, NULL, '1000', NULL, '../ÿ''target
', 0, 1700000000000, 'web01', 0);
INSERT INTO version VALUES ('d/''', 1, 0, 'put', 'link', NULL, NULL, NULL, NULL, NULL, '1000', NULL, '../ÿ''target
', 0, 1700000000000, 'web01', 0);
INSERT INTO version VALUES ('d/*', 1, 0, 'put', 'link', NULL, NULL, NULL, NULL, NULL, '1000', NULL, '../ÿ''target
', 0, 1700000000000, 'web01', 0);
INSERT INTO version VALUES ('d/-', 1, 0, 'put', 'link', NULL, NULL, NULL, NULL, NULL, '1000', NULL, '../ÿ''target
', 0, 1700000000000, 'web01', 0);
INSERT INTO version VALUES ('d/--', 1, 0, 'put', 'link', NULL, NULL, NULL, NULL, NULL, '1000', NULL, '../ÿ''target
', 0, 1700000000000, 'web01', 0);
INSERT INTO version VALUES ('d/?1', 1, 0, 'put', 'link', NULL, NULL, NULL, NULL, NULL, '1000', NULL, '../ÿ''target
', 0, 1700000000000, 'web01', 0);
INSERT INTO version VALUES ('d/[a]', 1, 0, 'put', 'link', NULL, NULL, NULL, NULL, NULL, '1000', NULL, '../ÿ''target
', 0, 1700000000000, 'web01', 0);
INSERT INTO version VALUES ('d/\', 1, 0, 'put', 'link', NULL, NULL, NULL, NULL, NULL, '1000', NULL, '../ÿ''target
', 0, 1700000000000, 'web01', 0);
INSERT INTO version VALUES ('d/_', 1, 0, 'put', 'link', NULL, NULL, NULL, NULL, NULL, '1000', NULL, '../ÿ''target
', 0, 1700000000000, 'web01', 0);
INSERT INTO version VALUES ('d/a', 1, 0, 'put', 'link', NULL, NULL, NULL, NULL, NULL, '1000', NULL, '../ÿ''target
', 0, 1700000000000, 'web01', 0);
INSERT INTO version VALUES ('d/a!', 1, 0, 'put', 'link', NULL, NULL, NULL, NULL, NULL, '1000', NULL, '../ÿ''target
', 0, 1700000000000, 'web01', 0);
INSERT INTO version VALUES ('d/a-b', 1, 0, 'put', 'link', NULL, NULL, NULL, NULL, NULL, '1000', NULL, '../ÿ''target
', 0, 1700000000000, 'web01', 0);
INSERT INTO version VALUES ('d/a.b', 1, 0, 'put', 'link', NULL, NULL, NULL, NULL, NULL, '1000', NULL, '../ÿ''target
', 0, 1700000000000, 'web01', 0);
INSERT INTO version VALUES ('d/a0', 1, 0, 'put', 'link', NULL, NULL, NULL, NULL, NULL, '1000', NULL, '../ÿ''target
', 0, 1700000000000, 'web01', 0);
INSERT INTO version VALUES ('d/a~', 1, 0, 'put', 'link', NULL, NULL, NULL, NULL, NULL, '1000', NULL, '../ÿ''target
', 0, 1700000000000, 'web01', 0);
INSERT INTO version VALUES ('d/b', 1, 0, 'put', 'link', NULL, NULL, NULL, NULL, NULL, '1000', NULL, '../ÿ''target
', 0, 1700000000000, 'web01', 0);
INSERT INTO version VALUES ('d/eÌ', 1, 0, 'put', 'link', NULL, NULL, NULL, NULL, NULL, '1000', NULL, '../ÿ''target
', 0, 1700000000000, 'web01', 0);
INSERT INTO version VALUES ('d/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', 1, 0, 'put', 'link', NULL, NULL, NULL, NULL, NULL, '1000', NULL, '../ÿ''target
', 0, 1700000000000, 'web01', 0);
INSERT INTO version VALUES ('d/', 1, 0, 'put', 'link', NULL, NULL, NULL, NULL, NULL, '1000', NULL, '../ÿ''target
', 0, 1700000000000, 'web01', 0);
INSERT INTO version VALUES ('d/', 1, 0, 'put', 'link', NULL, NULL, NULL, NULL, NULL, '1000', NULL, '../ÿ''target
', 0, 1700000000000, 'web01', 0);
INSERT INTO version VALUES ('d/¿', 1, 0, 'put', 'link', NULL, NULL, NULL, NULL, NULL, '1000', NULL, '../ÿ''target
', 0, 1700000000000, 'web01', 0);
INSERT INTO version VALUES ('d/Ã©', 1, 0, 'put', 'link', NULL, NULL, NULL, NULL, NULL, '1000', NULL, '../ÿ''target
', 0, 1700000000000, 'web01', 0);
INSERT INTO version VALUES ('d/ÿ', 1, 0, 'put', 'link', NULL, NULL, NULL, NULL, NULL, '1000', NULL, '../ÿ''target
', 0, 1700000000000, 'web01', 0);
INSERT INTO version VALUES ('d/ÿþ', 1, 0, 'put', 'link', NULL, NULL, NULL, NULL, NULL, '1000', NULL, '../ÿ''target
', 0, 1700000000000, 'web01', 0);
INSERT INTO version VALUES ('x', 1, 0, 'put', 'file', 420, 1700000000123456, 10, '0000000000000000000000000000000000000000000000000000000000000001', NULL, 'www-data', NULL, NULL, 0, 1700000000000, 'web01', 0);
INSERT INTO version VALUES ('x', 2, 0, 'put', 'file', 420, 1700000000123456, 20, '0000000000000000000000000000000000000000000000000000000000000002', NULL, 'www-data', NULL, NULL, 1, 1700000000001, 'web02', 0);
INSERT INTO version VALUES ('x', 2, 1, 'kept', 'file', 420, 1700000000123456, 30, '0000000000000000000000000000000000000000000000000000000000000003', NULL, 'www-data', NULL, NULL, 2, 1700000000001, 'web02', 0);
INSERT INTO version VALUES ('x', 8, 0, 'delete', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 1700000000007, 'web01', 0);
INSERT INTO location VALUES ('0000000000000000000000000000000000000000000000000000000000000001', 1, '', 0, 7, 10, 'none');
INSERT INTO location VALUES ('0000000000000000000000000000000000000000000000000000000000000001', 5, 'efefefefefefefefefefefefefefefef', 4096, 7, 10, 'brotli');
INSERT INTO upload VALUES ('0000000000000000000000000000000000000000000000000000000000000006', 0, '12121212121212121212121212121212', 1, 20, 20, 'none', 1700000000000);
INSERT INTO need VALUES ('0000000000000000000000000000000000000000000000000000000000000007', 1700000000002);
INSERT INTO outbox VALUES (1, 10, '000000000000000000000000000000000000000000000000000000000000000a', X'0100c8', '34343434343434343434343434343434', X'626f6479', 1700000000003, '["m","d/ÿ"]');
INSERT INTO trash VALUES ('aa', 'x', 'file', 420, 1700000000123456, 20, '0000000000000000000000000000000000000000000000000000000000000002', NULL, 'www-data', NULL, NULL, 1700000000004, 'replaced', 0, 8, 1152921504606846976.0, 20.0, 1700000000123456.0);
INSERT INTO trash VALUES ('bb', 'x', 'link', NULL, NULL, NULL, NULL, NULL, '1000', NULL, '../ÿ''target
', 1700000000004, 'conflict', 1, 8, 1152921504606846976.0, 20.0, 1700000000123456.0);
INSERT INTO intent VALUES (1, 'w', 2, 77.0, '');
INSERT INTO intent VALUES (2, 'x', 8, 0.0, 'aa');
INSERT INTO problem VALUES ('busy w', 'busy', 'w', 'it changes', 'wait', 1, 2);
INSERT INTO problem VALUES ('clock', 'clock', NULL, 'wrong', 'set it', 1, 2);
INSERT INTO hold VALUES ('ab', 'receiver', 5, 'open', 'two paths');
INSERT INTO hold VALUES ('cd', 'publisher', 6, 'approved', '');
INSERT INTO hold_path VALUES ('ab', 'd/x', 8);
INSERT INTO hold_path VALUES ('ab', 'gone', 8);
INSERT INTO hold_path VALUES ('cd', 'y', 3);
INSERT INTO deletion VALUES (1700000000005, 3);
INSERT INTO flush VALUES (1, 1);
INSERT INTO snapshot VALUES ('a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1', 7, 'b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2', 8, 1700000000000);
INSERT INTO retired VALUES ('pack', 'c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3', 8, 1700000001000);
INSERT INTO audit VALUES (5, 1700000002000, 'd/x', 'put', 'file', 2, 2, 'web02');
INSERT INTO audit VALUES (6, 1700000003000, 'gone', 'delete', NULL, NULL, 8, '');
PRAGMA user_version = 2;
