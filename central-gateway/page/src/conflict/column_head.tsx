// The head of one column: who made this version, where, when, by which clock, and why.
import {Button} from '@mantine/core';
import type {Revision} from '../api/types';
import {formatDrift, formatTime, formatWritten} from '../common/format';
import {Warning} from '../common/icons';
import {Key, Tag} from '../common/pieces';
import {useText} from '../text/language';
import classes from './item_table.module.css';

interface Props {
  name: string;
  keyNumber: number;
  revision: Revision;
  current: boolean;
  taken: boolean;
  onTake: (() => void) | null;
}

export function ColumnHead({name, keyNumber, revision, current, taken, onTake}: Props) {
  const text = useText();
  const place = revision.edgeId || text.common.centre;
  const drift = revision.clockDriftMs;
  return (
    <div className={classes.columnHead} data-takes={onTake !== null || undefined}>
      <div className={classes.columnName}>
        <Key>{keyNumber}</Key> <b>{name}</b>{' '}
        <span className={classes.dim}>v{revision.version}</span>
        {current && <Tag tone="good">{text.conflict.current}</Tag>}
        {revision.former && <Tag>{text.consent.former}</Tag>}
      </div>
      <div>
        <b>{revision.user || text.common.noName}</b>
      </div>
      <div>
        {text.conflict.origin[revision.origin]} <span className={classes.dim}>({place})</span>
      </div>
      <div title={text.conflict.arrived(formatTime(revision.receivedAt))}>
        {formatWritten(revision.editedAt)}
        {revision.edgeId !== '' && (
          <span className={classes.dim}>
            {' · '}
            {drift === null
              ? text.conflict.driftNone
              : text.conflict.driftOf(formatDrift(drift, text.common))}
          </span>
        )}
      </div>
      {revision.clockSuspect && (
        <div className={classes.suspect}>
          <Warning /> {text.conflict.clockSuspect}{' '}
          {text.conflict.arrived(formatTime(revision.receivedAt))}
        </div>
      )}
      <div className={classes.headReason} title={revision.reasonForChange}>
        {revision.reasonForChange ? (
          <q>{revision.reasonForChange}</q>
        ) : (
          <span className={classes.dim}>{text.conflict.noReason}</span>
        )}
      </div>
      {revision.removed && (
        <Tag tone="hard">
          <Warning /> {text.conflict.removes}
        </Tag>
      )}
      {onTake && (
        <Button
          variant={taken ? 'filled' : 'default'}
          size="compact-xs"
          aria-pressed={taken}
          onClick={onTake}
        >
          {text.conflict.takeAll(name)}&nbsp;<Key>⇧{keyNumber}</Key>
        </Button>
      )}
    </div>
  );
}
