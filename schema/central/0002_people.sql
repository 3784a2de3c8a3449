-- The people of the conflict desk. What each table is for, and what holds between them, is in
-- README.md beside this file. Times are UTC milliseconds since 1970-01-01.

-- The accounts. Never removed: what an account signed must stay explained; it is deactivated.
CREATE TABLE account (
  account_id            INTEGER PRIMARY KEY,
  user                  TEXT    NOT NULL COLLATE NOCASE UNIQUE  -- The name to log in with.
                        CHECK (length(user) BETWEEN 1 AND 64
                               AND user NOT GLOB '*[^A-Za-z0-9._@-]*'),
  full_name             TEXT    NOT NULL,  -- As it stands in signatures.
  password_hash         TEXT    NOT NULL,  -- Argon2id, libsodium's text form ("$argon2id$...").
  earlier_hashes        TEXT    NOT NULL,  -- Of the passwords before, newest first, one a line.
  must_change_password  INTEGER NOT NULL CHECK (must_change_password IN (0, 1)),
  active                INTEGER NOT NULL CHECK (active IN (0, 1)),
  failed_count          INTEGER NOT NULL CHECK (failed_count >= 0),  -- Wrong ones in a row.
  locked_until_ms       INTEGER,           -- No password is taken before; NULL: never locked since.
  last_log_in_at_ms     INTEGER,
  created_at_ms         INTEGER NOT NULL,
  credential_generation INTEGER NOT NULL   -- Rises with name, password, rights and standing.
) STRICT;
CREATE TRIGGER account_keeps_its_name BEFORE UPDATE ON account
WHEN NEW.user IS NOT OLD.user OR NEW.account_id IS NOT OLD.account_id
  OR NEW.created_at_ms IS NOT OLD.created_at_ms
  OR NEW.credential_generation < OLD.credential_generation
BEGIN SELECT RAISE(ABORT, 'an account keeps its name, and its generation only rises'); END;
CREATE TRIGGER account_no_delete BEFORE DELETE ON account
BEGIN SELECT RAISE(ABORT, 'accounts are deactivated, never removed'); END;

-- What accounts may do, and could do once. Role: 1 data manager, 2 monitor, 3 operator,
-- 4 administrator.
CREATE TABLE account_right (
  right_rowid  INTEGER PRIMARY KEY,
  account_id   INTEGER NOT NULL REFERENCES account,
  role         INTEGER NOT NULL CHECK (role BETWEEN 1 AND 4),
  study_oid    TEXT    NOT NULL,           -- Empty: every study.
  site_oid     TEXT    NOT NULL,           -- Empty: every site.
  sees_blinded INTEGER NOT NULL CHECK (sees_blinded IN (0, 1)),
  from_ms      INTEGER NOT NULL,
  ended_at_ms  INTEGER                     -- NULL: it stands.
) STRICT;
CREATE UNIQUE INDEX account_right_standing ON account_right (account_id, role, study_oid, site_oid)
  WHERE ended_at_ms IS NULL;
CREATE TRIGGER account_right_only_ends BEFORE UPDATE ON account_right
WHEN OLD.ended_at_ms IS NOT NULL OR NEW.account_id IS NOT OLD.account_id
  OR NEW.role IS NOT OLD.role OR NEW.study_oid IS NOT OLD.study_oid
  OR NEW.site_oid IS NOT OLD.site_oid OR NEW.sees_blinded IS NOT OLD.sees_blinded
  OR NEW.from_ms IS NOT OLD.from_ms
BEGIN SELECT RAISE(ABORT, 'a right stands as it was given until it ends'); END;
CREATE TRIGGER account_right_no_delete BEFORE DELETE ON account_right
BEGIN SELECT RAISE(ABORT, 'rights end, and are kept'); END;

-- The queue's filters that somebody saved. A convenience: replaced at will, no trail.
CREATE TABLE saved_view (
  account_id INTEGER NOT NULL REFERENCES account,
  position   INTEGER NOT NULL,             -- From 1, as the account ordered them.
  name       TEXT    NOT NULL,
  query      TEXT    NOT NULL,             -- The queue's query string.
  PRIMARY KEY (account_id, position)
) STRICT, WITHOUT ROWID;
