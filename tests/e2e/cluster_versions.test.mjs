// cluster_versions.test.mjs -- nodes of two versions side by side: what one says and the other does not know (a field, a message, a
// kind), and who is not let in at all. Two builds of one plugin on the program, and a build of the program that says of itself that it
// speaks other versions between nodes.

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Cluster } from './support/cluster.mjs';
import { build, run, until } from './support/server.mjs';

const plugin = (version) => ['--plugin', path.join(build, 'plugins', `herald_v${version}.so`)];
const otherProgram = path.join(build, 'musicstream-versions');
const speaking = (versions) => ({ program: otherProgram, environment: () => ({ MS_SPEAKS: versions }) });

let cluster;
before(() => {
  cluster = new Cluster();
});
after(() => cluster.stop());

/** What the caller on that node has counted. */
function counts(at) {
  const told = cluster.nodes[at].command('actor', 'caller', 'here');
  assert.equal(told.status, 0, told.stderr);
  return JSON.parse(told.stdout).state;
}

/** After so many more calls of each kind that a node of either version was asked with certainty. */
async function more(at, names) {
  const was = counts(at);
  await until(() => {
    const now = counts(at);
    return names.every((name) => (now[name] ?? 0) > (was[name] ?? 0));
  }, () => `${names} grow: ${JSON.stringify(counts(at))}`);
}

test('a field that only one side knows is skipped, a message and a kind are refused with the reason, both ways', async () => {
  await cluster.add({ flags: plugin(1) }).start();
  await more(0, ['said_by_1']);
  await cluster.add({ flags: plugin(2) }).start();
  for (const at of [0, 1]) await cluster.settled(2, at);
  await more(0, ['said_by_1', 'said_by_2']);
  await more(1, ['said_by_1', 'said_by_2', 'kept', 'skipped', 'sung', 'unsung', 'danced', 'undanced']);
  for (const at of [0, 1]) assert.equal(counts(at).wrong ?? 0, 0, JSON.stringify(counts(at)));
  const metrics = await (await fetch(`${cluster.nodes[0].origin}/metrics`)).text();
  assert.ok(Number(/^musicstream_cluster_messages_invalid_total (\d+)/m.exec(metrics)[1]) > 0, 'messages that it does not know are counted');
});

test('upgraded one after the other: when the last one is of the new version nothing is refused any more', async () => {
  await cluster.nodes[0].end();
  cluster.nodes[0].options.flags = [...cluster.nodes[0].options.flags.slice(0, -1), plugin(2)[1]];
  await cluster.nodes[0].start();
  for (const at of [0, 1]) await cluster.settled(2, at);
  await more(1, ['said_by_2', 'kept', 'sung', 'danced']);
  const { said_by_1: old, unsung, undanced, skipped } = counts(1);
  await more(1, ['said_by_2', 'kept', 'sung', 'danced']);
  const now = counts(1);
  assert.deepEqual([now.said_by_1, now.unsung, now.undanced, now.skipped], [old, unsung, undanced, skipped]);
  assert.equal(now.wrong ?? 0, 0, JSON.stringify(now));
});

/** The start of one more, which is to fail; what it said. */
async function refusedStart(options) {
  const node = cluster.add(options);
  await assert.rejects(node.start(), /the server ended with 1/);
  cluster.nodes.pop();
  return node.log;
}

test('who speaks no version that a node there speaks is not let in, and says who is too old', async () => {
  const here = cluster.status(0).node;
  const log = await refusedStart(speaking('2-3'));
  assert.match(log, /this node can't join: between nodes it speaks version 2 to 3, and node \d+ version 1: upgrade that one first/);
  assert.equal(cluster.status(0).node, here);
  assert.ok(cluster.status(0).members.every(({ status, details }) => status === 'dead' || details.speaks.join() === '1,1'));
  await more(1, ['kept']);
});

test('one that speaks both goes between; both are shown, and then the old one is refused', async () => {
  for (const at of [0, 1]) {
    const between = await cluster.add({ ...speaking('1-2'), flags: plugin(2) }).start();
    await cluster.settled(3, cluster.nodes.indexOf(between));
    if (at === 0) {
      const table = cluster.nodes[1].command('cluster', 'status', '--once').stdout;
      assert.match(table, /^versions spoken between nodes: 1 by nodes \d+, \d+; 1 to 2 by node \d+$/m);
    }
    await cluster.nodes[at].end();
    if (at === 0) await cluster.settled(2, 1);
  }
  const [, , first, second] = cluster.nodes;
  await first.end();
  await until(() => cluster.status(3).served === 16384, 'one is left');
  const latest = await cluster.add({ ...speaking('2'), flags: plugin(2) }).start();
  await cluster.settled(2, 4);
  await second.end();
  const log = await refusedStart({ flags: plugin(2) });
  assert.match(log, /it speaks version 1, and node \d+ version 2: this program is too old for the cluster/);
  assert.equal(latest.child.exitCode, null);
  assert.equal(run(otherProgram, ['cluster', 'status', '--json', '--data', latest.data]).status, 0);
});
