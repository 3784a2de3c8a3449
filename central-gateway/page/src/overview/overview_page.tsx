// Each site at a glance: whether it is heard of, how far it has come, what waits there.
import {useQuery} from '@tanstack/react-query';
import {Link} from 'react-router-dom';
import {showOverview} from '../api/calls';
import type {Edge, Overview} from '../api/types';
import {useNow} from '../common/changes';
import {formatAgo, formatDrift, formatNumber, formatTime} from '../common/format';
import {Warning} from '../common/icons';
import {Empty, PageHead, Reading, Tag} from '../common/pieces';
import {ProblemAlert} from '../common/problem_alert';
import {mayOpen} from '../session/permissions';
import {useSession} from '../session/session_context';
import {useText} from '../text/language';
import {isDriftLarge, isSilent} from './signs';
import common from '../common/common.module.css';
import classes from './overview.module.css';

export function OverviewPage() {
  const text = useText();
  const {data, error, refetch} = useQuery({
    queryKey: ['overview'],
    queryFn: showOverview,
    meta: {live: true},
  });
  return (
    <>
      <PageHead title={text.overview.title} />
      {error && <ProblemAlert error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Reading />}
      {data && (
        <>
          <Numbers overview={data} />
          <h2 className={classes.sites}>{text.overview.sites}</h2>
          <div className={common.paper}>
            {data.edges.length === 0 ? (
              <Empty>{text.overview.none}</Empty>
            ) : (
              <Edges edges={data.edges} />
            )}
          </div>
        </>
      )}
    </>
  );
}

function Numbers({overview}: {overview: Overview}) {
  const words = useText().overview;
  const session = useSession();
  const queue = mayOpen(session, 'queue');
  const numbers: {label: string; value: number; to?: string; alarming?: boolean}[] = [
    {label: words.records, value: overview.records},
    {label: words.revisions, value: overview.revisions},
    {label: words.conflictsOpen, value: overview.conflictsOpen, to: queue ? '/' : undefined},
    {
      label: words.conflictsHard,
      value: overview.conflictsHard,
      to: queue ? '/?severity=hard' : undefined,
    },
    {
      label: words.conflictsOverdue,
      value: overview.conflictsOverdue,
      to: queue ? '/?due=overdue' : undefined,
      alarming: true,
    },
    {
      label: words.quarantineWaiting,
      value: overview.quarantineWaiting,
      to: mayOpen(session, 'quarantine') ? '/quarantine' : undefined,
    },
  ];
  return (
    <dl className={classes.numbers}>
      {numbers.map(({label, value, to, alarming}) => (
        <div
          key={label}
          className={classes.number}
          data-alarming={(alarming && value > 0) || undefined}
        >
          <dt>{label}</dt>
          <dd>{to ? <Link to={to}>{formatNumber(value)}</Link> : formatNumber(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

function Edges({edges}: {edges: Edge[]}) {
  const text = useText();
  const words = text.overview;
  const now = useNow();
  const queue = mayOpen(useSession(), 'queue');
  return (
    <div className={common.scroll} tabIndex={0} role="region" aria-label={words.sites}>
      <table className={`${common.table} ${common.wide}`}>
        <thead>
          <tr>
            <th scope="col">{text.common.site}</th>
            <th scope="col">{words.edge}</th>
            <th scope="col">{words.standing}</th>
            <th scope="col">{words.lastContact}</th>
            <th scope="col" className={common.num}>
              {words.acknowledged}
            </th>
            <th scope="col" className={common.num}>
              {words.feedBehind}
            </th>
            <th scope="col" className={common.num}>
              {words.drift}
            </th>
            <th scope="col" className={common.num}>
              {words.conflicts}
            </th>
            <th scope="col">{words.release}</th>
          </tr>
        </thead>
        <tbody>
          {edges.map((edge) => (
            <tr key={edge.edgeId}>
              <td>
                <b>{edge.siteOID}</b>
              </td>
              <td>{edge.edgeId}</td>
              <td>
                <Tag tone={edge.standing === 'active' ? 'good' : 'hard'}>
                  {words.standings[edge.standing]}
                </Tag>
                {edge.standingReason && <div className={common.dim}>{edge.standingReason}</div>}
              </td>
              <td title={edge.lastContactAt ? formatTime(edge.lastContactAt) : undefined}>
                {formatAgo(edge.lastContactAt, now, text.common)}{' '}
                {isSilent(edge, now) && (
                  <Tag tone="soft">
                    <Warning /> {words.silent}
                  </Tag>
                )}
              </td>
              <td className={common.num}>{formatNumber(edge.acknowledgedThrough)}</td>
              <td className={common.num}>{formatNumber(edge.feedBehind)}</td>
              <td className={common.num}>
                {edge.clockDriftMs === null ? (
                  <span className={common.dim}>{words.driftUnknown}</span>
                ) : (
                  formatDrift(edge.clockDriftMs, text.common)
                )}{' '}
                {isDriftLarge(edge) && (
                  <Tag tone="soft">
                    <Warning /> {words.driftLarge}
                  </Tag>
                )}
              </td>
              <td className={common.num}>
                {queue && edge.conflictsOpen > 0 ? (
                  <Link to={`/?site=${encodeURIComponent(edge.siteOID)}`}>
                    {formatNumber(edge.conflictsOpen)}
                  </Link>
                ) : (
                  formatNumber(edge.conflictsOpen)
                )}
              </td>
              <td>{edge.release}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
