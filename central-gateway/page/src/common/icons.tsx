// The few signs the pages use, drawn here so that no icon font or package is needed.
import type {ReactNode} from 'react';

function Icon({children, size = 16, label}: {children: ReactNode; size?: number; label?: string}) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      role={label ? 'img' : undefined}
      aria-label={label}
      aria-hidden={label ? undefined : true}
      focusable="false"
    >
      {children}
    </svg>
  );
}

export const Mark = () => (
  <svg width="24" height="24" viewBox="0 0 32 32" aria-hidden focusable="false">
    <rect width="32" height="32" rx="7" fill="#1f5fbf" />
    <path
      d="M9 7v6c0 4 7 3 7 8v4M23 7v6c0 4-7 3-7 8"
      fill="none"
      stroke="#fff"
      strokeWidth="2.6"
      strokeLinecap="round"
    />
    <circle cx="9" cy="7" r="2.6" fill="#fff" />
    <circle cx="23" cy="7" r="2.6" fill="#fff" />
  </svg>
);

export const Tick = ({met, label}: {met: boolean; label: string}) => (
  <Icon size={12} label={label}>
    {met ? <path d="M2 9l4 4 8-10" /> : <circle cx="8" cy="8" r="5" />}
  </Icon>
);
export const Cross = () => (
  <Icon size={12}>
    <path d="M3 3l10 10M13 3L3 13" />
  </Icon>
);
export const Chevron = ({open}: {open: boolean}) => (
  <Icon size={12}>{open ? <path d="M3 5.5l5 5 5-5" /> : <path d="M5.5 3l5 5-5 5" />}</Icon>
);
export const Arrow = ({up}: {up: boolean}) => (
  <Icon size={10}>{up ? <path d="M8 14V3M3 8l5-5 5 5" /> : <path d="M8 2v11M3 8l5 5 5-5" />}</Icon>
);
// Hard and soft differ in shape as well as in colour.
export const HardSign = () => (
  <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden focusable="false">
    <path d="M5 0l5 5-5 5-5-5z" fill="currentColor" />
  </svg>
);
export const SoftSign = () => (
  <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden focusable="false">
    <circle cx="5" cy="5" r="3.6" fill="none" stroke="currentColor" strokeWidth="2" />
  </svg>
);
export const Clock = ({label}: {label: string}) => (
  <Icon size={12} label={label}>
    <circle cx="8" cy="8" r="6" />
    <path d="M8 4.5V8l2.5 2" />
  </Icon>
);
// Opened again.
export const Again = ({label}: {label?: string}) => (
  <Icon size={12} label={label}>
    <path d="M13.5 8A5.5 5.5 0 1 1 11.500 3.700M11.500 1v3h-3" />
  </Icon>
);
export const Warning = ({label}: {label?: string}) => (
  <Icon size={13} label={label}>
    <path d="M8 2l6.5 12h-13zM8 6.5v3.5M8 12v.2" />
  </Icon>
);
export const Mask = () => (
  <Icon size={12}>
    <path d="M1.5 8s2.5-4 6.5-4 6.5 4 6.5 4-2.5 4-6.5 4-6.5-4-6.5-4zM3 14L13 2" />
  </Icon>
);
export const Bars = () => (
  <Icon>
    <path d="M2 4h12M2 8h12M2 12h12" />
  </Icon>
);
export const Pen = () => (
  <Icon size={12}>
    <path d="M3 13l.8-3L11 2.8l2.2 2.2L6 12.2z" />
  </Icon>
);
export const Person = () => (
  <Icon>
    <circle cx="8" cy="5" r="3" />
    <path d="M2.5 14c.8-3 3-4 5.5-4s4.700 1 5.500 4" />
  </Icon>
);
