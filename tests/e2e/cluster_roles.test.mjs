// Nodes that do only some of the work: one has the actors, one reads the music, one takes the players.

import assert from 'node:assert/strict';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Cluster } from './support/cluster.mjs';
import { commandId, until } from './support/server.mjs';

let cluster, actors, media, gateway;
before(async () => {
  cluster = new Cluster();
  actors = await cluster.add({ flags: ['--role', 'actors'] }).start();
  media = await cluster.add({ music: undefined, flags: ['--role', 'media'] }).start();
  gateway = await cluster.add({ flags: ['--role', 'gateway,batch'] }).start();
  await gateway.setUp();
});
after(() => cluster.stop());

const CREATE = 'mutation($id: ID!, $name: String!) { createPlaylist(name: $name, commandId: $id) { id } }';
const create = (name) => gateway.graphql(CREATE, { id: commandId(), name });

const firstTrack = async () => (await gateway.graphql('{ tracks(first: 1) { nodes { isAvailable stream { hls } } } }')).tracks.nodes[0];

/** One request to a node's control socket; its answer. */
function control(node, command, args) {
  return new Promise((done, failed) => {
    const socket = net.createConnection(path.join(node.data, 'control.sock'));
    let text = '';
    socket.on('data', (bytes) => (text += bytes));
    socket.on('end', () => done(JSON.parse(text)));
    socket.on('error', failed);
    socket.write(JSON.stringify({ command, arguments: args }) + '\n');
  });
}

test('partitions are owned by nodes with actors alone', async () => {
  await cluster.settled(3, 0);
  assert.deepEqual([0, 1, 2].map((at) => cluster.status(at).served), [16384, 0, 0]);
  await create('kept elsewhere');
});

test('players are served by gateways alone; health and metrics are at each', async () => {
  for (const node of [actors, media]) {
    for (const target of ['/', '/graphql', '/rest/ping', '/api/v1/setup'])
      assert.equal((await fetch(node.origin + target)).status, 404, target);
    for (const target of ['/livez', '/readyz', '/version', '/metrics'])
      assert.equal((await fetch(node.origin + target)).status, 200, target);
    assert.equal(node.setupCode, undefined);
  }
  assert.equal((await fetch(gateway.origin)).status, 200);
});

test('music is read and encoded where the role media is', async () => {
  const track = await until(async () => {
    const found = await firstTrack();
    return found?.isAvailable && found;
  }, 'a track can be played');
  const master = await (await fetch(gateway.origin + track.stream.hls)).text();
  const rendition = new URL(master.split('\n').find((line) => /^[^#].*aac64/.test(line)), gateway.origin + track.stream.hls);
  const segment = (await (await fetch(rendition)).text()).split('\n').find((line) => /^\d+\.m4s$/.test(line));
  const sound = await fetch(new URL(segment, rendition));
  assert.equal(sound.status, 200);
  assert.ok((await sound.arrayBuffer()).byteLength > 1000);
});

test('what is imported is imported at a node with the role batch', async () => {
  const refused = await control(actors, 'tracks.match', { tracks: [] });
  assert.equal(refused.code, 'UNAVAILABLE');
  assert.match(refused.message, new RegExp(`where node ${cluster.status(2).node} runs`));
  assert.equal((await control(gateway, 'tracks.match', { tracks: [] })).ok, true);
});

test('without it nobody reads music, though the folder is there for all', async () => {
  await media.end();
  await until(async () => !(await firstTrack()).isAvailable, 'the track can not be played');
  await until(() => /no active node has the role media: no music is read/.test(gateway.log), 'it is said');
  assert.equal(cluster.status(2).missing_roles, 'media');
  assert.match(gateway.command('cluster', 'status', '--once').stdout, /\nNO ACTIVE NODE HAS THE ROLE media\n/);
  const metrics = await (await fetch(`${gateway.origin}/metrics`)).text();
  assert.match(metrics, /^musicstream_cluster_role_missing\{role="media"\} 1$/m);
  assert.match(metrics, /^musicstream_cluster_role_missing\{role="batch"\} 0$/m);
});

test('a role that nobody has is said, and its work refused until somebody has it', async () => {
  await actors.kill();
  await until(async () => {
    const ready = await fetch(`${gateway.origin}/readyz`);
    return ready.status === 503 && /no active node has the role actors/.test(await ready.text());
  }, 'the gateway says what is missing');
  assert.match(gateway.log, /no active node has the role actors: nobody serves users/);
  await assert.rejects(create('nowhere'), ({ answer }) => answer.errors[0].extensions.code === 'UNAVAILABLE');
  await actors.start();
  await until(() => gateway.isReady(), 'all roles are there');
  await create('again');
  await until(() => /a node has the role actors again/.test(gateway.log), 'it is said');
});
