import {describe, expect, it} from 'vitest';
import {
  isFiltered,
  nextSort,
  readFilters,
  sortDirection,
  stateFilter,
  writeFilters,
} from './filters';

describe('the filters in the address', () => {
  it('come back as they were written', () => {
    const filters = {
      severity: 'hard',
      site: 'SITE.701',
      q: 'pulse 01-701',
      waitsFor: 'site',
      sort: '-items',
    } as const;
    expect(readFilters(writeFilters(filters))).toEqual(filters);
  });

  it('leave out what is understood', () => {
    expect(writeFilters({state: 'open', sort: 'due'})).toBe('');
    expect(readFilters('?state=open&sort=due')).toEqual({});
  });

  it('give the same text for the same filters in any order', () => {
    expect(writeFilters({site: 'A', form: 'B'})).toBe(writeFilters({form: 'B', site: 'A'}));
  });

  it('drop what the gateway would refuse', () => {
    const wrong = '?severity=fatal&sort=password&due=someday&state=lost&waitsFor=rain&colour=red';
    expect(readFilters(wrong)).toEqual({});
    expect(readFilters(`?q=${'x'.repeat(300)}`).q).toHaveLength(200);
  });

  it('know whether anything is filtered; an order alone does not', () => {
    expect(isFiltered({sort: '-due'})).toBe(false);
    expect(isFiltered({assignee: 'me'})).toBe(true);
  });
});

describe('the state', () => {
  it('is one choice with what an open conflict waits for', () => {
    const before = {state: 'resolved', site: 'A'} as const;
    expect(writeFilters({...before, ...stateFilter('site')})).toBe('?site=A&waitsFor=site');
    expect(writeFilters({...before, waitsFor: 'desk', ...stateFilter('all')})).toBe(
      '?site=A&state=all',
    );
    expect(writeFilters({waitsFor: 'site', ...stateFilter(undefined)})).toBe('');
    expect(readFilters('?state=all&waitsFor=site')).toEqual({waitsFor: 'site'});
  });
});

describe('the order', () => {
  it('turns round at the second click', () => {
    expect(nextSort(undefined, 'due')).toBe('-due');
    expect(nextSort(undefined, 'site')).toBe('site');
    expect(nextSort('site', 'site')).toBe('-site');
    expect(nextSort('-site', 'site')).toBe('site');
  });

  it('is told to a reader who cannot see the arrow', () => {
    expect(sortDirection(undefined, 'due')).toBe('ascending');
    expect(sortDirection('-items', 'items')).toBe('descending');
    expect(sortDirection('-items', 'due')).toBe('none');
  });
});
