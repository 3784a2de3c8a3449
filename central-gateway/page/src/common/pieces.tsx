// Small pieces that several pages share.
import {Button, Loader} from '@mantine/core';
import {Component, useEffect, type ReactNode} from 'react';
import type {ConflictSummary, ItemState} from '../api/types';
import {Dialog} from './dialog';
import {useText} from '../text/language';
import classes from './common.module.css';
import {HardSign, Mask, SoftSign, Warning} from './icons';

// A key's cap beside what the key does. Not part of the control's name: the keys have their own
// help.
export const Key = ({children}: {children: ReactNode}) => <kbd aria-hidden>{children}</kbd>;

export type Tone = 'hard' | 'soft' | 'good' | 'plain';

export const Tag = ({
  tone = 'plain',
  title,
  children,
}: {
  tone?: Tone;
  title?: string;
  children: ReactNode;
}) => (
  <span className={classes.tag} data-tone={tone} title={title}>
    {children}
  </span>
);

export function Severity({severity}: {severity: ConflictSummary['severity']}) {
  const text = useText().queue;
  return (
    <Tag tone={severity} title={text.severityHint[severity]}>
      {severity === 'hard' ? <HardSign /> : <SoftSign />}
      {text.severity[severity]}
    </Tag>
  );
}

// The title of the page, for the reader and for the browser's tab.
export function PageHead({title, children}: {title: string; children?: ReactNode}) {
  const {product} = useText().common;
  useEffect(() => {
    document.title = `${title} – ${product}`;
  }, [title, product]);
  return (
    <div className={classes.pageHead}>
      <h1>{title}</h1>
      {children}
    </div>
  );
}

export function Reading() {
  const text = useText().common;
  return (
    <div className={classes.empty} role="status">
      <Loader size="sm" aria-hidden /> <div>{text.loading}</div>
    </div>
  );
}

export const Empty = ({children}: {children: ReactNode}) => (
  <div className={classes.empty}>{children}</div>
);

// One state of an item in words: the code list's text first, since that is what the form shows.
export function ValueText({
  state,
  blinded,
  unit,
}: {
  state: ItemState | null;
  blinded: boolean;
  unit?: string;
}) {
  const text = useText().common;
  if (blinded && state?.present !== false) {
    return (
      <span className={classes.blinded} title={text.blindedHint}>
        <Mask /> {text.blinded}
      </span>
    );
  }
  if (!state?.present) return <span className={classes.absent}>{text.absent}</span>;
  if (state.value === null) return <span className={classes.absent}>{text.notDone}</span>;
  return (
    <>
      <span>
        {state.text ?? state.value}
        {state.text !== null && state.text !== state.value && (
          <span className={classes.code}> ({state.value})</span>
        )}
        {unit && state.text === null && <span className={classes.code}> {unit}</span>}
      </span>
      {state.nonconformance && (
        <span className={classes.fault}>
          <Warning /> {text.valueIs(state.nonconformance)}
        </span>
      )}
    </>
  );
}

export interface KeyLine {
  keys: string[];
  words: string;
}

export function KeysHelp({
  opened,
  onClose,
  lines,
}: {
  opened: boolean;
  onClose: () => void;
  lines: KeyLine[];
}) {
  const text = useText().common;
  return (
    <Dialog opened={opened} onClose={onClose} title={text.keysHelp}>
      <dl className={classes.keys}>
        {lines.map((line) => (
          <KeyEntry key={line.words} line={line} />
        ))}
      </dl>
    </Dialog>
  );
}

const KeyEntry = ({line}: {line: KeyLine}) => (
  <>
    <dt>
      {line.keys.map((key) => (
        <kbd key={key}>{key}</kbd>
      ))}
    </dt>
    <dd>{line.words}</dd>
  </>
);

export function MoreButton({
  busy,
  onClick,
  label,
}: {
  busy: boolean;
  onClick: () => void;
  label?: string;
}) {
  const text = useText().common;
  return (
    <div className={classes.moreRow}>
      <Button variant="default" loading={busy} onClick={onClick}>
        {label ?? text.more}
      </Button>
    </div>
  );
}

function Broken() {
  const text = useText().common;
  return (
    <div className={classes.empty} role="alert">
      <h2>{text.broken}</h2>
      <p>{text.brokenHint}</p>
      <Button onClick={() => window.location.reload()}>{text.reload}</Button>
    </div>
  );
}

// A page that fails must not take the frame with it.
export class Fence extends Component<{children: ReactNode}, {broken: boolean}> {
  override state = {broken: false};

  static getDerivedStateFromError() {
    return {broken: true};
  }

  override render() {
    return this.state.broken ? <Broken /> : this.props.children;
  }
}
