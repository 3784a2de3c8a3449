// What the rights of a session allow. What is not allowed is not offered; the gateway refuses it
// anyway.
import type {Right, Role, Session} from '../api/types';

export type PageName = 'queue' | 'records' | 'quarantine' | 'audit' | 'overview' | 'users';

const kReaders: Record<PageName, Role[]> = {
  queue: ['data_manager', 'monitor'],
  records: ['data_manager', 'monitor'],
  quarantine: ['data_manager', 'monitor'],
  audit: ['data_manager', 'monitor', 'operator', 'administrator'],
  overview: ['data_manager', 'monitor', 'operator', 'administrator'],
  users: ['administrator'],
};

export const pageNames: PageName[] = [
  'queue',
  'records',
  'quarantine',
  'audit',
  'overview',
  'users',
];

export const hasRole = (rights: Right[], ...roles: Role[]): boolean =>
  rights.some((right) => roles.includes(right.role));

export const mayOpen = (session: Pick<Session, 'rights'>, page: PageName): boolean =>
  hasRole(session.rights, ...kReaders[page]);

export const firstPage = (session: Pick<Session, 'rights'>): PageName | null =>
  pageNames.find((page) => mayOpen(session, page)) ?? null;

// Whether some data manager's right reaches this study and site.
export const mayDecideAt = (
  session: Pick<Session, 'rights'>,
  studyOID: string,
  siteOID: string,
): boolean =>
  session.rights.some(
    (right) =>
      right.role === 'data_manager' &&
      (right.studyOID === null || right.studyOID === studyOID) &&
      (right.siteOID === null || right.siteOID === siteOID),
  );

export const mayDecideSomewhere = (session: Pick<Session, 'rights'>): boolean =>
  hasRole(session.rights, 'data_manager');
