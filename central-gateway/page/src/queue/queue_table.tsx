// The queue itself: a grid of which only the rows on the screen exist. One row is active; the keys
// move it and the focus follows.
import {Checkbox} from '@mantine/core';
import {useMediaQuery} from '@mantine/hooks';
import {getCoreRowModel, useReactTable, type RowSelectionState} from '@tanstack/react-table';
import {useVirtualizer} from '@tanstack/react-virtual';
import {useEffect, useLayoutEffect, useMemo, useRef} from 'react';
import {Link} from 'react-router-dom';
import type {ConflictSort, ConflictSummary} from '../api/types';
import {useNow} from '../common/changes';
import {Arrow} from '../common/icons';
import {useSession} from '../session/session_context';
import {useText} from '../text/language';
import {Cell, columns, type CellContext} from './columns';
import {nextSort, sortDirection} from './filters';
import {queueTrail, setQueueTrail} from './queue_trail';
import classes from './queue.module.css';

interface Props {
  rows: ConflictSummary[];
  total: number;
  gone: Set<string>;
  sort: ConflictSort | undefined;
  onSort: (sort: ConflictSort) => void;
  selection: RowSelectionState;
  onSelection: (selection: RowSelectionState) => void;
  selectable: boolean;
  activeId: string | null;
  onActive: (id: string) => void;
  onOpen: (id: string) => void;
  onEnd: () => void;
  onRange: (first: number, last: number) => void;
  onPointer: (inside: boolean) => void;
}

const kRowHeight = 32;
const kCardHeight = 96;
// The next page is asked for when so many rows are left below the screen.
const kAhead = 60;

