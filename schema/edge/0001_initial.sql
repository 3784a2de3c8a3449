-- The edge's database, as first released. What each table is for, and what holds between them,
-- is in README.md beside this file. Times are UTC milliseconds since 1970-01-01; ids of revisions
-- are 32 bytes (SHA-256). The tables data_key, record, revision and audit are the same in
-- schema/central: the same classes (shared/storage) read and write them.

-- Data keys of the encryption at rest, each wrapped by the installation's key file.
CREATE TABLE data_key (
  data_key_id   INTEGER PRIMARY KEY,  -- From 1; the greatest is the one sealed with.
  wrapped       BLOB NOT NULL         -- Nonce 12 | AES-256-GCM ciphertext 32 | tag 16; AAD: id.
                CHECK (length(wrapped) = 60),
  uses_reserved INTEGER NOT NULL,     -- Seals allowed so far; left well before 2^32.
  created_at_ms INTEGER NOT NULL      -- When it was made.
) STRICT;

CREATE TRIGGER data_key_is_kept BEFORE DELETE ON data_key
BEGIN SELECT RAISE(ABORT, 'data_key: what is sealed needs its key'); END;

-- One row a record (CRF form instance): its heads and its current revision.
CREATE TABLE record (
  record_id              INTEGER PRIMARY KEY,  -- Of this database only; never sent.
  study_oid              TEXT NOT NULL,        -- ODM StudyOID.
  subject_key            TEXT NOT NULL,        -- ODM SubjectKey: a pseudonym.
  study_event_oid        TEXT NOT NULL,        -- ODM StudyEventOID.
  study_event_repeat_key TEXT NOT NULL,        -- ODM StudyEventRepeatKey; "1" if none was given.
  form_oid               TEXT NOT NULL,        -- ODM FormOID.
  form_repeat_key        TEXT NOT NULL,        -- ODM FormRepeatKey; "1" if none was given.
  site_oid               TEXT NOT NULL,        -- The site the record belongs to.
  heads                  BLOB NOT NULL         -- Ids of all heads, 32 bytes each, ascending.
                         CHECK (length(heads) >= 32 AND length(heads) % 32 = 0),
  current_revision_id    BLOB NOT NULL         -- The winning head: one of heads.
                         CHECK (length(current_revision_id) = 32),
  current_version        INTEGER NOT NULL,     -- The current revision's version.
  removed                INTEGER NOT NULL      -- 1 if the current revision is a removal.
                         CHECK (removed IN (0, 1)),
  UNIQUE (study_oid, subject_key, study_event_oid, study_event_repeat_key, form_oid,
          form_repeat_key)
) STRICT;

-- Every revision ever accepted, whole and unalterable.
CREATE TABLE revision (
  revision_rowid    INTEGER PRIMARY KEY,  -- Order of arrival; of this database only.
  revision_id       BLOB NOT NULL UNIQUE  -- SHA-256 over the canonical encoding.
                    CHECK (length(revision_id) = 32),
  record_id         INTEGER NOT NULL REFERENCES record (record_id),  -- Whose state it is.
  version           INTEGER NOT NULL,     -- 1 + the highest of its parents' versions.
  parents           BLOB NOT NULL         -- Ids of its parents, 32 bytes each, ascending.
                    CHECK (length(parents) % 32 = 0),
  origin            INTEGER NOT NULL,     -- 1 site, 2 online, 3 resolution, 4 convergence, 5 merge.
  edited_at_ms      INTEGER NOT NULL,     -- Hybrid logical time of the edit.
  edited_at_counter INTEGER NOT NULL,     -- Its counter within the millisecond.
  user              TEXT NOT NULL,        -- Who wrote it; empty if the front end named none.
  edge_id           TEXT NOT NULL,        -- Where it was written; empty for the centre.
  received_at_ms    INTEGER NOT NULL,     -- When this database took it, by its own clock.
  sealed            BLOB NOT NULL         -- The canonical encoding, sealed; AAD: revision_id.
) STRICT;

CREATE INDEX revision_by_record ON revision (record_id);

CREATE TRIGGER revision_is_never_altered BEFORE UPDATE ON revision
BEGIN SELECT RAISE(ABORT, 'revision: never altered'); END;

CREATE TRIGGER revision_is_never_removed BEFORE DELETE ON revision
BEGIN SELECT RAISE(ABORT, 'revision: never removed'); END;

-- The audit trail: a hash chain, hash(n) = SHA-256(hash(n-1) || encoding of entry n).
CREATE TABLE audit (
  number INTEGER PRIMARY KEY,  -- 1, 2, 3, ... without a gap.
  id     INTEGER NOT NULL,     -- Snowflake id at the centre; 0 at an edge.
  at_ms  INTEGER NOT NULL,     -- When, by this store's clock.
  actor  TEXT NOT NULL,        -- Who: a user, "edge:EDGE" or "gateway:GATEWAY".
  action TEXT NOT NULL,        -- What: "revision.captured", ...
  object TEXT NOT NULL,        -- To what: a record key, an edge id, ...
  detail TEXT NOT NULL,        -- Keys and numbers; never an item value.
  hash   BLOB NOT NULL         -- Of this entry and so of all before it; hash(0) is 32 zero bytes.
         CHECK (length(hash) = 32)
) STRICT;

