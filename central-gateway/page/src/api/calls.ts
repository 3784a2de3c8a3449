// The gateway's operations as functions, in the contract's order and under its names.
import {request, queryString} from './http';
import type {
  Answer,
  BulkRule,
  Choices,
  ConflictQuery,
  DecisionRequest,
  NewUser,
  QueryOf,
  Reason,
  Right,
  SignatureRequest,
  View,
} from './types';

const part = encodeURIComponent;

export const logIn = (user: string, password: string) =>
  request<Answer<'logIn'>>('POST', '/session', {body: {user, password}});
export const showSession = () => request<Answer<'showSession'>>('GET', '/session');
export const logOut = () => request<void>('DELETE', '/session');
export const changePassword = (current: string, next: string) =>
  request<Answer<'changePassword'>>('POST', '/session/password', {
    body: {current, new: next},
    signed: true,
  });

export const showLogInMethods = () =>
  request<Answer<'showLogInMethods'>>('GET', '/session/methods');
export const askToSign = () => request<Answer<'askToSign'>>('POST', '/session/oidc/reauth');
export const showTicket = (ticket: string) =>
  request<Answer<'showTicket'>>('POST', '/session/oidc/ticket', {body: {ticket}});

export const showChanges = () => request<Answer<'showChanges'>>('GET', '/changes');
export const listStudies = () => request<Answer<'listStudies'>>('GET', '/studies');
export const showOverview = () => request<Answer<'showOverview'>>('GET', '/overview');

export const listConflicts = (query: ConflictQuery, signal?: AbortSignal) =>
  request<Answer<'listConflicts'>>('GET', '/conflicts', {query, signal});
export const countConflicts = (query: ConflictQuery, signal?: AbortSignal) =>
  request<Answer<'countConflicts'>>('GET', '/conflicts/counts', {query, signal});
export const exportConflictsAddress = (query: ConflictQuery, format: 'csv' | 'json') =>
  `/api/v1/conflicts/export${queryString({...query, format})}`;
export const assignConflicts = (conflictIds: string[], assignee: string | null) =>
  request<Answer<'assignConflicts'>>('POST', '/conflicts/assign', {body: {conflictIds, assignee}});
export const decideConflicts = (body: {
  conflicts: {conflictId: string; seenHeads: string[]}[];
  rule: BulkRule;
  reason: Reason;
  signature: SignatureRequest;
}) => request<Answer<'decideConflicts'>>('POST', '/conflicts/decide', {body, signed: true});

export const showConflict = (conflictId: string) =>
  request<Answer<'showConflict'>>('GET', `/conflicts/${part(conflictId)}`);
export const claimConflict = (conflictId: string) =>
  request<Answer<'claimConflict'>>('POST', `/conflicts/${part(conflictId)}/claim`);
export const releaseConflict = (conflictId: string) =>
  request<void>('DELETE', `/conflicts/${part(conflictId)}/claim`, {keepalive: true});
export const previewDecision = (conflictId: string, choices: Choices) =>
  request<Answer<'previewDecision'>>('POST', `/conflicts/${part(conflictId)}/preview`, {
    body: choices,
  });
export const resolveConflict = (conflictId: string, body: DecisionRequest) =>
  request<Answer<'resolveConflict'>>('POST', `/conflicts/${part(conflictId)}/resolve`, {
    body,
    signed: true,
  });
export const proposeDecision = (conflictId: string, body: DecisionRequest) =>
  request<Answer<'proposeDecision'>>('POST', `/conflicts/${part(conflictId)}/propose`, {
    body,
    signed: true,
  });
export const withdrawProposal = (conflictId: string) =>
  request<void>('DELETE', `/conflicts/${part(conflictId)}/proposal`);
export const reopenConflict = (conflictId: string, reason: Reason) =>
  request<Answer<'reopenConflict'>>('POST', `/conflicts/${part(conflictId)}/reopen`, {
    body: {reason},
  });

export const searchRecords = (query: QueryOf<'searchRecords'>) =>
  request<Answer<'searchRecords'>>('GET', '/records', {query});
export const showRecord = (key: string) =>
  request<Answer<'showRecord'>>('GET', `/records/${part(key)}`);

export const listQuarantine = (query: QueryOf<'listQuarantine'>) =>
  request<Answer<'listQuarantine'>>('GET', '/quarantine', {query});
export const showQuarantined = (revisionId: string) =>
  request<Answer<'showQuarantined'>>('GET', `/quarantine/${part(revisionId)}`);
export const decideQuarantined = (
  decision: 'release' | 'reject',
  body: {revisionIds: string[]; reason: string; signature: SignatureRequest},
) => request<Answer<'releaseQuarantined'>>('POST', `/quarantine/${decision}`, {body, signed: true});

export const listAudit = (query: QueryOf<'listAudit'>) =>
  request<Answer<'listAudit'>>('GET', '/audit', {query});
export const exportAuditAddress = (query: QueryOf<'listAudit'>, format: 'csv' | 'json') =>
  `/api/v1/audit/export${queryString({...query, format})}`;
export const verifyAudit = () => request<Answer<'verifyAudit'>>('POST', '/audit/verify');
export const showCheckpoint = () => request<Answer<'showCheckpoint'>>('GET', '/audit/checkpoint');

export const listUsers = () => request<Answer<'listUsers'>>('GET', '/users');
export const addUser = (user: NewUser) =>
  request<Answer<'addUser'>>('POST', '/users', {body: user});
export const changeUser = (
  user: string,
  change: {fullName?: string; active?: boolean; rights?: Right[]},
) => request<Answer<'changeUser'>>('PATCH', `/users/${part(user)}`, {body: change});
export const resetPassword = (user: string) =>
  request<Answer<'resetPassword'>>('POST', `/users/${part(user)}/reset-password`);

export const linkUser = (user: string, providerName: string) =>
  request<Answer<'linkUser'>>('POST', `/users/${part(user)}/link`, {body: {providerName}});
export const unlinkUser = (user: string) =>
  request<Answer<'unlinkUser'>>('DELETE', `/users/${part(user)}/link`);

export const listViews = () => request<Answer<'listViews'>>('GET', '/views');
export const saveViews = (views: View[]) =>
  request<Answer<'saveViews'>>('PUT', '/views', {body: {views}});
