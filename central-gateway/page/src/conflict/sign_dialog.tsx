// The last look before a decision counts: what the form will hold, the reason, the signature.
import {Button, Group, Modal, Stack, Text} from '@mantine/core';
import {useQuery} from '@tanstack/react-query';
import {useState} from 'react';
import {previewDecision} from '../api/calls';
import {ProblemError} from '../api/http';
import type {Choices, Conflict, Reason, SignatureRequest} from '../api/types';
import {Warning} from '../common/icons';
import {Reading, Tag, ValueText} from '../common/pieces';
import {ProblemAlert} from '../common/problem_alert';
import {ReasonFields, toReason, type TypedReason} from '../common/reason_fields';
import {noSignature, SigningFields} from '../common/signing';
import {useStudies} from '../common/studies';
import {useLanguage} from '../text/language';
import {allItems} from './decision';
import classes from './conflict.module.css';

interface Props {
  conflict: Conflict;
  choices: Choices;
  // Kept by the page, so that it outlives the dialog.
  reason: TypedReason;
  onReason: (reason: TypedReason) => void;
  // Throws what the gateway refused with.
  onSign: (reason: Reason, signature: SignatureRequest) => Promise<void>;
  onClose: () => void;
}

export function SignDialog({conflict, choices, reason: typed, onReason, onSign, onClose}: Props) {
  const {text, language} = useLanguage();
  const studies = useStudies();
  const [signature, setSignature] = useState(noSignature);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const listed = studies.find((study) => study.studyOID === conflict.studyOID)?.reasons ?? [];
  const reason = toReason(typed, listed, language);
  const wrong = error instanceof ProblemError && error.problem.status === 401;

  const sign = async () => {
    if (!reason) return;
    setBusy(true);
    setError(null);
    try {
      await onSign(reason, signature);
    } catch (caught) {
      setError(caught);
      setSignature((before) => ({...before, password: ''}));
      setBusy(false);
    }
  };

  return (
    <Modal opened onClose={onClose} title={text.conflict.signTitle} size="lg" closeOnClickOutside={false}
      closeButtonProps={{'aria-label': text.common.close}}>
      <form onSubmit={(event) => { event.preventDefault(); void sign(); }}>
        <Stack gap="sm">
          <Outcome conflict={conflict} choices={choices} />
          <ReasonFields value={typed} onChange={onReason} listed={listed} />
          <SigningFields value={signature} onChange={setSignature} wrong={wrong} />
          {error !== null && !wrong && <ProblemAlert error={error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>{text.common.cancel}</Button>
            <Button type="submit" loading={busy} disabled={!reason || signature.password === ''}>{text.conflict.sign}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function Outcome({conflict, choices}: {conflict: Conflict; choices: Choices}) {
  const {text, language} = useLanguage();
  const {data, error, isPending} = useQuery({
    queryKey: ['preview', conflict.conflictId, conflict.heads, choices, language],
    queryFn: () => previewDecision(conflict.conflictId, choices),
    retry: false,
    gcTime: 0,
  });
  if (isPending) return <Reading />;
  if (error) return <ProblemAlert error={error} />;
  const items = new Map(allItems(conflict).map((item) => [item.path, item]));
  return (
    <section aria-label={text.conflict.willBe}>
      <Text size="sm" fw={600}>{text.conflict.willBe}</Text>
      {data.removes && <Tag tone="hard"><Warning /> {text.conflict.willRemove}</Tag>}
      {data.items.length === 0 && !data.removes && <Text size="sm">{text.conflict.willBeSame}</Text>}
      {data.items.length > 0 && (
        <div className={classes.preview} tabIndex={0} role="group" aria-label={text.conflict.willBe}>
          <table>
            <thead>
              <tr>
                <th scope="col">{text.conflict.item}</th>
                <th scope="col">{text.conflict.before}</th>
                <th scope="col">{text.conflict.after}</th>
              </tr>
            </thead>
            <tbody>
              {data.items.map(({path, question, before, after}) => {
                const item = items.get(path);
                return (
                  <tr key={path}>
                    <th scope="row">{question}</th>
                    <td className={classes.struck}><ValueText state={before} blinded={item?.blinded ?? false} unit={item?.unit} /></td>
                    <td><b><ValueText state={after} blinded={item?.blinded ?? false} unit={item?.unit} /></b></td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
