// The queue's columns: what each shows, and by what the gateway can sort it.
import {createColumnHelper, type RowData} from '@tanstack/react-table';
import type {ConflictSummary} from '../api/types';
import {formatAge, formatDue, formatTime, isLate} from '../common/format';
import {Again, Clock, Person, Warning} from '../common/icons';
import {Severity, Tag} from '../common/pieces';
import type {Dictionary} from '../text/dictionary';
import type {SortColumn} from './filters';
import classes from './queue.module.css';

declare module '@tanstack/react-table' {
  // eslint-disable-next-line @typescript-eslint/no-unused-vars
  interface ColumnMeta<TData extends RowData, TValue> {
    sort?: SortColumn;
    name: (text: Dictionary) => string;
  }
}

export interface CellContext {
  text: Dictionary;
  now: number;
  me: string;
  gone: boolean;
}

// `IG.VS.BP[2]/IT.VS.PULSE` as the narrow column shows it: the item, and the repeat beyond the
// first.
export function shortPath(path: string): string {
  const [group = '', item = path] = path.split('/');
  const repeat = /\[[^\]]*\]$/.exec(group)?.[0] ?? '';
  return item.replace(/^(IT|I)\./, '') + (repeat === '[1]' ? '' : repeat);
}

export function itemsText(items: string[], shown = 2): string {
  const names = items.slice(0, shown).map(shortPath).join(', ');
  return items.length > shown ? `${names} +${items.length - shown}` : names;
}

const column = createColumnHelper<ConflictSummary>();
const plain = (
  id: SortColumn,
  name: (text: Dictionary) => string,
  value: (row: ConflictSummary) => string,
) => column.accessor(value, {id, meta: {sort: id, name}});

export const columns = [
  column.display({id: 'select', meta: {name: (text) => text.queue.columns.select}}),
  plain(
    'severity',
    (text) => text.queue.columns.severity,
    (row) => row.severity,
  ),
  plain(
    'study',
    (text) => text.common.study,
    (row) => row.studyOID,
  ),
  plain(
    'site',
    (text) => text.common.site,
    (row) => row.siteOID,
  ),
  plain(
    'subject',
    (text) => text.common.subject,
    (row) => row.subjectKey,
  ),
  plain(
    'event',
    (text) => text.common.event,
    (row) => row.event.name,
  ),
  plain(
    'form',
    (text) => text.common.form,
    (row) => row.form.name,
  ),
  plain(
    'items',
    (text) => text.queue.columns.items,
    (row) => itemsText(row.items),
  ),
  plain(
    'openedAt',
    (text) => text.queue.columns.age,
    (row) => row.openedAt,
  ),
  plain(
    'due',
    (text) => text.queue.columns.due,
    (row) => row.dueAt,
  ),
  plain(
    'assignee',
    (text) => text.queue.columns.assignee,
    (row) => row.assignee ?? '',
  ),
  column.display({id: 'state', meta: {name: (text) => text.common.state}}),
];

export function Cell({id, row, context}: {id: string; row: ConflictSummary; context: CellContext}) {
  const {text, now, me} = context;
  switch (id) {
    case 'severity':
      return <Severity severity={row.severity} />;
    case 'study':
      return <>{row.studyOID}</>;
    case 'site':
      return <>{row.siteOID}</>;
    case 'event':
      return <>{row.event.name}</>;
    case 'form':
      return <>{row.form.name}</>;
    case 'items':
      return (
        <span title={row.items.join('\n')}>
          <span className={classes.count}>{row.items.length}</span> {itemsText(row.items)}
        </span>
      );
    case 'openedAt':
      return (
        <span title={formatTime(row.openedAt)}>{formatAge(row.openedAt, now, text.common)}</span>
      );
    case 'due':
      return row.state === 'open' && isLate(row.dueAt, now) ? (
        <span className={classes.late} title={formatTime(row.dueAt)}>
          <Warning /> {formatDue(row.dueAt, now, text.common)}
        </span>
      ) : (
        <span title={formatTime(row.dueAt)}>
          {row.state === 'open' ? formatDue(row.dueAt, now, text.common) : '–'}
        </span>
      );
    case 'assignee':
      return row.assignee === null ? (
        <span className={classes.dim}>{text.queue.unassigned}</span>
      ) : (
        <>{row.assignee === me ? text.queue.me : row.assignee}</>
      );
    case 'state':
      return (
        <>
          {row.reopens !== null && (
            <span className={classes.again} title={text.consent.reopened}>
              <Again label={text.consent.reopened} />
            </span>
          )}
          <StateCell row={row} context={context} />
        </>
      );
    default:
      return null;
  }
}

function StateCell({
  row,
  context: {text, now, me, gone},
}: {
  row: ConflictSummary;
  context: CellContext;
}) {
  if (gone) return <span className={classes.dim}>{text.queue.gone}</span>;
  if (row.state !== 'open') {
    return (
      <Tag tone={row.state === 'resolved' ? 'good' : 'plain'}>{text.queue.states[row.state]}</Tag>
    );
  }
  if (row.atSite) return <Tag>{text.consent.queueWaits}</Tag>;
  const {claim} = row;
  if (claim === null || Date.parse(claim.expiresAt) < now) {
    return <span className={classes.dim}>{text.queue.states.open}</span>;
  }
  return (
    <Tag tone={claim.user === me ? 'good' : 'plain'}>
      {claim.user === me ? <Person /> : <Clock label="" />}
      {claim.user === me ? text.queue.claimedByMe : text.queue.claimedBy(claim.user)}
    </Tag>
  );
}
