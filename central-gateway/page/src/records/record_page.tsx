// One record: what it holds, and how it came to that. A revision picked in the history is set
// beside the current one.
import {Switch} from '@mantine/core';
import {useQuery} from '@tanstack/react-query';
import {Fragment, useState} from 'react';
import {Link, useParams} from 'react-router-dom';
import {showRecord} from '../api/calls';
import type {ClinicalRecord, Item} from '../api/types';
import {sameState} from '../conflict/decision';
import {Empty, PageHead, Reading, Tag, ValueText} from '../common/pieces';
import {Pen} from '../common/icons';
import {ProblemAlert} from '../common/problem_alert';
import {Timeline} from '../common/timeline';
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
      <div
        className={common.scroll}
        tabIndex={0}
        role="region"
        aria-label={text.records.currentState}
      >
        <table className={common.table}>
          <thead>
            <tr>
              <th scope="col">{text.common.item}</th>
              <th scope="col">{text.records.currentState}</th>
              {other !== null && (
                <th scope="col">
                  v{otherRevision?.version} · {otherRevision?.user}
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {record.groups.map((group) => {
              const items = group.items.filter(
                (item) => !onlyChanged || other === null || differs(item),
              );
              if (items.length === 0) return null;
              return (
                <Fragment key={`${group.itemGroupOID}[${group.repeatKey}]`}>
                  <tr>
                    <th scope="colgroup" colSpan={other === null ? 2 : 3}>
                      {group.name}
                      {group.repeatKey !== '' && group.repeatKey !== '1' && ` #${group.repeatKey}`}
                    </th>
                  </tr>
                  {items.map((item) => (
                    <tr key={item.path}>
                      <td>
                        {item.question}
                        {item.unit && <span className={common.dim}> [{item.unit}]</span>}
                      </td>
                      <td>
                        <ValueText
                          state={state(item, record.revisionId)}
                          blinded={item.blinded}
                          unit={item.unit}
                        />
                      </td>
                      {other !== null && (
                        <td className={differs(item) ? classes.differs : undefined}>
                          {differs(item) && <Pen />}{' '}
                          <ValueText
                            state={state(item, other)}
                            blinded={item.blinded}
                            unit={item.unit}
                          />
                        </td>
                      )}
                    </tr>
                  ))}
                </Fragment>
              );
            })}
          </tbody>
        </table>
      </div>
    </div>
  );
}
