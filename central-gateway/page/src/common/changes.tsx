// Hears whether the store has changed, while somebody looks at the page: the gateway says so by a
// server-sent event, and where no stream stands it is asked every few seconds. What a page has read
// is then read again quietly; the queue and the conflict page take the version themselves.
import {useQuery, useQueryClient} from '@tanstack/react-query';
import {createContext, useContext, useEffect, useRef, useState, type ReactNode} from 'react';
import {showChanges} from '../api/calls';

const kAskEveryMs = 4000;

interface Changes {
  version: string | null;
  connected: boolean;
}

const Context = createContext<Changes>({version: null, connected: true});

export function ChangesProvider({active, children}: {active: boolean; children: ReactNode}) {
  const queries = useQueryClient();
  const streams = useStream(active);
  const {data, isError} = useQuery({
    queryKey: ['changes'],
    queryFn: showChanges,
    enabled: active,
    refetchInterval: active && !streams ? kAskEveryMs : false,
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

// True while a stream stands. A hidden page keeps none: a browser has few connections to one host, and
// every open tab would hold one of them.
function useStream(active: boolean): boolean {
  const queries = useQueryClient();
  const [stands, setStands] = useState(false);
  useEffect(() => {
    if (!active) return undefined;
    let source: EventSource | null = null;
    const stop = () => {
      source?.close();
      source = null;
      setStands(false);
    };
    const start = () => {
      if (source !== null || document.visibilityState === 'hidden') return;
      source = new EventSource('/api/v1/changes');
      source.onopen = () => setStands(true);
      // Comes again by itself, or is refused for good: either way it is asked for meanwhile.
      source.onerror = () => setStands(false);
      source.onmessage = (event) =>
        queries.setQueryData(['changes'], {version: String(event.data)});
    };
    const onVisibility = () => (document.visibilityState === 'hidden' ? stop() : start());
    document.addEventListener('visibilitychange', onVisibility);
    start();
    return () => {
      document.removeEventListener('visibilitychange', onVisibility);
      stop();
    };
  }, [active, queries]);
  return stands;
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
