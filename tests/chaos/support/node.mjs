// node.mjs -- a real `musicstream serve` on a machine of its own, and what may happen to that process.
//
//   const node = new Node(network, 'one', { database: address, flags });   await node.start();   await node.setUp();
//   await node.during(async () => { ... });    // clients that hear nothing of it meanwhile don't wonder
//   await node.kill();  node.freeze();  node.thaw();  const slow = node.slow(0.1);  slow.end();
//   node.keep();                               // who ends by itself is started again; node.ends says how it ended
//
// Its port is the same after each start, as a cluster's is.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { program, Server } from '../../e2e/support/server.mjs';

const PORT = 8484;
const SLICE_MS = 100;
const REPLACE_MS = 100; // as systemd does by default
const PASSWORD = 'correct horse battery';

export class Node {
  constructor(network, name, { database, flags = [], ...options }) {
    const { address, through } = network.at(name);
    Object.assign(this, { name, network, address, origin: `http://${address}:${PORT}`, troubles: 0, troubleEnded: -1, starts: 0, ends: [] });
    this.server = new Server({
      ...options, database: false, address, port: PORT, through,
      flags: ['--database', database, '--allow-plain-http', '--watch=false', '--media-workers', '1', ...flags],
    });
  }

  get log() {
    return this.server.log;
  }

  get pid() {
    return this.server.child.pid;
  }

  get isRunning() {
    const { child } = this.server;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  async start() {
    this.starts++;
    this.isEndWanted = false;
    const started = this.server.start(), { exited } = this.server;
    exited.then((ended) => this.ended(ended));
    await started;
  }

  /** A process that ends by itself is replaced from now on. */
  keep() {
    this.isKept = true;
  }

  ended(how) {
    if (this.isEndWanted) return;
    this.ends.push({ ...how, process: this.starts, at: performance.now() });
    if (this.isKept) this.replacing ??= this.during(() => this.replace()).finally(() => (this.replacing = undefined));
  }

  /** Until one gets ready: while it can't join it fails to. */
  async replace() {
    while (!this.isEndWanted) {
      await new Promise((next) => setTimeout(next, REPLACE_MS));
      try {
        return await this.start();
      } catch (error) {
        if (!/the server ended/.test(error.message)) throw error;
      }
    }
  }

  /** The administrator, by the link that the first start printed; and the others. */
  async setUp(...others) {
    await this.server.setUp('ana', PASSWORD);
    for (const name of others) await this.command(`${PASSWORD}\n`, 'user', 'add', name);
    await this.server.scanned(12);
  }

  /** The command line, talking to this node: what it prints. Nothing here waits for it, or a proxy of ours would. */
  async command(input, ...words) {
    const done = promisify(execFile)(program, [...words, '--data', this.server.data]);
    done.child.stdin.on('error', () => {}); // it may end before it reads
    done.child.stdin.end(input);
    return (await done).stdout;
  }

  /** A token that any node takes. */
  async signIn(name) {
    const response = await fetch(`${this.origin}/api/v1/session`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ name, password: PASSWORD, cookies: false }),
    });
    const answer = await response.json();
    if (response.status !== 201) throw new Error(`${name} can't sign in: ${JSON.stringify(answer)}`);
    return answer.accessToken;
  }

  isReady() {
    return this.server.isReady();
  }

  // ---- trouble: requests to it may stay without an answer ----

  beginTrouble() {
    this.troubles++;
  }

  endTrouble() {
    this.troubles--;
    this.troubleEnded = performance.now();
  }

  /** Now, or at some time since. */
  wasTroubled(since) {
    return this.troubles > 0 || this.troubleEnded >= since;
  }

  async during(act) {
    this.beginTrouble();
    try {
      return await act();
    } finally {
      this.endTrouble();
    }
  }

  // ---- what may happen to the process ----

  kill() {
    this.isEndWanted = true;
    return this.server.kill();
  }

  freeze() {
    process.kill(this.pid, 'SIGSTOP');
  }

  thaw() {
    process.kill(this.pid, 'SIGCONT');
  }

  /** It runs only this share of the time, in slices: slow, not dead. */
  slow(share) {
    const { pid } = this, turn = (isRunning) => {
      process.kill(pid, isRunning ? 'SIGCONT' : 'SIGSTOP');
      timer = setTimeout(turn, SLICE_MS * (isRunning ? share : 1 - share), !isRunning);
    };
    let timer;
    turn(false);
    return {
      end: () => {
        clearTimeout(timer);
        process.kill(pid, 'SIGCONT');
      },
    };
  }

  /** As systemd does it: asked to end, and it ends by itself. How it ended. */
  terminate() {
    this.isEndWanted = true;
    this.server.child.kill('SIGTERM');
    return this.server.exited;
  }

  stop() {
    this.isEndWanted = true;
    return this.server.stop();
  }
}
