// Releases or rejects one revision or many, with a reason and a signature.
import {Text, Textarea} from '@mantine/core';
import {useState} from 'react';
import {decideQuarantined} from '../api/calls';
import type {Quarantined} from '../api/types';
import {BulkSignDialog} from '../common/bulk_sign_dialog';
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
  const names = new Map(revisions.map((one) => [one.revisionId, quarantineName(one, text)]));
  return (
    <BulkSignDialog
      title={(decision === 'release' ? words.releaseTitle : words.rejectTitle)(revisions.length)}
      label={decision === 'release' ? words.releaseDo : words.rejectDo}
      ready={reason.trim() !== ''}
      nameOf={(id) => names.get(id) ?? id}
      onSign={async (signature) => {
        const revisionIds = revisions.map((one) => one.revisionId);
        const body = {revisionIds, reason: reason.trim(), signature};
        return (await decideQuarantined(decision, body)).outcomes;
      }}
      onClose={(outcomes) => onClose(outcomes !== null)}
    >
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
    </BulkSignDialog>
  );
}
