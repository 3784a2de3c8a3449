// One row of the queue. It is drawn again only when something of its own changes, so that the keys
// stay quick however many rows have been read; its box is the browser's own for the same reason.
import type {Row} from '@tanstack/react-table';
import {memo} from 'react';
import {Link} from 'react-router-dom';
import type {ConflictSummary} from '../api/types';
import {Cell, type CellContext} from './columns';
import classes from './queue.module.css';

interface Props {
  row: Row<ConflictSummary>;
  index: number;
  top: number;
  height: number;
  context: Omit<CellContext, 'gone'>;
  isActive: boolean;
  isGone: boolean;
  isSelected: boolean;
  selectable: boolean;
  onActive: (id: string) => void;
  onOpen: (id: string) => void;
}

export const QueueRow = memo(function QueueRow(props: Props) {
  const {row, isActive, isGone, isSelected, selectable} = props;
  return (
    <div
      role="row"
      id={`conflict-${row.id}`}
      aria-rowindex={props.index + 2}
      aria-selected={selectable ? isSelected : undefined}
      className={classes.row}
      data-active={isActive || undefined}
      data-gone={isGone || undefined}
      data-selected={isSelected || undefined}
      tabIndex={isActive ? 0 : -1}
      style={{transform: `translateY(${props.top}px)`, height: props.height}}
      onFocus={() => props.onActive(row.id)}
      onClick={() => props.onOpen(row.id)}
    >
      {row.getAllCells().map((cell) => (
        <span key={cell.id} role="gridcell" className={classes.cell} data-column={cell.column.id}>
          <CellContent {...props} id={cell.column.id} />
        </span>
      ))}
    </div>
  );
});

function CellContent({id, row, context, isGone, isSelected, selectable}: Props & {id: string}) {
  const conflict = row.original;
  if (id === 'select') {
    if (!selectable) return null;
    const name = `${conflict.subjectKey} ${conflict.form.name}`;
    return (
      <input
        type="checkbox"
        className={classes.box}
        aria-label={context.text.queue.selectRow(name)}
        tabIndex={-1}
        checked={isSelected}
        onClick={(event) => event.stopPropagation()}
        onChange={(event) => row.toggleSelected(event.currentTarget.checked)}
      />
    );
  }
  if (id === 'subject') {
    return (
      <Link
        to={`/conflicts/${encodeURIComponent(row.id)}`}
        tabIndex={-1}
        className={classes.subject}
      >
        {conflict.subjectKey}
      </Link>
    );
  }
  return <Cell id={id} row={conflict} context={{...context, gone: isGone}} />;
}