export function QueueTable(props: Props) {
  const {rows, activeId, onEnd, onRange} = props;
  const text = useText();
  const now = useNow();
  const {user: me} = useSession();
  const narrow =
    useMediaQuery('(max-width: 780px)', false, {getInitialValueInEffect: false}) ?? false;
  const scroller = useRef<HTMLDivElement>(null);
  const height = narrow ? kCardHeight : kRowHeight;

  const table = useReactTable({
    data: rows,
    columns,
    getRowId: (row) => row.conflictId,
    getCoreRowModel: getCoreRowModel(),
    manualSorting: true,
    state: {rowSelection: props.selection},
    onRowSelectionChange: (change) =>
      props.onSelection(typeof change === 'function' ? change(props.selection) : change),
  });
  const shown = table.getRowModel().rows;

  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 12,
    initialOffset: queueTrail().scrollTop,
    onChange: (instance) => setQueueTrail({scrollTop: instance.scrollOffset ?? 0}),
  });
  useLayoutEffect(() => virtual.measure(), [height, virtual]);

  const items = virtual.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items[items.length - 1]?.index ?? 0;
  useEffect(() => {
    onRange(first, last);
    if (last >= shown.length - kAhead) onEnd();
  }, [first, last, shown.length, onRange, onEnd]);

  useActiveRow(activeId, rows, virtual.scrollToIndex, scroller);
  useSteadyTop(rows, height, scroller, virtual.scrollToOffset);

  const context: Omit<CellContext, 'gone'> = {text, now, me};
  const all = shown.length > 0 && shown.every((row) => row.getIsSelected());
  return (
    <div
      ref={scroller}
      className={classes.scroller}
      role="grid"
      aria-label={text.queue.title}
      aria-rowcount={props.total + 1}
      aria-multiselectable={props.selectable || undefined}
      tabIndex={items.some((item) => rows[item.index]?.conflictId === activeId) ? -1 : 0}
      onPointerEnter={() => props.onPointer(true)}
      onPointerLeave={() => props.onPointer(false)}
    >
      <div role="row" aria-rowindex={1} className={classes.head}>
        {columns.map((column) => {
          const meta = column.meta!;
          if (column.id === 'select') {
            return (
              <span key="select" role="columnheader" className={classes.cell} data-column="select">
                {props.selectable && (
                  <Checkbox
                    aria-label={text.queue.selectAll}
                    checked={all}
                    indeterminate={!all && table.getIsSomeRowsSelected()}
                    onChange={(event) => table.toggleAllRowsSelected(event.currentTarget.checked)}
                  />
                )}
                {!props.selectable && (
                  <span className="visually-hidden">{text.queue.columns.select}</span>
                )}
              </span>
            );
          }
          const direction = meta.sort ? sortDirection(props.sort, meta.sort) : undefined;
          return (
            <span
              key={column.id}
              role="columnheader"
              className={classes.cell}
              data-column={column.id}
              aria-sort={direction}
            >
              {meta.sort ? (
                <button
                  type="button"
                  className={classes.sort}
                  onClick={() => props.onSort(nextSort(props.sort, meta.sort!))}
                >
                  {meta.name(text)}
                  {direction !== 'none' && <Arrow up={direction === 'ascending'} />}
                </button>
              ) : (
                meta.name(text)
              )}
            </span>
          );
        })}
      </div>
      <div role="rowgroup" className={classes.body} style={{height: virtual.getTotalSize()}}>
        {items.map((item) => {
          const row = shown[item.index];
          if (!row) return null;
          const conflict = row.original;
          const gone = props.gone.has(row.id);
          return (
            <div
              key={row.id}
              role="row"
              id={`conflict-${row.id}`}
              aria-rowindex={item.index + 2}
              aria-selected={props.selectable ? row.getIsSelected() : undefined}
              className={classes.row}
              data-active={row.id === activeId || undefined}
              data-gone={gone || undefined}
              data-selected={row.getIsSelected() || undefined}
              tabIndex={row.id === activeId ? 0 : -1}
              style={{transform: `translateY(${item.start}px)`, height}}
              onFocus={() => props.onActive(row.id)}
              onClick={() => props.onOpen(row.id)}
            >
              {row.getAllCells().map((cell) => (
                <span
                  key={cell.id}
                  role="gridcell"
                  className={classes.cell}
                  data-column={cell.column.id}
                >
                  {cell.column.id === 'select' ? (
                    props.selectable && (
                      <Checkbox
                        aria-label={text.queue.selectRow(
                          `${conflict.subjectKey} ${conflict.form.name}`,
                        )}
                        tabIndex={-1}
                        checked={row.getIsSelected()}
                        onClick={(event) => event.stopPropagation()}
                        onChange={(event) => row.toggleSelected(event.currentTarget.checked)}
                      />
                    )
                  ) : cell.column.id === 'subject' ? (
                    <Link
                      to={`/conflicts/${encodeURIComponent(row.id)}`}
                      tabIndex={-1}
                      className={classes.subject}
                    >
                      {conflict.subjectKey}
                    </Link>
                  ) : (
                    <Cell id={cell.column.id} row={conflict} context={{...context, gone}} />
                  )}
                </span>
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}

// Brings a newly active row onto the screen, and the focus to it if it was in the grid or nowhere.
function useActiveRow(
  activeId: string | null,
  rows: ConflictSummary[],
  scrollTo: (index: number, options?: {align: 'auto'}) => void,
  scroller: React.RefObject<HTMLDivElement>,
): void {
  const before = useRef<string | null>(null);
  useEffect(() => {
    if (activeId === null || before.current === activeId) return;
    const index = rows.findIndex((row) => row.conflictId === activeId);
    if (index === -1) return;
    before.current = activeId;
    scrollTo(index, {align: 'auto'});
    requestAnimationFrame(() => {
      const focused = document.activeElement;
      const nowhere = !focused || focused === document.body || focused.id === 'content';
      if (!nowhere && !scroller.current?.contains(focused)) return;
      document.getElementById(`conflict-${activeId}`)?.focus({preventScroll: true});
    });
  }, [activeId, rows, scrollTo, scroller]);
}

// When rows came or went above the screen, the first row on the screen stays where it is.
function useSteadyTop(
  rows: ConflictSummary[],
  height: number,
  scroller: React.RefObject<HTMLDivElement>,
  scrollTo: (offset: number) => void,
): void {
  const ids = useMemo(() => rows.map((row) => row.conflictId), [rows]);
  const before = useRef(ids);
  useLayoutEffect(() => {
    const old = before.current;
    before.current = ids;
    const top = scroller.current?.scrollTop ?? 0;
    if (old === ids || top < height) return;
    const at = Math.floor(top / height);
    const id = old[at];
    if (id === undefined || ids[at] === id) return;
    const now = ids.indexOf(id);
    if (now !== -1) scrollTo(top + (now - at) * height);
  }, [ids, height, scroller, scrollTo]);
}
