-- The vendor's fields that mappings read, as they were when they were last taken as the truth.
CREATE TABLE vendor_field (
  stream bigint NOT NULL,
  name text COLLATE "C" NOT NULL,
  type bigint NOT NULL,        -- as connectors name it; 0: the vendor has never had it
  options text NOT NULL,       -- JSON array of its values; '' where they are not known
  pause bigint NOT NULL,       -- 0 none, 1 removed, 2 another type, 3 values that cannot be mapped
  since bigint NOT NULL,       -- of the pause
  now_type bigint NOT NULL,    -- while it is paused: what the vendor has now
  now_options text NOT NULL,
  rules_hash bigint NOT NULL,  -- of the rules that read it, when it was paused
  sparse bigint NOT NULL,      -- 1: answers leave it out where it has no value
  PRIMARY KEY (stream, name)
);
-- When the vendor was last asked for its fields, and for which mapping.
CREATE TABLE vendor_schema (
  stream bigint PRIMARY KEY,
  looked_at bigint NOT NULL,
  mapping_hash bigint NOT NULL
);
