import {describe, expect, it} from 'vitest';
import type {Right, Role} from '../api/types';
import {firstPage, mayDecideAt, mayOpen, pageNames} from './permissions';

const session = (...rights: Right[]) => ({rights});
const everywhere = (role: Role): Right => ({role, studyOID: null, siteOID: null});

describe('rights', () => {
  it('open to each role its own pages and no other', () => {
    const open = (role: Role) =>
      pageNames.filter((page) => mayOpen(session(everywhere(role)), page));
    expect(open('data_manager')).toEqual(['queue', 'records', 'quarantine', 'audit', 'overview']);
    expect(open('monitor')).toEqual(['queue', 'records', 'quarantine', 'audit', 'overview']);
    expect(open('operator')).toEqual(['audit', 'overview']);
    expect(open('administrator')).toEqual(['audit', 'overview', 'users']);
  });

  it('let a data manager decide at the own site only', () => {
    const kisumu = session({role: 'data_manager', studyOID: 'TRIAL', siteOID: 'Kisumu'});
    expect(mayDecideAt(kisumu, 'TRIAL', 'Kisumu')).toBe(true);
    expect(mayDecideAt(kisumu, 'TRIAL', 'Tororo')).toBe(false);
    expect(mayDecideAt(kisumu, 'OTHER', 'Kisumu')).toBe(false);
    expect(mayDecideAt(session(everywhere('data_manager')), 'OTHER', 'Tororo')).toBe(true);
  });

  it('never let a monitor decide', () => {
    expect(mayDecideAt(session(everywhere('monitor')), 'TRIAL', 'Kisumu')).toBe(false);
  });

  it('send nobody to a page that is closed to them', () => {
    expect(firstPage(session(everywhere('administrator')))).toBe('audit');
    expect(firstPage(session())).toBeNull();
  });
});
