// Warns shortly before a session ends for want of work, and ends it.
import {useText} from '../text/language';
import {useIdleness} from './idle';
import {useSession, useSessionState} from './session_context';
import classes from '../common/common.module.css';

export function IdleWatch() {
  const text = useText().session;
  const {idleMinutes} = useSession();
  const {state, endByIdleness} = useSessionState();
  const idle = useIdleness(idleMinutes, state.kind === 'open', endByIdleness);
  if (idle.state !== 'warned') return null;
  return (
    <div className={classes.notices} role="alert">
      <div className={classes.notice}>
        <b>{text.endsSoon}.</b> {text.endsSoonHint(idle.secondsLeft)}
      </div>
    </div>
  );
}
