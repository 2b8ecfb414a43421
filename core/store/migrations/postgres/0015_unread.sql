-- Records whose vendor's record is to be read again by its id, whatever is to be written: it has come, and was not taken in.
ALTER TABLE export_due ADD COLUMN unread smallint NOT NULL DEFAULT 0;
