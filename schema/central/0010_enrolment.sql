-- Invitations of edges, and what each edge is known to hold. What the tables are for, and what holds
-- between their rows, is in README.md beside this file. Times are UTC milliseconds since 1970-01-01.

-- One-time invitations. State: 1 open, 2 used, 3 replaced by a later one or withdrawn, 4 blocked after
-- wrong secrets. Of the secret only its digest is kept.
CREATE TABLE invitation (
  invitation_rowid INTEGER PRIMARY KEY,
  edge_id          TEXT    NOT NULL CHECK (length(edge_id) > 0),
  site_id          INTEGER NOT NULL REFERENCES site,
  rebuild          INTEGER NOT NULL CHECK (rebuild IN (0, 1)),  -- 1: in place of a machine lost.
  secret_digest    BLOB    NOT NULL CHECK (length(secret_digest) = 32),  -- SHA-256.
  invited_by       TEXT    NOT NULL,
  invited_at_ms    INTEGER NOT NULL,
  expires_at_ms    INTEGER NOT NULL,
  failed_count     INTEGER NOT NULL DEFAULT 0,             -- Wrong secrets.
  state            INTEGER NOT NULL DEFAULT 1 CHECK (state BETWEEN 1 AND 4),
  used_at_ms       INTEGER CHECK ((used_at_ms IS NOT NULL) = (state = 2)),
  certificate_pem  TEXT    NOT NULL DEFAULT ''             -- What it was used for: answered again.
                   CHECK ((certificate_pem <> '') = (state = 2))
) STRICT;
CREATE UNIQUE INDEX invitation_open ON invitation (edge_id) WHERE state = 1;
CREATE INDEX invitation_of_edge ON invitation (edge_id);
CREATE TRIGGER invitation_ends_once BEFORE UPDATE ON invitation
WHEN OLD.state <> 1 OR NEW.invitation_rowid IS NOT OLD.invitation_rowid
  OR NEW.edge_id IS NOT OLD.edge_id OR NEW.site_id IS NOT OLD.site_id
  OR NEW.rebuild IS NOT OLD.rebuild OR NEW.secret_digest IS NOT OLD.secret_digest
  OR NEW.invited_by IS NOT OLD.invited_by OR NEW.invited_at_ms IS NOT OLD.invited_at_ms
  OR NEW.expires_at_ms IS NOT OLD.expires_at_ms
BEGIN SELECT RAISE(ABORT, 'an invitation ends once'); END;
CREATE TRIGGER invitation_no_delete BEFORE DELETE ON invitation
BEGIN SELECT RAISE(ABORT, 'invitations end, and are kept'); END;

-- With what each edge last said Hello: what it need not be given any more.
CREATE TABLE edge_credential (
  edge_rowid         INTEGER PRIMARY KEY REFERENCES edge,
  certificate_serial TEXT    NOT NULL,  -- Of the edge's certificate that signed.
  gateway_serial     TEXT    NOT NULL,  -- Of the gateway's certificate that it sealed to.
  seen_at_ms         INTEGER NOT NULL
) STRICT;
