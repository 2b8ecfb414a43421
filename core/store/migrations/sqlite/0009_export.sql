-- What was last seen of our record, a hash an exported field; NULL: nothing is exported to this link yet.
ALTER TABLE link ADD COLUMN seen_local BLOB;

-- Records that are to be compared with the vendor's.
CREATE TABLE export_due (
  stream INTEGER NOT NULL,
  record INTEGER NOT NULL,
  PRIMARY KEY (stream, record)
) WITHOUT ROWID;

-- Writes that were sent, or are about to be, whose outcome is not known yet; and those that were refused.
CREATE TABLE export_write (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  stream INTEGER NOT NULL,
  run INTEGER NOT NULL,
  record INTEGER NOT NULL,
  link INTEGER NOT NULL, -- 0: a record that is new there
  op INTEGER NOT NULL,   -- enum write_op
  state INTEGER NOT NULL, -- 1 sent, 2 in doubt, 3 refused
  at INTEGER NOT NULL,
  external_id TEXT NOT NULL,
  body TEXT NOT NULL, -- JSON: vendor field: what is written
  reason TEXT NOT NULL -- of a refused one
);
CREATE INDEX export_write_stream ON export_write (stream, record);

-- What was written to vendors.
CREATE TABLE sent (
  id INTEGER PRIMARY KEY,
  stream INTEGER NOT NULL,
  run INTEGER NOT NULL,
  record INTEGER NOT NULL,
  op INTEGER NOT NULL,
  at INTEGER NOT NULL,
  external_id TEXT NOT NULL,
  body TEXT -- {"vendor field": [before, after]}
);
CREATE INDEX sent_run ON sent (run);            -- for rollback
CREATE INDEX sent_record ON sent (record, stream); -- for provenance

-- Fields that both sides changed.
CREATE TABLE conflict (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  stream INTEGER NOT NULL,
  run INTEGER NOT NULL,
  record INTEGER NOT NULL,
  field INTEGER NOT NULL,
  state INTEGER NOT NULL, -- 1 open, 2 ours was taken, 3 the vendor's, 4 another value
  by_policy INTEGER NOT NULL,
  at INTEGER NOT NULL,
  settled_at INTEGER,
  local_at INTEGER,
  remote_at INTEGER,
  base TEXT,
  local TEXT NOT NULL,
  remote TEXT NOT NULL,
  settled_by TEXT
);
CREATE UNIQUE INDEX conflict_open ON conflict (stream, record, field) WHERE state = 1;

ALTER TABLE run_stream ADD COLUMN sent_created INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run_stream ADD COLUMN sent_updated INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run_stream ADD COLUMN sent_deleted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run_stream ADD COLUMN refused INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run_stream ADD COLUMN conflicted INTEGER NOT NULL DEFAULT 0;
