-- Version 3: holds of what the command of `check` refuses, and what the commands of the config were told.
--
-- New keys of meta:
--   onChange       JSON: how far the command of onChange was told of the audit, whether it failed, and when it is due again
--   check          JSON: what the command of check has refused last, and what it was asked about
--   missed         JSON: what sweeps had to find because no file event had told of it: counts, times, some paths
--   verified       JSON: what the daemon's last verification has found: a code and a sentence; absent where it was sound

-- The same two tables with one more kind: SQLite cannot change a CHECK. The new rows of hold_path belong to the new hold before the old
-- ones go, so that nothing is deleted with its hold.
CREATE TABLE new_hold (
  id       TEXT PRIMARY KEY,
  kind     TEXT NOT NULL CHECK (kind = 'publisher' OR kind = 'receiver' OR kind = 'check'),
  since_ms INTEGER NOT NULL,
  state    TEXT NOT NULL CHECK (state = 'open' OR state = 'approved' OR state = 'rejected'),
  detail   TEXT NOT NULL -- for people; of a check what it said
) STRICT, WITHOUT ROWID;

CREATE TABLE new_hold_path (
  hold    TEXT NOT NULL REFERENCES new_hold (id) ON DELETE CASCADE,
  path    TEXT NOT NULL,
  version INTEGER NOT NULL, -- publisher: the agreed version; receiver: the deletion record; check: the record that is to be applied
  PRIMARY KEY (hold, path)
) STRICT, WITHOUT ROWID;

INSERT INTO new_hold SELECT id, kind, since_ms, state, detail FROM hold;
INSERT INTO new_hold_path SELECT hold, path, version FROM hold_path;
DROP TABLE hold_path;
DROP TABLE hold;
ALTER TABLE new_hold RENAME TO hold;
ALTER TABLE new_hold_path RENAME TO hold_path;
