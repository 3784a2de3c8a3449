// What a revision in quarantine is called: its record's key where that can be read.
import type {Quarantined} from '../api/types';
import {shortId} from '../common/format';
import type {Dictionary} from '../text/dictionary';

export const quarantineName = (one: Quarantined, text: Dictionary): string =>
  one.key ?? `${text.quarantine.recordUnknown} (${shortId(one.revisionId)})`;

export const quarantineReason = (one: Quarantined, text: Dictionary): string =>
  text.quarantine.reasons[one.reason] ?? one.reason;
