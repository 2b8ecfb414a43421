-- Records whose vendor's record was merged into another one's, with the link that it had: they are not made there anew.
CREATE TABLE merged_away (
  stream INTEGER NOT NULL,
  record INTEGER NOT NULL,
  link INTEGER NOT NULL,
  PRIMARY KEY (stream, record)
) WITHOUT ROWID;
