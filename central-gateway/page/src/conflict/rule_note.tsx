// By what a study's conflicts are settled (ICH E6(R3) 3.16.1(i)): the rule agreed on, or that none
// is recorded; and whether the sites have the last word.
import type {Conflict} from '../api/types';
import {useText} from '../text/language';
import {needsConsent} from './proposals';
import classes from './conflict.module.css';

export function RuleNote({conflict}: {conflict: Conflict}) {
  const text = useText().consent;
  return (
    <div className={classes.rule}>
      {needsConsent(conflict) ? (
        <p className={classes.note}>{text.endorsedStudy}</p>
      ) : (
        conflict.resolutionRule === '' && <p className={classes.note}>{text.ruleNone}</p>
      )}
      {conflict.resolutionRule !== '' && (
        <details className={classes.folded}>
          <summary>{text.rule}</summary>
          <p className={classes.ruleText}>{conflict.resolutionRule}</p>
        </details>
      )}
    </div>
  );
}
