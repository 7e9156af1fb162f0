// cluster.mjs -- nodes of one cluster, each on a machine of its own, with one database on another.
//
//   const cluster = await Cluster.build('one', 'two', 'three');    // { profile: 'usual' } first: not the fast one
//   await cluster.start('one', 'two');                             // one after the other; the first has the administrator
//   cluster.nodes;  cluster.node('one');                           // support/node.mjs, in the order of their starts
//   await cluster.settled(2);                                      // all that live see so many, and nothing moves
//   await cluster.isOneView();  await cluster.isSettled();         // what these nodes say now, by /metrics
//   const watch = cluster.watch();  watch.end();                   // a proxy's eye: who is not ready gets no requests
//
// What a node says of the cluster comes from its own command line; no network fault is in the way of that.

import path from 'node:path';
import { program, run, temporaryFolder, until } from '../../e2e/support/server.mjs';
import { addressOf, Database } from './database.mjs';
import { Network } from './network.mjs';
import { Node } from './node.mjs';

const LINKS = 8485, WATCH_MS = 100;
const LOOK_MS_MAX = 2000; // who does not answer for so long is looked at again
export const PARTITIONS = 16384;

export class Cluster {
  static async build(...names) {
    const { profile = 'fast', flags = [], machines = ['database'] } = typeof names[0] === 'object' ? names.shift() : {};
    // The first of `machines` has the database; the others may have standbys, and nodes look for it there, too.
    const cluster = Object.assign(new Cluster(), { profile, flags, nodes: [], all: new Map() });
    cluster.network = await Network.build(...machines, ...names);
    cluster.key = path.join(temporaryFolder(), 'key');
    run(program, ['cluster', 'keygen', cluster.key]);
    cluster.database = await Database.start(cluster.network, machines[0]);
    cluster.address = addressOf(...machines.map((name) => cluster.network.at(name).address));
    return cluster;
  }

  /** A node of this machine, not started yet. */
  node(name) {
    if (!this.all.has(name)) {
      const { address } = this.network.at(name);
      this.all.set(name, new Node(this.network, name, { database: this.address, flags: ['--cluster-key-file', this.key,
        '--cluster-listen', `${address}:${LINKS}`, '--cluster-profile', this.profile, '--zone', name, ...this.flags] }));
    }
    return this.all.get(name);
  }

  /** One after the other; the first one of all gets the crowd's people and its music. */
  async start(...names) {
    for (const name of names) {
      const node = this.node(name);
      await node.start();
      if (this.all.size === 1 && this.nodes.length === 0) await node.setUp('bob', 'cid', 'dan');
      if (!this.nodes.includes(node)) this.nodes.push(node);
    }
  }

  async status(node = this.nodes[0]) {
    return JSON.parse(await node.command('', 'cluster', 'status', '--json'));
  }

  async locate(kind, key, node = this.nodes[0]) {
    return (await node.command('', 'cluster', 'locate', kind, key)).trim();
  }

  /** These see so many nodes in one view, nothing moves, and each partition is served by somebody. */
  async settled(count = this.nodes.length, nodes = this.nodes) {
    let seen;
    return until(async () => {
      seen = await Promise.all(nodes.map((node) => this.status(node).catch((error) => ({ error: String(error), members: [] }))));
      const served = seen.reduce((sum, it) => sum + it.served, 0), [{ view }] = seen;
      return served === PARTITIONS && seen.every((it) => it.view === view && it.moving === 0 && it.state === 'active' &&
        it.members.filter(({ status }) => status === 'active').length === count) && seen;
    }, () => `${count} nodes are active and nothing moves: ${JSON.stringify(seen)}`);
  }

  others(...nodes) {
    return this.nodes.filter((node) => !nodes.includes(node));
  }

  /** What these nodes say in /metrics: { view, live_nodes, has_lease, partitions, ... }; undefined: it does not answer. */
  figures(nodes = this.nodes) {
    return Promise.all(nodes.map(async ({ origin }) => {
      try {
        const text = await (await fetch(`${origin}/metrics`, { signal: AbortSignal.timeout(LOOK_MS_MAX) })).text();
        return Object.fromEntries([...text.matchAll(/^musicstream_cluster_(\w+) (\d+)$/gm)].map(([, name, value]) => [name, Number(value)]));
      } catch {
        return undefined;
      }
    }));
  }

  /** Those and nobody else are alive in each one's view, which is the same; each has a lease and suspects nobody. */
  async isOneView(nodes = this.nodes) {
    const figures = await this.figures(nodes);
    return figures.every((it) => it?.view === figures[0]?.view && it?.live_nodes === nodes.length && it.has_lease === 1 &&
      it.suspect_nodes === 0) && figures;
  }

  /** And every partition is served by one of them. */
  async isSettled(nodes = this.nodes) {
    const figures = await this.isOneView(nodes);
    return figures && figures.every((it) => it.partitions_moving === 0) &&
      figures.reduce((sum, it) => sum + it.partitions, 0) === PARTITIONS && figures;
  }

  /** What a proxy before the nodes does: it asks each whether it is ready, and sends nothing to one that is not. */
  watch() {
    const look = async (node) => {
      while (!isOver) {
        node.isOut = !(await node.isReady());
        await new Promise((next) => setTimeout(next, WATCH_MS));
      }
      node.isOut = false;
    };
    let isOver = false;
    const watched = new Set();
    const watchAll = () => this.nodes.filter((node) => !watched.has(node)).forEach((node) => {
      watched.add(node);
      look(node);
    });
    watchAll();
    const clock = setInterval(watchAll, WATCH_MS);
    return {
      end() {
        isOver = true;
        clearInterval(clock);
      },
    };
  }

  async end() {
    await this.network.heal();
    const ended = await Promise.all(this.nodes.filter((node) => node.isRunning).map(async (node) => [node, await node.stop()]));
    return ended.filter(([, how]) => how?.code !== 0).map(([node, how]) => `${node.name} ended with ${JSON.stringify(how)}: ${node.log}`);
  }
}
