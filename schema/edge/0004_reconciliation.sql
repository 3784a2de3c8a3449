-- Reconciliations with the centre (ICH E6(R3) 4.2.5): what this edge stated of itself, and the report
-- that both sides signed, kept where the investigator can read it.
CREATE TABLE reconciliation (
  reconciliation_id INTEGER PRIMARY KEY,  -- Its snowflake id at the centre.
  stated_at_ms      INTEGER NOT NULL,     -- When this edge last stated,
  statement         TEXT NOT NULL,        -- and what, JSON.
  settled_at_ms     INTEGER,              -- When the report came; NULL: not yet.
  report            TEXT,                 -- As signed, JSON.
  centre_signature  BLOB,                 -- Over it: ECDSA by the centre's key, DER.
  site_signature    BLOB                  -- Likewise by this edge's key.
) STRICT;
CREATE TRIGGER reconciliation_settles_once BEFORE UPDATE ON reconciliation
WHEN OLD.settled_at_ms IS NOT NULL OR NEW.reconciliation_id IS NOT OLD.reconciliation_id
BEGIN SELECT RAISE(ABORT, 'a report that was signed never alters'); END;
CREATE TRIGGER reconciliation_is_never_removed BEFORE DELETE ON reconciliation
WHEN OLD.settled_at_ms IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a report that was signed is kept'); END;
