// One signature for many: asks for it, then says what became of each.
import {Button, Group, Stack} from '@mantine/core';
import {useState, type ReactNode} from 'react';
import type {Outcome, SignatureRequest} from '../api/types';
import {useText} from '../text/language';
import {Dialog} from './dialog';
import {OutcomeList} from './outcomes';
import {SignForm} from './sign_form';

interface Props {
  title: string;
  size?: 'md' | 'lg';
  label: string;
  ready: boolean;
  nameOf: (id: string) => string;
  onSign: (signature: SignatureRequest) => Promise<Outcome[]>;
  // With what became of each, or null if nothing was asked for.
  onClose: (outcomes: Outcome[] | null) => void;
  children: ReactNode;
}

export function BulkSignDialog({title, size, label, ready, nameOf, onSign, onClose, children}: Props) {
  const text = useText().common;
  const [outcomes, setOutcomes] = useState<Outcome[] | null>(null);
  return (
    <Dialog
      onClose={() => onClose(outcomes)}
      size={size}
      form
      title={outcomes ? text.outcomes : title}
    >
      {outcomes ? (
        <Stack gap="sm">
          <OutcomeList outcomes={outcomes} nameOf={nameOf} />
          <Group justify="flex-end">
            <Button data-autofocus onClick={() => onClose(outcomes)}>
              {text.close}
            </Button>
          </Group>
        </Stack>
      ) : (
        <SignForm
          label={label}
          ready={ready}
          onSign={async (signature) => setOutcomes(await onSign(signature))}
          onCancel={() => onClose(null)}
        >
          {children}
        </SignForm>
      )}
    </Dialog>
  );
}
