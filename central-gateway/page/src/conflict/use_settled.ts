// What became of the items of a conflict that is decided: the record's values in the resolution.
import {useQuery} from '@tanstack/react-query';
import {useMemo} from 'react';
import {showRecord} from '../api/calls';
import type {Conflict, ItemState} from '../api/types';
import {useLanguage} from '../text/language';
import {allItems} from './decision';

export function useSettled(conflict: Conflict | undefined): ReadonlyMap<string, ItemState> | null {
  const {language} = useLanguage();
  const revisionId = conflict?.resolution?.revisionId;
  const key = conflict?.key ?? '';
  const {data} = useQuery({
    queryKey: ['record', key, language],
    queryFn: () => showRecord(key),
    enabled: revisionId !== undefined,
  });
  return useMemo(() => {
    if (!data || revisionId === undefined) return null;
    return new Map(
      allItems(data).flatMap((item) => {
        const state = item.values[revisionId];
        return state ? [[item.path, state] as const] : [];
      }),
    );
  }, [data, revisionId]);
}
