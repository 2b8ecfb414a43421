-- The end of the log when the run began: its rows come after. NULL: not known, of older runs.
ALTER TABLE run ADD COLUMN log_from bigint;
ALTER TABLE run ADD COLUMN rolls_back bigint; -- the run that it takes back
-- link.ended may be 5: the run that made the link was taken back.
-- A rollback reads what a run sent in the order of its ids, from the last one on.
DROP INDEX sent_run;
CREATE INDEX sent_run ON sent (run, id);
