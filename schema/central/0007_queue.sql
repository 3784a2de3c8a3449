-- What the queue filters and sorts open conflicts by, in one narrow row each: of 100,000 of them a page
-- is a walk along an index. Kept by the triggers below, in the transaction that changes what it
-- repeats; the `check` command compares it.
CREATE TABLE open_conflict (
  conflict_id     INTEGER PRIMARY KEY REFERENCES conflict,
  severity        INTEGER NOT NULL,
  opened_at_ms    INTEGER NOT NULL,
  study_oid       TEXT    NOT NULL,
  site_oid        TEXT    NOT NULL,
  subject_key     TEXT    NOT NULL,
  study_event_oid TEXT    NOT NULL,
  form_oid        TEXT    NOT NULL,
  items           TEXT    NOT NULL,
  assignee        TEXT    NOT NULL  -- Empty: nobody's.
) STRICT;
INSERT INTO open_conflict
SELECT c.conflict_id, c.severity, c.opened_at_ms, r.study_oid, r.site_oid, r.subject_key,
       r.study_event_oid, r.form_oid, c.items, coalesce(w.assignee, '')
FROM conflict c JOIN record r ON r.record_id = c.record_id
     LEFT JOIN conflict_work w ON w.conflict_id = c.conflict_id
WHERE c.state = 0;

-- One a column to sort by; SQLite appends conflict_id, which settles ties.
CREATE INDEX open_conflict_severity ON open_conflict (severity);
CREATE INDEX open_conflict_opened   ON open_conflict (opened_at_ms);
CREATE INDEX open_conflict_due      ON open_conflict (severity, opened_at_ms);
CREATE INDEX open_conflict_study    ON open_conflict (study_oid);
CREATE INDEX open_conflict_site     ON open_conflict (site_oid);
CREATE INDEX open_conflict_subject  ON open_conflict (subject_key);
CREATE INDEX open_conflict_event    ON open_conflict (study_event_oid);
CREATE INDEX open_conflict_form     ON open_conflict (form_oid);
CREATE INDEX open_conflict_items    ON open_conflict (items);
CREATE INDEX open_conflict_assignee ON open_conflict (assignee);
-- All that the counts above the queue read, and a site's conflicts by due date.
CREATE INDEX open_conflict_counts   ON open_conflict (site_oid, severity, opened_at_ms, assignee);

CREATE TRIGGER conflict_opens AFTER INSERT ON conflict WHEN NEW.state = 0
BEGIN
  INSERT INTO open_conflict
  SELECT NEW.conflict_id, NEW.severity, NEW.opened_at_ms, study_oid, site_oid, subject_key,
         study_event_oid, form_oid, NEW.items, ''
  FROM record WHERE record_id = NEW.record_id;
END;
CREATE TRIGGER conflict_changes AFTER UPDATE ON conflict WHEN NEW.state = 0
BEGIN
  UPDATE open_conflict SET severity = NEW.severity, items = NEW.items
  WHERE conflict_id = NEW.conflict_id;
END;
CREATE TRIGGER conflict_ends AFTER UPDATE ON conflict WHEN NEW.state <> 0
BEGIN
  DELETE FROM open_conflict WHERE conflict_id = NEW.conflict_id;
END;
CREATE TRIGGER conflict_work_begins AFTER INSERT ON conflict_work
BEGIN
  UPDATE open_conflict SET assignee = NEW.assignee WHERE conflict_id = NEW.conflict_id;
END;
CREATE TRIGGER conflict_work_changes AFTER UPDATE OF assignee ON conflict_work
WHEN NEW.assignee <> OLD.assignee
BEGIN
  UPDATE open_conflict SET assignee = NEW.assignee WHERE conflict_id = NEW.conflict_id;
END;
