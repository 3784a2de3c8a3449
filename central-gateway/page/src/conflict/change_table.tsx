// What a decision makes of the form: item by item what counts now, and what would.
import type {Conflict, Item, ItemState, PreviewItem} from '../api/types';
import {ValueText} from '../common/pieces';
import {useText} from '../text/language';
import {allItems} from './decision';
import classes from './conflict.module.css';

export interface StayingItem {
  item: Item;
  state: ItemState | null;
}

interface Props {
  conflict: Pick<Conflict, 'groups'>;
  label: string;
  // The head of the last column.
  after: string;
  items: PreviewItem[];
  // Items shown below although nothing changes, with what they hold.
  staying?: StayingItem[];
}

export function ChangeTable({conflict, label, after, items, staying = []}: Props) {
  const text = useText();
  const known = new Map(allItems(conflict).map((item) => [item.path, item]));
  // Which of several readings an item belongs to.
  const repeats = new Map(
    conflict.groups.flatMap((group) =>
      group.items.map((item) => [item.path, group.repeatKey === '1' ? '' : `#${group.repeatKey}`]),
    ),
  );
  const name = (path: string, question: string) => (
    <th scope="row">
      {question} <span className={classes.dim}>{repeats.get(path)}</span>
    </th>
  );
  const value = (path: string, state: ItemState | null) => {
    const item = known.get(path);
    return <ValueText state={state} blinded={item?.blinded ?? false} unit={item?.unit} />;
  };
  return (
    <div className={classes.preview} tabIndex={0} role="group" aria-label={label}>
      <table>
        <thead>
          <tr>
            <th scope="col">{text.conflict.item}</th>
            <th scope="col">{text.conflict.before}</th>
            <th scope="col">{after}</th>
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={item.path}>
              {name(item.path, item.question)}
              <td className={classes.struck}>{value(item.path, item.before)}</td>
              <td>
                <b>{value(item.path, item.after)}</b>
              </td>
            </tr>
          ))}
          {staying.map(({item, state}) => (
            <tr key={item.path}>
              {name(item.path, item.question)}
              <td className={classes.struck}>{text.conflict.asNow}</td>
              <td>{value(item.path, state)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
