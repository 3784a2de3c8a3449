// A form that ends in a signature: what is signed and why (its children), who signs, the gateway's
// refusal. A wrong password is told beside its field, and no password is kept after it was used.
import {Button, Group, Stack} from '@mantine/core';
import {useState, type ReactNode} from 'react';
import {ProblemError} from '../api/http';
import type {SignatureRequest} from '../api/types';
import {useText} from '../text/language';
import {ProblemAlert} from './problem_alert';
import {isProven, noSignature, SigningFields, unproven} from './signing';

interface Props {
  // What the button does.
  label: string;
  // All but the signature is given.
  ready: boolean;
  // Throws what the gateway refused with.
  onSign: (signature: SignatureRequest) => Promise<void>;
  onCancel: () => void;
  children: ReactNode;
}

export function SignForm({label, ready, onSign, onCancel, children}: Props) {
  const text = useText().common;
  const [signature, setSignature] = useState(noSignature);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const wrong = error instanceof ProblemError && error.problem.status === 401;

  const sign = async () => {
    if (!ready) return;
    setBusy(true);
    setError(null);
    try {
      await onSign(signature);
    } catch (caught) {
      setError(caught);
    } finally {
      setSignature(unproven);
      setBusy(false);
    }
  };

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void sign();
      }}
    >
      <Stack gap="sm">
        {children}
        <SigningFields value={signature} onChange={setSignature} wrong={wrong} />
        {error !== null && !wrong && <ProblemAlert error={error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onCancel}>
            {text.cancel}
          </Button>
          <Button type="submit" loading={busy} disabled={!ready || !isProven(signature)}>
            {label}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
