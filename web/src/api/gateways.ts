/**
 * The nodes that this page may use. It begins with the one that it came from; when that can't be reached any more it
 * goes on at another one, with the same session: cookies are good at all of them.
 *
 * Whoever asks for something says `at` for its address. Whoever finds that a request or a socket failed calls `lost`:
 * the first node that says that it is ready is used from then on, the present one before the others.
 */
import { create } from 'zustand';
import { ApiError } from './errors';
import { noteReach } from './reach';

/** A node that does not answer in this time is as good as none. */
const PROBE_MS = 2_500;
/** The present one is asked so much before the others. */
const HEAD_START_MS = 300;
const LOOK_EVERY_MS = 20_000;
/** The node's own limits are shorter. */
const REQUEST_MS = 15_000;

export interface Gateways {
  /** The origin of the node that is used; empty: the one that the page came from. */
  present: string;
  /** The origins of others. */
  others: readonly string[];
}

export const useGateways = create<Gateways>(() => ({ present: '', others: [] }));

const home = () => location.origin;
const present = () => useGateways.getState().present || home();

/** The address at the present node, of a path or of what has an address at one of them. */
export function at(address: string): string {
  if (address.startsWith('/')) return present() === home() ? address : present() + address;
  const origin = [home(), present(), ...useGateways.getState().others].find((it) => address.startsWith(`${it}/`));
  return origin === undefined ? address : present() + address.slice(origin.length);
}

export function socketAt(path: string): string {
  return present().replace(/^http/, 'ws') + path;
}

/** Called when the page has gone on at another node. */
export function onMoved(listener: () => void): () => void {
  return useGateways.subscribe((now, before) => {
    if (now.present !== before.present) listener();
  });
}

// ---- another one ----

let searching: Promise<boolean> | null = null;

/** Something failed: finds a node that is ready. False: none is. One search at a time. */
export function lost(): Promise<boolean> {
  searching ??= search().finally(() => {
    searching = null;
  });
  return searching;
}

async function search(): Promise<boolean> {
  const { others } = useGateways.getState();
  const found = await firstReady([...new Set([present(), home(), ...others])]);
  if (found !== null && found !== present()) useGateways.setState({ present: found === home() ? '' : found });
  noteReach(found !== null);
  return found !== null;
}

async function firstReady([first = home(), ...rest]: string[]): Promise<string | null> {
  const probed = probe(first);
  const isFirst = await Promise.race([probed, pause(HEAD_START_MS).then(() => null)]).catch(() => null);
  if (isFirst !== null) return first;
  return Promise.any([probed, ...rest.map(probe)]).catch(() => null);
}

/** Rejects unless that node is ready. */
async function probe(origin: string): Promise<string> {
  const answer = await fetch(`${origin}/readyz`, { cache: 'no-store', signal: AbortSignal.timeout(PROBE_MS) });
  if (!answer.ok) throw new ApiError('UNAVAILABLE');
  return origin;
}

const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

// ---- asking ----

/**
 * fetch at the present node. What fails on the way, takes too long, or was asked of a node that was left meanwhile is
 * NETWORK; by then another node was looked for.
 */
export async function request(path: string, init: RequestInit, signal?: AbortSignal): Promise<Response> {
  const abort = new AbortController();
  const end = () => abort.abort();
  const timer = setTimeout(end, REQUEST_MS);
  const unwatch = onMoved(end);
  signal?.addEventListener('abort', end);
  try {
    return await fetch(at(path), { credentials: 'include', ...init, signal: abort.signal });
  } catch (error) {
    if (signal?.aborted === true) throw error;
    await lost();
    throw new ApiError('NETWORK');
  } finally {
    clearTimeout(timer);
    unwatch();
    signal?.removeEventListener('abort', end);
  }
}

// ---- which there are ----

/** Learns of the others, now and then, until the returned function is called. */
export function watchGateways(): () => void {
  const learn = () => void look().catch(() => undefined); // what was known holds
  learn();
  const timer = setInterval(learn, LOOK_EVERY_MS);
  return () => clearInterval(timer);
}

async function look(): Promise<void> {
  const answer = await request('/api/v1/gateways', {});
  if (!answer.ok) return;
  const { gateways } = (await answer.json()) as { gateways: { url: string }[] };
  const others = gateways.map(({ url }) => url).filter((url) => url !== home() && isUsable(url));
  if (others.length > 0) useGateways.setState({ others });
}

/** A page that came by HTTPS may not use what did not. */
function isUsable(url: string): boolean {
  return url.startsWith('https://') || (url.startsWith('http://') && location.protocol === 'http:');
}
