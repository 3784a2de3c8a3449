export const session = {
  logIn: 'Log in',
  user: 'User name',
  password: 'Password',
  wrong:
    'The name or the password is wrong, or the account rests after wrong passwords. ' +
    'Wait a minute before you try again.',
  ended: 'Your session has ended',
  endedHint: (minutes: number) =>
    `It ends after ${minutes} minutes without work. Log in again: what you typed is still here.`,
  endedOther: 'Log in as someone else (loses what was typed)',
  endsSoon: 'Your session is about to end',
  endsSoonHint: (seconds: number) =>
    `It ends in ${seconds} seconds. Move the mouse or press a key to go on.`,
  logOut: 'Log out',
  account: 'Account',
  changePassword: 'Change password',
  mustChange: 'Choose your own password',
  mustChangeHint: 'The first password was only for this first time.',
  current: 'Current password',
  next: 'New password',
  repeat: 'New password again',
  rules: 'The new password',
  ruleLength: 'has at least 12 characters',
  ruleName: 'does not contain the user name',
  ruleOther: 'is not the current one',
  ruleSame: 'is typed the same twice',
  ruleServer: 'is not a common one, nor one of your last five (checked when you save)',
  ruleMet: 'met',
  ruleUnmet: 'not yet met',
  changed: 'The password is changed. Other sessions of this account have ended.',
  roles: {
    data_manager: 'Data manager',
    monitor: 'Monitor',
    operator: 'Operator',
    administrator: 'Administrator',
  },
  nothing: 'Your account has no rights to any page. Ask an administrator.',
};
