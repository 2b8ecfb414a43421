-- Why a link is not live: 0 it is, 1 archived (the vendor says deleted), 2 merged into another record, which `record` then
-- is, 3 absent, 4 out of scope.
ALTER TABLE link ADD COLUMN ended integer NOT NULL DEFAULT 0;
-- For "the archived links of a stream" and "how many of a stream's links have ended"; live ones are not in it.
CREATE INDEX link_ended ON link (stream, ended, key) WHERE ended <> 0;

ALTER TABLE stream ADD COLUMN deleted_watermark bigint; -- us; deletions up to here have been read
ALTER TABLE stream ADD COLUMN reconciled_at bigint;     -- us; when the last full read began that looked for absence
-- Of a walk that is to find out what is absent: the last link there was when it began. 0: another walk.
ALTER TABLE stream ADD COLUMN walk_links bigint NOT NULL DEFAULT 0;

-- Which of these links such a walk has met so far.
CREATE TABLE walk_seen (
  stream bigint NOT NULL,
  link bigint NOT NULL,
  PRIMARY KEY (stream, link)
);

ALTER TABLE run_stream ADD COLUMN deleted bigint NOT NULL DEFAULT 0;
ALTER TABLE run_stream ADD COLUMN restored bigint NOT NULL DEFAULT 0;
