import {describe, expect, it} from 'vitest';
import {en} from '../text/en';
import {failureIn, leaveAddress, withoutFailure, wordsFor} from './provider';

describe('the way to a provider and back', () => {
  it('keeps the page one wanted to see', () => {
    expect(leaveAddress('/conflicts/7?state=all&q=a b')).toBe(
      '/api/v1/session/oidc/start?to=%2Fconflicts%2F7%3Fstate%3Dall%26q%3Da+b',
    );
    expect(leaveAddress('/', true)).toBe('/api/v1/session/oidc/start?window=1');
  });

  it('reads what went wrong, and takes it out of the address', () => {
    expect(failureIn('?log_in=denied')).toBe('denied');
    expect(failureIn('?state=all')).toBeNull();
    expect(withoutFailure('/', '?log_in=denied')).toBe('/');
    expect(withoutFailure('/', '?state=all&log_in=denied')).toBe('/?state=all');
  });

  it('shows its own words only, whatever stands in the address', () => {
    expect(wordsFor('denied', en)).toBe(en.session.failures.denied);
    for (const word of ['<b>call 555</b>', '', 'toString', '__proto__']) {
      expect(wordsFor(word, en)).toBe(en.session.failures.failed);
    }
  });
});
