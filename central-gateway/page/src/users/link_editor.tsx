// Links an account to the identity provider, or ends the link: each at once, not with the rest.
import {Button, Fieldset, Group, Stack, Text, TextInput} from '@mantine/core';
import {useMutation} from '@tanstack/react-query';
import {useState} from 'react';
import {linkUser, unlinkUser} from '../api/calls';
import type {User} from '../api/types';
import {ProblemAlert} from '../common/problem_alert';
import {useText} from '../text/language';

interface NameProps {
  value: string;
  placeholder: string;
  onChange: (name: string) => void;
}

export function ProviderNameInput({value, placeholder, onChange}: NameProps) {
  const words = useText().users;
  return (
    <TextInput
      label={words.providerName}
      description={words.providerNameHint}
      maxLength={255}
      autoComplete="off"
      spellCheck={false}
      placeholder={placeholder}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

interface Props {
  user: User;
  label: string;
  onChanged: () => void;
}

export function LinkEditor({user, label, onChanged}: Props) {
  const words = useText().users;
  const [name, setName] = useState('');
  const change = useMutation({
    mutationFn: () =>
      user.provider ? unlinkUser(user.user) : linkUser(user.user, name.trim() || user.user),
    onSuccess: onChanged,
  });
  return (
    <Fieldset legend={words.provider(label)} p="xs">
      <Stack gap="xs">
        {user.provider ? (
          <Text size="sm">
            {words.linkedAs(user.provider.name)}
            {user.provider.boundAt === null && `, ${words.notBound}`}
          </Text>
        ) : (
          <ProviderNameInput value={name} placeholder={user.user} onChange={setName} />
        )}
        {change.isError && <ProblemAlert error={change.error} />}
        <Group gap="sm">
          <Button variant="default" loading={change.isPending} onClick={() => change.mutate()}>
            {user.provider ? words.unlink : words.link}
          </Button>
          <Text size="xs" c="dimmed">
            {words.linkHint}
          </Text>
        </Group>
      </Stack>
    </Fieldset>
  );
}
