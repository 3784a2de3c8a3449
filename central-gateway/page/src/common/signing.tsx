// The fields that every signature asks for: whose it is, what it means, the password again
// (21 CFR 11.50, 11.200).
import {NativeSelect, PasswordInput, Text} from '@mantine/core';
import type {Meaning, SignatureRequest} from '../api/types';
import {useSession} from '../session/session_context';
import {useText} from '../text/language';

export const noSignature: SignatureRequest = {password: '', meaning: 'decided'};
const kMeanings: Meaning[] = ['decided', 'approved', 'reviewed'];

interface Props {
  value: SignatureRequest;
  onChange: (value: SignatureRequest) => void;
  wrong: boolean;
}

export function SigningFields({value, onChange, wrong}: Props) {
  const text = useText().conflict;
  const session = useSession();
  return (
    <>
      <NativeSelect
        label={text.meaning}
        value={value.meaning}
        data={kMeanings.map((meaning) => ({value: meaning, label: text.meanings[meaning]}))}
        onChange={(event) => onChange({...value, meaning: event.currentTarget.value as Meaning})}
      />
      <Text size="sm">{text.signAs(session.fullName, session.user)}</Text>
      <PasswordInput
        label={text.password}
        autoComplete="current-password"
        required
        withAsterisk={false}
        value={value.password}
        error={wrong ? text.wrongPassword : undefined}
        onChange={(event) => onChange({...value, password: event.currentTarget.value})}
      />
    </>
  );
}
