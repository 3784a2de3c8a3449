import {describe, expect, it} from 'vitest';
import {layoutTimeline} from './timeline_layout';

const revision = (revisionId: string, ...parents: string[]) => ({revisionId, parents});
const lanes = (...revisions: ReturnType<typeof revision>[]) =>
  layoutTimeline(revisions).nodes.map((node) => node.lane);

describe('the drawing of a history', () => {
  it('is one line for one writer', () => {
    expect(lanes(revision('a'), revision('b', 'a'), revision('c', 'b'))).toEqual([0, 0, 0]);
  });

  it('opens a lane for the second child and closes it where both are joined', () => {
    const layout = layoutTimeline([
      revision('a'),
      revision('site', 'a'),
      revision('online', 'a'),
      revision('decision', 'site', 'online'),
      revision('later', 'decision'),
    ]);
    expect(layout.nodes.map((node) => node.lane)).toEqual([0, 0, 1, 0, 0]);
    expect(layout.lanes).toBe(2);
    expect(layout.nodes[3]?.parents).toEqual([1, 2]);
  });

  it('uses a closed lane again', () => {
    const layout = layoutTimeline([
      revision('a'),
      revision('b', 'a'),
      revision('c', 'a'),
      revision('d', 'b', 'c'),
      revision('e', 'd'),
      revision('f', 'd'),
    ]);
    expect(layout.lanes).toBe(2);
    expect(layout.nodes[5]?.lane).toBe(1);
  });

  it('draws two beginnings apart, and a parent it was not given not at all', () => {
    const layout = layoutTimeline([revision('a', 'unknown'), revision('b')]);
    expect(layout.nodes.map((node) => node.lane)).toEqual([0, 1]);
    expect(layout.nodes[0]?.parents).toEqual([]);
  });

  it('has a lane even for nothing', () => {
    expect(layoutTimeline([])).toEqual({nodes: [], lanes: 1});
  });
});
