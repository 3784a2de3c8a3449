// What became of each, after many were asked for at once.
import {Text} from '@mantine/core';
import type {Outcome} from '../api/types';
import {useText} from '../text/language';
import classes from './common.module.css';

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
        {text.common.outcomesDone(outcomes.length - left.length)}
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
