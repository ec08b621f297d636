-- Version 2: snapshots, retired objects, the audit of what was applied here.
--
-- New keys of meta:
--   inlineFloor    newest sequence that an ingested snapshot record covers: inline contents of records up to it are on their way out
--                  with their records, so that no new change may rely on them
--   horizon        the lowest record that the log is known to hold; what is below was housekept. Absent = nothing was, as far as known
--   housekeptAtMs  bucket time of this member's last housekeeping of the bucket
--   snapshotTriedAtMs  bucket time at which this member last began a snapshot that came to nothing; absent = the last one was written
--   prunedAtMs     bucket time at which the journal was last pruned
--   historyFromMs  versions superseded before this bucket time may be gone from the journal; absent = none is
--   loadedSnapshot id of the snapshot that the journal was last built from; absent = from the log alone
--
-- outbox.not_on_disk may be the JSON null as well: nothing in the record comes from this disk, as when an earlier state is brought back.

-- And one new value:
--   suspectBase    'blind until MS' where the history no longer reaches back to the suspect base: only files that were written after this
--                  time of this machine's clock count as edits in the next replay (rule J4)

-- Snapshots that the log announced and no record has retired (rule H1).
CREATE TABLE snapshot (
  id     TEXT PRIMARY KEY,
  up_to  INTEGER NOT NULL, -- the state as of this record
  hash   TEXT NOT NULL,    -- of that record
  record INTEGER NOT NULL, -- the record that announced it
  at_ms  INTEGER NOT NULL  -- bucket time of the announcement
) STRICT, WITHOUT ROWID;

-- Objects that a retire record names: nothing may rely on them, and they are deleted after a grace time (rule P3).
CREATE TABLE retired (
  kind   TEXT NOT NULL CHECK (kind = 'pack' OR kind = 'body' OR kind = 'snapshot'),
  id     TEXT NOT NULL,
  record INTEGER NOT NULL, -- the retire record
  at_ms  INTEGER NOT NULL, -- its bucket time
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

-- Every addition and deletion that was applied to this disk for the log, in order.
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

-- A receiver that learns of a deletion from a snapshot must see its approval too (rule G3).
ALTER TABLE version ADD COLUMN approved INTEGER NOT NULL DEFAULT 0; -- 1 = the change carries the approval of a hold

-- A body goes after its record; which one it was is asked when the record is long gone.
ALTER TABLE record ADD COLUMN body_id TEXT NOT NULL DEFAULT ''; -- '' = the payload was inside the record

-- What an intent is to bring about stands in the want that it names.
ALTER TABLE intent DROP COLUMN kind;
ALTER TABLE intent DROP COLUMN mode;
ALTER TABLE intent DROP COLUMN mtime_us;
ALTER TABLE intent DROP COLUMN size;
ALTER TABLE intent DROP COLUMN hash;
ALTER TABLE intent DROP COLUMN chunks;
ALTER TABLE intent DROP COLUMN owner;
ALTER TABLE intent DROP COLUMN group_name;
ALTER TABLE intent DROP COLUMN target;
