// What a data manager has chosen so far for one conflict. Pure: every function returns a new
// decision.
//
// Invariants: `take` and `choices` are never both in use; a choice stands only for an item in
// dispute.
import type {Choice, Choices, Conflict, Item, ItemState, Revision} from '../api/types';

export type ItemChoice =
  {kind: 'revision'; revisionId: string} | {kind: 'value'; value: string | null};

export interface Decision {
  take: string | null;
  choices: Readonly<Record<string, ItemChoice>>;
}

export const undecided: Decision = {take: null, choices: {}};

export const allItems = (conflict: Pick<Conflict, 'groups'>): Item[] =>
  conflict.groups.flatMap((group) => group.items);

export const disputedItems = (conflict: Pick<Conflict, 'groups'>): Item[] =>
  allItems(conflict).filter((item) => item.inDispute);

// The columns of the table that can be taken, in the order of the keys 1, 2, ...: the ancestor
// first (null where there is none, so that the heads keep their keys), then the heads, then of a
// conflict opened again what was decided upon before.
export const columnsOf = (conflict: Conflict): (string | null)[] => [
  conflict.ancestor?.revisionId ?? null,
  ...conflict.headRevisions.map((head) => head.revisionId),
];

// The heads alone, without what was decided upon before.
export const headsOf = (conflict: Pick<Conflict, 'headRevisions'>): Revision[] =>
  conflict.headRevisions.filter((revision) => revision.former !== true);

export function stateIn(item: Item, conflict: Conflict, revisionId: string): ItemState | null {
  if (revisionId === conflict.ancestor?.revisionId) return item.ancestor;
  return item.values[revisionId] ?? null;
}

export function choose(
  decision: Decision,
  conflict: Conflict,
  path: string,
  choice: ItemChoice,
): Decision {
  return {take: null, choices: {...expanded(decision, conflict), [path]: choice}};
}

export function undo(decision: Decision, conflict: Conflict, path: string): Decision {
  const {[path]: _, ...rest} = expanded(decision, conflict);
  return {take: null, choices: rest};
}

export const takeAll = (revisionId: string): Decision => ({take: revisionId, choices: {}});

// For each item that exactly one head changed, that head's state; choices made before stay.
export function takeOneSided(decision: Decision, conflict: Conflict): Decision {
  const choices = {...expanded(decision, conflict)};
  for (const item of disputedItems(conflict)) {
    const revisionId = oneSidedHead(item, conflict);
    if (revisionId && !choices[item.path]) choices[item.path] = {kind: 'revision', revisionId};
  }
  return {take: null, choices};
}

// Whether there are sides at all: a conflict opened again may have one head only, which is what was
// decided before and no side's word.
export const hasSides = (conflict: Conflict): boolean =>
  conflict.ancestor !== null && headsOf(conflict).length > 1;

// The only head whose state differs from the ancestor's, or null.
export function oneSidedHead(item: Item, conflict: Conflict): string | null {
  if (!hasSides(conflict)) return null;
  const changed = headsOf(conflict).filter(
    (head) => !sameState(item.values[head.revisionId], item.ancestor),
  );
  return changed.length === 1 ? (changed[0]?.revisionId ?? null) : null;
}

export function sameState(
  a: ItemState | null | undefined,
  b: ItemState | null | undefined,
): boolean {
  if (!a?.present || !b?.present) return !a?.present && !b?.present;
  return a.value === b.value;
}

export function choiceFor(decision: Decision, path: string): ItemChoice | null {
  if (decision.take !== null) return {kind: 'revision', revisionId: decision.take};
  return decision.choices[path] ?? null;
}

// What the item will be, or null while it is undecided. A typed value gets its code list's text.
export function resultOf(decision: Decision, conflict: Conflict, item: Item): ItemState | null {
  const choice = choiceFor(decision, item.path);
  if (!choice) return null;
  if (choice.kind === 'revision') return stateIn(item, conflict, choice.revisionId);
  const text = item.codeList.find((entry) => entry.value === choice.value)?.text ?? null;
  return {present: true, value: choice.value, text, nonconformance: null};
}

export function missing(decision: Decision, conflict: Conflict): Item[] {
  if (decision.take !== null) return [];
  return disputedItems(conflict).filter((item) => !decision.choices[item.path]);
}

export const isComplete = (decision: Decision, conflict: Conflict): boolean =>
  missing(decision, conflict).length === 0;

export const isEmpty = (decision: Decision): boolean =>
  decision.take === null && Object.keys(decision.choices).length === 0;

// What the gateway is asked. One revision as a whole is asked for as a whole, because only so can
// the outcome be the removal of the record.
export function toChoices(decision: Decision): Choices {
  if (decision.take !== null) return {take: decision.take};
  const choices: Choice[] = Object.entries(decision.choices).map(([path, choice]) =>
    choice.kind === 'revision'
      ? {path, revisionId: choice.revisionId}
      : {path, value: choice.value},
  );
  return {choices};
}

// The choices that still make sense after the conflict was read again.
export function carriedOver(decision: Decision, fresh: Conflict): Decision {
  const known = new Set(columnsOf(fresh));
  if (decision.take !== null) return known.has(decision.take) ? decision : undecided;
  const open = new Set(disputedItems(fresh).map((item) => item.path));
  const kept = Object.entries(decision.choices).filter(
    ([path, choice]) => open.has(path) && (choice.kind === 'value' || known.has(choice.revisionId)),
  );
  return {take: null, choices: Object.fromEntries(kept)};
}

function expanded(decision: Decision, conflict: Conflict): Record<string, ItemChoice> {
  const revisionId = decision.take;
  if (revisionId === null) return {...decision.choices};
  return Object.fromEntries(
    disputedItems(conflict).map((item) => [
      item.path,
      {kind: 'revision', revisionId} as ItemChoice,
    ]),
  );
}
