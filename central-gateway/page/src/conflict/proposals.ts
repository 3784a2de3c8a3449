// What has been proposed to the site about one conflict, and how it stands. Pure.
import type {Conflict, Item, ItemState, Proposal} from '../api/types';
import {disputedItems} from './decision';

type Proposals = Pick<Conflict, 'proposals'>;

// Whether a decision is the site's to agree to.
export const needsConsent = (conflict: Pick<Conflict, 'resolutionMode'>): boolean =>
  conflict.resolutionMode === 'site_endorsed';

export const waitingProposal = (conflict: Proposals): Proposal | null =>
  conflict.proposals.find((proposal) => proposal.state === 'waiting') ?? null;

// The site's last word, if it was no and nothing has been proposed since; only while that still
// matters, which is as long as the conflict is open.
export function standingRejection(conflict: Proposals & Pick<Conflict, 'state'>): Proposal | null {
  const last = conflict.proposals[conflict.proposals.length - 1];
  return conflict.state === 'open' && last?.state === 'rejected' ? last : null;
}

// Those that are over, newest first, without the one that stands above the table.
export function formerProposals(conflict: Proposals & Pick<Conflict, 'state'>): Proposal[] {
  const standing = standingRejection(conflict);
  return conflict.proposals
    .filter((proposal) => proposal.state !== 'waiting' && proposal !== standing)
    .reverse();
}

// The proposal by which the site agreed to what counts, if it was asked.
export const acceptedProposal = (
  conflict: Proposals & Pick<Conflict, 'resolution'>,
): Proposal | null =>
  conflict.proposals.find(
    (proposal) =>
      proposal.state === 'accepted' && proposal.revisionId === conflict.resolution?.revisionId,
  ) ?? null;

// What is in dispute and would stay as it counts now; nothing if the record would be removed.
export function stayingItems(
  conflict: Proposals & Pick<Conflict, 'groups' | 'currentRevisionId'>,
): {item: Item; state: ItemState | null}[] {
  const waiting = waitingProposal(conflict);
  if (!waiting || waiting.removes) return [];
  const changing = new Set(waiting.items.map(({path}) => path));
  return disputedItems(conflict)
    .filter((item) => !changing.has(item.path))
    .map((item) => ({item, state: item.values[conflict.currentRevisionId] ?? null}));
}

// By path what the form would hold if the site agreed: every item in dispute and every one that
// changes. Null while nothing waits.
export function proposedStates(
  conflict: Proposals & Pick<Conflict, 'groups' | 'currentRevisionId'>,
): ReadonlyMap<string, ItemState> | null {
  const waiting = waitingProposal(conflict);
  if (!waiting) return null;
  const states = new Map<string, ItemState>();
  for (const item of disputedItems(conflict)) {
    const now = item.values[conflict.currentRevisionId];
    if (now) states.set(item.path, now);
  }
  for (const item of waiting.items) states.set(item.path, item.after);
  return states;
}
