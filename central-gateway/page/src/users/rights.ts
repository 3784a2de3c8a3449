// The rights of an account in words and for choosing.
import type {Right, Role} from '../api/types';
import type {Dictionary} from '../text/dictionary';

export const kRoles: Role[] = ['data_manager', 'monitor', 'operator', 'administrator'];

// The known values behind "any"; one that is in force but no longer known stays to be seen.
export function withAny(
  any: string,
  known: string[],
  now: string | null,
): {value: string; label: string}[] {
  const all = now !== null && !known.includes(now) ? [...known, now] : known;
  return [{value: '', label: any}, ...all.map((value) => ({value, label: value}))];
}

export function rightWords(right: Right, text: Dictionary): string {
  const role = text.session.roles[right.role];
  const everywhere = right.studyOID === null && right.siteOID === null;
  const words = everywhere
    ? role
    : text.users.rightAt(
        role,
        right.studyOID ?? text.common.anyStudy,
        right.siteOID ?? text.common.anySite,
      );
  // A data manager always does.
  return right.role === 'monitor' && right.seesBlinded
    ? `${words}; ${text.users.seesBlinded}`
    : words;
}

export const isUserName = (name: string): boolean => /^[A-Za-z0-9._@-]{1,64}$/.test(name);
