// The conflict's table: the items in dispute open, the others folded away until one asks for them.
import {Button} from '@mantine/core';
import {Fragment} from 'react';
import type {Conflict, ItemState} from '../api/types';
import {Chevron} from '../common/icons';
import {Key} from '../common/pieces';
import {useText} from '../text/language';
import {ColumnHead} from './column_head';
import {disputedItems, allItems, type Decision, type ItemChoice} from './decision';
import {ItemRow, type Column} from './item_row';
import classes from './item_table.module.css';

interface Props {
  conflict: Conflict;
  columns: Column[];
  decision: Decision;
  mayDecide: boolean;
  activePath: string | null;
  editingPath: string | null;
  unfolded: boolean;
  // By path, once the conflict is settled.
  settled: ReadonlyMap<string, ItemState> | null;
  // By path, while a proposal waits for the site.
  proposed: ReadonlyMap<string, ItemState> | null;
  onUnfold: () => void;
  onTakeAll: (revisionId: string) => void;
  onActive: (path: string) => void;
  onChoose: (path: string, choice: ItemChoice) => void;
  onUndo: (path: string) => void;
  onEdit: (path: string | null) => void;
}

export function ItemTable(props: Props) {
  const {conflict, columns, decision, mayDecide, unfolded} = props;
  const text = useText();
  const agreeing = allItems(conflict).length - disputedItems(conflict).length;
  const revisions = [...(conflict.ancestor ? [conflict.ancestor] : []), ...conflict.headRevisions];
  return (
    <div className={classes.tableFrame}>
      <table className={classes.table} style={{'--columns': columns.length} as React.CSSProperties}>
        <caption className="visually-hidden">{text.conflict.title}</caption>
        <thead>
          <tr>
            <th scope="col" className={classes.question}>
              {text.conflict.item}
            </th>
            {columns.map((column, index) => (
              <th key={column.revisionId} scope="col" className={classes.headCell}>
                <ColumnHead
                  name={column.name}
                  keyNumber={column.keyNumber}
                  revision={revisions[index]!}
                  current={
                    conflict.state === 'open' && column.revisionId === conflict.currentRevisionId
                  }
                  taken={decision.take === column.revisionId}
                  onTake={mayDecide ? () => props.onTakeAll(column.revisionId) : null}
                />
              </th>
            ))}
            <th scope="col" className={classes.resultHead}>
              {text.conflict.result}
            </th>
          </tr>
        </thead>
        <tbody>
          {conflict.groups.map((group) => {
            const shown = group.items.filter((item) => item.inDispute || unfolded);
            if (shown.length === 0) return null;
            return (
              <Fragment key={`${group.itemGroupOID}[${group.repeatKey}]`}>
                <tr className={classes.group}>
                  <th colSpan={columns.length + 2} scope="colgroup">
                    {group.name}
                    {group.repeatKey !== '' && group.repeatKey !== '1' && (
                      <span className={classes.dim}> #{group.repeatKey}</span>
                    )}
                  </th>
                </tr>
                {shown.map((item) => (
                  <ItemRow
                    key={item.path}
                    item={item}
                    conflict={conflict}
                    columns={columns}
                    decision={decision}
                    mayDecide={mayDecide}
                    settled={props.settled?.get(item.path) ?? null}
                    proposed={props.proposed?.get(item.path) ?? null}
                    active={props.activePath === item.path}
                    editing={props.editingPath === item.path}
                    onActive={props.onActive}
                    onChoose={props.onChoose}
                    onUndo={props.onUndo}
                    onEdit={props.onEdit}
                  />
                ))}
              </Fragment>
            );
          })}
        </tbody>
      </table>
      {agreeing > 0 && (
        <div className={classes.fold}>
          <Button
            variant="subtle"
            leftSection={<Chevron open={unfolded} />}
            aria-expanded={unfolded}
            onClick={props.onUnfold}
          >
            {text.conflict.agree(agreeing)} ·{' '}
            {unfolded ? text.conflict.agreeHide : text.conflict.agreeShow}&nbsp;<Key>f</Key>
          </Button>
        </div>
      )}
    </div>
  );
}
