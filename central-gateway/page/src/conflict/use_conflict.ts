// The conflict as the data manager sees it, and what they have chosen. What they see changes under
// their eyes only when they say so: a newer reading with other heads waits behind a banner.
import {useQuery, useQueryClient} from '@tanstack/react-query';
import {useEffect, useMemo, useState} from 'react';
import {showConflict} from '../api/calls';
import type {Conflict} from '../api/types';
import {useLanguage} from '../text/language';
import {carriedOver, undecided, type Decision} from './decision';
import {hasMoved, movesBetween, type Move} from './moved_on';

export function useConflict(conflictId: string) {
  const {language} = useLanguage();
  const queries = useQueryClient();
  const queryKey = ['conflict', conflictId, language];
  const query = useQuery({queryKey, queryFn: () => showConflict(conflictId), meta: {live: true}});
  const latest = query.data;
  const [seen, setSeen] = useState<Conflict | undefined>(latest);
  const [decision, setDecision] = useState<Decision>(undecided);
  // What changed when the gateway refused a decision; shown until it is read.
  const [adoptedMoves, setAdoptedMoves] = useState<Move[] | null>(null);

  // Nobody decides what waits for its site, so the answer is shown as soon as it is there.
  const hasChanged = seen !== undefined && latest !== undefined && hasMoved(seen, latest);
  const isWaiting = hasChanged && !seen.atSite;
  const waitingMoves = useMemo(
    () => (isWaiting && latest ? movesBetween(seen, latest, decision) : null),
    [isWaiting, seen, latest, decision],
  );
  // A reading in which only a claim or an assignee differs is simply shown.
  useEffect(() => {
    if (isWaiting || !latest) return;
    if (hasChanged) setDecision((before) => carriedOver(before, latest));
    setSeen(latest);
  }, [isWaiting, hasChanged, latest]);

  const adopt = (fresh: Conflict, moves: Move[] | null) => {
    setAdoptedMoves(moves);
    setDecision(carriedOver(decision, fresh));
    setSeen(fresh);
  };

  // Reads again now and shows what is there, after a refusal (`tell`) or one's own decision.
  const renew = async (tell: boolean) => {
    const fresh = await queries.fetchQuery({
      queryKey,
      queryFn: () => showConflict(conflictId),
      staleTime: 0,
    });
    adopt(fresh, tell && seen ? movesBetween(seen, fresh, decision) : null);
  };

  return {
    conflict: isWaiting ? seen : (latest ?? seen),
    latest,
    error: query.error,
    retry: () => void query.refetch(),
    decision,
    setDecision,
    moved: waitingMoves ?? adoptedMoves,
    isAdopted: waitingMoves === null,
    adoptLatest: () => latest && adopt(latest, null),
    dismissMoved: () => setAdoptedMoves(null),
    renew,
  };
}
