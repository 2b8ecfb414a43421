-- Vendor records of people who were erased: a keyed hash of the id, so that a sync does not bring them back.
CREATE TABLE erased (
  stream INTEGER NOT NULL,
  id_hash INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (stream, id_hash)
);
