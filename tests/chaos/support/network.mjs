// network.mjs -- machines on one street, each a network namespace of its own, and what may go wrong between them.
//
//   const network = await Network.build('one', 'two', 'database');   // in_namespaces must stand around
//   network.at('one').address;  network.at('one').through;            // 10.77.0.11; the command that runs another one there
//   const fault = await network.cut('one', 'database');   await fault.heal();
//
// The clients' side, where the test itself runs, is 'street'. A fault is undone alone; heal() undoes all that are left.
// Everything goes with the namespaces around: there is nothing to clean up.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { promisify } from 'node:util';
import { until } from '../../e2e/support/server.mjs';

const command = promisify(execFile);
const call = (...words) => command(words[0], words.slice(1)); // never blocks: clients go on meanwhile
const own = '/proc/self/ns/net';

export class Network {
  static async build(...names) {
    assert.equal(process.env.TMPDIR, '/mnt', 'run this through tests/chaos/in_namespaces');
    const network = new Network();
    await call('ip', 'link', 'add', 'street', 'type', 'bridge');
    await call('ip', 'address', 'add', '10.77.0.1/24', 'dev', 'street');
    await call('ip', 'link', 'set', 'street', 'up');
    network.machines = new Map([['street', { name: 'street', address: '10.77.0.1', through: [] }]]);
    network.faults = new Set();
    for (const name of names) await network.add(name);
    return network;
  }

  async add(name) {
    const number = this.machines.size + 10, holder = spawn('unshare', ['--net', 'sleep', 'infinity'], { stdio: 'ignore' });
    holder.unref(); // it ends with the namespaces around
    const namespace = `/proc/${holder.pid}/ns/net`;
    await until(() => readlinkSync(namespace) !== readlinkSync(own), `${name} has a network of its own`);
    const machine = { name, holder, address: `10.77.0.${number}`, through: ['nsenter', `--net=${namespace}`] };
    await call('ip', 'link', 'add', `to-${number}`, 'type', 'veth', 'peer', 'name', 'street', 'netns', `${holder.pid}`);
    await call('ip', 'link', 'set', `to-${number}`, 'master', 'street', 'up');
    await call(...machine.through, 'ip', 'link', 'set', 'lo', 'up');
    await call(...machine.through, 'ip', 'address', 'add', `${machine.address}/24`, 'dev', 'street');
    await call(...machine.through, 'ip', 'link', 'set', 'street', 'up');
    // A rule that nothing meets: with the last of its kind the kernel forgets where open connections lead.
    await call(...machine.through, 'iptables', '-w', '-t', 'nat', '-A', 'OUTPUT', '-d', '0.0.0.0', '-j', 'DNAT', '--to-destination', '0.0.0.1');
    this.machines.set(name, machine);
  }

  at(name) {
    const machine = this.machines.get(name);
    assert.ok(machine, `there is no machine ${name}`);
    return machine;
  }

  /** A rule of `machine`'s filter, until it is healed. */
  async rule(machine, table, chain, ...words) {
    const filter = (action) => call(...this.at(machine).through, 'iptables', '-w', '-t', table, action, chain, ...words);
    await filter('-A');
    return this.fault(() => filter('-D'));
  }

  fault(undo) {
    const fault = {
      heal: async () => {
        if (this.faults.delete(fault)) await undo();
      },
    };
    this.faults.add(fault);
    return fault;
  }

  /** Nothing that `from` sends comes to `to`: the other way is open. */
  cutOneWay(from, to) {
    return this.rule(to, 'filter', 'INPUT', '-s', this.at(from).address, '-j', 'DROP');
  }

  async all(faults) {
    const list = await Promise.all(faults);
    return this.fault(() => Promise.all(list.map((fault) => fault.heal())));
  }

  cut(one, other) {
    return this.all([this.cutOneWay(one, other), this.cutOneWay(other, one)]);
  }

  /** Each of these sides sees only itself; who is on none sees all. */
  split(...sides) {
    const pairs = sides.flatMap((side, i) => sides.slice(i + 1).flatMap((other) => side.flatMap((a) => other.map((b) => [a, b]))));
    return this.all(pairs.map(([a, b]) => this.cut(a, b)));
  }

  /** Of all that comes to `to` (from `from`, when given) this share is lost. */
  lose(share, to, from) {
    return this.rule(to, 'filter', 'INPUT', ...(from ? ['-s', this.at(from).address] : []), '-m', 'statistic',
      '--mode', 'random', '--probability', String(share), '-j', 'DROP');
  }

  /** Connections from `from` are refused, those that were there reset. */
  refuse(from, to) {
    return this.rule(to, 'filter', 'INPUT', '-p', 'tcp', '-s', this.at(from).address, '-j', 'REJECT', '--reject-with', 'tcp-reset');
  }

  /** What `from` newly connects to a port of `to` goes through a proxy (proxy.mjs) of the street. */
  detour(from, to, port, proxy) {
    return this.rule(from, 'nat', 'OUTPUT', '-p', 'tcp', '-d', this.at(to).address, '--dport', String(port),
      '-j', 'DNAT', '--to-destination', `${this.at('street').address}:${proxy.port}`);
  }

  async heal() {
    for (const fault of [...this.faults]) await fault.heal();
  }
}
