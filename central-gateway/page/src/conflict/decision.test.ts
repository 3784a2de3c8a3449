import {describe, expect, it} from 'vitest';
import type {Conflict, Item, ItemState, Revision} from '../api/types';
import {
  carriedOver,
  choose,
  columnsOf,
  disputedItems,
  hasSides,
  isComplete,
  missing,
  oneSidedHead,
  resultOf,
  sameState,
  takeAll,
  takeOneSided,
  toChoices,
  undecided,
  undo,
} from './decision';
import {hasMoved, movesBetween} from './moved_on';

const value = (text: string | null): ItemState => ({
  present: true,
  value: text,
  text: null,
  nonconformance: null,
});
const absent: ItemState = {present: false, value: null, text: null, nonconformance: null};

function item(path: string, ancestor: ItemState, site: ItemState, online: ItemState): Item {
  return {
    path,
    itemOID: path,
    question: path,
    dataType: 'integer',
    unit: '',
    codeList: [],
    blinded: false,
    inDispute: !sameState(site, online),
    changed: true,
    ancestor,
    values: {site, online},
  };
}

const revision = (revisionId: string, user: string, version: number) =>
  ({revisionId, user, version}) as Revision;

// Pulse was changed on both sides, weight by the site only, sex by nobody.
function kisumu(): Conflict {
  return {
    conflictId: 'c1',
    state: 'open',
    heads: ['site', 'online'],
    ancestor: revision('first', 'okello', 1),
    headRevisions: [revision('site', 'okello', 2), revision('online', 'amina', 2)],
    groups: [
      {
        itemGroupOID: 'IG',
        repeatKey: '1',
        name: 'Vital signs',
        items: [
          item('PULSE', value('70'), value('72'), value('76')),
          item('WEIGHT', value('60'), value('61'), value('60')),
          item('SEX', value('F'), value('F'), value('F')),
        ],
      },
    ],
  } as unknown as Conflict;
}

const fromSite = {kind: 'revision', revisionId: 'site'} as const;
const fromOnline = {kind: 'revision', revisionId: 'online'} as const;

describe('a decision', () => {
  it('is complete when every item in dispute has its choice, and not before', () => {
    const conflict = kisumu();
    expect(missing(undecided, conflict).map((one) => one.path)).toEqual(['PULSE', 'WEIGHT']);
    const half = choose(undecided, conflict, 'PULSE', fromOnline);
    expect(isComplete(half, conflict)).toBe(false);
    expect(isComplete(choose(half, conflict, 'WEIGHT', fromSite), conflict)).toBe(true);
  });

  it('sends each choice as it was made, also a value that was asked and not done', () => {
    const conflict = kisumu();
    const decision = choose(
      choose(undecided, conflict, 'PULSE', {kind: 'value', value: null}),
      conflict,
      'WEIGHT',
      fromSite,
    );
    expect(toChoices(decision)).toEqual({
      choices: [
        {path: 'PULSE', value: null},
        {path: 'WEIGHT', revisionId: 'site'},
      ],
    });
  });

  it('sends a whole version as a whole, so that it may remove the record', () => {
    expect(toChoices(takeAll('online'))).toEqual({take: 'online'});
    expect(isComplete(takeAll('online'), kisumu())).toBe(true);
  });

  it('keeps the rest of a whole version when one item of it is chosen otherwise', () => {
    const decision = choose(takeAll('online'), kisumu(), 'WEIGHT', fromSite);
    expect(toChoices(decision)).toEqual({
      choices: [
        {path: 'PULSE', revisionId: 'online'},
        {path: 'WEIGHT', revisionId: 'site'},
      ],
    });
  });

  it('takes back one item of a whole version and leaves the others', () => {
    expect(
      missing(undo(takeAll('site'), kisumu(), 'PULSE'), kisumu()).map((one) => one.path),
    ).toEqual(['PULSE']);
  });

  it('takes what only one side changed and nothing that both did', () => {
    const decision = takeOneSided(undecided, kisumu());
    expect(decision.choices).toEqual({WEIGHT: fromSite});
  });

  it('does not overrule a choice by taking what only one side changed', () => {
    const conflict = kisumu();
    const chosen = choose(undecided, conflict, 'WEIGHT', fromOnline);
    expect(takeOneSided(chosen, conflict).choices.WEIGHT).toEqual(fromOnline);
  });

  it('knows no one-sided change where there is no ancestor', () => {
    const conflict = {...kisumu(), ancestor: null};
    expect(oneSidedHead(conflict.groups[0]!.items[1]!, conflict)).toBeNull();
    expect(columnsOf(conflict)).toEqual([null, 'site', 'online']);
  });

  it('shows the text of the code list for a value that was typed', () => {
    const conflict = kisumu();
    const sex = {...conflict.groups[0]!.items[2]!, codeList: [{value: 'M', text: 'Male'}]};
    const decision = choose(undecided, conflict, 'SEX', {kind: 'value', value: 'M'});
    expect(resultOf(decision, conflict, sex)).toEqual({
      present: true,
      value: 'M',
      text: 'Male',
      nonconformance: null,
    });
    expect(resultOf(undecided, conflict, sex)).toBeNull();
  });
});

