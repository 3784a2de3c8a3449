-- What the centre's data managers propose to settle conflicts with, and this site's answers
-- (ICH E6(R3) 3.16.1(i)).
CREATE TABLE proposal (
  proposal_id    INTEGER PRIMARY KEY,  -- Its snowflake id at the centre.
  conflict_id    INTEGER NOT NULL,     -- What it settles,
  record_key     TEXT NOT NULL,        -- and of which record: STUDY/SUBJECT/EVENT[:REPEAT]/FORM[:REPEAT].
  proposed_by    TEXT NOT NULL,        -- The data manager's name.
  revision_id    BLOB NOT NULL CHECK (length(revision_id) = 32),  -- The resolution proposed.
  sealed         BLOB NOT NULL,        -- Its canonical encoding, sealed; AAD: revision_id.
  received_at_ms INTEGER NOT NULL,     -- When this edge learned of it.
  state          INTEGER NOT NULL      -- 1 waiting for an answer, 2 accepted here, 3 rejected here,
                 CHECK (state BETWEEN 1 AND 4),  -- 4 over before an answer.
  answered_by    TEXT NOT NULL,        -- Who answered here.
  answer_sealed  BLOB,                 -- Why, sealed; AAD: "proposal answer ", revision_id in hex.
  answered_at_ms INTEGER,
  told           INTEGER NOT NULL CHECK (told IN (0, 1)),  -- 1: the centre has the answer.
  outcome        INTEGER               -- What the centre made of it, numbers as in
                                       -- shared/model/proposal_state.h; NULL: not told yet.
) STRICT;
CREATE INDEX proposal_to_tell ON proposal (proposal_id) WHERE told = 0 AND state IN (2, 3);
CREATE INDEX proposal_waiting ON proposal (record_key) WHERE state = 1;
CREATE TRIGGER proposal_answer_stands BEFORE UPDATE ON proposal
WHEN NEW.revision_id IS NOT OLD.revision_id OR NEW.sealed IS NOT OLD.sealed
  OR (OLD.state IN (2, 3) AND (NEW.state IS NOT OLD.state OR NEW.answered_by IS NOT OLD.answered_by
      OR NEW.answer_sealed IS NOT OLD.answer_sealed))
BEGIN SELECT RAISE(ABORT, 'what was proposed and what was answered never alter'); END;
