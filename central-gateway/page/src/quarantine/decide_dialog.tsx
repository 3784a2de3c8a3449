// Releases or rejects one revision or many, with a reason and a signature.
import {Button, Group, Stack, Text, Textarea} from '@mantine/core';
import {useState} from 'react';
import {decideQuarantined} from '../api/calls';
import {ProblemError} from '../api/http';
import type {Outcome, Quarantined} from '../api/types';
import {Dialog} from '../common/dialog';
import {OutcomeList} from '../common/outcomes';
import {ProblemAlert} from '../common/problem_alert';
import {isProven, noSignature, SigningFields, unproven} from '../common/signing';
import {useText} from '../text/language';
import {quarantineName} from './names';

interface Props {
  decision: 'release' | 'reject';
  revisions: Quarantined[];
  onClose: (done: boolean) => void;
}

export function DecideDialog({decision, revisions, onClose}: Props) {
  const text = useText();
  const words = text.quarantine;
  const [reason, setReason] = useState('');
  const [signature, setSignature] = useState(noSignature);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [outcomes, setOutcomes] = useState<Outcome[] | null>(null);
  const wrong = error instanceof ProblemError && error.problem.status === 401;
  const title = (decision === 'release' ? words.releaseTitle : words.rejectTitle)(revisions.length);
  const names = new Map(revisions.map((one) => [one.revisionId, quarantineName(one, text)]));

  const decide = async () => {
    setBusy(true);
    setError(null);
    try {
      const revisionIds = revisions.map((one) => one.revisionId);
      setOutcomes(
        (await decideQuarantined(decision, {revisionIds, reason: reason.trim(), signature}))
          .outcomes,
      );
    } catch (caught) {
      setError(caught);
    } finally {
      setSignature(unproven);
      setBusy(false);
    }
  };

  return (
    <Dialog
      onClose={() => onClose(outcomes !== null)}
      form
      title={outcomes ? text.common.outcomes : title}
    >
      {outcomes ? (
        <Stack gap="sm">
          <OutcomeList outcomes={outcomes} nameOf={(id) => names.get(id) ?? id} />
          <Group justify="flex-end">
            <Button data-autofocus onClick={() => onClose(true)}>
              {text.common.close}
            </Button>
          </Group>
        </Stack>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void decide();
          }}
        >
          <Stack gap="sm">
            <Text size="sm">{decision === 'release' ? words.releaseHint : words.rejectHint}</Text>
            <Textarea
              label={text.common.reason}
              required
              withAsterisk={false}
              maxLength={2000}
              autosize
              minRows={2}
              maxRows={6}
              data-autofocus
              value={reason}
              onChange={(event) => setReason(event.currentTarget.value)}
            />
            <SigningFields value={signature} onChange={setSignature} wrong={wrong} />
            {error !== null && !wrong && <ProblemAlert error={error} />}
            <Group justify="flex-end">
              <Button variant="default" onClick={() => onClose(false)}>
                {text.common.cancel}
              </Button>
              <Button
                type="submit"
                loading={busy}
                disabled={reason.trim() === '' || !isProven(signature)}
              >
                {decision === 'release' ? words.releaseDo : words.rejectDo}
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Dialog>
  );
}
