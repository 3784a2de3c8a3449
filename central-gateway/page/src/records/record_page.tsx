// One record: what it holds, and how it came to that. A revision picked in the history is set
// beside the current one.
import {Switch} from '@mantine/core';
import {useQuery} from '@tanstack/react-query';
import {useState} from 'react';
import {Link, useParams} from 'react-router-dom';
import {showRecord} from '../api/calls';
import type {ClinicalRecord, Item} from '../api/types';
import {sameState} from '../conflict/decision';
import {Empty, PageHead, Reading, Tag} from '../common/pieces';
import {ProblemAlert} from '../common/problem_alert';
import {Timeline} from '../common/timeline';
import {ValueTable} from '../common/value_table';
import {mayOpen} from '../session/permissions';
import {useSession} from '../session/session_context';
import {useLanguage, useText} from '../text/language';
import common from '../common/common.module.css';
import classes from './records.module.css';

export function RecordPage() {
  const {text, language} = useLanguage();
  const {recordKey = ''} = useParams();
  const session = useSession();
  const {
    data: record,
    error,
    refetch,
  } = useQuery({
    queryKey: ['record', recordKey, language],
    queryFn: () => showRecord(recordKey),
    meta: {live: true},
  });
  const [other, setOther] = useState<string | null>(null);
  if (!record)
    return error ? <ProblemAlert error={error} onRetry={() => void refetch()} /> : <Reading />;
  const pick = (revisionId: string) =>
    setOther(revisionId === other || revisionId === record.revisionId ? null : revisionId);
  return (
    <>
      <Link to="/records">← {text.records.title}</Link>
      <PageHead title={`${record.subjectKey} · ${record.form.name} · ${record.event.name}`} />
      <div className={classes.facts}>
        <span>
          {record.studyOID} · {record.siteOID}
        </span>
        <span>
          {text.common.version} {record.version}
        </span>
        {record.removed && <Tag tone="hard">{text.records.removed}</Tag>}
        {record.locked && <Tag>{text.records.locked}</Tag>}
        {record.conflictIds.map((id) => (
          <Link key={id} to={`/conflicts/${encodeURIComponent(id)}`}>
            {text.records.openConflict}
          </Link>
        ))}
        {mayOpen(session, 'audit') && (
          <Link to={`/audit?object=${encodeURIComponent(record.key)}`}>{text.conflict.story}</Link>
        )}
      </div>
      <div className={classes.columns}>
        <Values record={record} other={other} />
        <section className={`${common.paper} ${classes.history}`} aria-labelledby="history">
          <h2 id="history">{text.records.history}</h2>
          {record.timeline.length > 1 && <p className={common.dim}>{text.records.compareNone}</p>}
          <Timeline
            revisions={record.timeline}
            selected={other}
            onSelect={pick}
            marks={{[record.revisionId]: text.records.currentState}}
          />
        </section>
      </div>
    </>
  );
}

function Values({record, other}: {record: ClinicalRecord; other: string | null}) {
  const text = useText();
  const [onlyChanged, setOnlyChanged] = useState(false);
  const state = (item: Item, revisionId: string) => item.values[revisionId] ?? null;
  const differs = (item: Item) =>
    other !== null && !sameState(state(item, record.revisionId), state(item, other));
  const changed = record.groups.flatMap((group) => group.items).filter(differs).length;
  const otherRevision = record.timeline.find((revision) => revision.revisionId === other);
  return (
    <div className={common.paper}>
      {other !== null && (
        <div className={classes.compare} role="status">
          <span>
            {text.records.compareWith} v{otherRevision?.version}:{' '}
            {text.records.changedItems(changed)}
          </span>
          <Switch
            size="xs"
            label={text.records.onlyChanged}
            checked={onlyChanged}
            onChange={(event) => setOnlyChanged(event.currentTarget.checked)}
          />
        </div>
      )}
      {record.groups.length === 0 && <Empty>{text.records.empty}</Empty>}
      <ValueTable
        label={text.records.currentState}
        groups={record.groups}
        columns={[
          {revisionId: record.revisionId, title: text.records.currentState},
          ...(other === null
            ? []
            : [
                {
                  revisionId: other,
                  title: `v${otherRevision?.version} · ${otherRevision?.user}`,
                  marked: differs,
                },
              ]),
        ]}
        shows={(item) => !onlyChanged || other === null || differs(item)}
      />
    </div>
  );
}
