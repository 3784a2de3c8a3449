-- Reconciliations of a site's edges with the centre (ICH E6(R3) 4.2.5). One row each: asked for by a
-- person or the schedule, worked on by the gateway that has the edge's session, kept for good.

-- State: 1 waiting, 2 running, 3 equal, 4 mended: what differed was brought back, 5 different, 6 failed.
CREATE TABLE reconciliation (
  reconciliation_id INTEGER PRIMARY KEY,             -- Snowflake id.
  site_oid          TEXT    NOT NULL,
  edge_id           TEXT    NOT NULL,
  asked_by          TEXT    NOT NULL,                -- A person, or "schedule".
  reason            TEXT    NOT NULL,
  asked_at_ms       INTEGER NOT NULL,
  state             INTEGER NOT NULL CHECK (state BETWEEN 1 AND 6),
  step              TEXT    NOT NULL,                -- What is done now, for a person.
  rounds            INTEGER NOT NULL,
  changed_at_ms     INTEGER NOT NULL,                -- Of the last step.
  started_at_ms     INTEGER,
  ended_at_ms       INTEGER,
  site_revisions    INTEGER NOT NULL,                -- Counted in the last round.
  centre_revisions  INTEGER NOT NULL,
  explained         INTEGER NOT NULL,                -- In quarantine at the centre: no difference.
  bytes_down        INTEGER NOT NULL,                -- Sent to the edge for it, as sealed.
  bytes_up          INTEGER NOT NULL,
  report            TEXT    NOT NULL,                -- As signed, JSON; empty: none yet.
  centre_signature  BLOB    NOT NULL,
  site_signature    BLOB    NOT NULL,                -- Empty: the site has not signed.
  centre_pem        TEXT    NOT NULL,                -- The certificates that go with them.
  site_pem          TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX reconciliation_unfinished ON reconciliation (edge_id) WHERE state IN (1, 2);
CREATE INDEX reconciliation_of_edge ON reconciliation (edge_id, asked_at_ms);
CREATE TRIGGER reconciliation_ends_once BEFORE UPDATE ON reconciliation
WHEN OLD.state > 2 OR NEW.edge_id IS NOT OLD.edge_id
BEGIN SELECT RAISE(ABORT, 'a reconciliation that ended never alters'); END;
CREATE TRIGGER reconciliation_no_delete BEFORE DELETE ON reconciliation
BEGIN SELECT RAISE(ABORT, 'reconciliations are kept'); END;

-- What differed. Found: 1 missing at the site, 2 missing at the centre, 3 damaged at the site,
-- 4 damaged at the centre. Outcome: 1 found, 2 brought back, 3 not brought back.
CREATE TABLE reconciliation_difference (
  reconciliation_id INTEGER NOT NULL REFERENCES reconciliation,
  revision_id       BLOB    NOT NULL CHECK (length(revision_id) = 32),
  record_key        TEXT    NOT NULL,
  found             INTEGER NOT NULL CHECK (found BETWEEN 1 AND 4),
  outcome           INTEGER NOT NULL CHECK (outcome BETWEEN 1 AND 3),
  detail            TEXT    NOT NULL,                -- For a person; no item value.
  found_at_ms       INTEGER NOT NULL,
  PRIMARY KEY (reconciliation_id, revision_id)
) STRICT, WITHOUT ROWID;

-- Notices know three kinds more: 8 differences were mended, 9 they were not, or the comparison could
-- not be finished, 10 it is overdue. SQLite alters no CHECK, so the table is made anew, and what refers
-- to it with it.
CREATE TEMP TABLE notice_kept AS SELECT * FROM notice;
CREATE TEMP TABLE notice_delivery_kept AS SELECT * FROM notice_delivery;
DROP TABLE notice_delivery;
DROP TABLE notice;
CREATE TABLE notice (
  notice_rowid INTEGER PRIMARY KEY,
  notice_id    TEXT    NOT NULL UNIQUE,              -- The same whenever it is found again.
  kind         INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 10),
  study_oid    TEXT    NOT NULL,                     -- Empty: of no study, or not known.
  site_oid     TEXT    NOT NULL,
  record_key   TEXT    NOT NULL,                     -- Empty: of no record.
  conflict_id  INTEGER,                              -- Kinds 1 and 2.
  revision_id  BLOB CHECK (revision_id IS NULL OR length(revision_id) = 32),  -- Kind 3.
  edge_id      TEXT    NOT NULL,                     -- Kinds 4 to 10, and 3 if one sent it.
  severity     INTEGER CHECK (severity IS NULL OR severity IN (1, 2)),
  reason       INTEGER NOT NULL,                     -- Kind 3: an error number.
  at_ms        INTEGER NOT NULL,                     -- Opened, received, last contact, measured, ended.
  since_ms     INTEGER,                              -- Kind 5: the contact before the silence; 10: last
                                                     -- compared.
  due_at_ms    INTEGER,                              -- Kinds 1, 2 and 10.
  drift_ms     INTEGER,                              -- Kinds 6 and 7: edge minus gateway.
  found_at_ms  INTEGER NOT NULL
) STRICT;
CREATE TABLE notice_delivery (
  channel      TEXT    NOT NULL,
  notice_rowid INTEGER NOT NULL REFERENCES notice,
  message_id   INTEGER REFERENCES notice_message,    -- NULL: gathers for the next message.
  PRIMARY KEY (channel, notice_rowid)
) STRICT, WITHOUT ROWID;
CREATE INDEX notice_delivery_gathering ON notice_delivery (channel, notice_rowid)
  WHERE message_id IS NULL;
CREATE INDEX notice_delivery_of_message ON notice_delivery (message_id)
  WHERE message_id IS NOT NULL;
CREATE INDEX notice_delivery_of_notice ON notice_delivery (notice_rowid);
INSERT INTO notice SELECT * FROM notice_kept;
INSERT INTO notice_delivery SELECT * FROM notice_delivery_kept;
DROP TABLE notice_kept;
DROP TABLE notice_delivery_kept;

-- A site's records, of which a reconciliation walks through all.
CREATE INDEX record_of_site ON record (site_oid);
