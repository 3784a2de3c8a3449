// The queue's filters in one line; on a narrow screen they fold behind a button.
import {Button, NativeSelect, TextInput} from '@mantine/core';
import {useQuery} from '@tanstack/react-query';
import {useEffect, useRef, useState, type RefObject} from 'react';
import {listUsers} from '../api/calls';
import {namedOf, sitesOf, useStudies} from '../common/studies';
import {mayDecideSomewhere} from '../session/permissions';
import {useSession} from '../session/session_context';
import {useText} from '../text/language';
import {isFiltered, stateFilter, type Filters} from './filters';
import classes from './queue.module.css';

interface Props {
  filters: Filters;
  onFilters: (filters: Filters, replace?: boolean) => void;
  searchRef: RefObject<HTMLInputElement>;
}

// A search is sent when the reader pauses, not at every letter.
const kPauseMs = 250;

export function FilterBar({filters, onFilters, searchRef}: Props) {
  const text = useText();
  const session = useSession();
  const studies = useStudies();
  const {data: people} = useQuery({
    queryKey: ['users', 'names'],
    queryFn: listUsers,
    enabled: mayDecideSomewhere(session),
    staleTime: 300_000,
  });
  const [open, setOpen] = useState(false);
  const set = (change: Filters) => onFilters({...filters, ...change});
  const named = (part: 'events' | 'forms') =>
    namedOf(studies, part, filters.study).map(({oid, name}) => ({value: oid, label: name}));
  const plain = (values: string[]) => values.map((value) => ({value, label: value}));
  const {columns, states, waitsFor, dueIs, severity, me, unassigned} = text.queue;
  const users = (people?.users ?? []).filter((user) => user.user !== session.user);

  return (
    <div role="search" className={classes.filters}>
      <PausedInput
        inputRef={searchRef}
        className={classes.search}
        label={text.queue.searchLabel}
        value={filters.q ?? ''}
        onValue={(q) => onFilters({...filters, q}, true)}
        type="search"
      />
      <Button
        variant="default"
        className={classes.fold}
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        {text.queue.filters}
        {isFiltered(filters) ? ' •' : ''}
      </Button>
      <div className={classes.selects} data-open={open || undefined}>
        <Select
          label={text.common.state}
          value={filters.waitsFor ?? filters.state}
          onValue={(value) => set(stateFilter(value))}
          anyLabel={states.open}
          data={[
            ...(['site', 'desk'] as const).map((value) => ({value, label: waitsFor[value]})),
            ...(['resolved', 'superseded', 'all'] as const).map((value) => ({
              value,
              label: states[value],
            })),
          ]}
        />
        <Select
          label={columns.severity}
          value={filters.severity}
          onValue={(value) => set({severity: value as Filters['severity']})}
          data={(['hard', 'soft'] as const).map((value) => ({value, label: severity[value]}))}
        />
        {studies.length > 1 && (
          <Select
            label={text.common.study}
            value={filters.study}
            onValue={(study) => set({study})}
            data={studies.map(({studyOID, name}) => ({value: studyOID, label: name}))}
          />
        )}
        <Select
          label={text.common.site}
          value={filters.site}
          onValue={(site) => set({site})}
          data={plain(sitesOf(studies, filters.study))}
        />
        <Select
          label={text.common.event}
          value={filters.event}
          onValue={(event) => set({event})}
          data={named('events')}
        />
        <Select
          label={text.common.form}
          value={filters.form}
          onValue={(form) => set({form})}
          data={named('forms')}
        />
        <Select
          label={columns.due}
          value={filters.due}
          onValue={(due) => set({due: due as Filters['due']})}
          data={(['overdue', 'today', 'week'] as const).map((value) => ({
            value,
            label: dueIs[value],
          }))}
        />
        <Select
          label={columns.assignee}
          value={filters.assignee}
          onValue={(assignee) => set({assignee})}
          data={[
            {value: 'me', label: me},
            {value: 'none', label: unassigned},
            ...users.map(({user, fullName}) => ({value: user, label: fullName})),
          ]}
        />
        <PausedInput
          label={text.common.subject}
          value={filters.subject ?? ''}
          onValue={(subject) => set({subject})}
        />
        <PausedInput
          label={text.common.item}
          value={filters.item ?? ''}
          onValue={(item) => set({item})}
        />
        {isFiltered(filters) && (
          <Button variant="subtle" onClick={() => onFilters({sort: filters.sort})}>
            {text.queue.clearFilters}
          </Button>
        )}
      </div>
    </div>
  );
}

interface SelectProps {
  label: string;
  value: string | undefined;
  anyLabel?: string;
  data: {value: string; label: string}[];
  onValue: (value: string | undefined) => void;
}

function Select({label, value, anyLabel, data, onValue}: SelectProps) {
  const {anyOf} = useText().common;
  // A value that the list lacks (from a link) is shown all the same, or the filter would be
  // invisible.
  const known = value === undefined || data.some((entry) => entry.value === value);
  const entries = known ? data : [...data, {value, label: value}];
  return (
    <NativeSelect
      aria-label={label}
      value={value ?? ''}
      data-on={value !== undefined || undefined}
      className={classes.select}
      data={[
        {value: '', label: anyLabel ? `${label}: ${anyLabel}` : anyOf(label)},
        ...entries.map((entry) => ({value: entry.value, label: `${label}: ${entry.label}`})),
      ]}
      onChange={(event) => onValue(event.currentTarget.value || undefined)}
    />
  );
}

interface PausedInputProps {
  label: string;
  value: string;
  onValue: (value: string | undefined) => void;
  inputRef?: RefObject<HTMLInputElement>;
  className?: string;
  type?: string;
}

function PausedInput({label, value, onValue, inputRef, className, type}: PausedInputProps) {
  const [typed, setTyped] = useState(value);
  const tell = useRef(onValue);
  tell.current = onValue;
  useEffect(() => setTyped(value), [value]);
  useEffect(() => {
    if (typed.trim() === value) return;
    const timer = window.setTimeout(() => tell.current(typed.trim() || undefined), kPauseMs);
    return () => window.clearTimeout(timer);
  }, [typed, value]);
  return (
    <TextInput
      ref={inputRef}
      className={className}
      aria-label={label}
      placeholder={label}
      type={type}
      value={typed}
      maxLength={200}
      onChange={(event) => setTyped(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === 'Escape') event.currentTarget.blur();
      }}
    />
  );
}
