-- Notices: what people are told outside of the desk, by webhook and e-mail. No item value and no
-- reason for change stands here: what does may leave the building.

-- One row, made when notices are first switched on: how far the finding has come, and which of the
-- gateways finds and sends.
CREATE TABLE notice_state (
  one                 INTEGER PRIMARY KEY CHECK (one = 1),
  feed_cursor         INTEGER NOT NULL,              -- Changes up to here were looked at.
  holder              TEXT    NOT NULL,              -- Gateway id; empty: none.
  lease_expires_at_ms INTEGER NOT NULL               -- From then on another may take over.
) STRICT;

-- What there is to tell. Kind: 1 hard conflict, 2 conflict overdue, 3 quarantine, 4 edge silent,
-- 5 edge back, 6 clock drift, 7 clock right again. Kept while what it tells of stands, so that it
-- is told once.
CREATE TABLE notice (
  notice_rowid INTEGER PRIMARY KEY,
  notice_id    TEXT    NOT NULL UNIQUE,              -- The same whenever it is found again.
  kind         INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 7),
  study_oid    TEXT    NOT NULL,                     -- Empty: of no study, or not known.
  site_oid     TEXT    NOT NULL,
  record_key   TEXT    NOT NULL,                     -- Empty: of no record.
  conflict_id  INTEGER,                              -- Kinds 1 and 2.
  revision_id  BLOB CHECK (revision_id IS NULL OR length(revision_id) = 32),  -- Kind 3.
  edge_id      TEXT    NOT NULL,                     -- Kinds 4 to 7, and 3 if one sent it.
  severity     INTEGER CHECK (severity IS NULL OR severity IN (1, 2)),
  reason       INTEGER NOT NULL,                     -- Kind 3: an error number.
  at_ms        INTEGER NOT NULL,                     -- Opened, received, last contact, measured.
  since_ms     INTEGER,                              -- Kind 5: the contact before the silence.
  due_at_ms    INTEGER,                              -- Kinds 1 and 2.
  drift_ms     INTEGER,                              -- Kinds 6 and 7: edge minus gateway.
  found_at_ms  INTEGER NOT NULL
) STRICT;

-- Messages to channels: each carries all that had gathered. State: 1 waiting, 2 sent, 3 failed for
-- good, 4 failed and its notices queued again.
CREATE TABLE notice_message (
  message_id         INTEGER PRIMARY KEY,            -- Snowflake id; receivers know repeats by it.
  channel            TEXT    NOT NULL,
  state              INTEGER NOT NULL CHECK (state BETWEEN 1 AND 4),
  formed_at_ms       INTEGER NOT NULL,
  attempts           INTEGER NOT NULL,
  next_attempt_at_ms INTEGER NOT NULL,
  settled_at_ms      INTEGER,                        -- NULL: waiting.
  error              TEXT    NOT NULL                -- Of the last attempt; empty: none.
) STRICT;
CREATE UNIQUE INDEX notice_message_waiting ON notice_message (channel) WHERE state = 1;
CREATE INDEX notice_message_settled ON notice_message (settled_at_ms)
  WHERE settled_at_ms IS NOT NULL;
CREATE TRIGGER notice_message_settles_once BEFORE UPDATE ON notice_message
WHEN NEW.message_id IS NOT OLD.message_id OR NEW.channel IS NOT OLD.channel OR OLD.state IN (2, 4)
  OR (OLD.state = 3 AND NEW.state <> 4)
BEGIN SELECT RAISE(ABORT, 'a message settles once'); END;

-- Which notice goes to which channel, and by which message.
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

-- How each channel fares.
CREATE TABLE notice_channel (
  channel            TEXT PRIMARY KEY,
  last_attempt_at_ms INTEGER,
  last_sent_at_ms    INTEGER,
  last_error         TEXT    NOT NULL,               -- Empty: the last attempt succeeded.
  last_error_at_ms   INTEGER,
  open_until_ms      INTEGER                         -- The circuit is open until then; NULL: closed.
) STRICT, WITHOUT ROWID;

-- What was told of an edge and still stands.
CREATE TABLE notice_edge (
  edge_id         TEXT PRIMARY KEY,
  silent_since_ms INTEGER,                           -- Told as silent since; NULL: not.
  drifting        INTEGER NOT NULL CHECK (drifting IN (0, 1))
) STRICT, WITHOUT ROWID;
