// Times, spans and numbers as the pages write them. Dates are written year first, in the reader's
// own time zone, so that no day can be taken for a month. Nothing here asks the clock: `now` is
// given.
import type {Dictionary} from '../text/dictionary';

type Words = Dictionary['common'];

const kMinute = 60_000;
const kHour = 60 * kMinute;
const kDay = 24 * kHour;

const two = (n: number): string => String(n).padStart(2, '0');

// `2026-11-21 09:07` in the reader's zone; the text itself if it is no time.
export function formatTime(iso: string): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return iso;
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${day} ${two(time.getHours())}:${two(time.getMinutes())}`;
}

export const formatClock = (iso: string): string => formatTime(iso).slice(11);

// The writer's local time with its offset, as it was written: `2026-11-20 14:32 +03:00`.
export function formatWritten(text: string): string {
  const match = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2})(?::\d{2}(?:\.\d+)?)?(Z|[+-]\d{2}:\d{2})?$/.exec(
    text,
  );
  if (!match) return text;
  const offset = match[3] === 'Z' ? 'UTC' : match[3];
  return [match[1], match[2], offset].filter(Boolean).join(' ');
}

// A length of time in its largest sensible unit, never rounded up.
export function formatSpan(ms: number, words: Words): string {
  const length = Math.abs(ms);
  if (length >= 2 * kDay) return words.days(Math.floor(length / kDay));
  if (length >= kHour) return words.hours(Math.floor(length / kHour));
  if (length >= kMinute) return words.minutes(Math.floor(length / kMinute));
  return words.justNow;
}

export function formatAge(iso: string, now: number, words: Words): string {
  return formatSpan(now - Date.parse(iso), words);
}

export function formatAgo(iso: string | null, now: number, words: Words): string {
  if (iso === null) return words.never;
  const length = now - Date.parse(iso);
  return length < kMinute ? words.justNow : words.ago(formatSpan(length, words));
}

export function formatDue(iso: string, now: number, words: Words): string {
  const left = Date.parse(iso) - now;
  return left < 0 ? words.late(formatSpan(left, words)) : words.dueIn(formatSpan(left, words));
}

export const isLate = (iso: string, now: number): boolean => Date.parse(iso) < now;

// The site's clock minus the centre's: `+3.2 s`, `−4 min`.
export function formatDrift(ms: number, words: Words): string {
  const length = Math.abs(ms);
  // What rounds to nothing has no direction.
  const sign = length < 50 ? '' : ms < 0 ? '−' : '+';
  if (length < kMinute)
    return `${sign}${words.seconds((length / 1000).toFixed(length < 10_000 ? 1 : 0))}`;
  return `${sign}${formatSpan(length, words)}`;
}

export const formatNumber = (n: number | string): string =>
  String(n).replace(/\B(?=(\d{3})+(?!\d))/g, '\u202f');

// Hours as the age chart's bounds: `12 h`, `3 d`.
export function formatHours(hours: number, words: Words): string {
  return hours >= 48 && hours % 24 === 0 ? words.days(hours / 24) : words.hours(hours);
}

export const shortId = (id: string): string => (id.length > 12 ? `${id.slice(0, 10)}…` : id);
