// The conflict as the data manager sees it, and what they have chosen. What they see changes under their
// eyes only when they say so: a newer reading with other heads waits behind a banner.
import {useQuery, useQueryClient} from '@tanstack/react-query';
import {useCallback, useEffect, useState} from 'react';
import {showConflict} from '../api/calls';
import type {Conflict} from '../api/types';
import {useLanguage} from '../text/language';
import {carriedOver, undecided, type Decision} from './decision';
import {hasMoved, movesBetween, type Move} from './moved_on';

export interface Moved {
  moves: Move[];
  adopted: boolean;
}

export function useConflict(conflictId: string) {
  const {language} = useLanguage();
  const queries = useQueryClient();
  const queryKey = ['conflict', conflictId, language];
  const query = useQuery({queryKey, queryFn: () => showConflict(conflictId), meta: {live: true}});
  const latest = query.data;
  const [seen, setSeen] = useState<Conflict | undefined>(latest);
  const [decision, setDecision] = useState<Decision>(undecided);
  const [moved, setMoved] = useState<Moved | null>(null);

  useEffect(() => {
    if (!latest) return;
    // Nothing that one decides by has changed, or nothing was chosen yet: simply show it.
    if (!seen || !hasMoved(seen, latest)) setSeen(latest);
    else if (latest !== seen) setMoved({moves: movesBetween(seen, latest, decision), adopted: false});
    // Only a new reading asks this question; choosing an item does not.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [latest]);

  const adopt = useCallback(
    (fresh: Conflict | undefined, tell: boolean) => {
      if (!fresh) return;
      setMoved(tell && seen ? {moves: movesBetween(seen, fresh, decision), adopted: true} : null);
      setDecision(carriedOver(decision, fresh));
      setSeen(fresh);
    },
    [decision, seen],
  );

  // Reads again now and shows what is there; for after a refusal and after one's own decision.
  const renew = useCallback(
    async (tell: boolean) => {
      const fresh = await queries.fetchQuery({queryKey, queryFn: () => showConflict(conflictId), staleTime: 0});
      adopt(fresh, tell);
    },
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [queries, conflictId, language, adopt],
  );

  return {
    conflict: seen,
    latest,
    error: query.error,
    retry: () => void query.refetch(),
    decision,
    setDecision,
    moved,
    adoptLatest: () => adopt(latest, false),
    dismissMoved: () => setMoved(null),
    renew,
  };
}
