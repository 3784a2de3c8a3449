// By the code of a problem: what happened and what to do. A code that is not here shows the
// gateway's own words.
export const errors = {
  byCode: {
    unreachable: {
      title: 'The gateway cannot be reached',
      todo: 'Check the network. The page goes on by itself once the gateway answers.',
    },
    unauthorized: {title: 'Not accepted', todo: 'The password is wrong, or the session has ended.'},
    forbidden: {
      title: 'Your account may not do that',
      todo: 'Ask an administrator if you need this right.',
    },
    not_found: {title: 'Not found', todo: 'It does not exist, or lies outside your rights.'},
    stale: {title: 'The record has moved on', todo: 'Look at what changed and decide again.'},
    claimed: {
      title: 'Somebody else is working on it',
      todo: 'Take another one, or wait until the claim ends.',
    },
    field_invalid: {title: 'A value does not fit', todo: 'Correct the value that is named.'},
    field_missing: {title: 'Something is missing', todo: 'Fill in what is named.'},
    reason_required: {title: 'A reason is needed', todo: 'Give a reason.'},
    already_exists: {
      title: 'That exists already',
      todo: 'Use what exists, or choose another name.',
    },
    needs_consent: {
      title: 'The site must agree to it',
      todo: 'Propose the decision to the site.',
    },
    locked: {
      title: 'The record is locked',
      todo: 'It must be unlocked at the centre before it can change.',
    },
    too_large: {title: 'Too much at once', todo: 'Send less at once.'},
    too_many_attempts: {title: 'Too many attempts', todo: 'Wait a minute, then try again.'},
    busy: {title: 'The gateway is busy', todo: 'Try again shortly.'},
    password_change_required: {
      title: 'Choose your own password first',
      todo: 'Change the first password, then go on.',
    },
    unavailable: {title: 'Not available now', todo: 'Try again shortly.'},
    stopped: {title: 'The gateway is stopping', todo: 'Try again when it is back.'},
    internal: {
      title: 'The gateway has failed',
      todo: 'Try again. If it fails again, report it with the time.',
    },
  },
  unknown: 'That did not work',
};
