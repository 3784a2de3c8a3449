-- What data managers' work on conflicts leaves behind. Names of users are those of `account`
-- (0002_people.sql), or of the operating system's account for what a command did.

-- Whose work a conflict is. Only conflicts that were ever assigned or claimed have a row.
CREATE TABLE conflict_work (
  conflict_id         INTEGER PRIMARY KEY REFERENCES conflict,
  assignee            TEXT    NOT NULL,              -- Empty: nobody's.
  claimed_by          TEXT    NOT NULL,              -- Empty: nobody decides it now.
  claim_expires_at_ms INTEGER NOT NULL,              -- From then on the claim counts no more.
  fencing_token       INTEGER NOT NULL               -- Rises with each claim by another.
) STRICT;
CREATE TRIGGER conflict_work_token_rises BEFORE UPDATE ON conflict_work
WHEN NEW.fencing_token < OLD.fencing_token
BEGIN SELECT RAISE(ABORT, 'a fencing token only rises'); END;
CREATE TRIGGER conflict_work_no_delete BEFORE DELETE ON conflict_work
BEGIN SELECT RAISE(ABORT, 'the work on a conflict is kept'); END;

-- Of a record's conflicts, ended ones too.
CREATE INDEX conflict_of_record ON conflict (record_id);

-- Electronic signatures (21 CFR 11.50): who, when, with which meaning, bound to one revision.
CREATE TABLE signature (
  signature_rowid INTEGER PRIMARY KEY,
  revision_id     BLOB    NOT NULL CHECK (length(revision_id) = 32),
  user            TEXT    NOT NULL,
  full_name       TEXT    NOT NULL,                  -- The name as it was shown.
  meaning         TEXT    NOT NULL CHECK (meaning IN ('decided', 'approved', 'reviewed', 'released',
                                                      'rejected')),
  signed_at_ms    INTEGER NOT NULL,
  mac             BLOB    NOT NULL CHECK (length(mac) = 32)  -- Binds the fields above together.
) STRICT;
CREATE INDEX signature_of_revision ON signature (revision_id);
CREATE TRIGGER signature_no_update BEFORE UPDATE ON signature
BEGIN SELECT RAISE(ABORT, 'signature: never altered'); END;
CREATE TRIGGER signature_no_delete BEFORE DELETE ON signature
BEGIN SELECT RAISE(ABORT, 'signature: never removed'); END;

-- What a study has agreed on for the desk, besides its definition.
CREATE TABLE study_setting (
  study_oid     TEXT PRIMARY KEY,
  blinded_items TEXT NOT NULL,  -- ItemOIDs, one a line: only who may see them does.
  reasons       TEXT NOT NULL   -- JSON: [{"code":"...","text":{"en":"...","zh":"..."}}]; empty: the
                                -- desk's own list.
) STRICT, WITHOUT ROWID;
