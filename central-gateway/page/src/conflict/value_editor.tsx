// Types a value for one item: a choice for a code list, otherwise a field that says what it
// expects. Dates are typed year first; the browser's own date field would show them in an order
// that differs by reader.
import {Button, Group, NativeSelect, TextInput} from '@mantine/core';
import {useState} from 'react';
import type {Item} from '../api/types';
import {useText} from '../text/language';
import {faultOf, kindOf, type ValueFault} from './typed_value';
import classes from './item_table.module.css';

interface Props {
  item: Item;
  initial: string;
  onUse: (value: string | null) => void;
  onCancel: () => void;
}

export function ValueEditor({item, initial, onUse, onCancel}: Props) {
  const text = useText();
  const kind = kindOf(item);
  const [typed, setTyped] = useState(initial);
  const [fault, setFault] = useState<ValueFault | null>(null);
  const label = text.conflict.typeFor(item.question);
  const error = fault ? text.conflict.typeInvalid[fault] : undefined;
  const choices =
    item.codeList.length > 0
      ? item.codeList.map(({value, text: words}) => ({
          value,
          label: words === value ? value : `${words} (${value})`,
        }))
      : kind === 'boolean'
        ? [
            {value: 'true', label: text.common.yes},
            {value: 'false', label: text.common.no},
          ]
        : null;

  const use = () => {
    const found = choices ? (typed === '' ? 'empty' : null) : faultOf(kind, typed);
    setFault(found);
    if (found === null) onUse(choices ? typed : typed.trim());
  };

  return (
    <form
      className={classes.editor}
      onSubmit={(event) => {
        event.preventDefault();
        use();
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        event.stopPropagation();
        onCancel();
      }}
    >
      {choices ? (
        <NativeSelect
          aria-label={label}
          autoFocus
          value={typed}
          error={error}
          data={[{value: '', label: '…'}, ...choices]}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
      ) : (
        <TextInput
          aria-label={label}
          autoFocus
          value={typed}
          error={error}
          placeholder={text.conflict.typeHint[kind]}
          inputMode={kind === 'integer' ? 'numeric' : kind === 'float' ? 'decimal' : undefined}
          rightSection={item.unit ? <span className={classes.dim}>{item.unit}</span> : undefined}
          rightSectionWidth={item.unit ? 24 + item.unit.length * 7 : undefined}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
      )}
      <Group gap={4} mt={4}>
        <Button type="submit" size="compact-xs">
          {text.conflict.typeUse}
        </Button>
        <Button variant="default" size="compact-xs" onClick={() => onUse(null)}>
          {text.conflict.typeNotDone}
        </Button>
        <Button variant="subtle" size="compact-xs" onClick={onCancel}>
          {text.common.cancel}
        </Button>
      </Group>
    </form>
  );
}
