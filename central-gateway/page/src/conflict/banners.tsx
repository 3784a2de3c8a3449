// What stands above the table when it cannot simply be worked on: somebody else's claim, a claim
// that has ended, a record that has moved on, a conflict that is settled.
import type {ReactNode} from 'react';
import {Alert, Button, Group, Text} from '@mantine/core';
import {Link} from 'react-router-dom';
import type {Conflict} from '../api/types';
import {formatClock, formatTime} from '../common/format';
import {Again, Warning} from '../common/icons';
import {ProblemAlert} from '../common/problem_alert';
import {useText} from '../text/language';
import type {Dictionary} from '../text/dictionary';
import type {Move} from './moved_on';
import {acceptedProposal} from './proposals';
import type {ClaimState} from './use_claim';
import classes from './conflict.module.css';

export function ClaimBanner({state, onClaim}: {state: ClaimState; onClaim: () => void}) {
  const text = useText();
  switch (state.kind) {
    case 'other':
      return (
        <Alert variant="outline" color="yellow" role="status" mb="sm">
          <Text size="sm">
            {state.claim
              ? text.conflict.claimedBy(state.claim.user, formatClock(state.claim.expiresAt))
              : state.detail}
          </Text>
          <Text size="sm" c="dimmed">
            {text.conflict.claimedReadOnly}
          </Text>
        </Alert>
      );
    case 'lost':
      return (
        <Alert variant="outline" color="yellow" role="alert" mb="sm">
          <Group justify="space-between">
            <Text size="sm">{text.conflict.claimLost}</Text>
            <Button variant="default" onClick={onClaim}>
              {text.conflict.claimAgain}
            </Button>
          </Group>
        </Alert>
      );
    case 'failed':
      return <ProblemAlert error={state.error} onRetry={onClaim} />;
    default:
      return null;
  }
}

export function moveWords(move: Move, text: Dictionary): string {
  const words = text.conflict.moved;
  switch (move.kind) {
    case 'headAdded':
    case 'headGone':
      return words[move.kind](move.who, move.version);
    case 'newDispute':
    case 'noDispute':
    case 'choiceDropped':
      return words[move.kind](move.item);
    default:
      return words[move.kind];
  }
}

// What has happened meanwhile, before anybody goes on deciding.
function Interruption({title, children}: {title: string; children: ReactNode}) {
  return (
    <Alert variant="outline" color="yellow" role="alert" mb="sm" icon={<Warning />} title={title}>
      {children}
    </Alert>
  );
}

interface MovedProps {
  moves: Move[];
  adopted: boolean;
  onAdopt: () => void;
  onSeen: () => void;
}

export function MovedBanner({moves, adopted, onAdopt, onSeen}: MovedProps) {
  const text = useText();
  return (
    <Interruption title={text.conflict.movedTitle}>
      <ul style={{margin: '0 0 4px', paddingLeft: 18}}>
        {moves.map((move, index) => (
          <li key={index}>{moveWords(move, text)}</li>
        ))}
      </ul>
      <Text size="sm" c="dimmed" mb="xs">
        {text.conflict.movedHint}
      </Text>
      {adopted ? (
        <Button variant="default" onClick={onSeen}>
          {text.conflict.movedSeen}
        </Button>
      ) : (
        <Button onClick={onAdopt}>{text.conflict.movedShow}</Button>
      )}
    </Interruption>
  );
}

// The study's mode changed while somebody decided.
export function ModeBanner({onSeen}: {onSeen: () => void}) {
  const text = useText();
  return (
    <Interruption title={text.consent.modeChanged}>
      <Text size="sm" mb="xs">
        {text.consent.modeChangedHint}
      </Text>
      <Button variant="default" onClick={onSeen}>
        {text.conflict.movedSeen}
      </Button>
    </Interruption>
  );
}

export function ReopenedNote({reopening}: {reopening: NonNullable<Conflict['reopening']>}) {
  const text = useText();
  return (
    <p className={classes.reopened}>
      <Again /> <b>{text.consent.reopenedBy(reopening.user, formatTime(reopening.at))}</b>:{' '}
      <q>{reopening.reason}</q>{' '}
      <Link to={`/conflicts/${encodeURIComponent(reopening.conflictId)}`}>
        {text.consent.reopenedFormer}
      </Link>
    </p>
  );
}

export function SettledBanner({conflict}: {conflict: Conflict}) {
  const text = useText();
  const {resolution} = conflict;
  const signature = resolution?.signature;
  const accepted = acceptedProposal(conflict);
  const when = conflict.endedAt ? formatTime(conflict.endedAt) : '';
  return (
    <Alert
      variant="outline"
      color={conflict.state === 'resolved' ? 'green' : 'gray'}
      role="status"
      mb="sm"
    >
      <Text size="sm" fw={600}>
        {conflict.state === 'resolved'
          ? text.conflict.resolvedBy(
              signature?.fullName ?? conflict.endedBy ?? '',
              signature ? formatTime(signature.signedAt) : when,
            )
          : text.conflict.superseded(when)}
      </Text>
      {accepted && (
        <Text size="sm">
          {text.consent.agreed(
            accepted.endedBy,
            accepted.edgeId,
            accepted.answeredAt ? formatTime(accepted.answeredAt) : when,
          )}
        </Text>
      )}
      {resolution?.reason && (
        <Text size="sm">
          {text.conflict.resolutionReason}: <q>{resolution.reason}</q>
        </Text>
      )}
      {signature && (
        <Text size="sm" c="dimmed">
          {text.conflict.meaning}:{' '}
          {text.conflict.meaningWords[signature.meaning] ?? signature.meaning}
          {signature.valid === true && ` · ${text.conflict.signatureValid}`}
        </Text>
      )}
      {signature?.valid === false && (
        <Text size="sm" c="var(--desk-hard)">
          <Warning /> {text.conflict.signatureInvalid}
        </Text>
      )}
      {conflict.reopenedAs !== null && (
        <Text size="sm">
          <Again /> {text.consent.reopenedLater}{' '}
          <Link to={`/conflicts/${encodeURIComponent(conflict.reopenedAs)}`}>
            {text.consent.reopenedAs}
          </Link>
        </Text>
      )}
    </Alert>
  );
}
