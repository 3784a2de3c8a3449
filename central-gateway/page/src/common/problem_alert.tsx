// A refusal in words: what happened, what the gateway says of it, what to do.
import {Alert, Button, Group, Text} from '@mantine/core';
import {ProblemError} from '../api/http';
import type {Dictionary} from '../text/dictionary';
import {useText} from '../text/language';

export interface Explained {
  title: string;
  detail: string;
  todo: string;
}

export function explain(error: unknown, text: Dictionary): Explained {
  if (!(error instanceof ProblemError)) {
    return {
      title: text.errors.unknown,
      detail: error instanceof Error ? error.message : '',
      todo: '',
    };
  }
  const {problem} = error;
  const known = (text.errors.byCode as Record<string, {title: string; todo: string} | undefined>)[
    problem.code
  ];
  if (known) return {title: known.title, detail: problem.detail, todo: known.todo};
  return {title: text.errors.unknown, detail: problem.detail, todo: problem.title};
}

export function ProblemAlert({error, onRetry}: {error: unknown; onRetry?: () => void}) {
  const text = useText();
  const {title, detail, todo} = explain(error, text);
  return (
    <Alert color="red" variant="outline" role="alert" title={title}>
      {detail && <Text size="sm">{detail}</Text>}
      {todo && (
        <Text size="sm" c="dimmed">
          {todo}
        </Text>
      )}
      {onRetry && (
        <Group mt="xs">
          <Button variant="default" onClick={onRetry}>
            {text.common.retry}
          </Button>
        </Group>
      )}
    </Alert>
  );
}
