// Adds an account, or changes one.
import {Button, Group, Stack, Switch, TextInput} from '@mantine/core';
import {useState} from 'react';
import {addUser, changeUser} from '../api/calls';
import type {Answer, Right, User} from '../api/types';
import {Dialog} from '../common/dialog';
import {ProblemAlert} from '../common/problem_alert';
import {useProvider} from '../session/provider';
import {useText} from '../text/language';
import {isUserName} from './rights';
import {LinkEditor, ProviderNameInput} from './link_editor';
import {RightsEditor} from './rights_editor';

interface Props {
  user: User | null;
  onClose: (added: Answer<'addUser'> | null) => void;
}

export function UserDialog({user: known, onClose}: Props) {
  const text = useText();
  const words = text.users;
  const [user, setUser] = useState(known?.user ?? '');
  const [fullName, setFullName] = useState(known?.fullName ?? '');
  const [active, setActive] = useState(known?.active ?? true);
  const [rights, setRights] = useState<Right[]>(
    known?.rights ?? [{role: 'data_manager', studyOID: null, siteOID: null}],
  );
  const provider = useProvider();
  const [byProvider, setByProvider] = useState(false);
  const [nameThere, setNameThere] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const badName = known === null && user !== '' && !isUserName(user);

  const save = async () => {
    setBusy(true);
    setError(null);
    try {
      if (known === null) {
        const providerName = byProvider ? nameThere.trim() || user : null;
        onClose(await addUser({user, fullName: fullName.trim(), rights, providerName}));
      }
      if (known !== null) {
        await changeUser(known.user, {fullName: fullName.trim(), active, rights});
        onClose(null);
      }
    } catch (caught) {
      setError(caught);
      setBusy(false);
    }
  };

  return (
    <Dialog
      onClose={() => onClose(null)}
      size="lg"
      form
      title={known ? words.edit(known.user) : words.add}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <Stack gap="sm">
          {known === null && (
            <TextInput
              label={words.user}
              description={words.userHint}
              required
              withAsterisk={false}
              maxLength={64}
              data-autofocus
              autoComplete="off"
              spellCheck={false}
              error={badName ? words.userHint : undefined}
              value={user}
              onChange={(event) => setUser(event.currentTarget.value)}
            />
          )}
          <TextInput
            label={words.fullName}
            description={words.fullNameHint}
            required
            withAsterisk={false}
            maxLength={128}
            autoComplete="off"
            value={fullName}
            onChange={(event) => setFullName(event.currentTarget.value)}
          />
          {known && (
            <Switch
              size="xs"
              label={words.active}
              checked={active}
              onChange={(event) => setActive(event.currentTarget.checked)}
            />
          )}
          <RightsEditor rights={rights} onChange={setRights} />
          {known === null && provider && (
            <>
              <Switch
                size="xs"
                label={words.providerSwitch(provider.label)}
                checked={byProvider}
                onChange={(event) => setByProvider(event.currentTarget.checked)}
              />
              {byProvider && (
                <ProviderNameInput value={nameThere} placeholder={user} onChange={setNameThere} />
              )}
            </>
          )}
          {known !== null && provider && (
            <LinkEditor user={known} label={provider.label} onChanged={() => onClose(null)} />
          )}
          {error !== null && <ProblemAlert error={error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={() => onClose(null)}>
              {text.common.cancel}
            </Button>
            <Button
              type="submit"
              loading={busy}
              disabled={fullName.trim() === '' || (known === null && !isUserName(user))}
            >
              {text.common.save}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
