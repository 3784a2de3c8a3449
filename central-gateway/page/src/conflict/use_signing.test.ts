import {describe, expect, it} from 'vitest';
import {signedAs} from './use_signing';

describe('a refused decision', () => {
  it('leads back to the page where reading again shows why', () => {
    expect(signedAs('stale', false)).toBe('moved');
    expect(signedAs('stale', true)).toBe('moved');
    expect(signedAs('needs_consent', false)).toBe('needsConsent');
    expect(signedAs('already_exists', true)).toBe('taken');
  });

  it('is otherwise told in the dialog, which stays', () => {
    expect(signedAs('unauthorized', true)).toBeNull();
    expect(signedAs('field_invalid', false)).toBeNull();
    expect(signedAs('already_exists', false)).toBeNull();
  });
});
