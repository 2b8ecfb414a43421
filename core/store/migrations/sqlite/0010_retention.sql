-- How far each kind (enum prune_kind) was pruned: up to this key; `at`: when something of it went last, 0: never.
CREATE TABLE prune_mark (
  what INTEGER PRIMARY KEY,
  mark INTEGER NOT NULL,
  at INTEGER NOT NULL
);
ALTER TABLE run ADD COLUMN pruned_at INTEGER; -- since when what it changed or sent is not known any more, at least in part

-- For "which are older than that": without them each look reads the table. They cost an entry a conflict that is settled, and
-- one a record each time it is set aside.
CREATE INDEX conflict_settled ON conflict (settled_at) WHERE state <> 1;
CREATE INDEX quarantine_last ON quarantine (last_at);
