// What was proposed to the site and what it answered: the one that waits, the site's no, and below
// the table those that are over.
import {Alert, Button, Group, Text} from '@mantine/core';
import {useState} from 'react';
import type {Conflict, Proposal} from '../api/types';
import {formatTime} from '../common/format';
import {Warning} from '../common/icons';
import {Tag, type Tone} from '../common/pieces';
import {ProblemAlert} from '../common/problem_alert';
import {useText} from '../text/language';
import type {Dictionary} from '../text/dictionary';
import {ChangeTable} from './change_table';
import {formerProposals, standingRejection, waitingProposal} from './proposals';
import classes from './conflict.module.css';

interface Props {
  conflict: Conflict;
  // Null for who may not.
  onWithdraw: (() => Promise<void>) | null;
}

// Stands above the table.
export function ProposalPanel({conflict, onWithdraw}: Props) {
  const waiting = waitingProposal(conflict);
  const rejected = standingRejection(conflict);
  if (waiting) return <Waiting conflict={conflict} proposal={waiting} onWithdraw={onWithdraw} />;
  return rejected ? <Rejected conflict={conflict} proposal={rejected} /> : null;
}

function Waiting({conflict, proposal, onWithdraw}: Props & {proposal: Proposal}) {
  const text = useText();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const withdraw = async () => {
    setBusy(true);
    setError(null);
    try {
      await onWithdraw?.();
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Alert variant="outline" role="status" mb="sm" title={text.consent.waits}>
      <Group justify="space-between" align="flex-start" gap="xs">
        <div className={classes.panelWords}>
          <By proposal={proposal} />
        </div>
        {onWithdraw && (
          <Button variant="default" loading={busy} onClick={() => void withdraw()}>
            {text.consent.withdraw}
          </Button>
        )}
      </Group>
      <Changes conflict={conflict} proposal={proposal} />
      {error !== null && <ProblemAlert error={error} />}
    </Alert>
  );
}

function Rejected({conflict, proposal}: {conflict: Conflict; proposal: Proposal}) {
  const text = useText();
  return (
    <Alert
      variant="outline"
      color="red"
      role="alert"
      mb="sm"
      icon={<Warning />}
      title={text.consent.rejectedTitle}
    >
      <Text>
        <q>{proposal.answerReason}</q>
      </Text>
      <Text size="sm">{endWords(proposal, text)}</Text>
      <Text size="sm" c="dimmed">
        {byWords(proposal, text)}
      </Text>
      {conflict.mayDecide && (
        <Text size="sm" c="dimmed">
          {text.consent.rejectedHint}
        </Text>
      )}
      <FoldedChanges conflict={conflict} proposal={proposal} />
    </Alert>
  );
}

const kTones: Record<Proposal['state'], Tone> = {
  waiting: 'soft',
  accepted: 'good',
  rejected: 'hard',
  superseded: 'plain',
  withdrawn: 'plain',
};

// Those that are over, newest first.
export function ProposalHistory({conflict}: {conflict: Conflict}) {
  const text = useText();
  const former = formerProposals(conflict);
  if (former.length === 0) return null;
  return (
    <section className={classes.history} aria-labelledby="proposals">
      <h2 id="proposals">{text.consent.history}</h2>
      <ul className={classes.proposals}>
        {former.map((proposal) => (
          <li key={proposal.proposalId}>
            <div>
              <Tag tone={kTones[proposal.state]}>{text.consent.states[proposal.state]}</Tag>{' '}
              {endWords(proposal, text)}
              {proposal.answerReason && (
                <>
                  : <q>{proposal.answerReason}</q>
                </>
              )}
            </div>
            <div className={classes.dim}>
              {byWords(proposal, text)}: <q>{proposal.reason}</q>
            </div>
            <FoldedChanges conflict={conflict} proposal={proposal} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function By({proposal}: {proposal: Proposal}) {
  const text = useText();
  return (
    <>
      <Text size="sm">{byWords(proposal, text)}</Text>
      <Text size="sm">
        {text.common.reason}: <q>{proposal.reason}</q>
      </Text>
      {proposal.fullName && (
        <Text size="sm" c="dimmed">
          {text.consent.signedBy(proposal.fullName)}
        </Text>
      )}
    </>
  );
}

function Changes({conflict, proposal}: {conflict: Conflict; proposal: Proposal}) {
  const text = useText();
  return (
    <>
      {proposal.removes && (
        <Tag tone="hard">
          <Warning /> {text.conflict.willRemove}
        </Tag>
      )}
      {proposal.items.length > 0 ? (
        <ChangeTable
          conflict={conflict}
          label={text.consent.changes}
          after={text.consent.proposedValue}
          items={proposal.items}
        />
      ) : (
        !proposal.removes && <Text size="sm">{text.consent.changesNone}</Text>
      )}
    </>
  );
}

const FoldedChanges = ({conflict, proposal}: {conflict: Conflict; proposal: Proposal}) => (
  <details className={classes.folded}>
    <summary>{useText().consent.changesOf(proposal.items.length)}</summary>
    <Changes conflict={conflict} proposal={proposal} />
  </details>
);

// A proposal that was made by command bears no signature, only the user's name.
const byWords = ({fullName, proposedBy, proposedAt}: Proposal, text: Dictionary): string =>
  text.consent.by(fullName || proposedBy, proposedBy, formatTime(proposedAt));

// How it ended: at the site by that edge's own clock, otherwise by the centre's.
function endWords(proposal: Proposal, text: Dictionary): string {
  const ended = proposal.endedAt ? formatTime(proposal.endedAt) : '';
  switch (proposal.state) {
    case 'accepted':
    case 'rejected':
      return text.consent.answered(
        proposal.endedBy,
        proposal.edgeId,
        proposal.answeredAt ? formatTime(proposal.answeredAt) : ended,
      );
    case 'withdrawn':
      return text.consent.ended.withdrawn(proposal.endedBy, ended);
    case 'superseded':
      return text.consent.ended.superseded(ended);
    case 'waiting':
      return '';
  }
}
