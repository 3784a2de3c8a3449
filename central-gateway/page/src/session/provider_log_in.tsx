// The identity provider's part of the log-in: on the first page, and over a page whose session has
// ended, where it runs in a window of its own so that nothing typed is lost.
import {Alert, Button, Stack, Text} from '@mantine/core';
import {useEffect, useState} from 'react';
import {showSession} from '../api/calls';
import type {Session} from '../api/types';
import {useText} from '../text/language';
import {leaveAddress, openProviderWindow, withoutFailure, wordsFor, type Provider} from './provider';

const kAskEveryMs = 1000;

export function ProviderLogIn({provider, failure}: {provider: Provider; failure: string | null}) {
  const text = useText();
  const {pathname, search} = window.location;
  return (
    <Stack gap="sm" mb="md">
      {failure !== null && (
        <Alert color="red" variant="outline" role="alert">
          {wordsFor(failure, text)}
        </Alert>
      )}
      <Button
        component="a"
        href={leaveAddress(withoutFailure(pathname, search))}
        size="sm"
        fullWidth
        autoFocus
      >
        {text.session.logInBy(provider.label)}
      </Button>
    </Stack>
  );
}

interface AgainProps {
  provider: Provider;
  user: string;
  onOpened: (session: Session) => void;
}

export function ProviderLogInAgain({provider, user, onOpened}: AgainProps) {
  const text = useText().session;
  const [waiting, setWaiting] = useState(false);
  useEffect(() => {
    if (!waiting) return;
    const timer = window.setInterval(() => {
      showSession().then(
        (session) => {
          // What was typed here is one person's.
          if (session.user === user) onOpened(session);
          else window.location.assign('/');
        },
        () => {},
      );
    }, kAskEveryMs);
    return () => window.clearInterval(timer);
  }, [waiting, user, onOpened]);
  return (
    <Stack gap="sm">
      <Button
        size="sm"
        fullWidth
        data-autofocus
        onClick={() => {
          openProviderWindow(leaveAddress('/', true));
          setWaiting(true);
        }}
      >
        {text.logInBy(provider.label)}
      </Button>
      <Text size="sm" role="status">
        {waiting ? text.waitingForProvider(provider.label) : ''}
      </Text>
    </Stack>
  );
}
