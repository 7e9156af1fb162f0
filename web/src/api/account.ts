/**
 * Signing in and staying signed in. The tokens live in cookies that no script sees; what is kept here is who it is and
 * until when the access token is good. It is renewed a while before, and whenever the server says 401.
 */
import { create } from 'zustand';
import { ApiError, codeOfStatus, errorCode } from './errors';
import { request } from './gateways';
import type { SignedIn, User } from './types';

interface AccountState {
  /** starting: not asked yet. setup: the server has no administrator. offline: it does not answer. */
  status: 'starting' | 'setup' | 'signedOut' | 'signedIn' | 'offline';
  user: User | null;
}

/** Renewed this long before the access token ends. */
const RENEW_BEFORE_MS = 90_000;
const RENEW_AGAIN_MS = 15_000;
const LOCK = 'musicstream.refresh';

export const useAccount = create<AccountState>(() => ({ status: 'starting', user: null }));

let expiresAt = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await request(`/api/v1/${path}`, {
    method,
    headers: { 'Content-Type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const json: unknown = text === '' ? null : parse(text);
  if (response.ok) return json as T;
  const problem = (json ?? {}) as { code?: unknown; detail?: unknown; title?: unknown };
  const code = errorCode(problem.code);
  throw new ApiError(
    code === 'OTHER' ? codeOfStatus(response.status) : code,
    String(problem.detail ?? problem.title ?? ''),
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function enter(signedIn: SignedIn): void {
  expiresAt = Date.parse(signedIn.expiresAt);
  clearTimeout(timer);
  const left = expiresAt - Date.now() - RENEW_BEFORE_MS;
  timer = setTimeout(() => void renew().catch(renewLater), Math.max(RENEW_AGAIN_MS, left));
  useAccount.setState({ status: 'signedIn', user: signedIn.user });
}

function renewLater(): void {
  clearTimeout(timer);
  timer = setTimeout(() => void renew().catch(renewLater), RENEW_AGAIN_MS);
}

function leave(): void {
  clearTimeout(timer);
  useAccount.setState({ status: 'signedOut', user: null });
}

/** One tab at a time: a refresh token is good once. Without locks (plain HTTP) the server bears two tabs for a minute. */
async function locked<T>(work: () => Promise<T>): Promise<T> {
  if (!('locks' in navigator)) return work();
  return navigator.locks.request(LOCK, work) as Promise<T>;
}

let renewing: Promise<void> | null = null;

/** Renews the access token. Throws UNAUTHENTICATED, and is signed out, when that is no longer possible. */
export function renew(): Promise<void> {
  renewing ??= locked(async () => {
    try {
      enter(await call<SignedIn>('POST', 'session/refresh', {}));
    } catch (error) {
      if (error instanceof ApiError && error.code === 'UNAUTHENTICATED') leave();
      throw error;
    }
  }).finally(() => {
    renewing = null;
  });
  return renewing;
}

/** After a laptop slept the timer is late. */
export function isAccessOld(): boolean {
  return Date.now() > expiresAt;
}

/** Who is it? Asked once when the page starts, and again by the offline page. */
export async function begin(): Promise<void> {
  try {
    enter(await call<SignedIn>('GET', 'session'));
  } catch (error) {
    const code = error instanceof ApiError ? error.code : 'OTHER';
    if (code === 'UNAUTHENTICATED') await renewOrSetUp();
    else useAccount.setState({ status: 'offline', user: null });
  }
}

async function renewOrSetUp(): Promise<void> {
  try {
    await renew();
  } catch (error) {
    const isRefused = error instanceof ApiError && !error.isRetryable;
    if (!isRefused) {
      useAccount.setState({ status: 'offline', user: null });
      return;
    }
    const setup = await call<{ needsSetup: boolean }>('GET', 'setup').catch(() => null);
    useAccount.setState({ status: setup?.needsSetup === true ? 'setup' : 'signedOut', user: null });
  }
}

export async function signIn(name: string, password: string, deviceName: string): Promise<void> {
  enter(await call<SignedIn>('POST', 'session', { name, password, deviceName }));
}

export async function setUp(code: string, name: string, password: string): Promise<void> {
  enter(await call<SignedIn>('POST', 'setup', { code, name, password }));
}

export async function signOut(): Promise<void> {
  await call('DELETE', 'session').catch(() => null);
  leave();
}
