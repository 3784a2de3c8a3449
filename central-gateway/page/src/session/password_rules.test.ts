import {describe, expect, it} from 'vitest';
import {allMet, passwordRules} from './password_rules';

describe('password rules', () => {
  it('are met by a long one typed twice', () => {
    expect(
      allMet(passwordRules('amina', 'first one 1', 'a quiet morning', 'a quiet morning')),
    ).toBe(true);
  });

  it('count characters, not bytes or surrogates', () => {
    expect(passwordRules('amina', '', '😀😀😀😀😀😀', '').length).toBe(false);
    expect(passwordRules('amina', '', '一二三四五六七八九十甲乙', '').length).toBe(true);
  });

  it('find the name in any case', () => {
    expect(passwordRules('amina', '', 'I am AMINA of Kisumu', '').name).toBe(false);
  });

  it('are not met by nothing typed', () => {
    expect(passwordRules('amina', '', '', '')).toEqual({
      length: false,
      name: false,
      other: false,
      same: false,
    });
  });
});
