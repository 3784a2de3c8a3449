-- Log-in by an identity provider (OpenID Connect). What the table is for, and what holds between its
-- rows, is in README.md beside this file. Times are UTC milliseconds since 1970-01-01.

-- Who an account is at a provider. A link is made with the name that the provider knows the person
-- by; the first log-in binds it to the provider's own subject, which is never given to anybody else,
-- as a name may be.
CREATE TABLE account_identity (
  identity_rowid INTEGER PRIMARY KEY,
  account_id     INTEGER NOT NULL REFERENCES account,
  issuer         TEXT    NOT NULL CHECK (length(issuer) > 0),  -- The provider's address.
  name           TEXT    NOT NULL COLLATE NOCASE CHECK (length(name) > 0),
  subject        TEXT    CHECK (length(subject) > 0),  -- NULL: nobody has logged in by it yet.
  linked_at_ms   INTEGER NOT NULL,
  bound_at_ms    INTEGER CHECK ((bound_at_ms IS NULL) = (subject IS NULL)),
  ended_at_ms    INTEGER                               -- NULL: it stands.
) STRICT;
CREATE UNIQUE INDEX account_identity_standing ON account_identity (account_id)
  WHERE ended_at_ms IS NULL;
CREATE UNIQUE INDEX account_identity_name ON account_identity (issuer, name)
  WHERE ended_at_ms IS NULL;
CREATE UNIQUE INDEX account_identity_subject ON account_identity (issuer, subject)
  WHERE ended_at_ms IS NULL AND subject IS NOT NULL;
CREATE TRIGGER account_identity_binds_once_and_ends BEFORE UPDATE ON account_identity
WHEN OLD.ended_at_ms IS NOT NULL OR NEW.identity_rowid IS NOT OLD.identity_rowid
  OR NEW.account_id IS NOT OLD.account_id OR NEW.issuer IS NOT OLD.issuer
  OR NEW.name IS NOT OLD.name OR NEW.linked_at_ms IS NOT OLD.linked_at_ms
  OR (OLD.subject IS NOT NULL
      AND (NEW.subject IS NOT OLD.subject OR NEW.bound_at_ms IS NOT OLD.bound_at_ms))
BEGIN SELECT RAISE(ABORT, 'a link is bound once, and ends once'); END;
CREATE TRIGGER account_identity_no_delete BEFORE DELETE ON account_identity
BEGIN SELECT RAISE(ABORT, 'links end, and are kept'); END;
