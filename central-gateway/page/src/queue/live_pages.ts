// The queue's rows while others work on it. Rows on the screen must not move under the pointer, so
// two lists are kept: `shown`, in the order the reader knows, and `latest`, as the gateway has it
// now. Re-reading brings the shown rows up to date in place; only apply() moves, adds or removes
// any.
import type {ConflictSummary} from '../api/types';

export interface Page {
  cursor: string | null; // Where this page begins; null for the first.
  rows: ConflictSummary[];
}

export interface LivePages {
  shown: Page[];
  latest: Page[];
  next: string | null; // Behind the last page.
  total: number;
}

export const noPages: LivePages = {shown: [], latest: [], next: null, total: 0};

export const rowsOf = (pages: Page[]): ConflictSummary[] => pages.flatMap((page) => page.rows);

// A further page at the end. A row that is already there (it moved back while we scrolled) stays
// where it was first seen.
export function append(
  pages: LivePages,
  page: Page,
  next: string | null,
  total: number,
): LivePages {
  const known = new Set(rowsOf(pages.latest).map((row) => row.conflictId));
  const fresh = {cursor: page.cursor, rows: page.rows.filter((row) => !known.has(row.conflictId))};
  return {shown: [...pages.shown, fresh], latest: [...pages.latest, fresh], next, total};
}

// Takes in a page that was read again. `last` says that no page lies behind it.
export function reread(
  pages: LivePages,
  index: number,
  rows: ConflictSummary[],
  total: number,
  last: boolean,
): LivePages {
  const latest = mergePage(pages.latest, index, rows, last);
  const now = new Map(rowsOf(latest).map((row) => [row.conflictId, row]));
  const shown = pages.shown.map((page) => ({
    ...page,
    rows: page.rows.map((row) => now.get(row.conflictId) ?? row),
  }));
  return {...pages, shown, latest, total};
}

// A row of the page that the new reading lacks is gone if the reading reaches beyond its place.
// Otherwise new rows have only pushed it behind the page's end, and it stays as the page's tail.
export function mergePage(
  pages: Page[],
  index: number,
  rows: ConflictSummary[],
  last: boolean,
): Page[] {
  const place = new Map(rowsOf(pages).map((row, at) => [row.conflictId, at]));
  const read = new Set(rows.map((row) => row.conflictId));
  const reach = last
    ? Infinity
    : Math.max(-1, ...rows.map((row) => place.get(row.conflictId) ?? -1));
  return pages.map((page, at) => {
    const others = page.rows.filter((row) => !read.has(row.conflictId));
    if (at !== index) return {...page, rows: others};
    const pushed = others.filter((row) => (place.get(row.conflictId) ?? 0) > reach);
    return {...page, rows: [...rows, ...pushed]};
  });
}

export function goneIds(pages: LivePages): Set<string> {
  const now = new Set(rowsOf(pages.latest).map((row) => row.conflictId));
  return new Set(
    rowsOf(pages.shown)
      .map((row) => row.conflictId)
      .filter((id) => !now.has(id)),
  );
}

export function freshCount(pages: LivePages): number {
  const shown = new Set(rowsOf(pages.shown).map((row) => row.conflictId));
  return rowsOf(pages.latest).filter((row) => !shown.has(row.conflictId)).length;
}

export const apply = (pages: LivePages): LivePages => ({...pages, shown: pages.latest});

// The pages that the given rows of the shown list lie in.
export function pagesAt(pages: Page[], firstRow: number, lastRow: number): number[] {
  const found: number[] = [];
  let start = 0;
  pages.forEach((page, index) => {
    const end = start + page.rows.length;
    if (start <= lastRow && end > firstRow) found.push(index);
    start = end;
  });
  return found;
}
