// Where each revision stands in the drawing of a record's history: one row each, oldest first, in
// lanes. A revision goes on in the lane of its first parent that still ends there; others open a
// lane, and a lane is free again once a revision has joined it.
import type {Revision} from '../api/types';

export interface Node {
  revisionId: string;
  lane: number;
  // The parents that are part of the drawing, as row numbers.
  parents: number[];
}

export interface Layout {
  nodes: Node[];
  lanes: number;
}

export function layoutTimeline(revisions: Pick<Revision, 'revisionId' | 'parents'>[]): Layout {
  const rowOf = new Map(revisions.map((revision, row) => [revision.revisionId, row]));
  // What each lane ends in at present; null for a free one.
  const tips: (string | null)[] = [];
  const nodes = revisions.map((revision): Node => {
    const ending = tips.flatMap((tip, lane) =>
      tip !== null && revision.parents.includes(tip) ? [lane] : [],
    );
    const free = tips.indexOf(null);
    const lane = ending[0] ?? (free === -1 ? tips.length : free);
    for (const joined of ending) tips[joined] = null;
    tips[lane] = revision.revisionId;
    const parents = revision.parents.flatMap((parent) => rowOf.get(parent) ?? []);
    return {revisionId: revision.revisionId, lane, parents};
  });
  return {nodes, lanes: Math.max(1, tips.length)};
}
