// A record's revisions from the first to the last, with the lines of descent drawn beside them.
import type {Revision} from '../api/types';
import {useText} from '../text/language';
import {formatDrift, formatTime, formatWritten} from './format';
import {Tag} from './pieces';
import {layoutTimeline} from './timeline_layout';
import {Warning} from './icons';
import classes from './timeline.module.css';

interface Props {
  revisions: Revision[];
  // Words shown beside a revision: that it is a head, the common ancestor.
  marks?: Record<string, string>;
  selected?: string | null;
  onSelect?: (revisionId: string) => void;
}

const kRow = 46;
const kLane = 14;

export function Timeline({revisions, marks = {}, selected, onSelect}: Props) {
  const text = useText();
  const {nodes, lanes} = layoutTimeline(revisions);
  const x = (lane: number) => 9 + lane * kLane;
  const y = (row: number) => row * kRow + 14;
  const versionOf = new Map(revisions.map((revision) => [revision.revisionId, revision.version]));
  return (
    <div className={classes.timeline}>
      <svg
        width={lanes * kLane + 8}
        height={Math.max(1, revisions.length) * kRow}
        className={classes.graph}
        aria-hidden
        focusable="false"
      >
        {nodes.flatMap((node, row) =>
          node.parents.map((parent) => {
            const [x0, y0, x1, y1] = [x(nodes[parent]!.lane), y(parent), x(node.lane), y(row)];
            return (
              <path
                key={`${node.revisionId}-${parent}`}
                className={classes.line}
                d={`M${x0} ${y0}C${x0} ${y0 + 22} ${x1} ${y1 - 22} ${x1} ${y1}`}
              />
            );
          }),
        )}
        {nodes.map((node, row) => (
          <circle
            key={node.revisionId}
            cx={x(node.lane)}
            cy={y(row)}
            r={marks[node.revisionId] ? 5 : 4}
            className={marks[node.revisionId] ? classes.marked : classes.node}
          />
        ))}
      </svg>
      <ol className={classes.list}>
        {revisions.map((revision) => {
          const follows = revision.parents
            .map((parent) => versionOf.get(parent))
            .filter((version) => version !== undefined);
          const words = (
            <>
              <span className={classes.first}>
                <b>v{revision.version}</b> <span>{revision.user || text.common.noName}</span>
                <span className={classes.dim}>{text.conflict.origin[revision.origin]}</span>
                {marks[revision.revisionId] && <Tag>{marks[revision.revisionId]}</Tag>}
                {revision.removed && <Tag tone="hard">{text.common.removedRecord}</Tag>}
              </span>
              <span className={classes.second}>
                {formatWritten(revision.editedAt)}
                {revision.clockSuspect && <Warning label={text.conflict.clockSuspect} />}
                {' · '}
                <span
                  title={
                    revision.clockDriftMs === null
                      ? undefined
                      : text.conflict.driftOf(formatDrift(revision.clockDriftMs, text.common))
                  }
                >
                  {text.conflict.arrived(formatTime(revision.receivedAt))}
                </span>
                {' · '}
                {follows.length > 0
                  ? text.conflict.timelineParents(
                      follows.map((version) => `v${version}`).join(', '),
                    )
                  : text.conflict.timelineFirst}
                {revision.reasonForChange && (
                  <>
                    {' '}
                    · <q>{revision.reasonForChange}</q>
                  </>
                )}
              </span>
            </>
          );
          return (
            <li key={revision.revisionId} className={classes.row}>
              {onSelect ? (
                <button
                  type="button"
                  className={classes.pick}
                  aria-pressed={selected === revision.revisionId}
                  onClick={() => onSelect(revision.revisionId)}
                >
                  {words}
                </button>
              ) : (
                <div className={classes.plain}>{words}</div>
              )}
            </li>
          );
        })}
      </ol>
    </div>
  );
}
