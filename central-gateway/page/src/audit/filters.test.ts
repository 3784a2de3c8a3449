import {describe, expect, it} from 'vitest';
import {fromLocal, readAuditFilters, toLocal} from './filters';

describe('the audit page’s filters', () => {
  it('take what the address says and drop a time that is none', () => {
    const parameters = new URLSearchParams(
      'object=TRIAL/001&from=yesterday&to=2026-11-21T09:00:00Z&colour=red',
    );
    expect(readAuditFilters(parameters)).toEqual({object: 'TRIAL/001', to: '2026-11-21T09:00:00Z'});
  });

  it('turn a local time into UTC and back', () => {
    expect(toLocal(fromLocal('2026-11-21 09:07'))).toBe('2026-11-21 09:07');
    expect(toLocal(fromLocal('2026-11-21'))).toBe('2026-11-21 00:00');
  });

  it('know no time while it is half typed', () => {
    expect(fromLocal('2026-11-')).toBeUndefined();
    expect(fromLocal('2026-13-41')).toBeUndefined();
    expect(toLocal(undefined)).toBe('');
  });
});
