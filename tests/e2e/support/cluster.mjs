// cluster.mjs -- several real nodes with one database, each a Server of its own data folder.
//
//   const cluster = await startCluster(2);             // options as for startServer, for each node
//   await cluster.nodes[0].setUp();
//   cluster.signIn(1);                                  // node 1's client has node 0's cookies
//   await cluster.stop();

import { chmodSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { Server, controlDatabase, program, run, startDatabase, temporaryFolder, until } from './server.mjs';

export class Cluster {
  constructor() {
    this.folder = temporaryFolder();
    chmodSync(this.folder, 0o755);
    this.databaseFolder = path.join(this.folder, 'pg');
    this.database = startDatabase(this.databaseFolder);
    this.key = path.join(this.folder, 'key');
    run(program, ['cluster', 'keygen', this.key]);
    this.nodes = [];
  }

  /** One more, not started yet. */
  add(options = {}) {
    const flags = ['--cluster-key-file', this.key, '--cluster-listen', '127.0.0.1:0', '--cluster-profile', 'fast', ...(options.flags ?? [])];
    const node = new Server({ music: null, ...options, database: false, flags });
    node.database = this.database;
    node.databaseFolder = undefined;
    this.nodes.push(node);
    return node;
  }

  /** One more that pages at the others are told of: they go on here when theirs ends. */
  async addPublic(options = {}) {
    const port = await freePort();
    return this.add({ ...options, port, flags: ['--public-url', `http://127.0.0.1:${port}`, ...(options.flags ?? [])] });
  }

  /** Cookies are good at every node; names of theirs are the installation's. */
  signIn(to, from = 0) {
    this.nodes[to].cookies = this.nodes[from].cookies;
  }

  status(at = 0) {
    const told = this.nodes[at].command('cluster', 'status', '--json');
    if (told.status !== 0) throw new Error(told.stderr);
    return JSON.parse(told.stdout);
  }

  locate(kind, key, at = 0) {
    return this.nodes[at].command('cluster', 'locate', kind, key).stdout;
  }

  async settled(count, at = 0) {
    return until(() => {
      const status = this.status(at);
      const active = status.members.filter((member) => member.status === 'active');
      return active.length === count && status.moving === 0 && status;
    }, `${count} nodes are active and nothing moves`);
  }

  async stop() {
    for (const node of this.nodes) {
      if (node.child) await node.end();
      rmSync(node.folder, { recursive: true, force: true });
    }
    controlDatabase('stop', this.databaseFolder);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Of those that the system gives away by itself: nobody else asks for this one soon. */
function freePort() {
  return new Promise((found, failed) => {
    const server = createServer().once('error', failed).listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => found(port));
    });
  });
}

export async function startCluster(count, options) {
  const cluster = new Cluster();
  for (let i = 0; i < count; i++) await cluster.add(options).start();
  return cluster;
}
