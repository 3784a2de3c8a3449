// The revisions that may not be applied: why, and what shall become of them.
import {Button, Checkbox, Group, NativeSelect} from '@mantine/core';
import {useInfiniteQuery, useQueryClient} from '@tanstack/react-query';
import {useState} from 'react';
import {Link, useSearchParams} from 'react-router-dom';
import {listQuarantine} from '../api/calls';
import type {Quarantined} from '../api/types';
import {useNow} from '../common/changes';
import {formatAgo, formatTime} from '../common/format';
import {Empty, MoreButton, PageHead, Reading, Tag} from '../common/pieces';
import {ProblemAlert} from '../common/problem_alert';
import {mayDecideSomewhere} from '../session/permissions';
import {useSession} from '../session/session_context';
import {useLanguage} from '../text/language';
import {DecideDialog} from './decide_dialog';
import {quarantineName, quarantineReason} from './names';
import common from '../common/common.module.css';

const kStates = ['waiting', 'applied', 'rejected', 'all'] as const;
type State = (typeof kStates)[number];
const kSelectedMax = 500;

export function QuarantinePage() {
  const {text, language} = useLanguage();
  const words = text.quarantine;
  const session = useSession();
  const now = useNow();
  const queries = useQueryClient();
  const [parameters, setParameters] = useSearchParams();
  const state = kStates.find((one) => one === parameters.get('state')) ?? 'waiting';
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [decision, setDecision] = useState<'release' | 'reject' | null>(null);
  const {data, error, isFetching, hasNextPage, fetchNextPage, refetch} = useInfiniteQuery({
    queryKey: ['quarantine', state, language],
    queryFn: ({pageParam}) =>
      listQuarantine({state, limit: 100, ...(pageParam ? {cursor: pageParam} : {})}),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next,
    meta: {live: true},
  });
  const rows = data?.pages.flatMap((page) => page.quarantine) ?? [];
  const mayDecide = mayDecideSomewhere(session);
  const waiting = rows.filter((row) => row.state === 'waiting');
  const chosen = waiting.filter((row) => selected.has(row.revisionId)).slice(0, kSelectedMax);
  const toggle = (id: string) => {
    const next = new Set(selected);
    if (!next.delete(id)) next.add(id);
    setSelected(next);
  };
  const close = (done: boolean) => {
    setDecision(null);
    if (!done) return;
    setSelected(new Set());
    void queries.invalidateQueries({queryKey: ['quarantine']});
  };
  return (
    <>
      <PageHead title={words.title}>
        <span className={common.dim}>{words.hint}</span>
      </PageHead>
      <Group gap="sm" mb="sm">
        <NativeSelect
          aria-label={text.common.state}
          value={state}
          data={kStates.map((value) => ({
            value,
            label: `${text.common.state}: ${words.states[value]}`,
          }))}
          onChange={(event) => setParameters({state: event.currentTarget.value as State})}
        />
        {mayDecide && (
          <>
            <span role="status">{text.queue.selected(chosen.length)}</span>
            <Button
              variant="default"
              disabled={chosen.length === 0}
              onClick={() => setDecision('release')}
            >
              {words.release}
            </Button>
            <Button
              variant="default"
              disabled={chosen.length === 0}
              onClick={() => setDecision('reject')}
            >
              {words.reject}
            </Button>
          </>
        )}
      </Group>
      {error && <ProblemAlert error={error} onRetry={() => void refetch()} />}
      {!data && isFetching && <Reading />}
      {data && (
        <div className={common.paper}>
          {rows.length === 0 ? (
            <Empty>{words.none}</Empty>
          ) : (
            <div className={common.scroll} tabIndex={0} role="region" aria-label={words.title}>
              <table className={`${common.table} ${common.wide}`}>
                <thead>
                  <tr>
                    {mayDecide && (
                      <th scope="col">
                        <Checkbox
                          aria-label={words.selectAll}
                          checked={waiting.length > 0 && chosen.length === waiting.length}
                          disabled={waiting.length === 0}
                          onChange={(event) =>
                            setSelected(
                              new Set(
                                event.currentTarget.checked
                                  ? waiting.map((row) => row.revisionId)
                                  : [],
                              ),
                            )
                          }
                        />
                      </th>
                    )}
                    <th scope="col">{words.record}</th>
                    <th scope="col">{words.why}</th>
                    <th scope="col">{text.common.site}</th>
                    <th scope="col">{words.edge}</th>
                    <th scope="col">{words.receivedAt}</th>
                    <th scope="col">{text.common.state}</th>
                  </tr>
                </thead>
                <tbody>
                  {rows.map((row) => (
                    <tr key={row.revisionId}>
                      {mayDecide && (
                        <td>
                          {row.state === 'waiting' && (
                            <Checkbox
                              aria-label={words.select(quarantineName(row, text))}
                              checked={selected.has(row.revisionId)}
                              onChange={() => toggle(row.revisionId)}
                            />
                          )}
                        </td>
                      )}
                      <td>
                        <Link to={`/quarantine/${row.revisionId}`}>
                          {quarantineName(row, text)}
                        </Link>
                      </td>
                      <td>
                        {quarantineReason(row, text)}
                        <div className={common.dim}>{row.detail}</div>
                      </td>
                      <td>{row.siteOID}</td>
                      <td className={common.nowrap}>{row.edgeId}</td>
                      <td className={common.nowrap} title={formatTime(row.receivedAt)}>
                        {formatAgo(row.receivedAt, now, text.common)}
                      </td>
                      <td>
                        <QuarantineState row={row} />
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
          {hasNextPage && <MoreButton busy={isFetching} onClick={() => void fetchNextPage()} />}
        </div>
      )}
      {decision && <DecideDialog decision={decision} revisions={chosen} onClose={close} />}
    </>
  );
}

export function QuarantineState({row}: {row: Quarantined}) {
  const {text} = useLanguage();
  const words = text.quarantine;
  if (row.state === 'waiting') {
    return row.held ? (
      <Tag title={words.heldHint}>{words.held}</Tag>
    ) : (
      <Tag tone="soft">{words.states.waiting}</Tag>
    );
  }
  return (
    <>
      <Tag tone={row.state === 'applied' ? 'good' : 'plain'}>{words.states[row.state]}</Tag>
      {row.decidedBy && row.decidedAt && (
        <div className={common.dim}>
          {words.decidedBy(row.decidedBy, formatTime(row.decidedAt))}
        </div>
      )}
    </>
  );
}
