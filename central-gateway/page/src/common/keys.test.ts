import {describe, expect, it} from 'vitest';
import {keyName, takesKeys} from './keys';

const plain = {ctrlKey: false, altKey: false, metaKey: false, shiftKey: false};

describe('single keys', () => {
  it('are letters without regard to case', () => {
    expect(keyName({...plain, key: 'j'})).toBe('j');
    expect(keyName({...plain, key: 'J', shiftKey: true})).toBe('j');
    expect(keyName({...plain, key: 'ArrowDown'})).toBe('ArrowDown');
  });

  it('leave the browser’s own commands alone', () => {
    expect(keyName({...plain, key: 'r', ctrlKey: true})).toBeNull();
    expect(keyName({...plain, key: 'x', metaKey: true})).toBeNull();
    expect(keyName({...plain, key: '1', altKey: true})).toBeNull();
  });

  it('leave an input method alone that is still composing', () => {
    expect(keyName({...plain, key: 'j', isComposing: true})).toBeNull();
  });

  it('name a shifted digit by its cap on every keyboard', () => {
    expect(keyName({...plain, key: '!', code: 'Digit1', shiftKey: true})).toBe('Shift+1');
    expect(keyName({...plain, key: '"', code: 'Digit2', shiftKey: true})).toBe('Shift+2');
    expect(keyName({...plain, key: '2', code: 'Digit2'})).toBe('2');
    // A French keyboard gives a letter on the bare cap; that letter is what the reader meant.
    expect(keyName({...plain, key: 'é', code: 'Digit2'})).toBe('é');
  });

  it('belong to a field while one types in it', () => {
    expect(takesKeys({tagName: 'INPUT', type: 'text'})).toBe(true);
    expect(takesKeys({tagName: 'INPUT', type: 'checkbox'})).toBe(false);
    expect(takesKeys({tagName: 'textarea'})).toBe(true);
    expect(takesKeys({tagName: 'SELECT'})).toBe(true);
    expect(takesKeys({tagName: 'DIV', isContentEditable: true})).toBe(true);
    expect(takesKeys({tagName: 'BUTTON'})).toBe(false);
    expect(takesKeys(null)).toBe(false);
  });
});
