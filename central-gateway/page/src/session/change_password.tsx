// A new password, with the rules in sight. Also the only page of an account with a first password.
import {Button, PasswordInput, Stack, Text, Title} from '@mantine/core';
import {useState, type FormEvent} from 'react';
import {changePassword} from '../api/calls';
import {ProblemError} from '../api/http';
import type {Session} from '../api/types';
import {Mark, Tick} from '../common/icons';
import {ProblemAlert} from '../common/problem_alert';
import {useText} from '../text/language';
import {allMet, passwordRules} from './password_rules';
import {useSession, useSessionState} from './session_context';
import classes from './session.module.css';

export function ChangePasswordForm({onChanged}: {onChanged: (session: Session) => void}) {
  const text = useText().session;
  const errors = useText().errors;
  const {user} = useSession();
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const [repeat, setRepeat] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const rules = passwordRules(user, current, next, repeat);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      onChanged(await changePassword(current, next));
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  };

  const wrong = error instanceof ProblemError && error.problem.status === 401;
  const lines: [boolean, string][] = [
    [rules.length, text.ruleLength],
    [rules.name, text.ruleName],
    [rules.other, text.ruleOther],
    [rules.same, text.ruleSame],
  ];
  return (
    <form onSubmit={(event) => void submit(event)}>
      <Stack gap="sm">
        <input type="text" name="username" autoComplete="username" value={user} readOnly hidden />
        <PasswordInput
          label={text.current}
          autoComplete="current-password"
          required
          withAsterisk={false}
          size="sm"
          data-autofocus
          value={current}
          error={wrong ? errors.byCode.unauthorized.title : undefined}
          onChange={(event) => setCurrent(event.currentTarget.value)}
        />
        <PasswordInput
          label={text.next}
          autoComplete="new-password"
          required
          withAsterisk={false}
          size="sm"
          aria-describedby="password-rules"
          value={next}
          onChange={(event) => setNext(event.currentTarget.value)}
        />
        <PasswordInput
          label={text.repeat}
          autoComplete="new-password"
          required
          withAsterisk={false}
          size="sm"
          value={repeat}
          onChange={(event) => setRepeat(event.currentTarget.value)}
        />
        <div id="password-rules">
          <Text size="sm" fw={600}>
            {text.rules}
          </Text>
          <ul className={classes.rules}>
            {lines.map(([met, line]) => (
              <li key={line} data-met={met || undefined}>
                <Tick met={met} label={met ? text.ruleMet : text.ruleUnmet} /> {line}
              </li>
            ))}
            <li>
              <span className={classes.dot} aria-hidden /> {text.ruleServer}
            </li>
          </ul>
        </div>
        {error !== null && !wrong && <ProblemAlert error={error} />}
        <Button type="submit" size="sm" loading={busy} disabled={!allMet(rules) || current === ''}>
          {text.changePassword}
        </Button>
      </Stack>
    </form>
  );
}

export function FirstPasswordPage() {
  const text = useText();
  const {opened, logOut} = useSessionState();
  return (
    <main className={classes.gate}>
      <div className={classes.card}>
        <div className={classes.brand}>
          <Mark />{' '}
          <Title order={1} size="h3">
            {text.session.mustChange}
          </Title>
        </div>
        <Text size="sm" mb="md">
          {text.session.mustChangeHint}
        </Text>
        <ChangePasswordForm onChanged={opened} />
        <Button variant="subtle" size="sm" mt="sm" fullWidth onClick={() => void logOut()}>
          {text.session.logOut}
        </Button>
      </div>
    </main>
  );
}
