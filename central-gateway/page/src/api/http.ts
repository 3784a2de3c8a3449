// One way to the gateway. Every call of the pages goes through request(): it repeats the session's
// CSRF token, asks for texts in the reader's language, and turns every refusal into a ProblemError.
import type {Problem} from './types';

export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail || problem.title);
    this.problem = problem;
  }

  get code(): string {
    return this.problem.code;
  }
}

export interface RequestOptions {
  query?: object;
  body?: unknown;
  signal?: AbortSignal;
  // The call may outlive the page: a claim is given back while the page closes.
  keepalive?: boolean;
  // The body holds a password for signing, so 401 may mean that this password is wrong.
  signed?: boolean;
}

interface Connection {
  csrfToken: string;
  language: string;
  onSessionEnded: () => void;
  onPasswordChangeRequired: () => void;
}

export const connection: Connection = {
  csrfToken: '',
  language: 'en',
  onSessionEnded: () => {},
  onPasswordChangeRequired: () => {},
};

export function queryString(query: object | undefined): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== '') parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

// Returns the answer's JSON, or undefined for 204. Throws ProblemError for every refusal, also for
// a gateway that cannot be reached (code `unreachable`); an abort passes through as it is.
export async function request<T>(
  method: string,
  path: string,
  options: RequestOptions = {},
): Promise<T> {
  const response = await send(method, path, options);
  if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T;
  const problem = await readProblem(response);
  if (response.status === 401 && !isLogIn(method, path)) {
    if (!options.signed || !(await sessionLives())) connection.onSessionEnded();
  }
  if (problem.code === 'password_change_required') connection.onPasswordChangeRequired();
  throw new ProblemError(problem);
}

async function send(method: string, path: string, options: RequestOptions): Promise<Response> {
  const headers: Record<string, string> = {
    Accept: 'application/json, application/problem+json',
    'Accept-Language': connection.language,
  };
  if (options.body !== undefined) headers['Content-Type'] = 'application/json';
  if (method !== 'GET' && connection.csrfToken) headers['X-CSRF-Token'] = connection.csrfToken;
  try {
    return await fetch(`/api/v1${path}${queryString(options.query)}`, {
      method,
      headers,
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      credentials: 'same-origin',
      signal: options.signal,
      keepalive: options.keepalive,
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ProblemError({type: '', title: '', status: 0, detail: '', code: 'unreachable'});
  }
}

async function readProblem(response: Response): Promise<Problem> {
  const bare = {
    type: '',
    title: '',
    status: response.status,
    detail: '',
    code: `http_${response.status}`,
  };
  try {
    return {...bare, ...((await response.json()) as Partial<Problem>)};
  } catch {
    return bare;
  }
}

function isLogIn(method: string, path: string): boolean {
  return method === 'POST' && path === '/session';
}

// 401 to a signed call says either "wrong password" or "no session"; only a second question tells.
async function sessionLives(): Promise<boolean> {
  try {
    return (await send('GET', '/session', {})).ok;
  } catch {
    return true;
  }
}
