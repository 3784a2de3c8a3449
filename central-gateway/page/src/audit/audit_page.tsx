// The audit trail: filtered, or as the story of one record; verified, exported, and its head taken
// away.
import {Alert, Button, Group, TextInput, Tooltip} from '@mantine/core';
import {useInfiniteQuery, useMutation} from '@tanstack/react-query';
import {useEffect, useState, type FormEvent} from 'react';
import {Link, useSearchParams} from 'react-router-dom';
import {exportAuditAddress, listAudit, showCheckpoint, verifyAudit} from '../api/calls';
import type {AuditEntry, QueryOf} from '../api/types';
import {saveFile} from '../common/download';
import {formatNumber, formatTime, shortId} from '../common/format';
import {useNotice} from '../common/notices';
import {Empty, MoreButton, PageHead, Reading} from '../common/pieces';
import {ProblemAlert} from '../common/problem_alert';
import {mayOpen} from '../session/permissions';
import {useSession} from '../session/session_context';
import {useText} from '../text/language';
import {fromLocal, readAuditFilters, toLocal, type AuditFilters} from './filters';
import common from '../common/common.module.css';

export function AuditPage() {
  const text = useText();
  const words = text.audit;
  const session = useSession();
  const [parameters, setParameters] = useSearchParams();
  const filters = readAuditFilters(parameters);
  const key = new URLSearchParams(filters as Record<string, string>).toString();
  const {data, error, isFetching, hasNextPage, fetchNextPage, refetch} = useInfiniteQuery({
    queryKey: ['audit', key],
    queryFn: ({pageParam}) =>
      listAudit({
        ...filters,
        limit: 100,
        ...(pageParam ? {cursor: pageParam} : {}),
      } as QueryOf<'listAudit'>),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next,
    // A long trail would be read again page by page; the reader asks for newer entries by loading
    // anew.
    meta: {live: false},
  });
  const entries = data?.pages.flatMap((page) => page.entries) ?? [];
  const object = filters.object;
  return (
    <>
      <PageHead title={object ? words.story(object) : words.title}>
        {object && <Link to="/audit">{words.storyEnd}</Link>}
        {object?.includes('/') && mayOpen(session, 'records') && (
          <Link to={`/records/${encodeURIComponent(object)}`}>{words.toRecord}</Link>
        )}
      </PageHead>
      <ChainTools filters={filters} />
      <FilterForm
        filters={filters}
        onFilters={(next) => setParameters(next as Record<string, string>)}
      />
      {error && <ProblemAlert error={error} onRetry={() => void refetch()} />}
      {!data && isFetching && <Reading />}
      {data && (
        <div className={common.paper}>
          {entries.length === 0 ? <Empty>{words.none}</Empty> : <Entries entries={entries} />}
          {hasNextPage && <MoreButton busy={isFetching} onClick={() => void fetchNextPage()} />}
        </div>
      )}
    </>
  );
}

function ChainTools({filters}: {filters: AuditFilters}) {
  const text = useText();
  const words = text.audit;
  const tell = useNotice();
  const verify = useMutation({mutationFn: verifyAudit});
  const checkpoint = useMutation({
    mutationFn: showCheckpoint,
    onSuccess: (head) => {
      saveFile(
        `edcsync-checkpoint-${head.entries}.json`,
        `${JSON.stringify(head, null, 2)}\n`,
        'application/json',
      );
      tell(words.checkpointDone(formatNumber(head.entries)));
    },
  });
  const findings = verify.data?.findings ?? [];
  return (
    <>
      <Group gap="xs" mb="sm">
        <Button loading={verify.isPending} onClick={() => verify.mutate()}>
          {words.verify}
        </Button>
        <Tooltip label={words.checkpointHint} multiline w={300}>
          <Button
            variant="default"
            loading={checkpoint.isPending}
            onClick={() => checkpoint.mutate()}
          >
            {words.checkpoint}
          </Button>
        </Tooltip>
        <Button component="a" variant="default" download href={exportAuditAddress(filters, 'csv')}>
          {text.common.exportCsv}
        </Button>
        <Button component="a" variant="default" download href={exportAuditAddress(filters, 'json')}>
          {text.common.exportJson}
        </Button>
      </Group>
      <div role="status">
        {verify.isPending && <p className={common.dim}>{words.verifying}</p>}
        {verify.data && findings.length === 0 && (
          <Alert variant="outline" color="green" mb="sm">
            {words.verifyGood(formatNumber(verify.data.entries))}
          </Alert>
        )}
      </div>
      {verify.data && findings.length > 0 && (
        <Alert
          variant="outline"
          color="red"
          role="alert"
          mb="sm"
          title={words.verifyBad(formatNumber(verify.data.entries), findings.length)}
        >
          <ul className={common.outcomes}>
            {findings.map((finding) => (
              <li key={finding}>{finding}</li>
            ))}
          </ul>
        </Alert>
      )}
      {verify.isError && <ProblemAlert error={verify.error} />}
      {checkpoint.isError && <ProblemAlert error={checkpoint.error} />}
    </>
  );
}

