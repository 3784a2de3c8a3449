import {describe, expect, it} from 'vitest';
import type {ConflictSummary} from '../api/types';
import {
  append,
  apply,
  freshCount,
  goneIds,
  noPages,
  pagesAt,
  reread,
  rowsOf,
  type LivePages,
} from './live_pages';

const row = (conflictId: string, assignee: string | null = null) =>
  ({conflictId, assignee}) as ConflictSummary;
const rows = (ids: string) =>
  ids
    .split('')
    .filter(Boolean)
    .map((id) => row(id));
const ids = (pages: LivePages['shown']) =>
  rowsOf(pages)
    .map((one) => one.conflictId)
    .join('');

function queue(...texts: string[]): LivePages {
  return texts.reduce(
    (pages, text, index) =>
      append(
        pages,
        {cursor: index === 0 ? null : `c${index}`, rows: rows(text)},
        `c${index + 1}`,
        100,
      ),
    noPages,
  );
}

describe('the queue while others work on it', () => {
  it('shows a changed assignee at once and where the row was', () => {
    const pages = reread(
      queue('abc', 'def'),
      0,
      [row('a'), row('b', 'amina'), row('c')],
      100,
      false,
    );
    expect(ids(pages.shown)).toBe('abcdef');
    expect(rowsOf(pages.shown)[1]?.assignee).toBe('amina');
  });

  it('moves no row until it is told to', () => {
    const pages = reread(queue('abc', 'def'), 0, rows('xac'), 100, false);
    expect(ids(pages.shown)).toBe('abcdef');
    expect(freshCount(pages)).toBe(1);
    expect([...goneIds(pages)]).toEqual(['b']);
    expect(ids(apply(pages).shown)).toBe('xacdef');
    expect(freshCount(apply(pages))).toBe(0);
  });

  it('keeps rows that new ones pushed behind the page’s end', () => {
    const pages = reread(queue('abc', 'def'), 0, rows('xya'), 100, false);
    expect([...goneIds(pages)]).toEqual([]);
    expect(ids(apply(pages).shown)).toBe('xyabcdef');
  });

  it('does not double a row that slid forward into the page that was read again', () => {
    const pages = apply(reread(queue('abc', 'def'), 0, rows('acd'), 99, false));
    expect(ids(pages.shown)).toBe('acdef');
    expect(pages.total).toBe(99);
  });

  it('takes what is absent from the last page as gone', () => {
    const pages = reread(queue('abc', 'def'), 1, rows('d'), 4, true);
    expect([...goneIds(pages)].sort()).toEqual(['e', 'f']);
  });

  it('takes an emptied page as gone only if nothing lies behind it', () => {
    expect(goneIds(reread(queue('abc'), 0, [], 0, true)).size).toBe(3);
  });

  it('does not double a row that slid back while one scrolled', () => {
    const pages = append(queue('abc'), {cursor: 'c1', rows: rows('cde')}, null, 5);
    expect(ids(pages.shown)).toBe('abcde');
  });

  it('finds the pages on the screen', () => {
    const pages = queue('abc', 'def', 'gh').shown;
    expect(pagesAt(pages, 0, 2)).toEqual([0]);
    expect(pagesAt(pages, 2, 3)).toEqual([0, 1]);
    expect(pagesAt(pages, 7, 7)).toEqual([2]);
  });
});
