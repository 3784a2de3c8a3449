// Logging in by an identity provider, as far as the page has a part in it: the addresses it leads
// to, and the words that the gateway comes back with.
import {useQuery} from '@tanstack/react-query';
import {showLogInMethods} from '../api/calls';
import type {LogInMethods} from '../api/types';
import type {Dictionary} from '../text/dictionary';

export type Provider = NonNullable<LogInMethods['provider']>;
export type Failure = keyof Dictionary['session']['failures'];

const kWindowName = 'edcsync-provider';
const kWindowLooks = 'popup,width=520,height=680';
const kParameter = 'log_in';

// undefined while that is not known, null if there is none, or if the gateway cannot be asked: then
// the log-in form tells why.
export function useProvider(): Provider | null | undefined {
  const {data, isError} = useQuery({queryKey: ['log-in-methods'], queryFn: showLogInMethods});
  return isError ? null : data?.provider;
}

// Where the browser leaves for the provider; it comes back to `path`, a page of the desk.
export function leaveAddress(path: string, inWindow = false): string {
  const query = new URLSearchParams(inWindow ? {window: '1'} : {to: path});
  return `/api/v1/session/oidc/start?${query.toString()}`;
}

export function openProviderWindow(address: string): Window | null {
  return window.open(address, kWindowName, kWindowLooks);
}

// The word that the gateway came back with, if any.
export const failureIn = (search: string): string | null =>
  new URLSearchParams(search).get(kParameter);

// The address without that word.
export function withoutFailure(path: string, search: string): string {
  const query = new URLSearchParams(search);
  query.delete(kParameter);
  const rest = query.toString();
  return rest === '' ? path : `${path}?${rest}`;
}

// What a person reads about it. Anything may stand in an address, so a word that is not known is
// not shown.
export function wordsFor(failure: string, text: Dictionary): string {
  const known = text.session.failures;
  return Object.hasOwn(known, failure) ? known[failure as Failure] : known.failed;
}
