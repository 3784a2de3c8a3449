// The last look before a decision counts, or goes to the site: what the form will hold, the reason,
// the signature.
import {Text} from '@mantine/core';
import {useQuery, type UseQueryResult} from '@tanstack/react-query';
import {previewDecision} from '../api/calls';
import type {Conflict, Preview, Reason, SignatureRequest} from '../api/types';
import {Dialog} from '../common/dialog';
import {Warning} from '../common/icons';
import {Reading, Tag} from '../common/pieces';
import {ProblemAlert} from '../common/problem_alert';
import {ReasonFields, toReason, type TypedReason} from '../common/reason_fields';
import {SignForm} from '../common/sign_form';
import {useStudies} from '../common/studies';
import {useLanguage, useText} from '../text/language';
import {ChangeTable} from './change_table';
import {disputedItems, resultOf, toChoices, type Decision} from './decision';
import {needsConsent} from './proposals';

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
  const listed = studies.find((study) => study.studyOID === conflict.studyOID)?.reasons ?? [];
  const reason = toReason(typed, listed, language);
  const proposes = needsConsent(conflict);
  const preview = useQuery({
    queryKey: ['preview', conflict.conflictId, conflict.heads, decision, language],
    queryFn: () => previewDecision(conflict.conflictId, toChoices(decision)),
    retry: false,
    gcTime: 0,
  });
  return (
    <Dialog
      onClose={onClose}
      title={proposes ? text.consent.propose : text.conflict.signTitle}
      size="lg"
      form
    >
      <SignForm
        label={proposes ? text.consent.proposeDo : text.conflict.sign}
        ready={reason !== null && preview.data !== undefined}
        onSign={async (signature) => {
          if (reason) await onSign(reason, signature);
        }}
        onCancel={onClose}
      >
        {proposes && <Text size="sm">{text.consent.proposeHint}</Text>}
        <Result conflict={conflict} decision={decision} preview={preview} />
        <ReasonFields value={typed} onChange={onReason} listed={listed} />
      </SignForm>
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
        <ChangeTable
          conflict={conflict}
          label={text.conflict.willBe}
          after={needsConsent(conflict) ? text.consent.afterSite : text.conflict.after}
          items={data.items}
          staying={staying.map((item) => ({item, state: resultOf(decision, conflict, item)}))}
        />
      )}
    </section>
  );
}
