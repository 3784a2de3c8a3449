import {describe, expect, it} from 'vitest';
import {itemsText, shortPath} from './columns';

describe('items in dispute', () => {
  it('keep the repeat that tells two readings of one item apart', () => {
    expect(shortPath('IG.VS.BP[2]/IT.VS.PULSE')).toBe('VS.PULSE[2]');
    expect(shortPath('IG.DM[1]/IT.DM.SEX')).toBe('DM.SEX');
    expect(shortPath('IG.DM/SEX')).toBe('SEX');
  });

  it('say how many are not named', () => {
    expect(itemsText(['A/IT.X', 'A/IT.Y', 'A/IT.Z', 'B/IT.W'])).toBe('X, Y +2');
    expect(itemsText(['A/IT.X'])).toBe('X');
  });
});
