import {describe, expect, it} from 'vitest';
import {en} from './en';
import {zh} from './zh';
import {firstLanguage} from './language';

type Leaf = {path: string; value: unknown};

function leaves(value: unknown, path = ''): Leaf[] {
  if (typeof value !== 'object' || value === null) return [{path, value}];
  return Object.entries(value).flatMap(([name, child]) => leaves(child, `${path}/${name}`));
}

describe('dictionaries', () => {
  const english = leaves(en);
  const chinese = new Map(leaves(zh).map((leaf) => [leaf.path, leaf.value]));

  it('have the same keys, also where the type leaves them open', () => {
    expect([...chinese.keys()].sort()).toEqual(english.map((leaf) => leaf.path).sort());
  });

  it('have the same kind of text under each key, with the same blanks to fill', () => {
    for (const {path, value} of english) {
      const other = chinese.get(path);
      expect(typeof other, path).toBe(typeof value);
      if (typeof value === 'function' && typeof other === 'function') {
        // A translation may not need every blank (plural forms), but can have none more.
        expect(other.length, path).toBeLessThanOrEqual(value.length);
      }
    }
  });

  it('hold no empty text', () => {
    for (const {path, value} of [...english, ...leaves(zh)]) {
      if (typeof value === 'string') expect(value.trim(), path).not.toBe('');
    }
  });

  it('hold no English left over in the Chinese, apart from names and formats', () => {
    const allowed = /edcsync|CSV|JSON|central-gateway|YYYY|HH:MM|\. _ - @/;
    for (const [path, value] of chinese) {
      if (typeof value !== 'string' || allowed.test(value)) continue;
      expect(value, path).toMatch(/[\u4e00-\u9fff]/);
    }
  });
});

describe('the first language', () => {
  it('is the remembered one, then the browser’s, then English', () => {
    expect(firstLanguage('zh', ['en-GB'])).toBe('zh');
    expect(firstLanguage(null, ['sw-KE', 'zh-CN', 'en'])).toBe('zh');
    expect(firstLanguage(null, ['sw-KE', 'en-GB', 'zh-CN'])).toBe('en');
    expect(firstLanguage(null, ['sw-KE'])).toBe('en');
    expect(firstLanguage('klingon', ['de'])).toBe('en');
  });
});
