// Asks every few seconds whether the store has changed, while somebody looks at the page. What a
// page has read is then read again quietly; the queue and the conflict page take the version
// themselves.
import {useQuery, useQueryClient} from '@tanstack/react-query';
import {createContext, useContext, useEffect, useRef, type ReactNode} from 'react';
import {showChanges} from '../api/calls';

const kAskEveryMs = 4000;

interface Changes {
  version: string | null;
  connected: boolean;
}

const Context = createContext<Changes>({version: null, connected: true});

export function ChangesProvider({active, children}: {active: boolean; children: ReactNode}) {
  const queries = useQueryClient();
  const {data, isError} = useQuery({
    queryKey: ['changes'],
    queryFn: showChanges,
    enabled: active,
    refetchInterval: active ? kAskEveryMs : false,
    refetchIntervalInBackground: false,
    retry: false,
  });
  const version = data?.version ?? null;
  const before = useRef<string | null>(null);
  useEffect(() => {
    if (version === null) return;
    if (before.current !== null && before.current !== version) {
      void queries.invalidateQueries({predicate: (query) => query.meta?.live === true});
    }
    before.current = version;
  }, [version, queries]);
  return <Context.Provider value={{version, connected: !isError}}>{children}</Context.Provider>;
}

export const useChanges = (): Changes => useContext(Context);

// The time, for ages and due dates; it moves once a minute.
export function useNow(): number {
  const {data} = useQuery({
    queryKey: ['now'],
    queryFn: () => Date.now(),
    initialData: () => Date.now(),
    refetchInterval: 30_000,
    staleTime: 0,
  });
  return data;
}
