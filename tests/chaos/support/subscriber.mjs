// subscriber.mjs -- one subscription, held as an app holds it: opened again, at another node, whenever it ends.
//
// What must hold: versions never go back, one version has one content (crowd.note), and once all is quiet the last one
// that it heard is the last one there is: nothing is missed for good.

import WebSocket from 'ws';

const AGAIN_MS = 200;
// A socket that says nothing to pings for so long is dead, as a browser's app would find.
const PING_MS = 1000, SILENT_MS_MAX = 4000;

/** A subscription at this node: { socket, data }, the last thing that came of it. */
export function follow(node, token, query, hear = () => {}) {
  const headers = { Authorization: `Bearer ${token}`, Origin: node.origin };
  const socket = new WebSocket(`${node.origin.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', { headers, handshakeTimeout: SILENT_MS_MAX });
  const say = (message) => socket.send(JSON.stringify(message)), feed = { socket, data: undefined };
  socket.on('open', () => say({ type: 'connection_init' }));
  socket.on('message', (text) => {
    const { type, payload } = JSON.parse(text);
    if (type === 'connection_ack') say({ id: '1', type: 'subscribe', payload: { query } });
    else if (type === 'ping') say({ type: 'pong' });
    else if (type === 'next') hear(Object.assign(feed, payload));
    else if (type === 'error' || type === 'complete') socket.close();
  });
  socket.on('error', () => {}); // its close follows
  return feed;
}

export class Subscriber {
  constructor(client, key, query) {
    Object.assign(this, { client, crowd: client.crowd, key, query, nodeIndex: client.nodeIndex, last: undefined, heard: 0, opened: 0, isOver: false });
    this.open();
  }

  open() {
    if (this.isOver) return;
    const { nodes } = this.crowd;
    const { socket } = follow(nodes[this.nodeIndex % nodes.length], this.client.listener.token, this.query, (answer) => this.hear(answer));
    let heardAt = Date.now();
    this.socket = socket;
    this.opened++;
    for (const sign of ['pong', 'message']) socket.on(sign, () => (heardAt = Date.now()));
    socket.on('close', () => {
      clearInterval(clock);
      this.nodeIndex++;
      setTimeout(() => this.open(), AGAIN_MS).unref();
    });
    const clock = setInterval(() => {
      if (Date.now() - heardAt > SILENT_MS_MAX) socket.terminate();
      else if (socket.readyState === WebSocket.OPEN) socket.ping();
    }, PING_MS);
    clock.unref();
  }

  hear({ data, errors }) {
    if (errors || !data) return void this.socket.close(); // asked again
    const [{ version, id, ...content }] = Object.values(data), { crowd, key } = this;
    this.heard++;
    if (this.last !== undefined && version < this.last)
      crowd.problems.push(`${this.client.name} heard of ${key} version ${version} after ${this.last}`);
    this.last = crowd.note(key, version, content);
  }

  end() {
    this.isOver = true;
    this.socket.terminate();
  }
}
