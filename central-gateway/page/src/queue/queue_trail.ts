// Where in the queue the reader was: so that Back finds the queue as it was left, and a decided
// conflict leads to the next one. Kept in memory only; a page that is loaded anew starts from the
// top.
import {listConflicts, showConflict} from '../api/calls';
import type {Conflict} from '../api/types';
import {readFilters} from './filters';
import {append, noPages, rowsOf, type LivePages} from './live_pages';

export interface QueueTrail {
  search: string; // The queue's filters, as in its address.
  pages: LivePages;
  activeId: string | null;
  scrollTop: number;
}

export const kQueuePageRows = 200;

let trail: QueueTrail = {search: '', pages: noPages, activeId: null, scrollTop: 0};

export const queueTrail = (): QueueTrail => trail;
export const setQueueTrail = (change: Partial<QueueTrail>): void => {
  trail = {...trail, ...change};
};
export const queueAddress = (): string => `/${trail.search}`;

export async function readMore(
  pages: LivePages,
  search: string,
  signal?: AbortSignal,
): Promise<LivePages> {
  const cursor = pages.shown.length === 0 ? null : pages.next;
  const answer = await listConflicts(
    {...readFilters(search), limit: kQueuePageRows, ...(cursor === null ? {} : {cursor})},
    signal,
  );
  return append(pages, {cursor, rows: answer.conflicts}, answer.next, answer.total);
}

// Returns the next (or, backward, the previous) conflict of the queue that is open, that nobody else
// has claimed and that does not wait for its site (unless the queue shows just those), already
// read; or null when there is none.
export async function neighbour(
  conflictId: string,
  me: string,
  step: 1 | -1,
): Promise<Conflict | null> {
  if (trail.pages.shown.length === 0) setQueueTrail({pages: await readMore(noPages, trail.search)});
  let rows = rowsOf(trail.pages.shown);
  let at = rows.findIndex((row) => row.conflictId === conflictId);
  if (at === -1 && step === -1) return null;
  for (;;) {
    at += step;
    if (at < 0) return null;
    if (at >= rows.length) {
      if (trail.pages.next === null) return null;
      setQueueTrail({pages: await readMore(trail.pages, trail.search)});
      rows = rowsOf(trail.pages.shown);
      if (at >= rows.length) return null;
    }
    const candidate = rows[at];
    if (!candidate || candidate.conflictId === conflictId) continue;
    const found = await readIfFree(candidate.conflictId, me);
    if (found) {
      setQueueTrail({activeId: found.conflictId});
      return found;
    }
  }
}

async function readIfFree(conflictId: string, me: string): Promise<Conflict | null> {
  try {
    const conflict = await showConflict(conflictId);
    const taken = conflict.claim !== null && conflict.claim.user !== me;
    const away = conflict.atSite && readFilters(trail.search).waitsFor !== 'site';
    return conflict.state === 'open' && !taken && !away ? conflict : null;
  } catch {
    // It is out of reach by now; the queue goes on behind it.
    return null;
  }
}
