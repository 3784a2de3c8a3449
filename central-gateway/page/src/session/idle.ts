// Work, or none, in this browser. The gateway ends a session after so long without a call, but the
// open page itself calls every few seconds; so the page has to notice that nobody is there and log
// out.
import {useEffect, useRef, useState} from 'react';

export const kWarnBeforeMs = 60_000;

export type Idleness =
  {state: 'working'} | {state: 'warned'; secondsLeft: number} | {state: 'idle'};

export function idleness(lastWorkAt: number, now: number, idleMinutes: number): Idleness {
  const left = lastWorkAt + idleMinutes * 60_000 - now;
  if (left <= 0) return {state: 'idle'};
  if (left <= kWarnBeforeMs) return {state: 'warned', secondsLeft: Math.ceil(left / 1000)};
  return {state: 'working'};
}

let lastWorkAt = Date.now();
export const lastWork = (): number => lastWorkAt;

// Calls `onIdle` once when the time is up. Work in any tab of this browser counts for all of them.
export function useIdleness(idleMinutes: number, active: boolean, onIdle: () => void): Idleness {
  const [idle, setIdle] = useState<Idleness>({state: 'working'});
  const whenIdle = useRef(onIdle);
  whenIdle.current = onIdle;
  useEffect(() => {
    if (!active) {
      setIdle({state: 'working'});
      return;
    }
    lastWorkAt = Date.now();
    const channel =
      typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel('edcsync.work');
    let toldAt = 0;
    let done = false;
    const onWork = () => {
      lastWorkAt = Date.now();
      if (lastWorkAt - toldAt > 5000) {
        toldAt = lastWorkAt;
        channel?.postMessage(lastWorkAt);
      }
    };
    if (channel) channel.onmessage = () => (lastWorkAt = Date.now());
    const events = ['pointermove', 'pointerdown', 'keydown', 'wheel', 'touchstart'] as const;
    events.forEach((name) => window.addEventListener(name, onWork, {passive: true}));
    const timer = window.setInterval(() => {
      const next = idleness(lastWorkAt, Date.now(), idleMinutes);
      setIdle((before) => (before.state === 'working' && next.state === 'working' ? before : next));
      if (next.state === 'idle' && !done) {
        done = true;
        whenIdle.current();
      }
    }, 1000);
    return () => {
      events.forEach((name) => window.removeEventListener(name, onWork));
      window.clearInterval(timer);
      channel?.close();
    };
  }, [idleMinutes, active]);
  return idle;
}
