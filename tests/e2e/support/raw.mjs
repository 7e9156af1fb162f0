// raw.mjs -- bytes to a port and what comes back, for requests that no client library would send.

import net from 'node:net';

/** A connection that keeps all it receives; `closed` resolves with it when the server ends. */
export function connect(port) {
  const socket = net.connect(port, '127.0.0.1');
  const raw = { socket, received: Buffer.alloc(0) };
  socket.on('data', (bytes) => (raw.received = Buffer.concat([raw.received, bytes])));
  socket.on('error', () => {}); // a reset is an end, too
  raw.closed = new Promise((done) => socket.on('close', () => done(raw.received)));
  raw.opened = new Promise((done) => socket.on('connect', done));
  return raw;
}

/** Sends and waits until the server closes: the status of its answer, and all of it. */
export async function exchange(port, ...parts) {
  const raw = connect(port);
  await raw.opened;
  for (const part of parts) raw.socket.write(part);
  const received = await raw.closed;
  return { status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(received.toString('latin1'))?.[1] ?? 0), received };
}
