-- Vendor records of people who were erased: a keyed hash of the id, so that a sync does not bring them back.
CREATE TABLE erased (
  stream bigint NOT NULL,
  id_hash bigint NOT NULL,
  at bigint NOT NULL,
  PRIMARY KEY (stream, id_hash)
);
