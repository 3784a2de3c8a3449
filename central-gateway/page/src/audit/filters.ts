// The audit page's filters as they stand in its address; times there are UTC, in the fields local.
import {formatTime} from '../common/format';

const kNames = ['object', 'action', 'actor', 'from', 'to'] as const;
export type AuditFilters = Partial<Record<(typeof kNames)[number], string>>;

export function readAuditFilters(parameters: URLSearchParams): AuditFilters {
  const filters: AuditFilters = {};
  for (const name of kNames) {
    const value = parameters.get(name)?.trim();
    if (!value) continue;
    if ((name === 'from' || name === 'to') && Number.isNaN(Date.parse(value))) continue;
    filters[name] = value;
  }
  return filters;
}

export const toLocal = (iso: string | undefined): string => (iso ? formatTime(iso) : '');

// `2026-11-21` or `2026-11-21 09:07` of the reader's zone as UTC; undefined while it is neither.
export function fromLocal(text: string): string | undefined {
  const match = /^(\d{4}-\d{2}-\d{2})(?: (\d{2}:\d{2}))?$/.exec(text.trim());
  if (!match) return undefined;
  const time = new Date(`${match[1]}T${match[2] ?? '00:00'}`);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString().replace(/\.\d{3}Z$/, 'Z');
}
