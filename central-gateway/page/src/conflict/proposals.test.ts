import {describe, expect, it} from 'vitest';
import type {Conflict, Item, ItemState, Proposal} from '../api/types';
import {
  acceptedProposal,
  formerProposals,
  proposedStates,
  standingRejection,
  stayingItems,
  waitingProposal,
} from './proposals';

const value = (text: string): ItemState => ({
  present: true,
  value: text,
  text: null,
  nonconformance: null,
});
const item = (path: string, inDispute: boolean, now: string) =>
  ({path, inDispute, values: {now: value(now), other: value('0')}}) as unknown as Item;
const proposal = (proposalId: string, state: Proposal['state'], changes: [string, string][] = []) =>
  ({
    proposalId,
    state,
    revisionId: `r${proposalId}`,
    items: changes.map(([path, after]) => ({path, after: value(after)})),
  }) as unknown as Proposal;

// Pulse and weight are in dispute, sex is not.
function busia(state: Conflict['state'], ...proposals: Proposal[]): Conflict {
  return {
    state,
    currentRevisionId: 'now',
    proposals,
    resolution: null,
    groups: [
      {items: [item('PULSE', true, '72'), item('WEIGHT', true, '61'), item('SEX', false, 'F')]},
    ],
  } as unknown as Conflict;
}

const ids = (proposals: Proposal[]) => proposals.map((one) => one.proposalId);

describe('proposals to the site', () => {
  it('show as the result what the form would hold, also of items that are not in dispute', () => {
    const states = proposedStates(
      busia('open', proposal('1', 'waiting', [['PULSE', '76'], ['SEX', 'M']])),
    );
    expect([...(states ?? [])].map(([path, state]) => [path, state.value])).toEqual([
      ['PULSE', '76'],
      ['WEIGHT', '61'],
      ['SEX', 'M'],
    ]);
  });

  it('name what is in dispute and would stay as it counts now', () => {
    const waiting = proposal('1', 'waiting', [['PULSE', '76']]);
    expect(stayingItems(busia('open', waiting)).map(({item: one}) => one.path)).toEqual(['WEIGHT']);
    expect(stayingItems(busia('open', {...waiting, removes: true}))).toEqual([]);
    expect(stayingItems(busia('open'))).toEqual([]);
  });

  it('leave the result to the data manager when none waits', () => {
    expect(proposedStates(busia('open', proposal('1', 'withdrawn', [['PULSE', '76']])))).toBeNull();
    expect(waitingProposal(busia('open', proposal('1', 'rejected')))).toBeNull();
  });

  it('put the site’s no above the table until something else is proposed', () => {
    const rejected = proposal('2', 'rejected');
    const conflict = busia('open', proposal('1', 'withdrawn'), rejected);
    expect(standingRejection(conflict)).toBe(rejected);
    expect(ids(formerProposals(conflict))).toEqual(['1']);
    const again = busia('open', rejected, proposal('3', 'waiting'));
    expect(standingRejection(again)).toBeNull();
    expect(ids(formerProposals(again))).toEqual(['2']);
  });

  it('are all history, newest first, once the conflict has ended', () => {
    const ended = busia('superseded', proposal('1', 'superseded'), proposal('2', 'rejected'));
    expect(standingRejection(ended)).toBeNull();
    expect(ids(formerProposals(ended))).toEqual(['2', '1']);
  });

  it('name the one by which the site agreed to what counts, and no other', () => {
    const first = proposal('1', 'accepted');
    const resolved = {...busia('resolved', first), resolution: {revisionId: 'r1'}};
    expect(acceptedProposal(resolved)).toBe(first);
    expect(acceptedProposal({...resolved, resolution: {revisionId: 'r9'}})).toBeNull();
    expect(acceptedProposal(busia('open', first))).toBeNull();
  });
});
