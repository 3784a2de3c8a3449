// Name and password, and what went wrong.
import {Alert, Button, PasswordInput, Stack, TextInput} from '@mantine/core';
import {useState, type FormEvent} from 'react';
import {logIn} from '../api/calls';
import {ProblemError} from '../api/http';
import type {Session} from '../api/types';
import {ProblemAlert} from '../common/problem_alert';
import {useText} from '../text/language';

interface Props {
  // Fixed when a session is taken up again.
  user?: string;
  // Another way stands above it, which has the focus.
  second?: boolean;
  onOpened: (session: Session) => void;
}

export function LogInForm({user: fixedUser, second = false, onOpened}: Props) {
  const text = useText();
  const [user, setUser] = useState(fixedUser ?? '');
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      onOpened(await logIn(user, password));
    } catch (caught) {
      setError(caught);
      setPassword('');
    } finally {
      setBusy(false);
    }
  };

  const wrong = error instanceof ProblemError && error.problem.status === 401;
  return (
    <form onSubmit={(event) => void submit(event)}>
      <Stack gap="sm">
        <TextInput
          label={text.session.user}
          name="username"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          required
          withAsterisk={false}
          maxLength={64}
          size="sm"
          readOnly={fixedUser !== undefined}
          data-autofocus={fixedUser === undefined || undefined}
          autoFocus={fixedUser === undefined && !second}
          value={user}
          onChange={(event) => setUser(event.currentTarget.value)}
        />
        <PasswordInput
          label={text.session.password}
          name="password"
          autoComplete="current-password"
          required
          withAsterisk={false}
          maxLength={1024}
          size="sm"
          data-autofocus={fixedUser !== undefined || undefined}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          visibilityToggleButtonProps={{tabIndex: -1, 'aria-hidden': true}}
        />
        {wrong && (
          <Alert color="red" variant="outline" role="alert">
            {text.session.wrong}
          </Alert>
        )}
        {error !== null && !wrong && <ProblemAlert error={error} />}
        <Button
          type="submit"
          size="sm"
          loading={busy}
          fullWidth
          variant={second ? 'default' : 'filled'}
        >
          {text.session.logIn}
        </Button>
      </Stack>
    </form>
  );
}
