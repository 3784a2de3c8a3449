// A reason: one of the study's list, and words of one's own. Where a listed reason is chosen its
// text stands for the words, until one writes others.
import {NativeSelect, Textarea} from '@mantine/core';
import type {Reason, Study} from '../api/types';
import {useLanguage} from '../text/language';

export interface TypedReason {
  code: string | null;
  text: string;
}

export const noReason: TypedReason = {code: null, text: ''};

type Listed = Study['reasons'][number];

export function listedText(reason: Listed, language: string): string {
  return (
    reason.text[language] ??
    reason.text['zh-Hans'] ??
    reason.text.en ??
    Object.values(reason.text)[0] ??
    reason.code
  );
}

// What the gateway is sent, or null while there is no reason yet.
export function toReason(typed: TypedReason, listed: Listed[], language: string): Reason | null {
  const chosen = listed.find((reason) => reason.code === typed.code);
  const text = typed.text.trim() || (chosen ? listedText(chosen, language) : '');
  return text === '' ? null : {code: chosen?.code ?? null, text};
}

interface Props {
  value: TypedReason;
  onChange: (value: TypedReason) => void;
  listed: Listed[];
  // Who reads it; the site unless told otherwise.
  hint?: string;
}

export function ReasonFields({value, onChange, listed, hint}: Props) {
  const {text, language} = useLanguage();
  const chosen = listed.find((reason) => reason.code === value.code);
  return (
    <>
      {listed.length > 0 && (
        <NativeSelect
          label={text.conflict.reasonChoose}
          value={value.code ?? ''}
          data-autofocus
          data={[
            {value: '', label: text.conflict.reasonOwn},
            ...listed.map((reason) => ({value: reason.code, label: listedText(reason, language)})),
          ]}
          onChange={(event) => onChange({...value, code: event.currentTarget.value || null})}
        />
      )}
      <Textarea
        label={text.conflict.reasonText}
        description={hint ?? text.conflict.reasonTextHint}
        autosize
        minRows={2}
        maxRows={6}
        maxLength={2000}
        required={!chosen}
        withAsterisk={false}
        value={value.text}
        placeholder={chosen ? listedText(chosen, language) : undefined}
        data-autofocus={listed.length === 0 || undefined}
        onChange={(event) => onChange({...value, text: event.currentTarget.value})}
      />
    </>
  );
}