function FilterForm({
  filters,
  onFilters,
}: {
  filters: AuditFilters;
  onFilters: (filters: AuditFilters) => void;
}) {
  const text = useText();
  const words = text.audit;
  const [typed, setTyped] = useState(filters);
  const outside = JSON.stringify(filters);
  useEffect(() => setTyped(JSON.parse(outside) as AuditFilters), [outside]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onFilters(Object.fromEntries(Object.entries(typed).filter(([, value]) => value?.trim())));
  };
  const field = (name: 'object' | 'action' | 'actor', label: string, hint?: string) => (
    <TextInput
      label={label}
      placeholder={hint}
      title={hint}
      value={typed[name] ?? ''}
      onChange={(event) => setTyped({...typed, [name]: event.currentTarget.value})}
    />
  );
  const time = (name: 'from' | 'to', label: string) => (
    <TextInput
      label={label}
      placeholder="YYYY-MM-DD HH:MM"
      defaultValue={toLocal(filters[name])}
      key={`${name} ${filters[name]}`}
      pattern="\d{4}-\d{2}-\d{2}( \d{2}:\d{2})?"
      title="YYYY-MM-DD HH:MM"
      onChange={(event) => setTyped({...typed, [name]: fromLocal(event.currentTarget.value)})}
    />
  );
  return (
    <form className={common.filters} role="search" onSubmit={submit}>
      {field('object', words.object, words.objectHint)}
      {field('action', words.action, words.actionHint)}
      {field('actor', words.actor)}
      {time('from', words.from)}
      {time('to', words.to)}
      <Button type="submit">{text.common.search}</Button>
      {outside !== '{}' && (
        <Button variant="subtle" onClick={() => onFilters({})}>
          {text.common.clear}
        </Button>
      )}
    </form>
  );
}

function Entries({entries}: {entries: AuditEntry[]}) {
  const words = useText().audit;
  const {time} = useText().common;
  return (
    <div className={common.scroll} tabIndex={0} role="region" aria-label={words.title}>
      <table className={`${common.table} ${common.wide}`}>
        <thead>
          <tr>
            <th scope="col" className={common.num}>
              {words.number}
            </th>
            <th scope="col">{time}</th>
            <th scope="col">{words.actor}</th>
            <th scope="col">{words.action}</th>
            <th scope="col">{words.object}</th>
            <th scope="col">{words.detail}</th>
            <th scope="col">{words.hash}</th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <tr key={entry.number}>
              <td className={common.num}>{formatNumber(entry.number)}</td>
              <td className={common.nowrap} title={entry.at}>
                {formatTime(entry.at)}
              </td>
              <td className={common.nowrap}>{entry.actor}</td>
              <td className={`${common.mono} ${common.nowrap}`}>{entry.action}</td>
              <td>
                <Link to={`/audit?object=${encodeURIComponent(entry.object)}`}>{entry.object}</Link>
              </td>
              <td className={common.wrap}>{entry.detail}</td>
              <td className={`${common.mono} ${common.nowrap}`} title={entry.hash}>
                {shortId(entry.hash)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
