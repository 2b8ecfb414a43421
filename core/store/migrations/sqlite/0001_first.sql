-- Names and settings of the store itself. `hash_key` keys the hashes in shadows.
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL);

-- Dictionaries: small integers stand for what repeats in every row.
CREATE TABLE organization (id INTEGER PRIMARY KEY, uuid BLOB NOT NULL UNIQUE);
CREATE TABLE connection (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  connector TEXT NOT NULL,
  vendor_account TEXT,
  vendor_account_name TEXT
);
CREATE TABLE stream (
  id INTEGER PRIMARY KEY,
  connection INTEGER NOT NULL REFERENCES connection (id),
  vendor_object TEXT NOT NULL,
  object INTEGER NOT NULL, -- model object id
  watermark INTEGER,       -- us; changes up to here have been read
  mapping_hash INTEGER,    -- of the mapping that read them
  -- a read that was interrupted: what it covers, and where to go on
  walk INTEGER NOT NULL DEFAULT 0, -- 0 none, 1 full, 2 window
  walk_since INTEGER,
  walk_until INTEGER,
  walk_hash INTEGER,
  position BLOB,
  UNIQUE (connection, vendor_object)
);
CREATE TABLE custom_field (
  id INTEGER PRIMARY KEY, -- from 1000
  object INTEGER NOT NULL,
  name TEXT NOT NULL,
  UNIQUE (object, name)
);

-- The tables of the canonical objects are made from the model: see ddl.c.

-- A vendor's record and ours. `seen_remote`: what was last seen there, a hash a field.
CREATE TABLE link (
  key INTEGER PRIMARY KEY,
  stream INTEGER NOT NULL,
  external_id TEXT NOT NULL,
  record INTEGER NOT NULL,
  remote_modified INTEGER,
  seen_remote BLOB NOT NULL
);
CREATE UNIQUE INDEX link_external ON link (stream, external_id);
-- For "is this record linked already" while matching.
CREATE INDEX link_record ON link (record, stream);

-- Journal and change feed in one; appended to, never changed.
CREATE TABLE log (
  seq INTEGER PRIMARY KEY,
  object INTEGER NOT NULL,
  record INTEGER NOT NULL,
  op INTEGER NOT NULL, -- 1 create, 2 update
  run INTEGER,         -- NULL: a foreign writer
  prev INTEGER,        -- seq of the record's log row before this one
  at INTEGER NOT NULL,
  body TEXT            -- {"field": [before, after]}; NULL for a create
);

-- A reference to a vendor record that has not come yet.
CREATE TABLE pending_reference (
  stream INTEGER NOT NULL, -- of the record that is missing
  external_id TEXT NOT NULL,
  object INTEGER NOT NULL,
  record INTEGER NOT NULL,
  field INTEGER NOT NULL,
  PRIMARY KEY (object, record, field)
);
CREATE INDEX pending_reference_missing ON pending_reference (stream, external_id);

CREATE TABLE quarantine (
  id INTEGER PRIMARY KEY,
  stream INTEGER NOT NULL,
  external_id TEXT NOT NULL,
  run INTEGER NOT NULL, -- the last that met it
  first_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  times INTEGER NOT NULL,
  modified INTEGER,
  field TEXT,
  reason TEXT NOT NULL,
  payload TEXT NOT NULL, -- the vendor's fields as JSON
  UNIQUE (stream, external_id)
);

CREATE TABLE run (
  id INTEGER PRIMARY KEY,
  connection INTEGER NOT NULL,
  started_by TEXT NOT NULL, -- "schedule", or who typed the command
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  status INTEGER NOT NULL, -- enum run_status
  reason TEXT,             -- of a run that is not clean
  phase TEXT,              -- of a connector that ended by itself: in which
  exit_signal INTEGER,
  exit_code INTEGER,
  api_calls INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0,
  cpu_us INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX run_connection ON run (connection, id);
CREATE TABLE run_stream (
  run INTEGER NOT NULL,
  stream INTEGER NOT NULL,
  mode INTEGER NOT NULL, -- 1 full, 2 window
  since INTEGER,
  until INTEGER NOT NULL,
  read INTEGER NOT NULL DEFAULT 0,
  created INTEGER NOT NULL DEFAULT 0,
  updated INTEGER NOT NULL DEFAULT 0,
  unchanged INTEGER NOT NULL DEFAULT 0,
  filtered INTEGER NOT NULL DEFAULT 0,
  quarantined INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (run, stream)
);
