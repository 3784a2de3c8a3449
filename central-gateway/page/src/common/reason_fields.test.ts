import {describe, expect, it} from 'vitest';
import {listedText, toReason} from './reason_fields';

const listed = [{code: 'SDV', text: {en: 'Confirmed against the source', zh: '已与源文件核对'}}];

describe('a reason', () => {
  it('is the listed one in the reader’s language until own words replace it', () => {
    expect(toReason({code: 'SDV', text: ' '}, listed, 'zh')).toEqual({
      code: 'SDV',
      text: '已与源文件核对',
    });
    expect(toReason({code: 'SDV', text: 'read it myself'}, listed, 'en')).toEqual({
      code: 'SDV',
      text: 'read it myself',
    });
  });

  it('is none while nothing is chosen and nothing written', () => {
    expect(toReason({code: null, text: '  '}, listed, 'en')).toBeNull();
  });

  it('drops a code that the study does not list', () => {
    expect(toReason({code: 'GONE', text: 'x'}, listed, 'en')).toEqual({code: null, text: 'x'});
    expect(toReason({code: 'GONE', text: ''}, listed, 'en')).toBeNull();
  });

  it('falls back to a language the study has', () => {
    expect(listedText({code: 'A', text: {fr: 'saisie'}}, 'en')).toBe('saisie');
    expect(listedText({code: 'A', text: {}}, 'en')).toBe('A');
    expect(listedText({code: 'A', text: {en: 'typo', zh: '转录错误'}}, 'fr')).toBe('typo');
  });
});
