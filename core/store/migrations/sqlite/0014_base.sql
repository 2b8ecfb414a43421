-- What both sides agreed on, of fields that need more than its hash: {"field id": [hash, value]}. NULL: nothing is kept.
ALTER TABLE link ADD COLUMN base TEXT;
ALTER TABLE moved_link ADD COLUMN base TEXT; -- of the link, as it was
