// Gives the selected conflicts to somebody, or to nobody.
import {Button, Group, NativeSelect, Stack} from '@mantine/core';
import {useQuery} from '@tanstack/react-query';
import {useState} from 'react';
import {assignConflicts, listUsers} from '../api/calls';
import type {ConflictSummary, Outcome} from '../api/types';
import {Dialog} from '../common/dialog';
import {OutcomeList} from '../common/outcomes';
import {ProblemAlert} from '../common/problem_alert';
import {useSession} from '../session/session_context';
import {useText} from '../text/language';

interface Props {
  conflicts: ConflictSummary[];
  nameOf: (id: string) => string;
  onClose: (outcomes: Outcome[] | null) => void;
}

export function BulkAssign({conflicts, nameOf, onClose}: Props) {
  const text = useText();
  const session = useSession();
  const {data} = useQuery({queryKey: ['users', 'names'], queryFn: listUsers, staleTime: 300_000});
  const [assignee, setAssignee] = useState(session.user);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [outcomes, setOutcomes] = useState<Outcome[] | null>(null);
  const others = (data?.users ?? []).filter(
    ({user, active}) => user !== session.user && active !== false,
  );

  const assign = async () => {
    setBusy(true);
    setError(null);
    try {
      const answer = await assignConflicts(
        conflicts.map((one) => one.conflictId),
        assignee || null,
      );
      if (answer.outcomes.every((outcome) => outcome.done)) onClose(answer.outcomes);
      else setOutcomes(answer.outcomes);
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  };

  return (
    <Dialog
      onClose={() => onClose(outcomes)}
      title={`${text.queue.assignTitle} · ${text.queue.selected(conflicts.length)}`}
    >
      {outcomes ? (
        <OutcomeList outcomes={outcomes} nameOf={nameOf} />
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void assign();
          }}
        >
          <Stack gap="sm">
            <NativeSelect
              label={text.queue.assignTo}
              value={assignee}
              data-autofocus
              data={[
                {value: session.user, label: `${session.fullName} (${text.queue.me})`},
                ...others.map(({user, fullName}) => ({
                  value: user,
                  label: `${fullName} (${user})`,
                })),
                {value: '', label: text.queue.unassigned},
              ]}
              onChange={(event) => setAssignee(event.currentTarget.value)}
            />
            {error !== null && <ProblemAlert error={error} />}
            <Group justify="flex-end">
              <Button variant="default" onClick={() => onClose(null)}>
                {text.common.cancel}
              </Button>
              <Button type="submit" loading={busy}>
                {text.queue.assignDo}
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Dialog>
  );
}
