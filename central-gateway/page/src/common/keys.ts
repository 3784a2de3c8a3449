// Single keys as commands. A key counts only outside of fields and dialogs and without Ctrl, Alt or
// Meta, so that typing and the browser's own commands are never caught; and only while the reader
// has not switched single keys off (WCAG 2.1.4).
import {useEffect, useRef, useSyncExternalStore} from 'react';
import {readPreference, writePreference} from './preferences';

export interface Pressed {
  key: string;
  ctrlKey: boolean;
  altKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
  isComposing?: boolean;
}

export type KeyMap = Record<string, () => void>;

// The name under which a key map holds a key: `j`, `?`, `Shift+1`, `ArrowDown`; null where it is
// not ours. Digits are named by the key cap, since Shift turns them into signs that differ between
// keyboards.
export function keyName(event: Pressed & {code?: string}): string | null {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return null;
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code ?? '')?.[1];
  if (digit !== undefined && (event.shiftKey || event.key === digit)) {
    return event.shiftKey ? `Shift+${digit}` : digit;
  }
  return event.key.length === 1 ? event.key.toLowerCase() : event.key;
}

// Whether the element takes letters or arrows for itself.
export function takesKeys(
  element: {tagName: string; type?: string; isContentEditable?: boolean} | null,
): boolean {
  if (!element) return false;
  if (element.isContentEditable) return true;
  const tag = element.tagName.toUpperCase();
  if (tag === 'TEXTAREA' || tag === 'SELECT') return true;
  return tag === 'INPUT' && !['checkbox', 'button', 'submit'].includes(element.type ?? 'text');
}

const listeners = new Set<() => void>();
let enabled = readPreference('keys') !== 'off';

export function setSingleKeys(on: boolean): void {
  enabled = on;
  writePreference('keys', on ? 'on' : 'off');
  listeners.forEach((listener) => listener());
}

export function useSingleKeys(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => enabled,
  );
}

// Enter and Space belong to the control that has the focus.
function activates(name: string, element: Element | null): boolean {
  return (name === 'Enter' || name === ' ') && !!element?.closest('button, a, input, summary');
}

export function useKeys(map: KeyMap, active = true): void {
  const current = useRef(map);
  current.current = map;
  useEffect(() => {
    if (!active) return;
    const onKeyDown = (event: KeyboardEvent) => {
      const target = event.target instanceof HTMLElement ? event.target : null;
      if (event.defaultPrevented || takesKeys(target)) return;
      if (
        document.querySelector(
          '[role="dialog"][aria-modal="true"], [role="listbox"], [role="menu"]',
        )
      )
        return;
      const name = keyName(event);
      if (name === null || activates(name, target)) return;
      if (!enabled && name.length === 1) return;
      if (!enabled && name.startsWith('Shift+')) return;
      const command = current.current[name];
      if (!command) return;
      event.preventDefault();
      command();
    };
    window.addEventListener('keydown', onKeyDown);
    return () => window.removeEventListener('keydown', onKeyDown);
  }, [active]);
}
