// A node that was alone becomes a cluster, and a cluster one node again.

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Cluster } from './support/cluster.mjs';
import { commandId, program, run, until } from './support/server.mjs';

let cluster, first, second, member;
before(async () => {
  cluster = new Cluster();
  first = cluster.add();
  second = cluster.add();
  member = first.options.flags;
});
after(() => cluster.stop());

const CREATE = 'mutation($id: ID!, $name: String!) { createPlaylist(name: $name, commandId: $id) { id } }';
const create = (node, name) => node.graphql(CREATE, { id: commandId(), name });
const names = async (node) => (await node.graphql('{ playlists { name } }')).playlists.map(({ name }) => name).sort();

test('what it had alone is there in the cluster, and nobody is signed out', async () => {
  first.options.flags = [];
  await first.start();
  await first.setUp();
  await create(first, 'alone');
  await first.end();

  first.options.flags = member;
  await first.start();
  await second.start();
  cluster.signIn(1);
  await cluster.settled(2);
  assert.deepEqual(await names(first), ['alone']);
  await create(second, 'together');
});

test('the last one that is left serves everything, also after a restart', async () => {
  await second.end();
  await until(() => cluster.status(0).served === 16384, 'it has all');
  await first.end();
  await first.start();
  assert.equal(cluster.status(0).served, 16384);
  assert.deepEqual(await names(first), ['alone', 'together']);
  assert.ok(cluster.status(0).members.filter((row) => row.status === 'dead').every((row) => row.is_gone));
});

test('a node that knows no cluster is told what it lacks; the one that has the key goes on alone', async () => {
  await first.end();
  const stranger = run(program, ['serve', '--data', path.join(cluster.folder, 'stranger'), '--listen', '127.0.0.1:0', '--database', cluster.database], { mayFail: true });
  assert.equal(stranger.status, 1);
  assert.match(stranger.stderr, /the master key .* is missing/);
  assert.match(stranger.stderr, /give --cluster-key-file and --cluster-listen, a cluster may have one node/);
  first.options.flags = [];
  await first.start();
  assert.deepEqual(await names(first), ['alone', 'together']);
  await create(first, 'alone again');
});
