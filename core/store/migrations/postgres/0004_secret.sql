-- Tokens and the like, sealed (secret.h): no byte of them is here in clear.
CREATE TABLE secret (
  connection text NOT NULL, -- name
  name text NOT NULL,
  version bigint NOT NULL, -- one greater with each write
  key_id text NOT NULL,    -- of the key that sealed it
  sealed bytea NOT NULL,
  problem text NOT NULL,   -- why it is of no use any more; '' while it is
  updated_at bigint NOT NULL,
  PRIMARY KEY (connection, name)
);
