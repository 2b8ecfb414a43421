-- Other programs may add records: what they leave out has a value that the triggers of sqlite_capture.c replace. A default
-- is text in the schema alone; statements below make other connections read it again.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(replace(replace(replace(sql,
    ' id BLOB NOT NULL,', ' id BLOB NOT NULL DEFAULT x'''','),
    ' organization INTEGER NOT NULL,', ' organization INTEGER NOT NULL DEFAULT 0,'),
    ' rev INTEGER NOT NULL,', ' rev INTEGER NOT NULL DEFAULT 0,'),
    ' created_at INTEGER NOT NULL,', ' created_at INTEGER NOT NULL DEFAULT 0,'),
    ' updated_at INTEGER NOT NULL,', ' updated_at INTEGER NOT NULL DEFAULT 0,')
  WHERE type = 'table'
    AND sql LIKE 'CREATE TABLE % (key INTEGER PRIMARY KEY, id BLOB NOT NULL, organization INTEGER NOT NULL, rev %';
PRAGMA writable_schema = RESET;

-- The greatest key of a record that another program deleted: SQLite would give it to the next record, which old
-- references would then mean.
CREATE TABLE key_floor (object INTEGER PRIMARY KEY, key INTEGER NOT NULL);

-- Who follows the log, and how far: what comes after the slowest is not pruned.
CREATE TABLE log_consumer (
  name TEXT PRIMARY KEY,
  xid INTEGER NOT NULL, -- of PostgreSQL
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL
);
