// The heads of the queue's columns: what sorts, and the box that selects all rows that were read.
import {useEffect, useRef} from 'react';
import type {ConflictSort} from '../api/types';
import {Arrow} from '../common/icons';
import {useText} from '../text/language';
import {columns} from './columns';
import {nextSort, sortDirection} from './filters';
import classes from './queue.module.css';

interface Props {
  sort: ConflictSort | undefined;
  onSort: (sort: ConflictSort) => void;
  selectable: boolean;
  all: boolean;
  some: boolean;
  onAll: (on: boolean) => void;
}

export function QueueHead(props: Props) {
  const text = useText();
  return (
    <div role="row" aria-rowindex={1} className={classes.head}>
      {columns.map(({id, meta}) => {
        if (id === 'select') {
          return (
            <span key="select" role="columnheader" className={classes.cell} data-column="select">
              {props.selectable ? (
                <AllBox {...props} />
              ) : (
                <span className="visually-hidden">{text.queue.columns.select}</span>
              )}
            </span>
          );
        }
        const sort = meta?.sort;
        const direction = sort ? sortDirection(props.sort, sort) : undefined;
        const name = meta?.name(text);
        return (
          <span
            key={id}
            role="columnheader"
            className={classes.cell}
            data-column={id}
            aria-sort={direction}
          >
            {sort ? (
              <button
                type="button"
                className={classes.sort}
                onClick={() => props.onSort(nextSort(props.sort, sort))}
              >
                {name}
                {direction !== 'none' && <Arrow up={direction === 'ascending'} />}
              </button>
            ) : (
              name
            )}
          </span>
        );
      })}
    </div>
  );
}

function AllBox({all, some, onAll}: Props) {
  const text = useText().queue;
  const box = useRef<HTMLInputElement>(null);
  // There is no attribute for a box that is half set.
  useEffect(() => {
    if (box.current) box.current.indeterminate = some && !all;
  }, [some, all]);
  return (
    <input
      ref={box}
      type="checkbox"
      className={classes.box}
      aria-label={text.selectAll}
      checked={all}
      onChange={(event) => onAll(event.currentTarget.checked)}
    />
  );
}
