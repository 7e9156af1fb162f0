/** Questions and commands to the node, over HTTP. What it says by itself comes through live.ts. */
import { isAccessOld, renew } from './account';
import { newCommandId } from './command_id';
import { ApiError, asApiError, codeOfStatus, errorCode } from './errors';
import { request } from './gateways';
import { noteReach } from './reach';

type Variables = Record<string, unknown>;

interface Answer<T> {
  data?: T | null;
  errors?: { message: string; extensions?: { code?: unknown } }[];
}

const RETRY_FIRST_MS = 300;
const RETRY_MAX_MS = 8_000;
const RETRY_FOR_MS = 10 * 60_000;

async function post<T>(query: string, variables: Variables, signal?: AbortSignal): Promise<T> {
  const init = {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
    body: JSON.stringify({ query, variables }),
  };
  const response = await request('/graphql', init, signal);
  noteReach(true);
  const answer = (await response.json().catch(() => null)) as Answer<T> | null;
  const first = answer?.errors?.[0];
  if (first !== undefined) {
    const code = errorCode(first.extensions?.code);
    throw new ApiError(code === 'OTHER' && response.status === 401 ? 'UNAUTHENTICATED' : code, first.message);
  }
  if (!response.ok || answer?.data === undefined || answer.data === null)
    throw new ApiError(codeOfStatus(response.status));
  return answer.data;
}

/** Asks once more with a new access token when the old one ran out. */
export async function ask<T>(query: string, variables: Variables = {}, signal?: AbortSignal): Promise<T> {
  if (isAccessOld()) await renew();
  try {
    return await post<T>(query, variables, signal);
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'UNAUTHENTICATED') throw error;
    await renew();
    return post<T>(query, variables, signal);
  }
}

/**
 * Sends a command until the node has answered it. The id stays the same, so that a command whose answer was lost on
 * the way is not carried out twice.
 */
export async function command<T>(mutation: string, variables: Variables = {}): Promise<T> {
  const withId = { ...variables, commandId: newCommandId() };
  return untilAnswered(() => ask<T>(mutation, withId));
}

/** Tries again, ever more slowly, while nobody hears or takes it; `isWanted` false: not again. */
export async function untilAnswered<T>(attempt: () => Promise<T>, isWanted = () => true): Promise<T> {
  const until = Date.now() + RETRY_FOR_MS;
  for (let wait = RETRY_FIRST_MS; ; wait = Math.min(wait * 2, RETRY_MAX_MS)) {
    try {
      return await attempt();
    } catch (error) {
      const problem = asApiError(error);
      if (!problem.isRetryable || Date.now() > until || !isWanted()) throw problem;
      await waitOrOnline(wait);
    }
  }
}

function waitOrOnline(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      window.removeEventListener('online', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    window.addEventListener('online', done);
  });
}
