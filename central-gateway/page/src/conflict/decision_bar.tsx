// How far the decision has come, always in sight at the lower edge.
import {Button} from '@mantine/core';
import {Key} from '../common/pieces';
import {useText} from '../text/language';
import classes from './conflict.module.css';

interface Props {
  decided: number;
  total: number;
  complete: boolean;
  // The decision is proposed to the site.
  proposes: boolean;
  onReview: () => void;
  onClear: () => void;
  onOneSided: (() => void) | null;
}

export function DecisionBar(props: Props) {
  const {decided, total, complete, proposes, onReview, onClear, onOneSided} = props;
  const {conflict: text, consent} = useText();
  return (
    <div className={classes.bar}>
      <span role="status" className={classes.progress}>
        <span className={classes.track} aria-hidden>
          <span
            className={classes.fill}
            style={{width: `${total === 0 ? 100 : (decided / total) * 100}%`}}
          />
        </span>
        {text.decided(decided, total)}
      </span>
      <span className={classes.grow} />
      {onOneSided && (
        <Button variant="default" onClick={onOneSided}>
          {text.takeOneSided}&nbsp;<Key>m</Key>
        </Button>
      )}
      <Button variant="default" disabled={decided === 0} onClick={onClear}>
        {text.clearAll}
      </Button>
      <Button variant={complete ? 'filled' : 'default'} onClick={onReview}>
        {proposes ? consent.propose : text.review}&nbsp;<Key>s</Key>
      </Button>
    </div>
  );
}

interface WaitingProps {
  mayWithdraw: boolean;
  onNext: () => void;
}

// While the site is asked there is nothing to decide here.
export function WaitingBar({mayWithdraw, onNext}: WaitingProps) {
  const {conflict: text, consent} = useText();
  return (
    <div className={classes.bar}>
      <span>{mayWithdraw ? consent.waitsBar : consent.waitsBarRead}</span>
      <span className={classes.grow} />
      <Button autoFocus onClick={onNext}>
        {text.next}&nbsp;<Key>n</Key>
      </Button>
    </div>
  );
}
