-- Records whose vendor's record was merged into another one's, with the link that it had: they are not made there anew.
CREATE TABLE merged_away (
  stream bigint NOT NULL,
  record bigint NOT NULL,
  link bigint NOT NULL,
  PRIMARY KEY (stream, record)
);
