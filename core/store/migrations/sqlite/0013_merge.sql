-- What a run is: 0 of a connection, 1 a merge of two records, of no connection (run.connection is 0).
ALTER TABLE run ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;

-- Links that a run gave another record, for rollback; and what was seen of both sides then.
CREATE TABLE moved_link (
  run INTEGER NOT NULL,
  link INTEGER NOT NULL,
  from_record INTEGER NOT NULL,
  to_record INTEGER NOT NULL,
  seen_remote BLOB NOT NULL,
  seen_local BLOB NOT NULL,
  left_fields BLOB NOT NULL, -- what the fields were that the new record had from then on, a hash each
  PRIMARY KEY (run, link)
);
-- References that waited, as they were before the run; '' as the external id: it did not wait.
CREATE TABLE moved_pending (
  run INTEGER NOT NULL,
  object INTEGER NOT NULL,
  record INTEGER NOT NULL,
  field INTEGER NOT NULL,
  stream INTEGER NOT NULL,
  external_id TEXT NOT NULL,
  PRIMARY KEY (run, object, record, field)
);
