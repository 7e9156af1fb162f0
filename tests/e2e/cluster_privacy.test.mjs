// What is kept of a user is gone from every node when the user is erased at one.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { startCluster } from './support/cluster.mjs';
import { commandId, program, run, until } from './support/server.mjs';

const NAME = 'Zerlina-Quaxbeck', PLAYLIST = 'Wibbelsterz', PASSWORD = 'schnurpsel battery';
const WORDS = [NAME, NAME.toLowerCase(), PLAYLIST, PLAYLIST.toLowerCase(), PASSWORD];

let cluster;
before(async () => {
  cluster = await startCluster(2, { flags: ['--recorder', 'messages'] });
  await cluster.nodes[0].setUp();
  cluster.signIn(1);
});
after(() => cluster.stop());

/** Files below a node's folder in which one of the words stands. */
const filesWith = (node) => run('grep', ['-rlaF', ...WORDS.flatMap((word) => ['-e', word]), node.folder], { mayFail: true }).stdout.split('\n').filter(Boolean);

const FIND = 'query($q: String!) { search(query: $q) { playlists { nodes { id } } people { nodes { id } } } }';

test('who is erased at one node is unknown at the other, and in no file of either', async () => {
  const [a, b] = cluster.nodes;
  const made = run(program, ['user', 'add', NAME, '--data', a.data], { mayFail: true, input: `${PASSWORD}\n` });
  assert.equal(made.status, 0, made.stderr);
  const administrator = b.cookies;
  b.cookies = new Map();
  assert.equal((await b.request('POST', '/api/v1/session', { name: NAME, password: PASSWORD, deviceName: 'here' })).status, 201);
  await b.graphql('mutation($id: ID!, $name: String!) { createPlaylist(name: $name, commandId: $id) { id } }', { id: commandId(), name: PLAYLIST });
  await until(async () => (await b.graphql(FIND, { q: PLAYLIST })).search.playlists.nodes.length === 1, 'its own list is found');

  const erased = run(program, ['user', 'erase', NAME, '--yes', '--data', a.data], { mayFail: true });
  assert.equal(erased.status, 0, erased.stderr);

  await until(async () => (await b.request('POST', '/graphql', { query: '{ playlists { name } }' })).status === 401, 'its session is over at the other node');
  b.cookies = new Map();
  assert.equal((await b.request('POST', '/api/v1/session', { name: NAME, password: PASSWORD, deviceName: 'here' })).status, 401);
  b.cookies = administrator;
  for (const node of [a, b]) {
    await until(async () => (await node.graphql(FIND, { q: NAME })).search.people.nodes.length === 0, 'nobody finds the name');
    assert.deepEqual(filesWith(node), []);
    const leak = path.join(node.data, 'leak');
    writeFileSync(leak, `${'x'.repeat(5000)}${NAME}`);
    assert.deepEqual(filesWith(node), [leak], 'the search itself');
  }
});

