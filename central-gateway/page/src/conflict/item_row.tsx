// One item across the columns: the ancestor's value, each version's, and what it will be.
import {ActionIcon, Button} from '@mantine/core';
import {memo} from 'react';
import type {Conflict, Item, ItemState} from '../api/types';
import {Cross, Pen} from '../common/icons';
import {Key, ValueText} from '../common/pieces';
import {useText} from '../text/language';
import {choiceFor, resultOf, sameState, stateIn, type Decision, type ItemChoice} from './decision';
import {ValueEditor} from './value_editor';
import classes from './item_table.module.css';

export interface Column {
  revisionId: string;
  name: string;
  keyNumber: number;
  isAncestor: boolean;
}

interface Props {
  item: Item;
  conflict: Conflict;
  columns: Column[];
  decision: Decision;
  mayDecide: boolean;
  // What the item became, once the conflict is settled; null while it is open or not yet read.
  settled: ItemState | null;
  // What the item would become if the site agreed; null while nothing is proposed.
  proposed: ItemState | null;
  active: boolean;
  editing: boolean;
  onActive: (path: string) => void;
  onChoose: (path: string, choice: ItemChoice) => void;
  onUndo: (path: string) => void;
  onEdit: (path: string | null) => void;
}

export const ItemRow = memo(function ItemRow(props: Props) {
  const {item, conflict, columns, decision, mayDecide, active} = props;
  const text = useText();
  const choice = choiceFor(decision, item.path);
  const open = item.inDispute && mayDecide;
  return (
    <tr
      id={`item-${item.path}`}
      className={classes.item}
      data-active={(active && item.inDispute) || undefined}
      data-dispute={item.inDispute || undefined}
      tabIndex={active && item.inDispute ? 0 : -1}
      onFocus={() => item.inDispute && props.onActive(item.path)}
    >
      <th scope="row" className={classes.question}>
        {item.question}
        {item.unit && <span className={classes.dim}> [{item.unit}]</span>}
        {item.inDispute && <span className="visually-hidden">, {text.conflict.inDispute}</span>}
      </th>
      {columns.map((column) => {
        const state = stateIn(item, conflict, column.revisionId);
        const changed =
          !column.isAncestor && conflict.ancestor !== null && !sameState(state, item.ancestor);
        const chosen =
          item.inDispute && choice?.kind === 'revision' && choice.revisionId === column.revisionId;
        return (
          <td
            key={column.revisionId}
            className={classes.value}
            data-label={column.name}
            data-changed={changed || undefined}
            data-chosen={chosen || undefined}
          >
            {open ? (
              <button
                type="button"
                className={classes.choice}
                aria-pressed={chosen}
                onClick={() =>
                  props.onChoose(item.path, {kind: 'revision', revisionId: column.revisionId})
                }
              >
                <kbd className={classes.rowKey} aria-hidden>
                  {column.keyNumber}
                </kbd>
                <span className="visually-hidden">
                  {text.conflict.takeItem(column.name, item.question)}:{' '}
                </span>
                <span className={classes.words}>
                  <ValueText state={state} blinded={item.blinded} unit={item.unit} />
                </span>
                {changed && (
                  <span className={classes.pen}>
                    <Pen />
                  </span>
                )}
              </button>
            ) : (
              <div className={classes.still}>
                <span className={classes.words}>
                  <ValueText state={state} blinded={item.blinded} unit={item.unit} />
                </span>
                {changed && (
                  <span className={classes.pen}>
                    <Pen />
                  </span>
                )}
              </div>
            )}
          </td>
        );
      })}
      <ResultCell {...props} open={open} />
    </tr>
  );
});

function ResultCell(props: Props & {open: boolean}) {
  const {item, conflict, columns, decision, open, editing} = props;
  const text = useText();
  const choice = choiceFor(decision, item.path);
  if (props.proposed) {
    return (
      <td className={classes.result} data-label={text.conflict.result}>
        <ValueText state={props.proposed} blinded={item.blinded} unit={item.unit} />
        <span className={classes.from}>{text.consent.proposedValue}</span>
      </td>
    );
  }
  if (!item.inDispute) {
    return (
      <td className={classes.result} data-label={text.conflict.result}>
        <ValueText
          state={item.values[conflict.currentRevisionId] ?? null}
          blinded={item.blinded}
          unit={item.unit}
        />
      </td>
    );
  }
  if (conflict.state !== 'open') {
    return (
      <td className={classes.result} data-label={text.conflict.result} data-decided>
        {props.settled && (
          <ValueText state={props.settled} blinded={item.blinded} unit={item.unit} />
        )}
      </td>
    );
  }
  if (editing) {
    const now = resultOf(decision, conflict, item) ?? item.values[conflict.currentRevisionId];
    return (
      <td className={classes.result} data-label={text.conflict.result}>
        <ValueEditor
          item={item}
          initial={now?.value ?? ''}
          onCancel={() => props.onEdit(null)}
          onUse={(value) => {
            props.onChoose(item.path, {kind: 'value', value});
            props.onEdit(null);
          }}
        />
      </td>
    );
  }
  const from =
    choice?.kind === 'value'
      ? text.conflict.typed
      : columns.find(
          (column) => choice?.kind === 'revision' && column.revisionId === choice.revisionId,
        )?.name;
  return (
    <td
      className={classes.result}
      data-label={text.conflict.result}
      data-decided={choice !== null || undefined}
    >
      <div className={classes.resultLine}>
        <span>
          {choice === null ? (
            <span className={classes.undecided}>{text.conflict.undecided}</span>
          ) : (
            <ValueText
              state={resultOf(decision, conflict, item)}
              blinded={item.blinded}
              unit={item.unit}
            />
          )}
          {from && <span className={classes.from}>{from}</span>}
        </span>
        {open && (
          <span className={classes.tools}>
            {choice !== null && (
              <ActionIcon
                variant="subtle"
                size={24}
                aria-label={`${text.conflict.undo}: ${item.question}`}
                title={text.conflict.undo}
                onClick={() => props.onUndo(item.path)}
              >
                <Cross />
              </ActionIcon>
            )}
            <Button
              variant="default"
              size="compact-xs"
              aria-label={text.conflict.typeFor(item.question)}
              onClick={() => props.onEdit(item.path)}
            >
              <Pen />
              &nbsp;<Key>e</Key>
            </Button>
          </span>
        )}
      </div>
    </td>
  );
}
