// The site's consent to a decision (ICH E6(R3) 3.16.1(i)), the rule agreed on, and reopening.
export const consent = {
  propose: 'Propose to the site',
  proposeDo: 'Sign and propose',
  proposeHint: 'The site answers it. Until then the version that counts now stays as it is.',
  afterSite: 'After the site agrees',
  endorsedStudy:
    'The sites of this study endorse what is decided: you propose, the site answers ' +
    '(ICH E6(R3) 3.16.1(i)).',
  rule: 'The rule agreed on for this study',
  ruleNone: 'No agreed rule is recorded for this study (ICH E6(R3) 3.16.1(i)).',
  modeChanged: 'This study now asks for its sites’ consent. Nothing has been decided.',
  modeChangedHint: 'Your choices and your reason are kept. Propose the decision to the site.',
  waits: 'Waits for the site',
  waitsBar: 'A proposal waits for the site. Withdraw it to decide otherwise.',
  waitsBarRead: 'A proposal waits for the site.',
  by: (user: string, when: string) => `Proposed by ${user}, ${when}`,
  bySigned: (name: string, user: string, when: string) =>
    `Proposed and signed by ${name} (${user}), ${when}`,
  changes: 'What it would change',
  changesOf: (n: number) =>
    n === 1 ? 'What it would change: 1 item' : `What it would change: ${n} items`,
  changesNone: 'No value would change.',
  proposedValue: 'Proposed',
  withdraw: 'Withdraw',
  withdrawn: 'Withdrawn. The conflict is the desk’s again.',
  rejectedTitle: 'The site rejected the proposal',
  rejectedHint: 'Decide otherwise and propose again.',
  answered: (who: string, edge: string, when: string) => `${who} at ${edge}, ${when} by its clock`,
  agreed: (who: string, edge: string, when: string) =>
    `The site agreed: ${who} at ${edge}, ${when} by its clock`,
  ended: {
    withdrawn: (who: string, when: string) => `withdrawn by ${who}, ${when}`,
    superseded: (when: string) => `overtaken by a newer version, ${when}`,
  },
  history: 'Proposals to the site',
  states: {
    waiting: 'waiting',
    accepted: 'accepted',
    rejected: 'rejected',
    superseded: 'superseded',
    withdrawn: 'withdrawn',
  },
  reopen: 'Open again',
  reopenTitle: 'Open this conflict again',
  reopenHint:
    'A new conflict of this record opens and shows what was decided upon. What counts stays ' +
    'until the new one is decided.',
  reopenReasonHint: 'Who decides it anew reads this.',
  reopened: 'opened again',
  reopenedBy: (user: string, when: string) => `Opened again by ${user}, ${when}`,
  reopenedFormer: 'What was decided before',
  reopenedLater: 'Opened again since.',
  reopenedAs: 'Go to the new conflict',
  former: 'decided upon before',
  queueWaits: 'waits for the site',
};
