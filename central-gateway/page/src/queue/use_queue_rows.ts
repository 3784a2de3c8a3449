// The queue's rows for one set of filters: further pages as one scrolls, and quiet re-reading of
// the pages on the screen whenever the store has changed.
import {useCallback, useEffect, useRef, useState} from 'react';
import {listConflicts} from '../api/calls';
import {useChanges} from '../common/changes';
import {readFilters} from './filters';
import {apply, noPages, pagesAt, reread, type LivePages} from './live_pages';
import {kQueuePageRows, queueTrail, readMore, setQueueTrail} from './queue_trail';

export interface QueueRows {
  pages: LivePages;
  busy: boolean;
  error: unknown;
  more: () => void;
  again: () => void;
  applyChanges: () => void;
  // Begins again at the top, after one's own changes.
  reload: () => void;
  // The rows on the screen, first and last; told by the table.
  onRange: (first: number, last: number) => void;
}

export function useQueueRows(search: string): QueueRows {
  const [pages, setPages] = useState<LivePages>(() =>
    queueTrail().search === search ? queueTrail().pages : noPages,
  );
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const {version} = useChanges();
  const now = useRef({search, pages, busy: false, range: [0, 0] as [number, number]});
  now.current.pages = pages;

  const keep = useCallback((next: LivePages) => {
    now.current.pages = next;
    setPages(next);
    setQueueTrail({search: now.current.search, pages: next});
  }, []);

  const read = useCallback(
    async (from: LivePages) => {
      if (now.current.busy) return;
      const asked = now.current.search;
      now.current.busy = true;
      setBusy(true);
      setError(null);
      try {
        const next = await readMore(from, asked);
        if (now.current.search === asked) keep(next);
      } catch (caught) {
        if (now.current.search === asked) setError(caught);
      } finally {
        if (now.current.search === asked) {
          now.current.busy = false;
          setBusy(false);
        }
      }
    },
    [keep],
  );

  useEffect(() => {
    const known = queueTrail().search === search && queueTrail().pages.shown.length > 0;
    now.current.search = search;
    now.current.busy = false;
    setBusy(false);
    if (known) {
      setPages(queueTrail().pages);
      return;
    }
    setPages(noPages);
    setQueueTrail({search, pages: noPages, activeId: null, scrollTop: 0});
    void read(noPages);
  }, [search, read]);

  const rereadVisible = useCallback(async () => {
    const asked = now.current.search;
    const [first, last] = now.current.range;
    for (const index of pagesAt(now.current.pages.shown, first, last)) {
      const page = now.current.pages.shown[index];
      if (!page) continue;
      const cursor = page.cursor === null ? {} : {cursor: page.cursor};
      const answer = await listConflicts({...readFilters(asked), limit: kQueuePageRows, ...cursor});
      if (now.current.search !== asked) return;
      const isEnd = index === now.current.pages.shown.length - 1;
      const next = reread(
        now.current.pages,
        index,
        answer.conflicts,
        answer.total,
        answer.next === null,
      );
      keep(isEnd ? {...next, next: answer.next} : next);
    }
  }, [keep]);

  useEffect(() => {
    if (version === null || now.current.pages.shown.length === 0) return;
    // A failed re-reading is made good by the next one; the lamp in the frame shows a lost
    // connection.
    rereadVisible().catch(() => {});
  }, [version, rereadVisible]);

  const more = useCallback(() => {
    if (now.current.pages.shown.length > 0 && now.current.pages.next !== null)
      void read(now.current.pages);
  }, [read]);

  return {
    pages,
    busy,
    error,
    more,
    again: useCallback(() => void read(now.current.pages), [read]),
    applyChanges: useCallback(() => keep(apply(now.current.pages)), [keep]),
    reload: useCallback(() => {
      keep(noPages);
      setQueueTrail({activeId: null, scrollTop: 0});
      void read(noPages);
    }, [keep, read]),
    onRange: useCallback((first: number, last: number) => {
      now.current.range = [first, last];
    }, []),
  };
}
