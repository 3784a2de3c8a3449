// What deserves a second look on the overview.
import type {Edge} from '../api/types';

// A site may well be offline over a night; longer is worth a call.
export const kSilentAfterMs = 24 * 3_600_000;
// Beyond this the order of two edits can no longer be told from their times.
export const kDriftLargeMs = 60_000;

export const isSilent = (edge: Pick<Edge, 'standing' | 'lastContactAt'>, now: number): boolean =>
  edge.standing === 'active' &&
  (edge.lastContactAt === null || now - Date.parse(edge.lastContactAt) > kSilentAfterMs);

export const isDriftLarge = (edge: Pick<Edge, 'clockDriftMs'>): boolean =>
  edge.clockDriftMs !== null && Math.abs(edge.clockDriftMs) > kDriftLargeMs;
