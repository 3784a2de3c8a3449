// What became of each, after many were asked for at once.
import {Text} from '@mantine/core';
import type {Outcome} from '../api/types';
import type {Dictionary} from '../text/dictionary';
import {useText} from '../text/language';
import classes from './common.module.css';

// "3 done, 2 proposed to the site": a proposal is signed, but nothing is decided by it yet.
export function doneWords(outcomes: Outcome[], words: Dictionary['common']): string {
  const done = outcomes.filter((outcome) => outcome.done);
  const proposed = done.filter((outcome) => outcome.proposalId !== undefined).length;
  return [
    proposed < done.length || proposed === 0 ? words.outcomesDone(done.length - proposed) : '',
    proposed > 0 ? words.outcomesProposed(proposed) : '',
  ]
    .filter(Boolean)
    .join(', ');
}

interface Props {
  outcomes: Outcome[];
  nameOf: (id: string) => string;
}

export function OutcomeList({outcomes, nameOf}: Props) {
  const text = useText();
  const left = outcomes.filter((outcome) => !outcome.done);
  const known = text.errors.byCode as Record<string, {title: string} | undefined>;
  return (
    <div role="status">
      <Text size="sm" fw={600}>
        {doneWords(outcomes, text.common)}
      </Text>
      {left.length > 0 && (
        <>
          <Text size="sm" fw={600} mt="xs">
            {text.common.outcomesLeft(left.length)}
          </Text>
          <ul className={classes.outcomes} tabIndex={0} aria-label={text.common.outcomesLeftWhy}>
            {left.map((outcome) => (
              <li key={outcome.id}>
                <b>{nameOf(outcome.id)}</b>: {known[outcome.code ?? '']?.title}
                {outcome.detail && <span className={classes.dim}> {outcome.detail}</span>}
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}
