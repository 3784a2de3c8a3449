// The queue itself: a grid of which only the rows on the screen exist. One row is active; the keys
// move it and the focus follows.
import {useMediaQuery} from '@mantine/hooks';
import {getCoreRowModel, useReactTable, type RowSelectionState} from '@tanstack/react-table';
import {useVirtualizer} from '@tanstack/react-virtual';
import {useEffect, useLayoutEffect, useMemo, useRef} from 'react';
import type {ConflictSort, ConflictSummary} from '../api/types';
import {useNow} from '../common/changes';
import {useSession} from '../session/session_context';
import {useText} from '../text/language';
import {columns} from './columns';
import {QueueHead} from './queue_head';
import {QueueRow} from './queue_row';
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

  useActiveRow(activeId, rows, height, scroller);
  useSteadyTop(rows, height, scroller, virtual.scrollToOffset);

  const context = useMemo(() => ({text, now, me}), [text, now, me]);
  const selectedCount = Object.keys(props.selection).length;
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
      <QueueHead
        sort={props.sort}
        onSort={props.onSort}
        selectable={props.selectable}
        all={selectedCount > 0 && selectedCount >= shown.length}
        some={selectedCount > 0}
        onAll={(on) => table.toggleAllRowsSelected(on)}
      />
      <div role="rowgroup" className={classes.body} style={{height: virtual.getTotalSize()}}>
        {items.map((item) => {
          const row = shown[item.index];
          if (!row) return null;
          return (
            <QueueRow
              key={row.id}
              row={row}
              index={item.index}
              top={item.start}
              height={height}
              context={context}
              isActive={row.id === activeId}
              isGone={props.gone.has(row.id)}
              isSelected={row.getIsSelected()}
              selectable={props.selectable}
              onActive={props.onActive}
              onOpen={props.onOpen}
            />
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
  height: number,
  scroller: React.RefObject<HTMLDivElement>,
): void {
  const before = useRef<string | null>(null);
  useEffect(() => {
    const box = scroller.current;
    if (activeId === null || before.current === activeId || !box) return;
    const index = rows.findIndex((row) => row.conflictId === activeId);
    if (index === -1) return;
    before.current = activeId;
    // The column heads stay on top and cover what is scrolled under them.
    const covered = box.querySelector<HTMLElement>('[role="row"]')?.offsetHeight ?? 0;
    const bottom = covered + (index + 1) * height;
    if (index * height < box.scrollTop) box.scrollTop = index * height;
    else if (bottom > box.scrollTop + box.clientHeight) box.scrollTop = bottom - box.clientHeight;
    requestAnimationFrame(() => {
      const focused = document.activeElement;
      const nowhere = !focused || focused === document.body || focused.id === 'content';
      if (!nowhere && !box.contains(focused)) return;
      document.getElementById(`conflict-${activeId}`)?.focus({preventScroll: true});
    });
  }, [activeId, rows, height, scroller]);
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
