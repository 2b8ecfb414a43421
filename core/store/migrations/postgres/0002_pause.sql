-- Connections that are not to be synced; 0: all of them.
CREATE TABLE pause (
  connection integer PRIMARY KEY,
  at bigint NOT NULL,
  by text NOT NULL,
  reason text
);
