// The last look before a decision counts: what the form will hold, the reason, the signature.
import {Button, Group, Stack, Text} from '@mantine/core';
import {useQuery, type UseQueryResult} from '@tanstack/react-query';
import {useState} from 'react';
import {previewDecision} from '../api/calls';
import {ProblemError} from '../api/http';
import type {Conflict, Preview, Reason, SignatureRequest} from '../api/types';
import {Dialog} from '../common/dialog';
import {Warning} from '../common/icons';
import {Reading, Tag, ValueText} from '../common/pieces';
import {ProblemAlert} from '../common/problem_alert';
import {ReasonFields, toReason, type TypedReason} from '../common/reason_fields';
import {isProven, noSignature, SigningFields, unproven} from '../common/signing';
import {useStudies} from '../common/studies';
import {useLanguage, useText} from '../text/language';
import {allItems, disputedItems, resultOf, toChoices, type Decision} from './decision';
import classes from './conflict.module.css';

interface Props {
  conflict: Conflict;
  decision: Decision;
  // Kept by the page, so that it outlives the dialog.
  reason: TypedReason;
  onReason: (reason: TypedReason) => void;
  // Throws what the gateway refused with.
  onSign: (reason: Reason, signature: SignatureRequest) => Promise<void>;
  onClose: () => void;
}

export function SignDialog({conflict, decision, reason: typed, onReason, onSign, onClose}: Props) {
  const {text, language} = useLanguage();
  const studies = useStudies();
  const [signature, setSignature] = useState(noSignature);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const listed = studies.find((study) => study.studyOID === conflict.studyOID)?.reasons ?? [];
  const reason = toReason(typed, listed, language);
  const preview = useQuery({
    queryKey: ['preview', conflict.conflictId, conflict.heads, decision, language],
    queryFn: () => previewDecision(conflict.conflictId, toChoices(decision)),
    retry: false,
    gcTime: 0,
  });
  const wrong = error instanceof ProblemError && error.problem.status === 401;

  const sign = async () => {
    if (!reason) return;
    setBusy(true);
    setError(null);
    try {
      await onSign(reason, signature);
    } catch (caught) {
      setError(caught);
      setSignature(unproven);
      setBusy(false);
    }
  };

  return (
    <Dialog onClose={onClose} title={text.conflict.signTitle} size="lg" form>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void sign();
        }}
      >
        <Stack gap="sm">
          <Result conflict={conflict} decision={decision} preview={preview} />
          <ReasonFields value={typed} onChange={onReason} listed={listed} />
          <SigningFields value={signature} onChange={setSignature} wrong={wrong} />
          {error !== null && !wrong && <ProblemAlert error={error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {text.common.cancel}
            </Button>
            <Button
              type="submit"
              loading={busy}
              disabled={!reason || !preview.data || !isProven(signature)}
            >
              {text.conflict.sign}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}

interface ResultProps {
  conflict: Conflict;
  decision: Decision;
  preview: UseQueryResult<Preview>;
}

// The gateway's word on what changes, and below it what was in dispute and stays as it counts now.
function Result({conflict, decision, preview}: ResultProps) {
  const text = useText();
  const {data, error, isPending} = preview;
  if (isPending) return <Reading />;
  if (error) return <ProblemAlert error={error} />;
  const items = new Map(allItems(conflict).map((item) => [item.path, item]));
  // Which of several readings an item belongs to.
  const repeats = new Map(
    conflict.groups.flatMap((group) =>
      group.items.map((item) => [item.path, group.repeatKey === '1' ? '' : `#${group.repeatKey}`]),
    ),
  );
  const changing = new Set(data.items.map(({path}) => path));
  const staying = data.removes
    ? []
    : disputedItems(conflict).filter((item) => !changing.has(item.path));
  return (
    <section aria-label={text.conflict.willBe}>
      <Text size="sm" fw={600}>
        {text.conflict.willBe}
      </Text>
      {data.removes && (
        <Tag tone="hard">
          <Warning /> {text.conflict.willRemove}
        </Tag>
      )}
      {data.items.length === 0 && !data.removes && (
        <Text size="sm">{text.conflict.willBeSame}</Text>
      )}
      {data.items.length + staying.length > 0 && (
        <div
          className={classes.preview}
          tabIndex={0}
          role="group"
          aria-label={text.conflict.willBe}
        >
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
                    <th scope="row">
                      {question} <span className={classes.dim}>{repeats.get(path)}</span>
                    </th>
                    <td className={classes.struck}>
                      <ValueText
                        state={before}
                        blinded={item?.blinded ?? false}
                        unit={item?.unit}
                      />
                    </td>
                    <td>
                      <b>
                        <ValueText
                          state={after}
                          blinded={item?.blinded ?? false}
                          unit={item?.unit}
                        />
                      </b>
                    </td>
                  </tr>
                );
              })}
              {staying.map((item) => (
                <tr key={item.path}>
                  <th scope="row">
                    {item.question} <span className={classes.dim}>{repeats.get(item.path)}</span>
                  </th>
                  <td className={classes.struck}>{text.conflict.asNow}</td>
                  <td>
                    <ValueText
                      state={resultOf(decision, conflict, item)}
                      blinded={item.blinded}
                      unit={item.unit}
                    />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
