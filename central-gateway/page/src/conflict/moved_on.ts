// What changed between the conflict a data manager was looking at and the one that is there now.
import type {Conflict} from '../api/types';
import {allItems, carriedOver, choiceFor, disputedItems, headsOf, type Decision} from './decision';

export type Move =
  | {kind: 'headAdded' | 'headGone'; who: string; version: number}
  | {kind: 'newDispute' | 'noDispute' | 'choiceDropped'; item: string}
  | {kind: 'resolved' | 'superseded'};

export const sameHeads = (a: Pick<Conflict, 'heads'>, b: Pick<Conflict, 'heads'>): boolean =>
  a.heads.length === b.heads.length && a.heads.every((head) => b.heads.includes(head));

export const hasMoved = (seen: Conflict, fresh: Conflict): boolean =>
  seen.state !== fresh.state || !sameHeads(seen, fresh);

export function movesBetween(seen: Conflict, fresh: Conflict, decision: Decision): Move[] {
  const moves: Move[] = [];
  if (fresh.state !== seen.state && fresh.state !== 'open') moves.push({kind: fresh.state});
  for (const head of headsOf(fresh)) {
    if (!seen.heads.includes(head.revisionId)) {
      moves.push({kind: 'headAdded', who: head.user, version: head.version});
    }
  }
  for (const head of headsOf(seen)) {
    if (!fresh.heads.includes(head.revisionId)) {
      moves.push({kind: 'headGone', who: head.user, version: head.version});
    }
  }
  const before = new Set(disputedItems(seen).map((item) => item.path));
  const after = new Set(disputedItems(fresh).map((item) => item.path));
  const kept = carriedOver(decision, fresh);
  for (const item of allItems(fresh)) {
    if (after.has(item.path) && !before.has(item.path))
      moves.push({kind: 'newDispute', item: item.question});
    if (!after.has(item.path) && before.has(item.path))
      moves.push({kind: 'noDispute', item: item.question});
    const dropped = choiceFor(decision, item.path) && !choiceFor(kept, item.path);
    if (dropped && before.has(item.path) && after.has(item.path)) {
      moves.push({kind: 'choiceDropped', item: item.question});
    }
  }
  return moves;
}
