// The first page, and the same form over the page when a session has ended.
import {Anchor, Text, Title} from '@mantine/core';
import {useText} from '../text/language';
import {Dialog} from '../common/dialog';
import {Mark} from '../common/icons';
import {ColoursSwitch, LanguageSwitch} from './switches';
import {LogInForm} from './log_in_form';
import {useSessionState} from './session_context';
import classes from './session.module.css';

export function LogInPage() {
  const text = useText();
  const {opened} = useSessionState();
  return (
    <main className={classes.gate}>
      <div className={classes.card}>
        <div className={classes.brand}>
          <Mark />{' '}
          <Title order={1} size="h3">
            {text.common.desk}
          </Title>
        </div>
        <LogInForm onOpened={opened} />
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
  if (state.kind !== 'ended') return null;
  return (
    <Dialog title={text.session.ended} onClose={() => {}} firm curtain>
      <Text size="sm" mb="sm">
        {text.session.endedHint(state.session.idleMinutes)}
      </Text>
      <LogInForm user={state.session.user} onOpened={opened} />
      <Text size="sm" mt="md" ta="center">
        <Anchor href="/">{text.session.endedOther}</Anchor>
      </Text>
    </Dialog>
  );
}
