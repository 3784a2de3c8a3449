// Decides the selected conflicts by one rule, with one reason and one signature; then says of each
// that was left as it is why.
import {Button, Group, Radio, Stack, Text} from '@mantine/core';
import {useState} from 'react';
import {decideConflicts} from '../api/calls';
import {ProblemError} from '../api/http';
import type {BulkRule, ConflictSummary, Outcome} from '../api/types';
import {Dialog} from '../common/dialog';
import {OutcomeList} from '../common/outcomes';
import {ProblemAlert} from '../common/problem_alert';
import {noReason, ReasonFields, toReason} from '../common/reason_fields';
import {isProven, noSignature, SigningFields, unproven} from '../common/signing';
import {useStudies} from '../common/studies';
import {useLanguage} from '../text/language';

interface Props {
  conflicts: ConflictSummary[];
  nameOf: (id: string) => string;
  onClose: (outcomes: Outcome[] | null) => void;
}

const kRules: BulkRule[] = ['current', 'newest', 'site', 'online'];

export function BulkDecide({conflicts, nameOf, onClose}: Props) {
  const {text, language} = useLanguage();
  const studies = useStudies();
  const [rule, setRule] = useState<BulkRule>('current');
  const [typed, setTyped] = useState(noReason);
  const [signature, setSignature] = useState(noSignature);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [outcomes, setOutcomes] = useState<Outcome[] | null>(null);

  // A listed reason must be one that every study concerned knows.
  const concerned = studies.filter((study) =>
    conflicts.some((one) => one.studyOID === study.studyOID),
  );
  const listed = (concerned[0]?.reasons ?? []).filter((reason) =>
    concerned.every((study) => study.reasons.some((other) => other.code === reason.code)),
  );
  const reason = toReason(typed, listed, language);
  const wrong = error instanceof ProblemError && error.problem.status === 401;

  const decide = async () => {
    if (!reason) return;
    setBusy(true);
    setError(null);
    try {
      const answer = await decideConflicts({
        conflicts: conflicts.map(({conflictId, heads}) => ({conflictId, seenHeads: heads})),
        rule,
        reason,
        signature,
      });
      setOutcomes(answer.outcomes);
    } catch (caught) {
      setError(caught);
    } finally {
      setSignature(unproven);
      setBusy(false);
    }
  };

  return (
    <Dialog
      onClose={() => onClose(outcomes)}
      size="lg"
      form
      title={outcomes ? text.common.outcomes : text.queue.decideTitle(conflicts.length)}
    >
      {outcomes ? (
        <Stack gap="sm">
          <OutcomeList outcomes={outcomes} nameOf={nameOf} />
          <Group justify="flex-end">
            <Button data-autofocus onClick={() => onClose(outcomes)}>
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
            <Text size="sm">{text.queue.decideHint}</Text>
            <Radio.Group
              label={text.queue.rule}
              value={rule}
              onChange={(value) => setRule(value as BulkRule)}
            >
              <Stack gap={6} mt={4}>
                {kRules.map((one) => (
                  <Radio
                    key={one}
                    value={one}
                    label={text.queue.rules[one]}
                    description={text.queue.ruleHint[one]}
                  />
                ))}
              </Stack>
            </Radio.Group>
            <ReasonFields value={typed} onChange={setTyped} listed={listed} />
            <SigningFields value={signature} onChange={setSignature} wrong={wrong} />
            {error !== null && !wrong && <ProblemAlert error={error} />}
            <Group justify="flex-end">
              <Button variant="default" onClick={() => onClose(null)}>
                {text.common.cancel}
              </Button>
              <Button type="submit" loading={busy} disabled={!reason || !isProven(signature)}>
                {text.queue.decideDo}
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Dialog>
  );
}
