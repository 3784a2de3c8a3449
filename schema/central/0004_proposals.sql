-- The site's consent (ICH E6(R3) 3.16.1(i)), and conflicts that are decided anew.

-- How a study settles its conflicts: 1 central, by a rule agreed beforehand; 2 site_endorsed: a data
-- manager proposes, the site endorses.
ALTER TABLE study_setting ADD COLUMN resolution INTEGER NOT NULL DEFAULT 1
  CHECK (resolution IN (1, 2));
ALTER TABLE study_setting ADD COLUMN resolution_rule TEXT NOT NULL DEFAULT '';  -- The rule's text.

-- What data managers proposed. State: 1 waiting for the site, 2 accepted, 3 rejected,
-- 4 superseded, 5 withdrawn.
CREATE TABLE proposal (
  proposal_id    INTEGER PRIMARY KEY,                    -- Snowflake id.
  conflict_id    INTEGER NOT NULL REFERENCES conflict,
  revision_id    BLOB    NOT NULL CHECK (length(revision_id) = 32),  -- The resolution proposed.
  sealed         BLOB    NOT NULL,                       -- Sealed: its canonical encoding.
  proposed_by    TEXT    NOT NULL,                       -- The data manager's user name,
  full_name      TEXT    NOT NULL,                       -- and full name; empty: by a command.
  proposed_at_ms INTEGER NOT NULL,
  state          INTEGER NOT NULL CHECK (state BETWEEN 1 AND 5),
  ended_at_ms    INTEGER,                                -- By the centre's clock.
  ended_by       TEXT    NOT NULL,                       -- Who answered at the site, or withdrew it.
  edge_id        TEXT    NOT NULL,                       -- Where it was answered; empty: nowhere.
  answered_at_ms INTEGER,                                -- When, by that edge's clock.
  answer_sealed  BLOB                                    -- Sealed: why. NULL: no reason given.
) STRICT;
CREATE UNIQUE INDEX proposal_waiting ON proposal (conflict_id) WHERE state = 1;
CREATE INDEX proposal_of_conflict ON proposal (conflict_id);
CREATE TRIGGER proposal_ends_once BEFORE UPDATE ON proposal
WHEN OLD.state <> 1 OR NEW.conflict_id IS NOT OLD.conflict_id
  OR NEW.revision_id IS NOT OLD.revision_id OR NEW.sealed IS NOT OLD.sealed
BEGIN SELECT RAISE(ABORT, 'a proposal is answered once, and what was proposed never altered'); END;
CREATE TRIGGER proposal_no_delete BEFORE DELETE ON proposal
BEGIN SELECT RAISE(ABORT, 'proposals are kept'); END;

-- Conflicts that a data manager opened again after they had ended. They are open with a single head
-- too, and only a resolution ends them.
CREATE TABLE reopening (
  conflict_id    INTEGER PRIMARY KEY REFERENCES conflict,           -- The new one.
  reopens        INTEGER NOT NULL REFERENCES conflict (conflict_id),  -- The one that had ended.
  user           TEXT    NOT NULL,
  reopened_at_ms INTEGER NOT NULL,
  reason_sealed  BLOB    NOT NULL                        -- Sealed: why.
) STRICT;
CREATE TRIGGER reopening_no_update BEFORE UPDATE ON reopening
BEGIN SELECT RAISE(ABORT, 'reopening: never altered'); END;
CREATE TRIGGER reopening_no_delete BEFORE DELETE ON reopening
BEGIN SELECT RAISE(ABORT, 'reopening: never removed'); END;
