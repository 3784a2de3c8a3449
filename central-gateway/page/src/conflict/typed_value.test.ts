import {describe, expect, it} from 'vitest';
import {faultOf, kindOf} from './typed_value';

describe('a typed value', () => {
  it('has the form that the study’s data type asks for', () => {
    expect(faultOf('integer', '-12')).toBeNull();
    expect(faultOf('integer', '12.5')).toBe('integer');
    expect(faultOf('float', '.5')).toBeNull();
    expect(faultOf('float', '1,5')).toBe('float');
    expect(faultOf('time', '23:59')).toBeNull();
    expect(faultOf('time', '24:00')).toBe('time');
    expect(faultOf('datetime', '2013-07-03T14:00')).toBeNull();
    expect(faultOf('datetime', '2013-07-03 14:00')).toBe('datetime');
    expect(faultOf('boolean', 'true')).toBeNull();
    expect(faultOf('text', 'anything')).toBeNull();
  });

  it('is a day that the calendar has', () => {
    expect(faultOf('date', '2014-02-28')).toBeNull();
    expect(faultOf('date', '2014-02-29')).toBe('date');
    expect(faultOf('date', '28.02.2014')).toBe('date');
    expect(faultOf('datetime', '2014-13-01T10:00')).toBe('datetime');
  });

  it('may leave out what is not known of a partial date', () => {
    expect(faultOf('partial', '2014')).toBeNull();
    expect(faultOf('partial', '2014-02')).toBeNull();
    expect(faultOf('partial', '2014-14')).toBe('partial');
    expect(faultOf('partial', '2014-02-29')).toBe('partial');
  });

  it('is never nothing: not done is a choice of its own', () => {
    expect(faultOf('text', '  ')).toBe('empty');
    expect(faultOf('integer', '')).toBe('empty');
  });

  it('is text where the data type is not known', () => {
    expect(kindOf({dataType: 'base64Binary'})).toBe('text');
    expect(kindOf({dataType: 'double'})).toBe('float');
  });
});
