-- Records of other objects that take fields of those that were read, and were changed for that.
ALTER TABLE run_stream ADD COLUMN followed bigint NOT NULL DEFAULT 0;
