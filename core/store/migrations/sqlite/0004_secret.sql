-- Tokens and the like, sealed (secret.h): no byte of them is here in clear.
CREATE TABLE secret (
  connection TEXT NOT NULL, -- name
  name TEXT NOT NULL,
  version INTEGER NOT NULL, -- one greater with each write
  key_id TEXT NOT NULL,     -- of the key that sealed it
  sealed BLOB NOT NULL,
  problem TEXT NOT NULL,    -- why it is of no use any more; '' while it is
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (connection, name)
);