CREATE TRIGGER audit_is_never_altered BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'audit: never altered'); END;

CREATE TRIGGER audit_is_never_removed BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'audit: never removed'); END;

-- Revisions captured here, in the order they go to the centre. Settled rows stay.
CREATE TABLE outbox (
  sequence       INTEGER PRIMARY KEY,  -- 1, 2, 3, ... without a gap within the incarnation.
  revision_rowid INTEGER NOT NULL REFERENCES revision (revision_rowid),  -- What is sent.
  chain          BLOB NOT NULL         -- SHA-256(chain before || revision id); before 1: zeros.
                 CHECK (length(chain) = 32),
  queued_at_ms   INTEGER NOT NULL,     -- When it was captured, by this edge's clock.
  outcome        INTEGER,              -- The centre's outcome, where it was not "applied".
  reason         INTEGER               -- The error number that goes with the outcome; 0: none.
) STRICT;

CREATE TRIGGER outbox_is_never_altered
BEFORE UPDATE OF sequence, revision_rowid, chain, queued_at_ms ON outbox
BEGIN SELECT RAISE(ABORT, 'outbox: only outcomes are filled in'); END;


-- Who this database is and how far the two directions have come: a single row.
CREATE TABLE checkpoint (
  one                  INTEGER PRIMARY KEY CHECK (one = 1),
  edge_id              TEXT NOT NULL,     -- The device.
  site_oid             TEXT NOT NULL,     -- Its site.
  incarnation          BLOB NOT NULL      -- 16 random bytes, drawn when the database was made.
                       CHECK (length(incarnation) = 16),
  created_at_ms        INTEGER NOT NULL,  -- When that was.
  acknowledged_through INTEGER NOT NULL,  -- The outbox is settled through this sequence.
  history_id           BLOB NOT NULL      -- The centre's history; zeros before the first session.
                       CHECK (length(history_id) = 16),
  feed_cursor          INTEGER NOT NULL,  -- The change feed is applied through this.
  last_edit_ms         INTEGER NOT NULL,  -- The hybrid clock: the last edit time given.
  last_edit_counter    INTEGER NOT NULL,  -- Its counter.
  clock_drift_ms       INTEGER,           -- Edge minus gateway, last session; NULL: none yet.
  last_contact_ms      INTEGER,           -- Last receipt or welcome; NULL: none yet.
  paused               INTEGER NOT NULL CHECK (paused IN (0, 1)),  -- 1 after `sync pause`.
  stopped_for          INTEGER NOT NULL,  -- Error for which sync waits for a person; 0: none.
  stopped_message      TEXT NOT NULL      -- What that person reads.
) STRICT;

-- What the centre has locked, from the feed.
CREATE TABLE lock (
  study_oid TEXT NOT NULL,     -- The study the lock is in.
  scope     INTEGER NOT NULL,  -- 1 study, 2 site, 3 subject, 4 form.
  object    TEXT NOT NULL,     -- Site OID, subject key or record key; empty for a study.
  PRIMARY KEY (study_oid, scope, object)
) STRICT, WITHOUT ROWID;

-- Open conflicts of this site's records, from the feed.
CREATE TABLE conflict (
  record_key   TEXT PRIMARY KEY,  -- As text: STUDY/SUBJECT/EVENT[:REPEAT]/FORM[:REPEAT].
  conflict_id  INTEGER NOT NULL,  -- Its snowflake id at the centre.
  severity     INTEGER NOT NULL,  -- 1 soft, 2 hard.
  opened_at_ms INTEGER NOT NULL   -- When this edge learned of it.
) STRICT, WITHOUT ROWID;

-- This site's revisions that the centre put into quarantine, from the feed.
CREATE TABLE quarantine (
  revision_id BLOB PRIMARY KEY CHECK (length(revision_id) = 32),
  state       INTEGER NOT NULL,  -- 1 waiting, 2 applied, 3 rejected.
  reason      INTEGER NOT NULL   -- Error number; 0: none.
) STRICT, WITHOUT ROWID;

-- Revisions from the feed whose parents have not come yet.
CREATE TABLE held (
  revision_id    BLOB PRIMARY KEY CHECK (length(revision_id) = 32),
  missing_parent BLOB NOT NULL CHECK (length(missing_parent) = 32),  -- What it waits for.
  mark           BLOB NOT NULL CHECK (length(mark) = 32),  -- The centre's mark (table mark).
  sealed         BLOB NOT NULL   -- The canonical encoding, sealed; AAD: revision_id.
) STRICT;

CREATE INDEX held_by_missing_parent ON held (missing_parent);

-- The centre's marks on revisions that came with the feed, to be shown to a restored centre.
CREATE TABLE mark (
  revision_rowid INTEGER PRIMARY KEY REFERENCES revision (revision_rowid),
  mark           BLOB NOT NULL CHECK (length(mark) = 32)  -- HMAC over the revision id.
) STRICT;
