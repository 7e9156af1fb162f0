/**
 * Subscriptions over one WebSocket (graphql-transport-ws). It reconnects by itself, to another node if need be, and
 * subscribes again.
 */
import { createClient, type Client } from 'graphql-ws';
import { isAccessOld, renew } from './account';
import { lost, onMoved, socketAt } from './gateways';
import { noteReach } from './reach';

const RETRY_FIRST_MS = 250;
/** All pages of a node that ended come to the others: not in the same moment. */
const SPREAD_MS = 200;
const RETRY_MAX_MS = 5_000;
/** The socket counts as lost when this passes without an answer to a ping. */
const PONG_MS = 5_000;
const PING_EVERY_MS = 15_000;
/** A subscription that was refused for now is asked for again. */
const PASSING = ['UNAVAILABLE', 'TIMEOUT', 'BUSY'];
const AGAIN_MS = 700;
const CLOSE_UNAUTHORIZED = [4401, 4403];

let client: Client | null = null;
let unwatch: (() => void) | null = null;
/** How many connections there were. */
let connections = 0;

function makeClient(): Client {
  let pongTimer: ReturnType<typeof setTimeout> | undefined;
  let needsRenewal = false;
  let isUpgraded = false;
  let socket: WebSocket | null = null;
  unwatch?.();
  unwatch = onMoved(() => {
    // Of a node that is silent, it would be open for long.
    if (socket?.readyState === WebSocket.OPEN && socket.url !== socketAt('/graphql')) socket.close(4408, 'another node');
  });
  return createClient({
    url: async () => {
      // The upgrade carries the cookie: it must be a good one.
      if (needsRenewal || isAccessOld()) await renew().catch(() => undefined);
      needsRenewal = false;
      isUpgraded = false;
      return socketAt('/graphql');
    },
    lazy: true,
    retryAttempts: Infinity,
    shouldRetry: () => true,
    retryWait: async (count) => {
      const isAtOnce = (await lost()) && count === 0;
      const wait = Math.min(RETRY_FIRST_MS * 2 ** count, RETRY_MAX_MS) * (0.7 + 0.6 * Math.random());
      await new Promise((resolve) => setTimeout(resolve, isAtOnce ? SPREAD_MS * Math.random() : wait));
    },
    keepAlive: PING_EVERY_MS,
    on: {
      opened: (it) => {
        socket = it as WebSocket;
        isUpgraded = true;
      },
      connected: () => {
        connections++;
        noteReach(true);
      },
      ping: (isReceived) => {
        if (!isReceived) pongTimer = setTimeout(() => socket?.close(4408, 'no pong'), PONG_MS);
      },
      pong: (isReceived) => {
        if (isReceived) clearTimeout(pongTimer);
      },
      closed: (event) => {
        clearTimeout(pongTimer);
        const code = (event as CloseEvent).code;
        if (CLOSE_UNAUTHORIZED.includes(code)) needsRenewal = true;
        // An upgrade that was refused looks like a node that is not there: a renewal finds out.
        else if (code === 1006 && !isUpgraded) needsRenewal = true;
      },
    },
  });
}

/**
 * Calls `onData` with every state the server sends until the returned function is called. `isFirst`: nothing came
 * before on this connection.
 */
export function subscribe<T>(
  query: string,
  variables: Record<string, unknown>,
  onData: (data: T, isFirst: boolean) => void,
  onEnd: () => void = () => {},
): () => void {
  client ??= makeClient();
  const its = client;
  let seen = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stop = () => {};
  const sink = {
    next: ({ data }: { data?: T | null }) => {
      if (data === undefined || data === null) return;
      const isFirst = seen !== connections;
      seen = connections;
      onData(data, isFirst);
    },
    error: (error: unknown) => {
      if (isPassing(error)) timer = setTimeout(start, AGAIN_MS);
      else onEnd();
    },
    complete: onEnd,
  };
  const start = () => {
    stop = its.subscribe<T>({ query, variables }, sink);
  };
  start();
  return () => {
    clearTimeout(timer);
    stop();
  };
}

/** Who would answer is on its way to another node, or busy: it was refused for now. */
function isPassing(error: unknown): boolean {
  const [first] = (Array.isArray(error) ? error : []) as { extensions?: { code?: unknown } }[];
  return PASSING.includes(String(first?.extensions?.code));
}

/** Signed out: the next one may be somebody else. */
export function disconnect(): void {
  unwatch?.();
  unwatch = null;
  void client?.dispose();
  client = null;
}
