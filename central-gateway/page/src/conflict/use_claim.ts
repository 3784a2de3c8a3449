// The claim on the open conflict: taken when the page opens, prolonged while somebody works, given
// back on leaving. Another's claim is watched, and becomes ours as soon as it ends.
import {useCallback, useEffect, useRef, useState} from 'react';
import {claimConflict, releaseConflict} from '../api/calls';
import {ProblemError} from '../api/http';
import type {Claim, Conflict} from '../api/types';
import {lastWork} from '../session/idle';

export type ClaimState =
  | {kind: 'none'}
  | {kind: 'mine'; claim: Claim}
  | {kind: 'other'; claim: Claim | null; detail: string}
  | {kind: 'lost'}
  | {kind: 'failed'; error: unknown};

const kLookEveryMs = 20_000;
const kProlongBeforeMs = 10 * 60_000;
const kWorkedWithinMs = 5 * 60_000;

// REQUIRES: `conflict` is the newest reading of one and the same conflict, or undefined before the
// first.
export function useClaim(
  conflict: Conflict | undefined,
  me: string,
  wanted: boolean,
): {state: ClaimState; claim: () => void} {
  const [state, setState] = useState<ClaimState>({kind: 'none'});
  const id = conflict?.conflictId;
  const active = wanted && id !== undefined;
  const now = useRef(state);
  now.current = state;
  const busy = useRef(false);
  const left = useRef(false);

  const claim = useCallback(async () => {
    if (id === undefined || busy.current) return;
    busy.current = true;
    try {
      const mine = await claimConflict(id);
      if (left.current) void releaseConflict(id).catch(() => {});
      else setState({kind: 'mine', claim: mine});
    } catch (error) {
      if (error instanceof ProblemError && error.code === 'claimed') {
        setState({kind: 'other', claim: null, detail: error.problem.detail});
      } else if (!(error instanceof ProblemError && error.problem.status === 401)) {
        setState({kind: 'failed', error});
      }
    } finally {
      busy.current = false;
    }
  }, [id]);

  useEffect(() => {
    if (!active || id === undefined) return;
    left.current = false;
    void claim();
    const timer = window.setInterval(() => {
      const held = now.current;
      // The other's claim may end without a trace in what the page reads.
      if (held.kind === 'other') void claim();
      if (held.kind !== 'mine') return;
      const leftMs = Date.parse(held.claim.expiresAt) - Date.now();
      if (leftMs <= 0) setState({kind: 'lost'});
      else if (leftMs < kProlongBeforeMs && Date.now() - lastWork() < kWorkedWithinMs) void claim();
    }, kLookEveryMs);
    const giveBack = () => {
      left.current = true;
      if (now.current.kind === 'mine') void releaseConflict(id).catch(() => {});
    };
    window.addEventListener('pagehide', giveBack);
    return () => {
      window.removeEventListener('pagehide', giveBack);
      window.clearInterval(timer);
      giveBack();
    };
  }, [active, id, claim]);

  // The other's claim has gone: it is our turn.
  const holder = conflict?.claim?.user;
  useEffect(() => {
    if (active && now.current.kind === 'other' && (holder === undefined || holder === me))
      void claim();
  }, [active, holder, me, claim, conflict]);

  const shown: ClaimState =
    state.kind === 'other' ? {...state, claim: conflict?.claim ?? null} : state;
  return {state: active ? shown : {kind: 'none'}, claim: useCallback(() => void claim(), [claim])};
}
