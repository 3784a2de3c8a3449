// The home page of who decides: what waits, in the order of its due date unless told otherwise.
import {Button, NativeSelect, type ComboboxData} from '@mantine/core';
import {useQueryClient} from '@tanstack/react-query';
import type {RowSelectionState} from '@tanstack/react-table';
import {useCallback, useEffect, useMemo, useRef, useState} from 'react';
import {useLocation, useNavigate} from 'react-router-dom';
import {exportConflictsAddress} from '../api/calls';
import type {ConflictSort, Outcome} from '../api/types';
import {formatNumber} from '../common/format';
import {useKeys} from '../common/keys';
import {useNotice} from '../common/notices';
import {doneWords} from '../common/outcomes';
import {Empty, Key, KeysHelp, PageHead, Reading} from '../common/pieces';
import {ProblemAlert} from '../common/problem_alert';
import {mayDecideSomewhere} from '../session/permissions';
import {useSession} from '../session/session_context';
import {useText} from '../text/language';
import {BulkAssign} from './bulk_assign';
import {BulkDecide} from './bulk_decide';
import {columns} from './columns';
import {Counts} from './counts';
import {FilterBar} from './filter_bar';
import {isFiltered, readFilters, writeFilters, type Filters} from './filters';
import {freshCount, goneIds, rowsOf} from './live_pages';
import {queueTrail, setQueueTrail} from './queue_trail';
import {QueueTable} from './queue_table';
import {useQueueRows} from './use_queue_rows';
import {ViewsMenu} from './views_menu';
import classes from './queue.module.css';

const kSelectedMax = 500;

