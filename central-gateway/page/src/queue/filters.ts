// The queue's filters and order as they stand in the page's address, so that a link, a saved view
// and the browser's Back all mean the same. The names are those of the API.
import type {ConflictQuery, ConflictSort} from '../api/types';

export type Filters = Omit<ConflictQuery, 'limit' | 'cursor'>;

const kOneOf: {[Name in 'state' | 'severity' | 'due' | 'waitsFor']: readonly string[]} = {
  state: ['open', 'resolved', 'superseded', 'all'],
  severity: ['hard', 'soft'],
  due: ['overdue', 'today', 'week'],
  waitsFor: ['site', 'desk'],
};

export const sortColumns = [
  'severity',
  'study',
  'site',
  'subject',
  'event',
  'form',
  'items',
  'openedAt',
  'due',
  'assignee',
] as const;
export type SortColumn = (typeof sortColumns)[number];

const kTexts = ['study', 'site', 'subject', 'event', 'form', 'item', 'assignee', 'q'] as const;

export const defaultSort: ConflictSort = 'due';

// What an address says; what it says wrongly is left out rather than sent on.
export function readFilters(search: string): Filters {
  const parameters = new URLSearchParams(search);
  const filters: Record<string, string> = {};
  for (const [name, known] of Object.entries(kOneOf)) {
    const value = parameters.get(name);
    if (value !== null && known.includes(value)) filters[name] = value;
  }
  for (const name of kTexts) {
    const value = parameters.get(name)?.trim().slice(0, 200);
    if (value) filters[name] = value;
  }
  const sort = parameters.get('sort');
  if (sort !== null && (sortColumns as readonly string[]).includes(sort.replace(/^-/, '')))
    filters.sort = sort;
  return normal(filters as Filters);
}

// The same filters always give the same text, in a fixed order and without what is understood.
export function writeFilters(filters: Filters): string {
  const parameters = new URLSearchParams();
  const entries = Object.entries(normal(filters)).sort(([a], [b]) => a.localeCompare(b));
  for (const [name, value] of entries) if (value) parameters.set(name, String(value));
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

// What an open conflict waits for is chosen where the state is: one choice, two names in the API.
export function stateFilter(chosen: string | undefined): Pick<Filters, 'state' | 'waitsFor'> {
  const waitsFor = chosen === 'site' || chosen === 'desk' ? chosen : undefined;
  return {waitsFor, state: waitsFor ? undefined : (chosen as Filters['state'])};
}

function normal(filters: Filters): Filters {
  const {state, sort, ...rest} = filters;
  // Only an open conflict waits for anybody.
  const other = state && state !== 'open' && !rest.waitsFor;
  return {
    ...rest,
    ...(other ? {state} : {}),
    ...(sort && sort !== defaultSort ? {sort} : {}),
  };
}

export const isFiltered = (filters: Filters): boolean =>
  Object.entries(filters).some(
    ([name, value]) => name !== 'sort' && value !== undefined && value !== '',
  );

// A click on a column's head: this column upward, then downward.
export function nextSort(sort: ConflictSort | undefined, column: SortColumn): ConflictSort {
  return (sort ?? defaultSort) === column ? `-${column}` : column;
}

export function sortDirection(
  sort: ConflictSort | undefined,
  column: SortColumn,
): 'ascending' | 'descending' | 'none' {
  const now = sort ?? defaultSort;
  if (now === column) return 'ascending';
  return now === `-${column}` ? 'descending' : 'none';
}
