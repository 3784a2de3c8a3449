import {describe, expect, it} from 'vitest';
import {isDriftLarge, isSilent} from './signs';

const now = Date.parse('2026-11-21T09:00:00Z');

describe('the signs on the overview', () => {
  it('call a site silent after a day, and one never heard of', () => {
    expect(isSilent({standing: 'active', lastContactAt: '2026-11-20T10:00:00Z'}, now)).toBe(false);
    expect(isSilent({standing: 'active', lastContactAt: '2026-11-20T08:00:00Z'}, now)).toBe(true);
    expect(isSilent({standing: 'active', lastContactAt: null}, now)).toBe(true);
  });

  it('expect nothing of a site that was told to be quiet', () => {
    expect(isSilent({standing: 'revoked', lastContactAt: null}, now)).toBe(false);
  });

  it('mind a clock that is wrong in either direction', () => {
    expect(isDriftLarge({clockDriftMs: -60_001})).toBe(true);
    expect(isDriftLarge({clockDriftMs: 60_000})).toBe(false);
    expect(isDriftLarge({clockDriftMs: null})).toBe(false);
  });
});
