-- The vendor's fields that mappings read, as they were when they were last taken as the truth.
CREATE TABLE vendor_field (
  stream INTEGER NOT NULL,
  name TEXT NOT NULL,
  type INTEGER NOT NULL,        -- as connectors name it; 0: the vendor has never had it
  options TEXT NOT NULL,        -- JSON array of its values; '' where they are not known
  pause INTEGER NOT NULL,       -- 0 none, 1 removed, 2 another type, 3 values that cannot be mapped
  since INTEGER NOT NULL,       -- of the pause
  now_type INTEGER NOT NULL,    -- while it is paused: what the vendor has now
  now_options TEXT NOT NULL,
  rules_hash INTEGER NOT NULL,  -- of the rules that read it, when it was paused
  sparse INTEGER NOT NULL,      -- 1: answers leave it out where it has no value
  PRIMARY KEY (stream, name)
);
-- When the vendor was last asked for its fields, and for which mapping.
CREATE TABLE vendor_schema (
  stream INTEGER PRIMARY KEY,
  looked_at INTEGER NOT NULL,
  mapping_hash INTEGER NOT NULL
);
