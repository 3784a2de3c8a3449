// Has an ended conflict decided anew: asks why, and leads to the new conflict.
import {Button, Group, Stack, Text} from '@mantine/core';
import {useState} from 'react';
import {reopenConflict} from '../api/calls';
import type {Conflict} from '../api/types';
import {Dialog} from '../common/dialog';
import {ProblemAlert} from '../common/problem_alert';
import {noReason, ReasonFields, toReason} from '../common/reason_fields';
import {useStudies} from '../common/studies';
import {useLanguage} from '../text/language';

interface Props {
  conflict: Conflict;
  onOpened: (conflictId: string) => void;
  onClose: () => void;
}

export function ReopenDialog({conflict, onOpened, onClose}: Props) {
  const {text, language} = useLanguage();
  const studies = useStudies();
  const [typed, setTyped] = useState(noReason);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const listed = studies.find((study) => study.studyOID === conflict.studyOID)?.reasons ?? [];
  const reason = toReason(typed, listed, language);
  const reopen = async () => {
    if (!reason) return;
    setBusy(true);
    setError(null);
    try {
      onOpened((await reopenConflict(conflict.conflictId, reason)).conflictId);
    } catch (caught) {
      setError(caught);
      setBusy(false);
    }
  };
  return (
    <Dialog onClose={onClose} title={text.consent.reopenTitle} size="lg" form>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void reopen();
        }}
      >
        <Stack gap="sm">
          <Text size="sm">{text.consent.reopenHint}</Text>
          <ReasonFields
            value={typed}
            onChange={setTyped}
            listed={listed}
            hint={text.consent.reopenReasonHint}
          />
          {error !== null && <ProblemAlert error={error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {text.common.cancel}
            </Button>
            <Button type="submit" loading={busy} disabled={!reason}>
              {text.consent.reopen}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
