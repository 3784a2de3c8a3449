// What may be typed for an item. Only the form of a value is held here, to answer while one types;
// the gateway holds it against the whole of the study's definition.
import type {Item} from '../api/types';

export type ValueKind =
  'integer' | 'float' | 'date' | 'time' | 'datetime' | 'partial' | 'boolean' | 'text';
export type ValueFault = Exclude<ValueKind, 'text'> | 'empty';

const kKinds: Record<string, ValueKind> = {
  integer: 'integer',
  float: 'float',
  double: 'float',
  decimal: 'float',
  date: 'date',
  time: 'time',
  datetime: 'datetime',
  partialDate: 'partial',
  boolean: 'boolean',
};

export const kindOf = (item: Pick<Item, 'dataType'>): ValueKind => kKinds[item.dataType] ?? 'text';

const kForms: Record<Exclude<ValueKind, 'text' | 'date' | 'partial'>, RegExp> = {
  integer: /^[+-]?\d+$/,
  float: /^[+-]?(\d+(\.\d*)?|\.\d+)$/,
  time: /^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?$/,
  datetime: /^\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?$/,
  boolean: /^(true|false|1|0)$/,
};

// Returns what is wrong with the form of the text, or null if nothing is.
export function faultOf(kind: ValueKind, text: string): ValueFault | null {
  if (text.trim() === '') return 'empty';
  switch (kind) {
    case 'text':
      return null;
    case 'date':
      return isDay(text) ? null : 'date';
    case 'partial':
      return /^\d{4}$/.test(text) ||
        (/^\d{4}-\d{2}$/.test(text) && isDay(`${text}-01`)) ||
        isDay(text)
        ? null
        : 'partial';
    case 'datetime':
      return kForms.datetime.test(text) && isDay(text.slice(0, 10)) ? null : 'datetime';
    default:
      return kForms[kind].test(text) ? null : kind;
  }
}

function isDay(text: string): boolean {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (!match) return false;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const made = new Date(Date.UTC(year, month - 1, day));
  return made.getUTCMonth() === month - 1 && made.getUTCDate() === day && month >= 1;
}
