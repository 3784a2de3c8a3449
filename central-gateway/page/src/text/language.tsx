// Which language the pages speak. It is remembered in this browser; before the first choice the
// browser's own language decides.
import {
  createContext,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useState,
  type ReactNode,
} from 'react';
import {connection} from '../api/http';
import {readPreference, writePreference} from '../common/preferences';
import {dictionaries, languageTags, type Dictionary, type Language} from './dictionary';

interface LanguageContext {
  language: Language;
  text: Dictionary;
  setLanguage: (language: Language) => void;
}

const Context = createContext<LanguageContext | null>(null);

export function firstLanguage(stored: string | null, browser: readonly string[]): Language {
  if (stored === 'en' || stored === 'zh') return stored;
  const known = browser
    .map((tag) => tag.toLowerCase().split('-')[0])
    .find((tag) => tag === 'en' || tag === 'zh');
  return known === 'zh' ? 'zh' : 'en';
}

export function LanguageProvider({children}: {children: ReactNode}) {
  const [language, setState] = useState<Language>(() =>
    firstLanguage(readPreference('language'), navigator.languages),
  );
  const text = dictionaries[language];
  // Before the children read anything, so that their first call asks in the right language.
  connection.language = languageTags[language];
  useEffect(() => {
    document.documentElement.lang = languageTags[language];
  }, [language]);
  const setLanguage = useCallback((next: Language) => {
    writePreference('language', next);
    setState(next);
  }, []);
  const value = useMemo(() => ({language, text, setLanguage}), [language, text, setLanguage]);
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useLanguage(): LanguageContext {
  const value = useContext(Context);
  if (!value) throw new Error('LanguageProvider is missing');
  return value;
}

export const useText = (): Dictionary => useLanguage().text;
