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
import {ChangeTable, type StayingItem} from './change_table';
import {formerProposals, stayingItems, standingRejection, waitingProposal} from './proposals';
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
    <Alert variant="outline" mb="sm" title={text.consent.waits}>
      <Group justify="space-between" align="flex-start" gap="xs">
        <div className={classes.panelWords}>
          <Text size="sm">{byWords(proposal, text)}</Text>
          <Text size="sm">
            {text.common.reason}: <q>{proposal.reason}</q>
          </Text>
        </div>
        {onWithdraw && (
          <Button variant="default" loading={busy} onClick={() => void withdraw()}>
            {text.consent.withdraw}
          </Button>
        )}
      </Group>
      <Changes conflict={conflict} proposal={proposal} staying={stayingItems(conflict)} />
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
      <FoldedChanges conflict={conflict} proposal={proposal} />
      {conflict.mayDecide && <Text size="sm">{text.consent.rejectedHint}</Text>}
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

interface ChangesProps {
  conflict: Conflict;
  proposal: Proposal;
  staying?: StayingItem[];
}

function Changes({conflict, proposal, staying = []}: ChangesProps) {
  const text = useText();
  return (
    <>
      {proposal.removes && (
        <Tag tone="hard">
          <Warning /> {text.conflict.willRemove}
        </Tag>
      )}
      {proposal.items.length + staying.length > 0 ? (
        <ChangeTable
          conflict={conflict}
          label={text.consent.changes}
          after={text.consent.proposedValue}
          items={proposal.items}
          staying={staying}
        />
      ) : (
        !proposal.removes && <Text size="sm">{text.consent.changesNone}</Text>
      )}
    </>
  );
}

// Nothing is folded away where nothing would change.
function FoldedChanges({conflict, proposal}: {conflict: Conflict; proposal: Proposal}) {
  const text = useText().consent;
  const changes = <Changes conflict={conflict} proposal={proposal} />;
  if (proposal.items.length === 0) return changes;
  return (
    <details className={classes.folded}>
      <summary>{text.changesOf(proposal.items.length)}</summary>
      {changes}
    </details>
  );
}

// A proposal that was made by command bears no signature, only the user's name.
function byWords({fullName, proposedBy, proposedAt}: Proposal, text: Dictionary): string {
  const when = formatTime(proposedAt);
  return fullName === ''
    ? text.consent.by(proposedBy, when)
    : text.consent.bySigned(fullName, proposedBy, when);
}

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
