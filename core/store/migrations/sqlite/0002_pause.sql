-- Connections that are not to be synced; 0: all of them.
CREATE TABLE pause (
  connection INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  by TEXT NOT NULL,
  reason TEXT
);
