// What the identity provider's window shows when it is done: the page that opened it goes on.
import {Alert, Button, Stack, Text, Title} from '@mantine/core';
import {useEffect} from 'react';
import {Mark} from '../common/icons';
import {useText} from '../text/language';
import {failureIn, wordsFor} from './provider';
import classes from './session.module.css';

export function ConfirmedPage() {
  const text = useText();
  const failure = failureIn(window.location.search);
  useEffect(() => {
    document.title = `${text.common.desk} – ${text.common.product}`;
    if (failure === null) window.close();
  }, [failure, text]);
  return (
    <main className={classes.gate}>
      <div className={classes.card}>
        <div className={classes.brand}>
          <Mark />{' '}
          <Title order={1} size="h3">
            {failure === null ? text.session.confirmed : text.session.notConfirmed}
          </Title>
        </div>
        <Stack gap="sm">
          {failure !== null && (
            <Alert color="red" variant="outline" role="alert">
              {wordsFor(failure, text)}
            </Alert>
          )}
          <Text size="sm">{text.session.closeWindowHint}</Text>
          <Button variant="default" onClick={() => window.close()}>
            {text.session.closeWindow}
          </Button>
        </Stack>
      </div>
    </main>
  );
}
