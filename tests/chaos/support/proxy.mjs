// proxy.mjs -- what stands between two machines and does to their connections what filters can't: delays them, each by
// itself, so that what two connections carry comes in another order than it was sent; falls silent; forgets one side.
//
//   const proxy = await startProxy({ host, port });   // where it leads; proxy.port: where it listens, on every address
//   proxy.delay(200, 50);      // ms, and up to so many more, drawn anew for each piece
//   proxy.silence();           // all stays open, nothing comes through, and new connections are taken: nobody hears of it
//   proxy.halfOpen();          // the far side is closed, and the near side not told
//   proxy.reset();             // both sides are reset
//   proxy.pass();              // as if it was not there; what was held goes on
//
// One connection stays a stream: its bytes come in order, each once, whatever is done.

import net from 'node:net';

const HELD_SIZE_MAX = 1 << 20; // a connection that waits holds so much, then TCP holds the sender back

/** What has said its last can't be reset any more: libuv keeps such a one open for ever. */
const reset = (socket) => (socket.writableEnded ? socket.destroy() : socket.resetAndDestroy());

/** From one socket to another, later. */
class Pipe {
  constructor(from, to, proxy) {
    Object.assign(this, { from, to, proxy, held: [], size: 0, timer: undefined, isEnded: false });
    from.on('data', (bytes) => this.take(bytes));
    from.on('end', () => this.take(null));
  }

  take(bytes) {
    const { delayMs, spreadMs } = this.proxy;
    const due = Math.max(this.held.at(-1)?.due ?? 0, Date.now() + delayMs + Math.random() * spreadMs);
    this.held.push({ bytes, due });
    this.size += bytes?.length ?? 0;
    this.proxy.taken += bytes?.length ?? 0;
    if (this.size > HELD_SIZE_MAX) this.from.pause();
    this.go();
  }

  hurry() {
    for (const piece of this.held) piece.due = 0;
    this.go();
  }

  go() {
    clearTimeout(this.timer);
    while (this.held.length > 0 && !this.proxy.isSilent && !this.to.destroyed) {
      const { bytes, due } = this.held[0], waitMs = due - Date.now();
      if (waitMs > 0) {
        this.timer = setTimeout(() => this.go(), waitMs);
        return;
      }
      this.held.shift();
      if (bytes === null) {
        this.to.end();
        continue;
      }
      this.size -= bytes.length;
      this.proxy.passed += bytes.length;
      if (!this.to.write(bytes)) this.to.once('drain', () => this.from.resume());
      else this.from.resume();
    }
  }
}

class Proxy {
  constructor(target) {
    Object.assign(this, { target, delayMs: 0, spreadMs: 0, isSilent: false, pairs: new Set(), taken: 0, passed: 0, accepted: 0 });
    this.server = net.createServer({ allowHalfOpen: true }, (near) => this.join(near));
  }

  join(near) {
    const far = net.connect({ ...this.target, allowHalfOpen: true });
    const pair = { near, far, pipes: [new Pipe(near, far, this), new Pipe(far, near, this)], isForgotten: false };
    this.accepted++;
    this.pairs.add(pair);
    near.setNoDelay(true);
    far.setNoDelay(true);
    const gone = (one, other) => () => {
      if (other.closed) this.pairs.delete(pair);
      else if (one === far && pair.isForgotten) return; // the near side is not told
      else if (one.errored) reset(other);
      else other.destroySoon();
    };
    for (const socket of [near, far]) socket.on('error', () => {}); // its close follows
    near.on('close', gone(near, far));
    far.on('close', gone(far, near));
  }

  delay(ms, spreadMs = 0) {
    Object.assign(this, { delayMs: ms, spreadMs });
  }

  silence() {
    this.isSilent = true;
  }

  halfOpen() {
    for (const pair of this.pairs) {
      pair.isForgotten = true;
      pair.far.destroy();
    }
  }

  reset() {
    for (const { near, far } of this.pairs) {
      reset(near);
      reset(far);
    }
  }

  pass() {
    Object.assign(this, { delayMs: 0, spreadMs: 0, isSilent: false });
    for (const { pipes } of this.pairs) for (const pipe of pipes) pipe.hurry();
  }

  stop() {
    this.reset();
    return new Promise((done) => this.server.close(done));
  }
}

export async function startProxy(target) {
  const proxy = new Proxy(target);
  await new Promise((done) => proxy.server.listen(0, '0.0.0.0', done));
  proxy.port = proxy.server.address().port;
  return proxy;
}
