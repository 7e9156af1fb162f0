import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { at, lost, onMoved, request, socketAt, useGateways } from './gateways';
import { useReach } from './reach';

const [A, B, C] = ['http://h:1', 'http://h:2', 'http://h:3'] as const;
/** What answers to /readyz; the others refuse. */
let ready: Set<string>;
/** Asked, in order. */
let asked: string[];

beforeEach(() => {
  ready = new Set([A, B, C]);
  asked = [];
  vi.stubGlobal('location', { origin: A, protocol: 'http:' });
  vi.stubGlobal('fetch', async (address: string, init: RequestInit = {}) => {
    asked.push(address);
    const origin = address.startsWith('/') ? A : new URL(address).origin;
    if (address.endsWith('/silent'))
      return new Promise((_, fail) => init.signal?.addEventListener('abort', () => fail(new Error('aborted'))));
    if (!ready.has(origin)) throw new TypeError('refused');
    return { ok: true, status: 200 };
  });
  useGateways.setState({ present: '', others: [B, C] });
  useReach.setState({ isReachable: true });
});
afterEach(() => vi.unstubAllGlobals());

test('what is asked goes to the node that the page came from, by its path alone', () => {
  expect(at('/graphql')).toBe('/graphql');
  expect(at(`${A}/hls/1`)).toBe(`${A}/hls/1`);
  expect(socketAt('/graphql')).toBe('ws://h:1/graphql');
});

test('the present node is kept while it is ready', async () => {
  expect(await lost()).toBe(true);
  expect(useGateways.getState().present).toBe('');
  expect(asked).toEqual([`${A}/readyz`]);
});

test('another one is used when it is not, for whatever has an address at any of them', async () => {
  ready = new Set([C]);
  const moved = vi.fn();
  const unwatch = onMoved(moved);

  expect(await lost()).toBe(true);
  unwatch();

  expect(moved).toHaveBeenCalledTimes(1);
  expect(at('/graphql')).toBe(`${C}/graphql`);
  expect(at(`${A}/hls/1`)).toBe(`${C}/hls/1`);
  expect(at(`${B}/hls/1`)).toBe(`${C}/hls/1`);
  expect(at('http://h:10/hls/1')).toBe('http://h:10/hls/1');
  expect(socketAt('/graphql')).toBe('ws://h:3/graphql');
});

test('the page comes back to its own node when that is the one that is ready', async () => {
  useGateways.setState({ present: B });
  ready = new Set([A]);
  expect(await lost()).toBe(true);
  expect(useGateways.getState().present).toBe('');
});

test('none is ready: that is said, and where the page is stays', async () => {
  ready = new Set();
  expect(await lost()).toBe(false);
  expect(useReach.getState().isReachable).toBe(false);
  expect(at('/graphql')).toBe('/graphql');
  ready = new Set([B]);
  expect(await lost()).toBe(true);
  expect(useReach.getState().isReachable).toBe(true);
});

test('one search at a time', async () => {
  ready = new Set([B]);
  await Promise.all([lost(), lost(), lost()]);
  expect(asked.filter((it) => it === `${A}/readyz`)).toHaveLength(1);
});

test('a request that failed says so when another node was looked for', async () => {
  ready = new Set([B]);
  await expect(request('/graphql', {})).rejects.toMatchObject({ code: 'NETWORK' });
  expect(at('/graphql')).toBe(`${B}/graphql`);
});

test('what a silent node was asked ends when the page goes on elsewhere', async () => {
  const waiting = request('/silent', {});
  ready = new Set([B]);
  await lost();
  await expect(waiting).rejects.toMatchObject({ code: 'NETWORK' });
});

test('who asked may end it', async () => {
  const abort = new AbortController();
  const waiting = request('/silent', {}, abort.signal);
  abort.abort();
  await expect(waiting).rejects.not.toMatchObject({ code: 'NETWORK' });
  expect(asked).toEqual(['/silent']);
});
