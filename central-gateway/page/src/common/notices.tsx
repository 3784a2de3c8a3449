// A short word about what has just happened, at the page's edge and in a live region. It goes by
// itself and never takes the focus; nothing that one must act on is said only here.
import {createContext, useCallback, useContext, useEffect, useState, type ReactNode} from 'react';
import classes from './common.module.css';

const Context = createContext<(words: string) => void>(() => {});
const kShownMs = 6000;

export function NoticeProvider({children}: {children: ReactNode}) {
  const [notice, setNotice] = useState<{words: string; id: number} | null>(null);
  const tell = useCallback(
    (words: string) => setNotice((before) => ({words, id: (before?.id ?? 0) + 1})),
    [],
  );
  useEffect(() => {
    if (!notice) return;
    const timer = window.setTimeout(() => setNotice(null), kShownMs);
    return () => window.clearTimeout(timer);
  }, [notice]);
  return (
    <Context.Provider value={tell}>
      {children}
      <div className={classes.notices} role="status" aria-live="polite">
        {notice && (
          <div key={notice.id} className={classes.notice}>
            {notice.words}
          </div>
        )}
      </div>
    </Context.Provider>
  );
}

export const useNotice = (): ((words: string) => void) => useContext(Context);
