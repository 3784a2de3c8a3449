// The values of a form, item by item under their groups: of one revision, or of two side by side.
import {Fragment, type ReactNode} from 'react';
import type {Item, ItemGroup} from '../api/types';
import {useText} from '../text/language';
import {ValueText} from './pieces';
import {Pen} from './icons';
import classes from './common.module.css';

export interface ValueColumn {
  revisionId: string;
  title: ReactNode;
  // Items whose value is marked, since it is another than the first column's.
  marked?: (item: Item) => boolean;
}

interface Props {
  label: string;
  groups: ItemGroup[];
  columns: ValueColumn[];
  // Which items are shown; all unless given.
  shows?: (item: Item) => boolean;
}

export function ValueTable({label, groups, columns, shows = () => true}: Props) {
  const text = useText();
  return (
    <div className={classes.scroll} tabIndex={0} role="region" aria-label={label}>
      <table className={classes.table}>
        <thead>
          <tr>
            <th scope="col">{text.common.item}</th>
            {columns.map((column) => (
              <th key={column.revisionId} scope="col">
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {groups.map((group) => {
            const items = group.items.filter(shows);
            if (items.length === 0) return null;
            return (
              <Fragment key={`${group.itemGroupOID}[${group.repeatKey}]`}>
                <tr>
                  <th scope="colgroup" colSpan={columns.length + 1}>
                    {group.name}
                    {group.repeatKey !== '' && group.repeatKey !== '1' && ` #${group.repeatKey}`}
                  </th>
                </tr>
                {items.map((item) => (
                  <ValueRow key={item.path} item={item} columns={columns} />
                ))}
              </Fragment>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

const ValueRow = ({item, columns}: {item: Item; columns: ValueColumn[]}) => (
  <tr>
    <td>
      {item.question}
      {item.unit && <span className={classes.dim}> [{item.unit}]</span>}
    </td>
    {columns.map(({revisionId, marked}) => (
      <td key={revisionId} className={marked?.(item) ? classes.differs : undefined}>
        {marked?.(item) && <Pen />}{' '}
        <ValueText
          state={item.values[revisionId] ?? null}
          blinded={item.blinded}
          unit={item.unit}
        />
      </td>
    ))}
  </tr>
);
