import {describe, expect, it} from 'vitest';
import {en} from '../text/en';
import {isUserName, rightWords, withAny} from './rights';

describe('rights', () => {
  it('are told without a place where they hold everywhere', () => {
    expect(rightWords({role: 'operator', studyOID: null, siteOID: null}, en)).toBe('Operator');
    expect(rightWords({role: 'monitor', studyOID: 'TRIAL', siteOID: null}, en)).toBe(
      'Monitor: TRIAL, any site',
    );
    expect(
      rightWords({role: 'monitor', studyOID: null, siteOID: null, seesBlinded: true}, en),
    ).toBe('Monitor; sees blinded items');
    expect(
      rightWords({role: 'data_manager', studyOID: null, siteOID: null, seesBlinded: true}, en),
    ).toBe('Data manager');
  });

  it('keep a site in sight that is no longer known', () => {
    expect(withAny('any', ['Kisumu'], 'Tororo').map((one) => one.value)).toEqual([
      '',
      'Kisumu',
      'Tororo',
    ]);
    expect(withAny('any', ['Kisumu'], null).map((one) => one.value)).toEqual(['', 'Kisumu']);
  });
});

describe('a user’s name', () => {
  it('is what the gateway takes', () => {
    expect(isUserName('amina.o@kisumu')).toBe(true);
    expect(isUserName('amina o')).toBe(false);
    expect(isUserName('')).toBe(false);
    expect(isUserName('x'.repeat(65))).toBe(false);
  });
});
