// Which conflict this is, in the study's own words, and the way to its neighbours.
import {Button} from '@mantine/core';
import {Link} from 'react-router-dom';
import type {Conflict} from '../api/types';
import {useNow} from '../common/changes';
import {formatAge, formatClock, formatDue, isLate} from '../common/format';
import {Again, Person} from '../common/icons';
import {Key, Severity, Tag} from '../common/pieces';
import {queueAddress} from '../queue/queue_trail';
import {mayOpen} from '../session/permissions';
import {useSession} from '../session/session_context';
import {useText} from '../text/language';
import type {ClaimState} from './use_claim';
import classes from './conflict.module.css';

interface Props {
  conflict: Conflict;
  claimState: ClaimState;
  onNext: () => void;
  onPrevious: () => void;
  onHelp: () => void;
}

export function ConflictHead({conflict, claimState, onNext, onPrevious, onHelp}: Props) {
  const text = useText();
  const now = useNow();
  const session = useSession();
  const key = encodeURIComponent(conflict.key);
  return (
    <div className={classes.head}>
      <div className={classes.headLine}>
        <Link to={queueAddress()} className={classes.back}>
          ← {text.conflict.back}
        </Link>
        <span className={classes.grow} />
        <Button variant="default" onClick={onPrevious} title={text.conflict.previous}>
          <span aria-hidden>←</span>&nbsp;
          <span className="visually-hidden">{text.conflict.previous}</span>
          <Key>p</Key>
        </Button>
        <Button variant="default" onClick={onNext}>
          {text.conflict.next}&nbsp;<Key>n</Key>
        </Button>
        <Button variant="default" onClick={onHelp} title={text.common.keysHelp}>
          <span className="visually-hidden">{text.common.keysHelp}</span>
          <Key>?</Key>
        </Button>
      </div>
      <h1 className={classes.title}>
        {conflict.subjectKey} <span className={classes.dot}>·</span> {conflict.form.name}{' '}
        <span className={classes.dot}>·</span> {conflict.event.name}
      </h1>
      <div className={classes.facts}>
        <Severity severity={conflict.severity} />
        <span>
          {conflict.studyOID} · {conflict.siteOID}
        </span>
        <span className={classes.dim}>
          {text.queue.columns.age}: {formatAge(conflict.openedAt, now, text.common)}
        </span>
        {conflict.state === 'open' && (
          <span className={isLate(conflict.dueAt, now) ? classes.late : classes.dim}>
            {text.queue.columns.due}: {formatDue(conflict.dueAt, now, text.common)}
          </span>
        )}
        <span className={classes.dim}>
          {text.queue.columns.assignee}: {conflict.assignee ?? text.queue.unassigned}
        </span>
        {conflict.reopens !== null && (
          <Tag>
            <Again /> {text.consent.reopened}
          </Tag>
        )}
        {conflict.atSite && <Tag tone="soft">{text.consent.queueWaits}</Tag>}
        {claimState.kind === 'mine' && (
          <Tag tone="good">
            <Person /> {text.conflict.claimMine(formatClock(claimState.claim.expiresAt))}
          </Tag>
        )}
        <Link to={`/records/${key}`}>{text.conflict.record}</Link>
        {mayOpen(session, 'audit') && (
          <Link to={`/audit?object=${key}`}>{text.conflict.story}</Link>
        )}
      </div>
    </div>
  );
}
