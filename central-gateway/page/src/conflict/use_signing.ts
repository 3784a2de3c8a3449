// Sends a signed decision on its way: makes it, or proposes it where the site must agree.
import {useState} from 'react';
import {proposeDecision, resolveConflict} from '../api/calls';
import {ProblemError} from '../api/http';
import type {Claim, Conflict, Reason, SignatureRequest} from '../api/types';
import {toChoices, type Decision} from './decision';
import {needsConsent} from './proposals';

// What became of it. In the last three nothing was decided, and reading the conflict again shows
// why: the record has moved on, somebody else's proposal waits, the study now asks for consent.
export type Signed = 'decided' | 'proposed' | 'moved' | 'taken' | 'needsConsent';

// Returns null for what the dialog itself must tell.
export function signedAs(code: string, proposes: boolean): Signed | null {
  if (code === 'stale') return 'moved';
  if (code === 'needs_consent') return 'needsConsent';
  return proposes && code === 'already_exists' ? 'taken' : null;
}

export function useSigning(conflict: Conflict | undefined, decision: Decision) {
  const [modeChanged, setModeChanged] = useState(false);

  // Throws what the dialog must tell.
  const send = async (
    claim: Claim,
    reason: Reason,
    signature: SignatureRequest,
  ): Promise<Signed> => {
    if (!conflict) return 'moved';
    const proposes = needsConsent(conflict);
    try {
      await (proposes ? proposeDecision : resolveConflict)(conflict.conflictId, {
        ...toChoices(decision),
        seenHeads: conflict.heads,
        fencingToken: claim.fencingToken ?? '',
        reason,
        signature,
      });
      return proposes ? 'proposed' : 'decided';
    } catch (error) {
      const known = error instanceof ProblemError ? signedAs(error.code, proposes) : null;
      if (!known) throw error;
      return known;
    }
  };
  const sign: typeof send = async (...given) => {
    const became = await send(...given);
    setModeChanged(became === 'needsConsent');
    return became;
  };
  return {sign, modeChanged, dismissModeChanged: () => setModeChanged(false)};
}
