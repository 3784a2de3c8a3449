// The counts on top of the queue. Each is also the filter that shows what it counts.
import {keepPreviousData, useQuery} from '@tanstack/react-query';
import {countConflicts} from '../api/calls';
import type {ConflictCounts} from '../api/types';
import {formatNumber} from '../common/format';
import {useText} from '../text/language';
import {AgeChart} from './age_chart';
import {readFilters, writeFilters, type Filters} from './filters';
import classes from './counts.module.css';

interface Props {
  filters: Filters;
  onFilters: (filters: Filters) => void;
}

type Tile = {
  name: keyof ConflictCounts & ('hard' | 'soft' | 'overdue' | 'atSite' | 'mine' | 'unassigned');
  filter: Filters;
};

const kTiles: Tile[] = [
  {name: 'hard', filter: {severity: 'hard'}},
  {name: 'soft', filter: {severity: 'soft'}},
  {name: 'overdue', filter: {due: 'overdue'}},
  {name: 'atSite', filter: {waitsFor: 'site'}},
  {name: 'mine', filter: {assignee: 'me'}},
  {name: 'unassigned', filter: {assignee: 'none'}},
];

export function Counts({filters, onFilters}: Props) {
  const text = useText().queue;
  const {sort: _, ...counted} = filters;
  const key = writeFilters(counted);
  const {data} = useQuery({
    queryKey: ['conflict-counts', key],
    queryFn: ({signal}) => countConflicts(readFilters(key), signal),
    placeholderData: keepPreviousData,
    meta: {live: true},
  });
  return (
    <section className={classes.top} aria-label={text.columns.state}>
      <div className={classes.tiles}>
        <div className={classes.tile}>
          <span className={classes.number}>{data ? formatNumber(data.total) : '–'}</span>
          <span>{text.counts.total}</span>
        </div>
        {kTiles.map(({name, filter}) => {
          const [field, value] = Object.entries(filter)[0] as [keyof Filters, string];
          const on = filters[field] === value;
          return (
            <button
              key={name}
              type="button"
              className={classes.tile}
              aria-pressed={on}
              data-tone={name === 'hard' || name === 'overdue' ? 'hard' : undefined}
              onClick={() => onFilters({...filters, [field]: on ? undefined : value})}
            >
              <span className={classes.number}>{data ? formatNumber(data[name]) : '–'}</span>
              <span>{text.counts[name]}</span>
            </button>
          );
        })}
      </div>
      {data && data.byAge.length > 0 && <AgeChart byAge={data.byAge} />}
    </section>
  );
}
