// The fields that every signature asks for: whose it is, what it means, and the password again, or
// the identity provider's word if that opened the session (21 CFR 11.50, 11.200).
import {NativeSelect, PasswordInput, Text} from '@mantine/core';
import type {Meaning, SignatureRequest} from '../api/types';
import {useSession} from '../session/session_context';
import {useText} from '../text/language';
import {ProviderSigning} from './provider_signing';

export const noSignature: SignatureRequest = {password: '', meaning: 'decided'};
// Whether there is anything to prove who signs.
export const isProven = (signature: SignatureRequest): boolean =>
  signature.ticket !== undefined || (signature.password ?? '') !== '';
// What proved it counts once.
export const unproven = (signature: SignatureRequest): SignatureRequest => ({
  password: '',
  meaning: signature.meaning,
});
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
      {session.method === 'provider' ? (
        <ProviderSigning value={value} onChange={onChange} wrong={wrong} />
      ) : (
        <PasswordInput
          label={text.password}
          autoComplete="current-password"
          required
          withAsterisk={false}
          value={value.password ?? ''}
          error={wrong ? text.wrongPassword : undefined}
          onChange={(event) => onChange({...value, password: event.currentTarget.value})}
        />
      )}
    </>
  );
}
