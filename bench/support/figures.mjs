// figures.mjs -- what the bench scripts share: figures, temporary music, a client without ceremony.

import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build, run } from '../../tests/e2e/support/server.mjs';

export function median(figures) {
  const sorted = [...figures].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function print(name, value, unit) {
  console.log(`${name} ${value >= 100 ? value.toFixed(0) : value.toFixed(3)} ${unit}`);
}

/** With BENCH_VERBOSE: every single figure, on stderr. */
export function detail(name, figures) {
  if (process.env.BENCH_VERBOSE) console.error(name, figures.map((it) => it.toFixed(2)).join(' '));
}

/** A folder of `count` tagged files of `seconds` each; 12 an album. Gone at the end of the process. */
export function makeMusic(count, seconds) {
  const folder = mkdtempSync(path.join(tmpdir(), 'musicstream-bench-music-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  run(path.join(build, 'musicstream-demo-library'), ['--count', `${count}`, '--seconds', `${seconds}`, folder]);
  return folder;
}

/**
 * One keep-alive connection, HTTP/1.1 by hand: node's own client takes longer over a request than what is measured.
 * `get` resolves with the time of the first byte of the body, and the body.
 */
export class Connection {
  static open(origin) {
    const { hostname, port } = new URL(origin);
    return new Promise((resolve, reject) => {
      const socket = net.connect({ host: hostname, port: Number(port), noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => resolve(new Connection(socket, `${hostname}:${port}`)));
    });
  }

  constructor(socket, host) {
    this.socket = socket;
    this.host = host;
    this.received = Buffer.alloc(0);
    socket.on('data', (bytes) => this.take(bytes));
    socket.on('error', (error) => this.waiting?.reject(error));
    socket.on('close', () => this.waiting?.reject(new Error('the server closed the connection')));
  }

  get(target) {
    return this.send(`GET ${target} HTTP/1.1\r\nHost: ${this.host}\r\n\r\n`);
  }

  post(target, body, headers) {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    return this.send(
      `POST ${target} HTTP/1.1\r\nHost: ${this.host}\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\n${lines.join('')}\r\n${body}`);
  }

  send(text) {
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject, firstByte: 0 };
      this.socket.write(text);
    });
  }

  take(bytes) {
    const now = performance.now();
    this.received = this.received.length === 0 ? bytes : Buffer.concat([this.received, bytes]);
    const end = this.received.indexOf('\r\n\r\n');
    if (end < 0 || !this.waiting) return;
    if (this.waiting.firstByte === 0 && this.received.length > end + 4) this.waiting.firstByte = now;
    const head = this.received.subarray(0, end).toString('latin1');
    const size = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1]);
    if (!(this.received.length >= end + 4 + size)) return;
    const { resolve, firstByte } = this.waiting;
    this.waiting = null;
    const body = this.received.subarray(end + 4, end + 4 + size);
    this.received = this.received.subarray(end + 4 + size);
    resolve({ status: Number(head.slice(9, 12)), firstByte, body });
  }

  close() {
    this.socket.removeAllListeners('close');
    this.socket.destroy();
  }
}
