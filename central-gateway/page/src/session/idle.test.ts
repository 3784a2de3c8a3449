import {describe, expect, it} from 'vitest';
import {idleness} from './idle';

const start = Date.parse('2026-11-21T09:00:00Z');
const after = (seconds: number) => idleness(start, start + seconds * 1000, 15);

describe('idleness', () => {
  it('warns in the last minute and ends at the last second', () => {
    expect(after(0)).toEqual({state: 'working'});
    expect(after(14 * 60 - 1)).toEqual({state: 'working'});
    expect(after(14 * 60)).toEqual({state: 'warned', secondsLeft: 60});
    expect(after(15 * 60 - 1)).toEqual({state: 'warned', secondsLeft: 1});
    expect(after(15 * 60)).toEqual({state: 'idle'});
  });

  it('is up at once when a sleeping machine wakes late', () => {
    expect(after(9 * 3600)).toEqual({state: 'idle'});
  });
});