// Decided for the site once, and opened again: the resolution alone counts, and both that were
// decided upon may be taken.
function kisumuAgain(): Conflict {
  const conflict = kisumu();
  return {
    ...conflict,
    heads: ['decided'],
    headRevisions: [
      revision('decided', 'rosa', 3),
      {...revision('site', 'okello', 2), former: true},
      {...revision('online', 'amina', 2), former: true},
    ],
    groups: conflict.groups.map((group) => ({
      ...group,
      items: group.items.map((one) => ({...one, values: {decided: one.values.site!, ...one.values}})),
    })),
  };
}

describe('a conflict opened again', () => {
  it('offers what was decided upon before as sources like any head', () => {
    const conflict = kisumuAgain();
    expect(columnsOf(conflict)).toEqual(['first', 'decided', 'site', 'online']);
    const decision = choose(undecided, conflict, 'PULSE', fromOnline);
    expect(resultOf(decision, conflict, disputedItems(conflict)[0]!)?.value).toBe('76');
    expect(carriedOver(decision, conflict)).toEqual(decision);
    expect(toChoices(takeAll('online'))).toEqual({take: 'online'});
  });

  it('has no sides, so that nothing is taken as one side’s change', () => {
    expect(hasSides(kisumuAgain())).toBe(false);
    expect(takeOneSided(undecided, kisumuAgain()).choices).toEqual({});
    expect(hasSides(kisumu())).toBe(true);
  });

  it('moves on by its heads alone', () => {
    const conflict = kisumuAgain();
    const later = {
      ...conflict,
      heads: ['later'],
      headRevisions: [revision('later', 'okello', 4), ...conflict.headRevisions.slice(1)],
    };
    expect(hasMoved(conflict, kisumuAgain())).toBe(false);
    expect(movesBetween(conflict, later, undecided)).toEqual([
      {kind: 'headAdded', who: 'okello', version: 4},
      {kind: 'headGone', who: 'rosa', version: 3},
    ]);
  });
});

describe('two states of an item', () => {
  it('differ when one was asked and not done and the other not asked', () => {
    expect(sameState(value(null), absent)).toBe(false);
    expect(sameState(absent, null)).toBe(true);
    expect(sameState(value('1'), value('1'))).toBe(true);
    expect(sameState(value('1'), value('1.0'))).toBe(false);
  });
});

describe('a conflict that has moved on', () => {
  // Okello reads the pulse again while Amina decides.
  function later(): Conflict {
    const fresh = kisumu();
    fresh.heads = ['site2', 'online'];
    fresh.headRevisions = [revision('site2', 'okello', 3), revision('online', 'amina', 2)];
    fresh.groups[0]!.items = [
      {
        ...item('PULSE', value('70'), value('74'), value('76')),
        values: {site2: value('74'), online: value('76')},
      },
      {
        ...item('WEIGHT', value('60'), value('60'), value('60')),
        values: {site2: value('60'), online: value('60')},
      },
      {
        ...item('SEX', value('F'), value('M'), value('F')),
        values: {site2: value('M'), online: value('F')},
      },
    ];
    return fresh;
  }

  it('says what came, what went, and what must be chosen again', () => {
    const decision = choose(undecided, kisumu(), 'PULSE', fromSite);
    expect(movesBetween(kisumu(), later(), decision)).toEqual([
      {kind: 'headAdded', who: 'okello', version: 3},
      {kind: 'headGone', who: 'okello', version: 2},
      {kind: 'choiceDropped', item: 'PULSE'},
      {kind: 'noDispute', item: 'WEIGHT'},
      {kind: 'newDispute', item: 'SEX'},
    ]);
  });

  it('keeps the choices that still exist', () => {
    const conflict = kisumu();
    const typed = choose(
      choose(undecided, conflict, 'PULSE', {kind: 'value', value: '75'}),
      conflict,
      'WEIGHT',
      fromSite,
    );
    expect(carriedOver(typed, later()).choices).toEqual({PULSE: {kind: 'value', value: '75'}});
    expect(carriedOver(takeAll('online'), later()).take).toBe('online');
    expect(carriedOver(takeAll('site'), later())).toEqual(undecided);
  });

  it('has not moved when only a claim or the order of its heads changed', () => {
    expect(hasMoved(kisumu(), {...kisumu(), heads: ['online', 'site']})).toBe(false);
    expect(hasMoved(kisumu(), {...kisumu(), claim: {user: 'rosa', expiresAt: ''}})).toBe(false);
    expect(hasMoved(kisumu(), later())).toBe(true);
    expect(hasMoved(kisumu(), {...kisumu(), state: 'resolved'})).toBe(true);
  });
});
