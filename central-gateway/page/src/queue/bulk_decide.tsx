// Decides the selected conflicts by one rule, with one reason and one signature; then says of each
// that was left as it is why.
import {Radio, Stack, Text} from '@mantine/core';
import {useState} from 'react';
import {decideConflicts} from '../api/calls';
import type {BulkRule, ConflictSummary, Outcome} from '../api/types';
import {BulkSignDialog} from '../common/bulk_sign_dialog';
import {noReason, ReasonFields, toReason} from '../common/reason_fields';
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

  // A listed reason must be one that every study concerned knows.
  const concerned = studies.filter((study) =>
    conflicts.some((one) => one.studyOID === study.studyOID),
  );
  const listed = (concerned[0]?.reasons ?? []).filter((reason) =>
    concerned.every((study) => study.reasons.some((other) => other.code === reason.code)),
  );
  const reason = toReason(typed, listed, language);
  return (
    <BulkSignDialog
      size="lg"
      title={text.queue.decideTitle(conflicts.length)}
      label={text.queue.decideDo}
      ready={reason !== null}
      nameOf={nameOf}
      onSign={async (signature) => {
        if (!reason) return [];
        const seen = conflicts.map(({conflictId, heads}) => ({conflictId, seenHeads: heads}));
        return (await decideConflicts({conflicts: seen, rule, reason, signature})).outcomes;
      }}
      onClose={onClose}
    >
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
    </BulkSignDialog>
  );
}
