// The first page, and the same form over the page when a session has ended.
import {Alert, Anchor, Button, Divider, Text, Title} from '@mantine/core';
import {useEffect, useState} from 'react';
import {useText} from '../text/language';
import {Dialog} from '../common/dialog';
import {Mark} from '../common/icons';
import {ColoursSwitch, LanguageSwitch} from './switches';
import {LogInForm} from './log_in_form';
import {failureIn, useProvider, withoutFailure} from './provider';
import {ProviderLogIn, ProviderLogInAgain} from './provider_log_in';
import {useSessionState} from './session_context';
import classes from './session.module.css';

export function LogInPage() {
  const text = useText();
  const {state, opened} = useSessionState();
  const provider = useProvider();
  const [failure] = useState(() => failureIn(window.location.search));
  const [local, setLocal] = useState(false);
  useEffect(() => {
    const {pathname, search} = window.location;
    if (failure !== null) window.history.replaceState(null, '', withoutFailure(pathname, search));
  }, [failure]);
  return (
    <main className={classes.gate}>
      <div className={classes.card}>
        <div className={classes.brand}>
          <Mark />{' '}
          <Title order={1} size="h3">
            {text.common.desk}
          </Title>
        </div>
        {state.kind === 'none' && state.leftProvider && provider?.logOutAddress && (
          <Alert color="yellow" variant="outline" mb="md">
            {text.session.stillAtProvider(provider.label)}{' '}
            <Anchor href={provider.logOutAddress} size="sm">
              {text.session.logOutThere(provider.label)}
            </Anchor>
          </Alert>
        )}
        {provider && <ProviderLogIn provider={provider} failure={failure} />}
        {provider && !provider.localPasswords && !local ? (
          <Button variant="subtle" size="sm" fullWidth onClick={() => setLocal(true)}>
            {text.session.localAccount}
          </Button>
        ) : (
          provider !== undefined && (
            <>
              {provider && <Divider my="md" label={text.session.localAccount} />}
              <LogInForm onOpened={opened} second={provider !== null} />
            </>
          )
        )}
        <div className={classes.switches}>
          <LanguageSwitch />
          <ColoursSwitch />
        </div>
      </div>
    </main>
  );
}

// Covers the page's values wholly: whoever stands before an abandoned screen shall read nothing.
export function SessionEnded() {
  const text = useText();
  const {state, opened} = useSessionState();
  const provider = useProvider();
  if (state.kind !== 'ended') return null;
  return (
    <Dialog title={text.session.ended} onClose={() => {}} firm curtain>
      <Text size="sm" mb="sm">
        {text.session.endedHint(state.session.idleMinutes)}
      </Text>
      {state.session.method === 'provider' && provider ? (
        <ProviderLogInAgain
          provider={provider}
          user={state.session.user}
          onOpened={opened}
        />
      ) : (
        <LogInForm user={state.session.user} onOpened={opened} />
      )}
      <Text size="sm" mt="md" ta="center">
        <Anchor href="/">{text.session.endedOther}</Anchor>
      </Text>
    </Dialog>
  );
}
