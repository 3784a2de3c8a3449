// Finds records by their key and, within a study, by what they hold.
import {Button, NativeSelect, TextInput} from '@mantine/core';
import {useInfiniteQuery} from '@tanstack/react-query';
import {useEffect, useState, type FormEvent} from 'react';
import {Link, useSearchParams} from 'react-router-dom';
import {searchRecords} from '../api/calls';
import type {QueryOf, RecordSummary} from '../api/types';
import {Empty, MoreButton, PageHead, Reading, Tag} from '../common/pieces';
import {ProblemAlert} from '../common/problem_alert';
import {namedOf, sitesOf, useStudies} from '../common/studies';
import {useLanguage, useText} from '../text/language';
import common from '../common/common.module.css';

const kFields = ['study', 'site', 'subject', 'event', 'form', 'item', 'value'] as const;
type Query = Partial<Record<(typeof kFields)[number], string>>;

const readQuery = (parameters: URLSearchParams): Query =>
  Object.fromEntries(
    kFields.flatMap((field) => (parameters.get(field) ? [[field, parameters.get(field)]] : [])),
  );

export function RecordsPage() {
  const {text, language} = useLanguage();
  const [parameters, setParameters] = useSearchParams();
  const query = readQuery(parameters);
  const key = new URLSearchParams(query).toString();
  const {data, error, isFetching, fetchNextPage, hasNextPage, refetch} = useInfiniteQuery({
    queryKey: ['records', key, language],
    queryFn: ({pageParam}) =>
      searchRecords({
        ...query,
        limit: 100,
        ...(pageParam ? {cursor: pageParam} : {}),
      } as QueryOf<'searchRecords'>),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next,
    meta: {live: true},
  });
  const records = data?.pages.flatMap((page) => page.records) ?? [];
  return (
    <>
      <PageHead title={text.records.title} />
      <SearchForm query={query} onQuery={(next) => setParameters(next as Record<string, string>)} />
      {error && <ProblemAlert error={error} onRetry={() => void refetch()} />}
      {!data && isFetching && <Reading />}
      {data && (
        <div className={common.paper}>
          {records.length > 0 && <Results records={records} />}
          {records.length === 0 && !hasNextPage && <Empty>{text.records.none}</Empty>}
          {hasNextPage && (
            <>
              {query.value && <p className={common.empty}>{text.records.partial}</p>}
              <MoreButton
                busy={isFetching}
                onClick={() => void fetchNextPage()}
                label={query.value ? text.records.goOn : undefined}
              />
            </>
          )}
        </div>
      )}
    </>
  );
}

function SearchForm({query, onQuery}: {query: Query; onQuery: (query: Query) => void}) {
  const text = useText();
  const studies = useStudies();
  const [typed, setTyped] = useState<Query>(query);
  const outside = new URLSearchParams(query).toString();
  useEffect(() => {
    setTyped(readQuery(new URLSearchParams(outside)));
  }, [outside]);
  // With one study there is nothing to choose, and a value can be searched at once.
  const onlyStudy = studies.length === 1 ? studies[0]?.studyOID : undefined;
  const study = typed.study ?? onlyStudy;
  const set = (change: Query) => setTyped({...typed, ...change});
  const named = (part: 'events' | 'forms') => [
    {value: '', label: text.common.any},
    ...namedOf(studies, part, study).map(({oid, name}) => ({value: oid, label: name})),
  ];
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const next: Query = {...typed, ...(typed.value && study ? {study} : {})};
    onQuery(Object.fromEntries(Object.entries(next).filter(([, value]) => value?.trim())));
  };
  return (
    <form className={common.filters} onSubmit={submit} role="search">
      <NativeSelect
        label={text.common.study}
        value={typed.study ?? ''}
        data={[
          {value: '', label: text.common.any},
          ...studies.map(({studyOID, name}) => ({value: studyOID, label: name})),
        ]}
        onChange={(event) => set({study: event.currentTarget.value})}
      />
      <NativeSelect
        label={text.common.site}
        value={typed.site ?? ''}
        data={[{value: '', label: text.common.any}, ...sitesOf(studies, study)]}
        onChange={(event) => set({site: event.currentTarget.value})}
      />
      <TextInput
        label={text.common.subject}
        value={typed.subject ?? ''}
        onChange={(event) => set({subject: event.currentTarget.value})}
      />
      <NativeSelect
        label={text.common.event}
        value={typed.event ?? ''}
        data={named('events')}
        onChange={(event) => set({event: event.currentTarget.value})}
      />
      <NativeSelect
        label={text.common.form}
        value={typed.form ?? ''}
        data={named('forms')}
        onChange={(event) => set({form: event.currentTarget.value})}
      />
      <TextInput
        label={text.common.item}
        value={typed.item ?? ''}
        onChange={(event) => set({item: event.currentTarget.value})}
      />
      <TextInput
        label={text.records.value}
        value={typed.value ?? ''}
        maxLength={200}
        error={typed.value && !study ? text.records.valueNeedsStudy : undefined}
        onChange={(event) => set({value: event.currentTarget.value})}
      />
      <Button type="submit" disabled={Boolean(typed.value && !study)}>
        {text.common.search}
      </Button>
    </form>
  );
}

function Results({records}: {records: RecordSummary[]}) {
  const text = useText();
  const withFound = records.some((record) => record.found && record.found.length > 0);
  return (
    <div className={common.scroll} tabIndex={0} role="region" aria-label={text.records.title}>
      <table className={`${common.table} ${common.wide}`}>
        <thead>
          <tr>
            <th scope="col">{text.common.subject}</th>
            <th scope="col">{text.common.event}</th>
            <th scope="col">{text.common.form}</th>
            <th scope="col">{text.common.site}</th>
            <th scope="col">{text.common.study}</th>
            <th scope="col" className={common.num}>
              {text.common.version}
            </th>
            {withFound && <th scope="col">{text.records.found}</th>}
            <th scope="col">{text.common.state}</th>
          </tr>
        </thead>
        <tbody>
          {records.map((record) => (
            <tr key={record.key}>
              <td>
                <Link to={`/records/${encodeURIComponent(record.key)}`}>{record.subjectKey}</Link>
              </td>
              <td>{record.event.name}</td>
              <td>{record.form.name}</td>
              <td>{record.siteOID}</td>
              <td>{record.studyOID}</td>
              <td className={common.num}>{record.version}</td>
              {withFound && (
                <td>
                  {record.found?.map((found) => (
                    <div key={found.path}>
                      <span className={common.dim}>{found.question}:</span> {found.value}
                    </div>
                  ))}
                </td>
              )}
              <td>
                {record.conflict && <Tag tone="hard">{text.records.inConflict}</Tag>}
                {record.removed && <Tag>{text.records.removed}</Tag>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
