-- Which key-encryption key wraps a data key, so that a wrong one is told by name and a rotation is
-- seen by every process. NULL: by the key file, as in earlier releases, until the next rotation.
ALTER TABLE data_key ADD COLUMN wrapped_by BLOB     -- Its id (shared/crypto/key_ring.h).
  CHECK (wrapped_by IS NULL OR length(wrapped_by) = 8);
ALTER TABLE data_key ADD COLUMN wrapped_at_ms INTEGER NOT NULL DEFAULT 0;
