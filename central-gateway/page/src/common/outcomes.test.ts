import {describe, expect, it} from 'vitest';
import type {Outcome} from '../api/types';
import {en} from '../text/en';
import {doneWords} from './outcomes';

const decided: Outcome = {id: '1', done: true, revisionId: 'a'};
const proposed: Outcome = {id: '2', done: true, proposalId: 'b'};
const left: Outcome = {id: '3', done: false, code: 'claimed'};

describe('what became of many', () => {
  it('tells what is decided from what the sites must still agree to', () => {
    expect(doneWords([decided, proposed, decided, left], en.common)).toBe(
      '2 done, 1 proposed to the site',
    );
    expect(doneWords([proposed, proposed], en.common)).toBe('2 proposed to the site');
  });

  it('says so when nothing was done', () => {
    expect(doneWords([left], en.common)).toBe('0 done');
  });
});
