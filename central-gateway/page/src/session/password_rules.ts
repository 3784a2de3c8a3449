// The rules for a new password that a page can see for itself.
export interface PasswordRules {
  length: boolean;
  name: boolean;
  other: boolean;
  same: boolean;
}

export const kPasswordLengthMin = 12;

export function passwordRules(
  user: string,
  current: string,
  next: string,
  repeat: string,
): PasswordRules {
  const typed = next !== '';
  return {
    // Characters as a person counts them, not UTF-16 units.
    length: [...next].length >= kPasswordLengthMin,
    name: typed && !next.toLowerCase().includes(user.toLowerCase()),
    other: typed && next !== current,
    same: typed && next === repeat,
  };
}

export const allMet = (rules: PasswordRules): boolean => Object.values(rules).every(Boolean);
