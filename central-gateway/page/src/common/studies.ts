// The studies within the reader's rights: their names, sites, events, forms and reasons.
import {useQuery} from '@tanstack/react-query';
import {listStudies} from '../api/calls';
import type {Study} from '../api/types';
import {useLanguage} from '../text/language';

const kNone: Study[] = [];

export function useStudies(enabled = true): Study[] {
  const {language} = useLanguage();
  const {data} = useQuery({
    queryKey: ['studies', language],
    queryFn: listStudies,
    staleTime: 300_000,
    enabled,
  });
  return data?.studies ?? kNone;
}

export const sitesOf = (studies: Study[], studyOID?: string): string[] => [
  ...new Set(
    studies
      .filter((study) => !studyOID || study.studyOID === studyOID)
      .flatMap((study) => study.sites),
  ),
];

export function namedOf(
  studies: Study[],
  part: 'events' | 'forms',
  studyOID?: string,
): {oid: string; name: string}[] {
  const found = new Map<string, {oid: string; name: string}>();
  for (const study of studies) {
    if (studyOID && study.studyOID !== studyOID) continue;
    for (const named of study[part] ?? []) if (!found.has(named.oid)) found.set(named.oid, named);
  }
  return [...found.values()];
}
