// In place of a password: the identity provider sees the person again, in a window of its own, and
// the gateway then takes the ticket that this page holds, once.
import {Alert, Anchor, Button, Group, Text} from '@mantine/core';
import {useEffect, useRef, useState} from 'react';
import {askToSign, showTicket} from '../api/calls';
import type {SignatureRequest} from '../api/types';
import {openProviderWindow, useProvider, wordsFor} from '../session/provider';
import {useText} from '../text/language';
import {Tick} from './icons';
import {ProblemAlert} from './problem_alert';

const kAskEveryMs = 1000;
// The gateway takes a ticket for two minutes.
const kConfirmedMs = 115_000;

interface Props {
  value: SignatureRequest;
  onChange: (value: SignatureRequest) => void;
  wrong: boolean;
}

type State =
  | {kind: 'idle'}
  | {kind: 'waiting'; ticket: string; address: string; blocked: boolean}
  | {kind: 'refused'; why: string}
  | {kind: 'failed'; error: unknown};

export function ProviderSigning({value, onChange, wrong}: Props) {
  const text = useText();
  const provider = useProvider();
  const [state, setState] = useState<State>({kind: 'idle'});
  const [busy, setBusy] = useState(false);
  const latest = useRef({value, onChange});
  latest.current = {value, onChange};
  const confirmed = value.ticket !== undefined;
  const waitsFor = state.kind === 'waiting' ? state.ticket : null;

  useEffect(() => {
    if (waitsFor === null) return;
    const timer = window.setInterval(() => {
      showTicket(waitsFor).then(
        (seen) => {
          if (seen.state === 'waiting') return;
          setState(
            seen.state === 'confirmed'
              ? {kind: 'idle'}
              : {kind: 'refused', why: seen.why ?? 'failed'},
          );
          if (seen.state !== 'confirmed') return;
          latest.current.onChange({...latest.current.value, ticket: waitsFor});
        },
        () => {},
      );
    }, kAskEveryMs);
    return () => window.clearInterval(timer);
  }, [waitsFor]);

  useEffect(() => {
    if (!confirmed) return;
    const timer = window.setTimeout(() => {
      latest.current.onChange({...latest.current.value, ticket: undefined});
      setState({kind: 'refused', why: 'expired'});
    }, kConfirmedMs);
    return () => window.clearTimeout(timer);
  }, [confirmed, value.ticket]);

  if (!provider) return null;

  const confirm = async () => {
    // At once: a browser opens windows only while it handles a click.
    const opened = openProviderWindow('');
    setBusy(true);
    setState({kind: 'idle'});
    try {
      const {ticket, address} = await askToSign();
      if (opened) opened.location.replace(address);
      setState({kind: 'waiting', ticket, address, blocked: opened === null});
    } catch (error) {
      opened?.close();
      setState({kind: 'failed', error});
    } finally {
      setBusy(false);
    }
  };

  return (
    <>
      {!confirmed && (
        <Group gap="sm">
          <Button variant="default" loading={busy} onClick={() => void confirm()}>
            {text.conflict.confirmBy(provider.label)}
          </Button>
        </Group>
      )}
      <Text size="sm" role="status">
        {confirmed && (
          <>
            <Tick met label="" /> {text.conflict.confirmedBy(provider.label)}
          </>
        )}
        {!confirmed && state.kind === 'waiting' && (
          <>
            {text.session.waitingForProvider(provider.label)}{' '}
            {state.blocked && (
              <Anchor href={state.address} target="_blank">
                {text.session.openWindow}
              </Anchor>
            )}
          </>
        )}
      </Text>
      {!confirmed && wrong && state.kind === 'idle' && (
        <Alert color="red" variant="outline" role="alert">
          {text.conflict.ticketUsed}
        </Alert>
      )}
      {state.kind === 'refused' && (
        <Alert color="red" variant="outline" role="alert">
          {wordsFor(state.why, text)}
        </Alert>
      )}
      {state.kind === 'failed' && <ProblemAlert error={state.error} />}
    </>
  );
}
