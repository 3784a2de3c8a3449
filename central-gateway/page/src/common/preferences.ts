// What the reader chose on this machine: language, colours, single keys. Nothing of the study's
// data is ever kept in the browser. A browser that refuses storage only forgets.
export type Preference = 'language' | 'keys';

export function readPreference(name: Preference): string | null {
  try {
    return localStorage.getItem(`edcsync.${name}`);
  } catch {
    return null;
  }
}

export function writePreference(name: Preference, value: string): void {
  try {
    localStorage.setItem(`edcsync.${name}`, value);
  } catch {
    // The choice then lasts until the page is closed.
  }
}
