import {describe, expect, it} from 'vitest';
import {en} from '../text/en';
import {
  formatAgo,
  formatDrift,
  formatDue,
  formatHours,
  formatNumber,
  formatSpan,
  formatWritten,
} from './format';

const words = en.common;
const now = Date.parse('2026-11-21T09:00:00Z');

describe('formatting', () => {
  it('keeps the writer’s own clock and offset', () => {
    expect(formatWritten('2026-11-20T14:32:11+03:00')).toBe('2026-11-20 14:32 +03:00');
    expect(formatWritten('2026-11-20T14:32:11.250Z')).toBe('2026-11-20 14:32 UTC');
    expect(formatWritten('soon')).toBe('soon');
  });

  it('never rounds an age up', () => {
    expect(formatSpan(59_999, words)).toBe('now');
    expect(formatSpan(119_999, words)).toBe('1 min');
    expect(formatSpan(47 * 3_600_000 + 3_599_999, words)).toBe('47 h');
    expect(formatSpan(48 * 3_600_000, words)).toBe('2 d');
  });

  it('says on which side of the due date we are', () => {
    expect(formatDue('2026-11-21T12:00:00Z', now, words)).toBe('in 3 h');
    expect(formatDue('2026-11-18T09:00:00Z', now, words)).toBe('3 d late');
  });

  it('tells a site that was never heard of from one heard of just now', () => {
    expect(formatAgo(null, now, words)).toBe('never');
    expect(formatAgo('2026-11-21T08:59:30Z', now, words)).toBe('now');
    expect(formatAgo('2026-11-21T08:00:00Z', now, words)).toBe('1 h ago');
  });

  it('shows the direction of a clock’s drift', () => {
    expect(formatDrift(3240, words)).toBe('+3.2 s');
    expect(formatDrift(-240_000, words)).toBe('−4 min');
    expect(formatDrift(-49, words)).toBe('0.0 s');
  });

  it('groups digits, also of numbers that came as text', () => {
    expect(formatNumber(100000)).toBe('100\u202f000');
    expect(formatNumber('9007199254740993')).toBe('9\u202f007\u202f199\u202f254\u202f740\u202f993');
    expect(formatNumber(7)).toBe('7');
  });

  it('writes the age chart’s bounds in whole days where they are', () => {
    expect(formatHours(24, words)).toBe('24 h');
    expect(formatHours(72, words)).toBe('3 d');
  });
});
