// Who is logged in. The page stays mounted when a session ends, so that nothing typed is lost; the
// log-in then lies over it, and the same person goes on where they were.
import {useQueryClient} from '@tanstack/react-query';
import {
  createContext,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useState,
  type ReactNode,
} from 'react';
import * as calls from '../api/calls';
import {connection, ProblemError} from '../api/http';
import type {Problem, Session} from '../api/types';

type State =
  | {kind: 'unknown'}
  | {kind: 'failed'; problem: Problem}
  // `leftProvider`: just logged out of a session that the identity provider opened.
  | {kind: 'none'; leftProvider?: boolean}
  | {kind: 'open'; session: Session}
  | {kind: 'ended'; session: Session};

interface SessionContext {
  state: State;
  opened: (session: Session) => void;
  logOut: () => Promise<void>;
  endByIdleness: () => void;
  retry: () => void;
}

const Context = createContext<SessionContext | null>(null);

export function SessionProvider({children}: {children: ReactNode}) {
  const [state, setState] = useState<State>({kind: 'unknown'});
  const queries = useQueryClient();

  const opened = useCallback(
    (session: Session) => {
      connection.csrfToken = session.csrfToken;
      setState({kind: 'open', session});
      void queries.invalidateQueries();
    },
    [queries],
  );

  const ask = useCallback(async () => {
    setState({kind: 'unknown'});
    try {
      opened(await calls.showSession());
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      setState(
        error.problem.status === 401 ? {kind: 'none'} : {kind: 'failed', problem: error.problem},
      );
    }
  }, [opened]);

  useEffect(() => {
    connection.onSessionEnded = () =>
      setState((before) =>
        before.kind === 'open' ? {kind: 'ended', session: before.session} : before,
      );
    connection.onPasswordChangeRequired = () =>
      setState((before) =>
        before.kind === 'open'
          ? {kind: 'open', session: {...before.session, mustChangePassword: true}}
          : before,
      );
    void ask();
  }, [ask]);

  const endByIdleness = useCallback(() => {
    setState((before) =>
      before.kind === 'open' ? {kind: 'ended', session: before.session} : before,
    );
    // If this fails, the gateway ends the session by itself at the same time.
    calls.logOut().catch(() => {});
  }, []);

  const logOut = useCallback(async () => {
    try {
      await calls.logOut();
    } catch (error) {
      if (error instanceof ProblemError && error.problem.status !== 401) throw error;
    }
    connection.csrfToken = '';
    queries.clear();
    setState((before) => ({
      kind: 'none',
      leftProvider: before.kind === 'open' && before.session.method === 'provider',
    }));
  }, [queries]);

  const value = useMemo(
    () => ({state, opened, logOut, endByIdleness, retry: () => void ask()}),
    [state, opened, logOut, endByIdleness, ask],
  );
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useSessionState(): SessionContext {
  const value = useContext(Context);
  if (!value) throw new Error('SessionProvider is missing');
  return value;
}

// REQUIRES: a session is open, or has just ended: inside of the shell.
export function useSession(): Session {
  const {state} = useSessionState();
  if (state.kind !== 'open' && state.kind !== 'ended') throw new Error('no session');
  return state.session;
}