export function QueuePage() {
  const text = useText();
  const session = useSession();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const tell = useNotice();
  const location = useLocation();
  const filters = useMemo(() => readFilters(location.search), [location.search]);
  const search = writeFilters(filters);
  const queue = useQueueRows(search);
  const rows = useMemo(() => rowsOf(queue.pages.shown), [queue.pages.shown]);
  const gone = useMemo(() => goneIds(queue.pages), [queue.pages]);
  const fresh = useMemo(() => freshCount(queue.pages), [queue.pages]);
  const [activeId, setActiveId] = useState(queueTrail().activeId);
  const [selection, setSelection] = useState<RowSelectionState>({});
  const [dialog, setDialog] = useState<'assign' | 'decide' | 'keys' | null>(null);
  const [pointerInside, setPointerInside] = useState(false);
  const searchRef = useRef<HTMLInputElement>(null);
  const selectable = mayDecideSomewhere(session);

  const setFilters = useCallback(
    (next: Filters, replace = false) => navigate(`/${writeFilters(next)}`, {replace}),
    [navigate],
  );
  const activate = useCallback((id: string) => {
    setActiveId(id);
    setQueueTrail({activeId: id});
  }, []);
  const open = useCallback(
    (id: string) => {
      activate(id);
      navigate(`/conflicts/${encodeURIComponent(id)}`);
    },
    [activate, navigate],
  );

  useEffect(() => {
    setSelection({});
  }, [search]);
  // Rows may move while nobody points at them and nothing is selected.
  const changed = fresh > 0 || gone.size > 0;
  const {applyChanges} = queue;
  const selected = useMemo(
    () => rows.filter((row) => selection[row.conflictId]),
    [rows, selection],
  );
  const calm = !pointerInside && selected.length === 0 && dialog === null;
  useEffect(() => {
    if (changed && calm) applyChanges();
  }, [changed, calm, applyChanges]);

  // Without an active row the first one counts as it.
  const activeRow = Math.max(
    0,
    rows.findIndex((row) => row.conflictId === activeId),
  );
  const active = rows[activeRow]?.conflictId ?? null;
  const step = (by: number) => {
    const to = rows[Math.min(rows.length - 1, Math.max(0, activeRow + by))];
    if (to) activate(to.conflictId);
  };
  useKeys({
    j: () => step(1),
    k: () => step(-1),
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
    PageDown: () => step(15),
    PageUp: () => step(-15),
    Home: () => step(-Infinity),
    End: () => step(Infinity),
    Enter: () => active && open(active),
    x: () => {
      if (!selectable || !active) return;
      setSelection(({[active]: was, ...others}) => (was ? others : {...others, [active]: true}));
    },
    '/': () => searchRef.current?.select(),
    r: applyChanges,
    '?': () => setDialog('keys'),
  });

  const names = useMemo(
    () =>
      new Map(
        rows.map((row) => [
          row.conflictId,
          `${row.subjectKey} · ${row.event.name} · ${row.form.name}`,
        ]),
      ),
    [rows],
  );
  const chosen = selected.slice(0, kSelectedMax);
  const closeBulk = (outcomes: Outcome[] | null) => {
    setDialog(null);
    if (outcomes === null) return;
    const done = outcomes.filter((outcome) => outcome.done);
    const ids = new Set(done.map((outcome) => outcome.id));
    setSelection(Object.fromEntries(Object.entries(selection).filter(([id]) => !ids.has(id))));
    setActiveId(null);
    queue.reload();
    void queries.invalidateQueries({queryKey: ['conflict-counts']});
    tell(doneWords(outcomes, text.common));
  };

  const {keys} = text.queue;
  return (
    <div className={classes.page}>
      <PageHead title={text.queue.title}>
        <span className={classes.grow} />
        <ViewsMenu search={search} />
        <Button
          component="a"
          variant="default"
          href={exportConflictsAddress(filters, 'csv')}
          download
        >
          {text.common.exportCsv}
        </Button>
        <Button
          component="a"
          variant="default"
          href={exportConflictsAddress(filters, 'json')}
          download
        >
          {text.common.exportJson}
        </Button>
        <Button variant="default" onClick={() => setDialog('keys')}>
          <Key>?</Key>&nbsp;{text.common.keys}
        </Button>
      </PageHead>
      <Counts filters={filters} onFilters={setFilters} />
      <FilterBar filters={filters} onFilters={setFilters} searchRef={searchRef} />
      <NarrowSort sort={filters.sort} onSort={(sort) => setFilters({...filters, sort})} />
      <div className={classes.list}>
        {queue.error !== null && <ProblemAlert error={queue.error} onRetry={queue.again} />}
        {rows.length === 0 && queue.busy && <Reading />}
        {rows.length === 0 &&
          !queue.busy &&
          queue.error === null &&
          queue.pages.shown.length > 0 && (
            <Empty>{isFiltered(filters) ? text.queue.emptyFiltered : text.queue.empty}</Empty>
          )}
        {rows.length > 0 && (
          <QueueTable
            rows={rows}
            total={queue.pages.total}
            gone={gone}
            sort={filters.sort}
            onSort={(sort) => setFilters({...filters, sort}, true)}
            selection={selection}
            onSelection={setSelection}
            selectable={selectable}
            activeId={active}
            onActive={activate}
            onOpen={open}
            onEnd={queue.more}
            onRange={queue.onRange}
            onPointer={setPointerInside}
          />
        )}
        <div className={classes.foot}>
          {selectable && (
            <>
              <span role="status">{text.queue.selected(selected.length)}</span>
              <Button
                variant="default"
                disabled={chosen.length === 0}
                onClick={() => setDialog('assign')}
              >
                {text.queue.assign}
              </Button>
              <Button
                variant="default"
                disabled={chosen.length === 0}
                onClick={() => setDialog('decide')}
              >
                {text.queue.decide}
              </Button>
              {selected.length > 0 && (
                <Button variant="subtle" onClick={() => setSelection({})}>
                  {text.queue.clearSelection}
                </Button>
              )}
              {selected.length > kSelectedMax && (
                <span className={classes.dim}>{text.queue.selectMax(kSelectedMax)}</span>
              )}
            </>
          )}
          <span className={classes.grow} />
          <span role="status">
            {queue.busy
              ? text.common.loading
              : text.queue.shown(formatNumber(rows.length), formatNumber(queue.pages.total))}
          </span>
          <span role="status">
            {changed && (
              <Button variant="light" onClick={applyChanges}>
                {text.queue.changes(fresh, gone.size)} · {text.queue.changesApply}&nbsp;<Key>r</Key>
              </Button>
            )}
          </span>
        </div>
      </div>
      {dialog === 'assign' && (
        <BulkAssign conflicts={chosen} nameOf={(id) => names.get(id) ?? id} onClose={closeBulk} />
      )}
      {dialog === 'decide' && (
        <BulkDecide conflicts={chosen} nameOf={(id) => names.get(id) ?? id} onClose={closeBulk} />
      )}
      <KeysHelp
        opened={dialog === 'keys'}
        onClose={() => setDialog(null)}
        lines={[
          {keys: ['j', '↓'], words: keys.down},
          {keys: ['k', '↑'], words: keys.up},
          {keys: ['Home'], words: keys.first},
          {keys: ['End'], words: keys.last},
          {keys: ['Enter'], words: keys.open},
          ...(selectable ? [{keys: ['x'], words: keys.select}] : []),
          {keys: ['/'], words: keys.search},
          {keys: ['r'], words: keys.refresh},
          {keys: ['?'], words: keys.help},
        ]}
      />
    </div>
  );
}

// On a narrow screen the column heads are not there to be clicked.
function NarrowSort({
  sort,
  onSort,
}: {
  sort: ConflictSort | undefined;
  onSort: (sort: ConflictSort) => void;
}) {
  const text = useText();
  const data: ComboboxData = columns.flatMap(({meta}) =>
    meta?.sort
      ? [
          {value: meta.sort, label: `${meta.name(text)} ↑`},
          {value: `-${meta.sort}`, label: `${meta.name(text)} ↓`},
        ]
      : [],
  );
  return (
    <NativeSelect
      className={classes.narrowSort}
      aria-label={text.queue.sort}
      value={sort ?? 'due'}
      data={data}
      onChange={(event) => onSort(event.currentTarget.value as ConflictSort)}
    />
  );
}
