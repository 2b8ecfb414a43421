-- What was last seen of our record, a hash an exported field; NULL: nothing is exported to this link yet.
ALTER TABLE link ADD COLUMN seen_local bytea;

-- Records that are to be compared with the vendor's.
CREATE TABLE export_due (
  stream bigint NOT NULL,
  record bigint NOT NULL,
  PRIMARY KEY (stream, record)
);

-- Writes that were sent, or are about to be, whose outcome is not known yet; and those that were refused.
CREATE TABLE export_write (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  stream bigint NOT NULL,
  run bigint NOT NULL,
  record bigint NOT NULL,
  link bigint NOT NULL,  -- 0: a record that is new there
  op bigint NOT NULL,    -- enum write_op
  state bigint NOT NULL, -- 1 sent, 2 in doubt, 3 refused
  at bigint NOT NULL,
  external_id text COLLATE "C" NOT NULL,
  body text NOT NULL,    -- JSON: vendor field: what is written
  reason text NOT NULL   -- of a refused one
);
CREATE INDEX export_write_stream ON export_write (stream, record);

-- What was written to vendors.
CREATE TABLE sent (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  stream bigint NOT NULL,
  run bigint NOT NULL,
  record bigint NOT NULL,
  op bigint NOT NULL,
  at bigint NOT NULL,
  external_id text COLLATE "C" NOT NULL,
  body text -- {"vendor field": [before, after]}
);
CREATE INDEX sent_run ON sent (run);               -- for rollback
CREATE INDEX sent_record ON sent (record, stream); -- for provenance

-- Fields that both sides changed.
CREATE TABLE conflict (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  stream bigint NOT NULL,
  run bigint NOT NULL,
  record bigint NOT NULL,
  field bigint NOT NULL,
  state bigint NOT NULL, -- 1 open, 2 ours was taken, 3 the vendor's, 4 another value
  by_policy bigint NOT NULL,
  at bigint NOT NULL,
  settled_at bigint,
  local_at bigint,
  remote_at bigint,
  base text,
  local text NOT NULL,
  remote text NOT NULL,
  settled_by text
);
CREATE UNIQUE INDEX conflict_open ON conflict (stream, record, field) WHERE state = 1;

ALTER TABLE run_stream
  ADD COLUMN sent_created bigint NOT NULL DEFAULT 0,
  ADD COLUMN sent_updated bigint NOT NULL DEFAULT 0,
  ADD COLUMN sent_deleted bigint NOT NULL DEFAULT 0,
  ADD COLUMN refused bigint NOT NULL DEFAULT 0,
  ADD COLUMN conflicted bigint NOT NULL DEFAULT 0;
