// How old the open conflicts are: one bar for each span, hard below and soft above. The numbers
// stand in a table for those who cannot see the bars.
import type {ConflictCounts} from '../api/types';
import {formatHours, formatNumber} from '../common/format';
import {useText} from '../text/language';
import type {Dictionary} from '../text/dictionary';
import classes from './counts.module.css';

type Span = ConflictCounts['byAge'][number];

export function spanName(span: Pick<Span, 'fromHours' | 'toHours'>, text: Dictionary): string {
  if (span.toHours === null) return text.queue.ageFrom(formatHours(span.fromHours, text.common));
  const to = formatHours(span.toHours, text.common);
  return span.fromHours === 0
    ? text.queue.ageUnder(to)
    : text.queue.ageBetween(formatHours(span.fromHours, text.common), to);
}

const spanTitle = (span: Span, text: Dictionary): string => {
  const {severity} = text.queue;
  return `${spanName(span, text)}: ${span.hard} ${severity.hard}, ${span.soft} ${severity.soft}`;
};

const shortName = (span: Span, text: Dictionary): string =>
  span.toHours === null
    ? `> ${formatHours(span.fromHours, text.common)}`
    : `< ${formatHours(span.toHours, text.common)}`;

const kHeight = 32;
const kStep = 56;

export function AgeChart({byAge}: {byAge: Span[]}) {
  const text = useText();
  const most = Math.max(1, ...byAge.map((span) => span.hard + span.soft));
  const scale = (n: number) => (n === 0 ? 0 : Math.max(2, (n / most) * kHeight));
  return (
    <figure className={classes.chart}>
      <figcaption className={classes.caption}>
        {text.queue.ageChart}
        <span className={classes.legend} data-severity="hard">
          {text.queue.severity.hard}
        </span>
        <span className={classes.legend} data-severity="soft">
          {text.queue.severity.soft}
        </span>
      </figcaption>
      <svg
        viewBox={`0 0 ${byAge.length * kStep} ${kHeight + 28}`}
        width={byAge.length * kStep}
        height={kHeight + 28}
        className={classes.bars}
        aria-hidden
        focusable="false"
      >
        {byAge.map((span, index) => {
          const hard = scale(span.hard);
          const soft = scale(span.soft);
          const left = index * kStep;
          return (
            <g key={span.fromHours}>
              <title>{spanTitle(span, text)}</title>
              <rect
                x={left + 6}
                y={12 + kHeight - hard}
                width={kStep - 12}
                height={hard}
                className={classes.hard}
              />
              <rect
                x={left + 6}
                y={12 + kHeight - hard - soft}
                width={kStep - 12}
                height={soft}
                className={classes.soft}
              />
              <text x={left + kStep / 2} y={9 + kHeight - hard - soft} textAnchor="middle">
                {formatNumber(span.hard + span.soft)}
              </text>
              <text x={left + kStep / 2} y={kHeight + 25} textAnchor="middle">
                {shortName(span, text)}
              </text>
            </g>
          );
        })}
        <line
          x1="0"
          x2={byAge.length * kStep}
          y1={kHeight + 12.5}
          y2={kHeight + 12.5}
          className={classes.ground}
        />
      </svg>
      {/* A table itself is not hidden so: Firefox shows its caption. */}
      <div className="visually-hidden">
        <table>
          <caption>{text.queue.ageChart}</caption>
          <thead>
            <tr>
              <th scope="col">{text.queue.columns.age}</th>
              <th scope="col">{text.queue.severity.hard}</th>
              <th scope="col">{text.queue.severity.soft}</th>
            </tr>
          </thead>
          <tbody>
            {byAge.map((span) => (
              <tr key={span.fromHours}>
                <th scope="row">{spanName(span, text)}</th>
                <td>{span.hard}</td>
                <td>{span.soft}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </figure>
  );
}
