// Two of three nodes killed at once: the one that is left waits for as long as those two could keep each other's lease, or
// until an operator says that they are gone.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startCluster } from './support/cluster.mjs';
import { commandId, until } from './support/server.mjs';

const ALL = 16384, LISTS = 12;
let cluster, left, killed, lists, forgottenMs;
before(async () => {
  cluster = await startCluster(3);
  [left, ...killed] = cluster.nodes;
  await left.setUp();
  lists = await Promise.all(Array.from({ length: LISTS }, (_, i) => left.graphql(
    'mutation($c: ID!, $name: String!) { createPlaylist(name: $name, commandId: $c) { id } }', { c: commandId(), name: `list ${i}` })));
});
after(() => cluster.stop());

const forget = (node) => left.command('cluster', 'forget', String(node));
const rename = (name) => Promise.all(lists.map(({ createPlaylist: { id } }) => left.graphql(
  'mutation($c: ID!, $id: ID!, $name: String!) { renamePlaylist(commandId: $c, id: $id, name: $name) { name } }', { c: commandId(), id, name })));

async function killBoth() {
  const before = await cluster.settled(3, 0);
  assert.ok(before.served < ALL);
  const nodes = killed.map((node) => cluster.status(cluster.nodes.indexOf(node)).node);
  const began = performance.now();
  await Promise.all(killed.map((node) => node.kill()));
  return { nodes, began };
}

test('who runs, or is not known, is not forgotten', async () => {
  const { node } = cluster.status(1);
  const refused = forget(node);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /that node runs: it answers/);
  assert.match(forget(cluster.status(0).node).stderr, /that node runs/);
  assert.match(forget(999999).stderr, /there is no such node/);
  assert.equal(forget('many').status, 2);
  await cluster.settled(3, 0);
});

test('of those that an operator forgets all is served at once', async () => {
  const { nodes, began } = await killBoth();
  assert.match(forget(nodes[0]).stderr, /that node runs|used the database a moment ago/);

  for (const node of nodes) await until(() => forget(node).status === 0, 'it is silent for long enough');
  await until(() => cluster.status(0).served === ALL, 'the one that is left has all');
  forgottenMs = performance.now() - began;

  const members = cluster.status(0).members.filter(({ node }) => nodes.includes(node));
  assert.deepEqual(members.map(({ status, is_gone: isGone }) => [status, isGone]), [['dead', true], ['dead', true]]);
  await until(() => /is gone, says an operator/.test(left.log), 'it is in the log');
  await rename('forgotten');
});

test('and without a word when their leases must be over', async () => {
  for (const node of killed) await node.start();
  const { began } = await killBoth();

  await until(() => cluster.status(0).served === ALL, 'the one that is left has all');

  const waitedMs = performance.now() - began;
  console.log(`all served again: forgotten ${(forgottenMs / 1000).toFixed(1)} s, not forgotten ${(waitedMs / 1000).toFixed(1)} s`);
  assert.ok(waitedMs > 20000, 'a majority may serve for twenty leases without the table');
  assert.ok(forgottenMs < waitedMs);
  await rename('waited for');
});
