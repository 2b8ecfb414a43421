-- What a run is: 0 of a connection, 1 a merge of two records, of no connection (run.connection is 0).
ALTER TABLE run ADD COLUMN kind bigint NOT NULL DEFAULT 0;

-- Links that a run gave another record, for rollback; and what was seen of both sides then.
CREATE TABLE moved_link (
  run bigint NOT NULL,
  link bigint NOT NULL,
  from_record bigint NOT NULL,
  to_record bigint NOT NULL,
  seen_remote bytea NOT NULL,
  seen_local bytea NOT NULL,
  left_fields bytea NOT NULL, -- what the fields were that the new record had from then on, a hash each
  PRIMARY KEY (run, link)
);
-- References that waited, as they were before the run; '' as the external id: it did not wait.
CREATE TABLE moved_pending (
  run bigint NOT NULL,
  object bigint NOT NULL,
  record bigint NOT NULL,
  field bigint NOT NULL,
  stream bigint NOT NULL,
  external_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (run, object, record, field)
);
