-- The central store, as first released. What each table is for, and what holds between them, is
-- in README.md beside this file. Times are UTC milliseconds since 1970-01-01; ids of revisions are
-- 32 bytes (SHA-256). The tables data_key, record, revision and audit are the same in schema/edge:
-- the same classes (shared/storage) read and write them.

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

-- ------------------------------------------------------------------------------------------
-- From here on: tables of the centre only.

-- One row for the whole store.
CREATE TABLE central_state (
  one                 INTEGER PRIMARY KEY CHECK (one = 1),
  history_id          BLOB    NOT NULL CHECK (length(history_id) = 16),  -- Renewed by a restore.
  mark_key_sealed     BLOB    NOT NULL,  -- Sealed: 32 bytes, HMAC key of the centre's marks.
  registry_generation INTEGER NOT NULL,  -- Rises with edges, locks, studies and policies.
  duplicates          INTEGER NOT NULL,  -- Revisions that came again and were recognised.
  created_at_ms       INTEGER NOT NULL   -- UTC, milliseconds since 1970.
) STRICT;

-- Small numbers for site OIDs, so that feed and quarantine rows stay short. Row 0 with an empty
-- OID stands for every site.
CREATE TABLE site (
  site_id  INTEGER PRIMARY KEY,
  site_oid TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO site (site_id, site_oid) VALUES (0, '');

-- The site each subject belongs to: that of its first revision.
CREATE TABLE subject (
  study_oid   TEXT    NOT NULL,
  subject_key TEXT    NOT NULL,                          -- A pseudonym.
  site_id     INTEGER NOT NULL REFERENCES site,
  PRIMARY KEY (study_oid, subject_key)
) STRICT, WITHOUT ROWID;

-- Side table of `revision`: only revisions of which there is something to note have a row.
CREATE TABLE revision_note (
  revision_rowid INTEGER PRIMARY KEY REFERENCES revision,
  nonconformance TEXT    NOT NULL,  -- Items and what does not fit, without values; '': conforms.
  clock_suspect  INTEGER NOT NULL CHECK (clock_suspect IN (0, 1))  -- Its time is beyond the skew.
) STRICT;

-- The devices. Standing: 1 active, 2 revoked, 3 suspended.
CREATE TABLE edge (
  edge_rowid      INTEGER PRIMARY KEY,
  edge_id         TEXT    NOT NULL UNIQUE,
  site_id         INTEGER NOT NULL REFERENCES site,
  standing        INTEGER NOT NULL CHECK (standing BETWEEN 1 AND 3),
  standing_reason TEXT    NOT NULL,
  added_at_ms     INTEGER NOT NULL,
  incarnation_id  INTEGER REFERENCES incarnation,        -- That may speak; NULL: none yet.
  epoch           INTEGER NOT NULL,                      -- Fencing token of the last session.
  gateway         TEXT    NOT NULL,                      -- Of the last session.
  feed_cursor     INTEGER NOT NULL,                      -- As far as the edge has read.
  last_contact_ms INTEGER,
  clock_drift_ms  INTEGER,                               -- Edge minus gateway.
  release         TEXT    NOT NULL                       -- Of the edge agent.
) STRICT;

-- The certificates given to edges. Revoking an edge revokes all it has.
CREATE TABLE edge_certificate (
  certificate_rowid INTEGER PRIMARY KEY,
  edge_rowid        INTEGER NOT NULL REFERENCES edge,
  pem               TEXT    NOT NULL,
  revoked_at_ms     INTEGER                              -- NULL: valid.
) STRICT;
CREATE INDEX edge_certificate_of_edge ON edge_certificate (edge_rowid);

-- The databases an edge has had, and how far each was acknowledged.
CREATE TABLE incarnation (
  incarnation_id       INTEGER PRIMARY KEY,
  edge_rowid           INTEGER NOT NULL REFERENCES edge,
  incarnation          BLOB    NOT NULL CHECK (length(incarnation) = 16),
  acknowledged_through INTEGER NOT NULL,                 -- Sequence; 0: nothing yet.
  chain                BLOB    NOT NULL CHECK (length(chain) = 32),  -- Outbox chain through it.
  spoke_from_ms        INTEGER,                          -- NULL: only its revisions are known.
  UNIQUE (edge_rowid, incarnation)
) STRICT;

-- What intake made of each sequence of each incarnation. Outcome: as in the merge rule.
CREATE TABLE intake (
  incarnation_id INTEGER NOT NULL REFERENCES incarnation,
  sequence       INTEGER NOT NULL CHECK (sequence > 0),
  revision_id    BLOB    NOT NULL CHECK (length(revision_id) = 32),
  outcome        INTEGER NOT NULL,
  reason         INTEGER NOT NULL,                       -- An error number; 0: none.
  PRIMARY KEY (incarnation_id, sequence)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER intake_keeps_its_revision BEFORE UPDATE ON intake
WHEN NEW.incarnation_id IS NOT OLD.incarnation_id OR NEW.sequence IS NOT OLD.sequence
  OR NEW.revision_id IS NOT OLD.revision_id
BEGIN SELECT RAISE(ABORT, 'intake rows keep their revision'); END;
CREATE TRIGGER intake_no_delete BEFORE DELETE ON intake
BEGIN SELECT RAISE(ABORT, 'intake is append-only'); END;

-- The change feed. Cursors are given inside the one write transaction, so they follow the order
-- of commits. Kind: 1 revision, 2 conflict, 3 lock, 4 quarantine.
CREATE TABLE feed (
  cursor         INTEGER PRIMARY KEY,
  kind           INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 4),
  site_id        INTEGER NOT NULL,                       -- 0: for every site.
  incarnation_id INTEGER,                                -- Who captured it; NULL: the centre.
  revision_rowid INTEGER,                                -- Kind 1.
  conflict_id    INTEGER,                                -- Kind 2.
  revision_id    BLOB CHECK (revision_id IS NULL OR length(revision_id) = 32),  -- Kind 4.
  detail         BLOB                                    -- Kinds 2 to 4: the state at that time.
) STRICT;
CREATE INDEX feed_of_site ON feed (site_id);             -- The cursor follows as its row id.
CREATE TRIGGER feed_no_update BEFORE UPDATE ON feed
BEGIN SELECT RAISE(ABORT, 'feed is append-only'); END;
CREATE TRIGGER feed_no_delete BEFORE DELETE ON feed
BEGIN SELECT RAISE(ABORT, 'feed is append-only'); END;

-- Records with heads that no rule settles. State: 0 open, 1 resolved, 2 superseded.
CREATE TABLE conflict (
  conflict_id  INTEGER PRIMARY KEY,                      -- Snowflake id.
  record_id    INTEGER NOT NULL REFERENCES record,
  site_id      INTEGER NOT NULL REFERENCES site,
  severity     INTEGER NOT NULL CHECK (severity IN (1, 2)),  -- 1 soft, 2 hard; never lowered.
  heads        BLOB    NOT NULL CHECK (length(heads) % 32 = 0),
  ancestor     BLOB CHECK (ancestor IS NULL OR length(ancestor) = 32),
  items        TEXT    NOT NULL,                         -- Paths in dispute, one a line.
  opened_at_ms INTEGER NOT NULL,
  state        INTEGER NOT NULL CHECK (state BETWEEN 0 AND 2),
  ended_by     BLOB CHECK (ended_by IS NULL OR length(ended_by) = 32),
  ended_at_ms  INTEGER,
  ended_user   TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX conflict_open ON conflict (record_id) WHERE state = 0;
CREATE TRIGGER conflict_severity BEFORE UPDATE ON conflict
WHEN NEW.severity < OLD.severity OR OLD.state <> 0
BEGIN SELECT RAISE(ABORT, 'a conflict is never lowered and, once ended, never altered'); END;
CREATE TRIGGER conflict_no_delete BEFORE DELETE ON conflict
BEGIN SELECT RAISE(ABORT, 'conflicts are kept'); END;

-- Revisions that may not be applied, whole. State: 1 waiting, 2 applied, 3 rejected.
CREATE TABLE quarantine (
  quarantine_rowid INTEGER PRIMARY KEY,
  revision_id      BLOB    NOT NULL UNIQUE CHECK (length(revision_id) = 32),
  sealed           BLOB    NOT NULL,                     -- Sealed: the bytes as received.
  edge_id          TEXT    NOT NULL,                     -- Empty: came to the centre itself.
  incarnation      BLOB    NOT NULL CHECK (length(incarnation) = 16),
  sequence         INTEGER NOT NULL,                     -- 0: came by an offer or online.
  record_key       TEXT,                                 -- NULL: the bytes do not decode.
  site_id          INTEGER NOT NULL REFERENCES site,
  reason           INTEGER NOT NULL,                     -- An error number.
  detail           TEXT    NOT NULL,                     -- For a person; no item value.
  missing_parent   BLOB CHECK (missing_parent IS NULL OR length(missing_parent) = 32),
  received_at_ms   INTEGER NOT NULL,
  state            INTEGER NOT NULL CHECK (state BETWEEN 1 AND 3),
  decided_by       TEXT    NOT NULL,
  decision_sealed  BLOB,                                 -- Sealed: why. NULL: no reason given.
  decided_at_ms    INTEGER
) STRICT;
CREATE INDEX quarantine_waiting ON quarantine (state) WHERE state = 1;
CREATE INDEX quarantine_held ON quarantine (missing_parent)
  WHERE state = 1 AND missing_parent IS NOT NULL;
CREATE TRIGGER quarantine_keeps_its_bytes BEFORE UPDATE ON quarantine
WHEN NEW.revision_id IS NOT OLD.revision_id OR NEW.sealed IS NOT OLD.sealed OR OLD.state <> 1
BEGIN SELECT RAISE(ABORT, 'what is in quarantine is decided once and never altered'); END;
CREATE TRIGGER quarantine_no_delete BEFORE DELETE ON quarantine
BEGIN SELECT RAISE(ABORT, 'quarantine is kept'); END;

-- What may not be changed now. Scope: 1 study, 2 site, 3 subject, 4 form.
CREATE TABLE lock (
  study_oid TEXT    NOT NULL,
  scope     INTEGER NOT NULL CHECK (scope BETWEEN 1 AND 4),
  object    TEXT    NOT NULL,  -- Site OID, subject key or record key; empty for a study.
  set_by    TEXT    NOT NULL,
  reason    TEXT    NOT NULL,
  set_at_ms INTEGER NOT NULL,
  PRIMARY KEY (study_oid, scope, object)
) STRICT, WITHOUT ROWID;

-- The study definitions imported.
CREATE TABLE study (
  study_rowid      INTEGER PRIMARY KEY,
  study_oid        TEXT    NOT NULL,
  metadata_version TEXT    NOT NULL,
  name             TEXT    NOT NULL,
  imported_at_ms   INTEGER NOT NULL,
  odm_xml          TEXT    NOT NULL,  -- Whole, as imported.
  UNIQUE (study_oid, metadata_version)
) STRICT;

-- What the gateway may settle by itself. Policy: 1 flag, 2 merge disjoint.
CREATE TABLE policy (
  study_oid TEXT    NOT NULL,
  form_oid  TEXT    NOT NULL,         -- Empty: every form without a row of its own.
  policy    INTEGER NOT NULL CHECK (policy IN (1, 2)),
  PRIMARY KEY (study_oid, form_oid)
) STRICT, WITHOUT ROWID;

-- Who may make Snowflake ids under which worker number.
CREATE TABLE worker_lease (
  worker        INTEGER PRIMARY KEY CHECK (worker BETWEEN 0 AND 1023),
  holder        TEXT    NOT NULL,
  fencing_token INTEGER NOT NULL,     -- Rises with every holder.
  expires_at_ms INTEGER NOT NULL,
  last_id       INTEGER NOT NULL      -- The last id made; a later holder goes on from it.
) STRICT;
CREATE TRIGGER worker_lease_rises BEFORE UPDATE ON worker_lease
WHEN NEW.fencing_token < OLD.fencing_token OR NEW.last_id < OLD.last_id
BEGIN SELECT RAISE(ABORT, 'fencing token and last id only rise'); END;
