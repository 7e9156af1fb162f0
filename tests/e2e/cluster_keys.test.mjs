// cluster_keys.test.mjs -- the cluster's key is replaced while nodes run, as docs/operating.md (Replacing the key) says, with edits going
// on; and what is shared under it: tokens, cookies and addresses of sound of one node are good at the others.

import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Cluster } from './support/cluster.mjs';
import { commandId, program, run, until } from './support/server.mjs';

let cluster, oldKey, newKey;
before(async () => {
  cluster = new Cluster();
  oldKey = path.join(cluster.folder, 'old.key');
  newKey = path.join(cluster.folder, 'new.key');
  copyFileSync(cluster.key, oldKey);
  run(program, ['cluster', 'keygen', newKey]);
  for (let i = 0; i < 3; i++) {
    // Each machine has its own file.
    const key = path.join(cluster.folder, `node-${i}.key`);
    copyFileSync(oldKey, key);
    const node = cluster.add({ music: i === 0 ? undefined : null });
    node.options.flags = node.options.flags.map((flag) => (flag === cluster.key ? key : flag));
    node.key = key;
    await node.start();
  }
  await cluster.nodes[0].setUp();
  for (const at of [1, 2]) cluster.signIn(at);
  await cluster.nodes[0].scanned(1);
  for (const at of [0, 1, 2]) await cluster.settled(3, at);
});
after(() => cluster.stop());

const CREATE = 'mutation($id: ID!, $name: String!) { createPlaylist(name: $name, commandId: $id) { id } }';
const RENAME = 'mutation($p: ID!, $id: ID!, $name: String!) { renamePlaylist(id: $p, name: $name, commandId: $id) { name version } }';

test('a token, a cookie and an address of sound of one node are good at each other one', async () => {
  const [a, ...others] = cluster.nodes;
  const answer = await fetch(`${a.origin}/api/v1/session`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name: 'ana', password: 'correct horse battery', deviceName: 'script', cookies: false }),
  });
  const { accessToken } = await answer.json();
  const { tracks } = await a.graphql('{ tracks(first: 1) { nodes { stream { hls } } } }');
  const { hls } = tracks.nodes[0].stream;
  for (const node of [a, ...others]) {
    const headers = { Authorization: `Bearer ${accessToken}` };
    assert.equal((await fetch(`${node.origin}/api/v1/session`, { headers })).status, 200, 'the token');
    assert.equal((await node.graphql('{ me { name } }')).me.name, 'ana', 'the cookie');
    // The address alone, without a session, and nothing like it.
    assert.equal((await fetch(node.origin + hls)).status, 200, 'the address');
    const forged = hls.replace(/[0-9A-Za-z](?=[^0-9A-Za-z]*$|\/[^/]*$)/, (letter) => (letter === 'A' ? 'B' : 'A'));
    assert.notEqual(forged, hls);
    assert.notEqual((await fetch(node.origin + forged)).status, 200, 'a forged one');
  }
  const one = await a.graphql('{ tracks(first: 1) { nodes { stream { hls } } } }');
  const other = await others[0].graphql('{ tracks(first: 1) { nodes { stream { hls } } } }');
  const segments = await Promise.all([[others[0], one], [others[1], other]].map(async ([node, { tracks: { nodes } }]) => {
    const master = await (await fetch(node.origin + nodes[0].stream.hls)).text();
    const rendition = new URL(master.split('\n').find((line) => /^[^#].*aac64/.test(line)), node.origin + nodes[0].stream.hls);
    const segment = (await (await fetch(rendition)).text()).split('\n').find((line) => /^\d+\.m4s$/.test(line));
    return (await fetch(new URL(segment, rendition))).status;
  }));
  assert.deepEqual(segments, [200, 200]);
});

/** Edits by those nodes that are up, one after the other, until it is over; what is acknowledged is there. */
async function underEdits(isUp, during) {
  const { createPlaylist: { id } } = await cluster.nodes[0].graphql(CREATE, { id: commandId(), name: 'edited' });
  let isOver = false, edits = 0, at = 0;
  const editing = (async () => {
    while (!isOver) {
      at = (at + 1) % 3;
      if (!isUp(at)) continue;
      const name = `edit ${edits}`, command = commandId();
      const { renamePlaylist } = await until(async () => {
        try {
          return await cluster.nodes[at].graphql(RENAME, { p: id, id: command, name });
        } catch (error) {
          if (!isUp(at)) at = [0, 1, 2].find(isUp);
          else assert.match(error.answer?.errors?.[0]?.extensions?.code ?? String(error), /UNAVAILABLE|TIMEOUT|ECONN|fetch/, String(error));
          return false;
        }
      }, 'an edit is taken');
      assert.equal(renamePlaylist.name, name);
      edits++;
    }
  })();
  try {
    await Promise.race([during(() => edits), editing]);
  } finally {
    isOver = true;
  }
  await editing;
  for (const node of cluster.nodes.slice(0, 3))
    assert.equal((await node.graphql('query($p: ID!) { playlist(id: $p) { name } }', { p: id })).playlist.name, `edit ${edits - 1}`);
}

test('the key is replaced in three rounds of restarts, with edits going on', async () => {
  const [older, newer] = [oldKey, newKey].map((file) => readFileSync(file, 'utf8').trim());
  const up = [true, true, true];
  await underEdits((at) => up[at], async (edits) => {
    // "Write the new one as second line of every node's file and restart them one by one; make it the first line everywhere, again one
    // by one; then take the old line out."
    for (const [what, lines] of [['both', [older, newer]], ['the new one first', [newer, older]], ['the old one is out', [newer]]]) {
      for (const [at, node] of cluster.nodes.entries()) {
        const before = edits();
        writeFileSync(node.key, lines.join('\n') + '\n', { mode: 0o600 });
        up[at] = false;
        await node.end();
        assert.deepEqual(node.ended, { code: 0, signal: null }, `${what}: node ${at}`);
        await node.start();
        up[at] = true;
        for (const other of [0, 1, 2]) await cluster.settled(3, other);
        await until(() => edits() > before, `${what}: edits go on`);
      }
    }
  });
  for (const [at, node] of cluster.nodes.entries()) {
    assert.ok(cluster.status(at).members.every(({ is_self: isSelf, status, link }) => isSelf || status === 'dead' || link.is_up));
    assert.equal(readFileSync(node.key, 'utf8').trim(), newer);
  }
});

test('who comes with the old key is refused, and nobody was signed out', async () => {
  const flags = (key) => ['serve', '--data', path.join(cluster.folder, 'late'), '--listen', '127.0.0.1:0', '--database', cluster.database,
    '--cluster-key-file', key, '--cluster-listen', '127.0.0.1:0', '--cluster-profile', 'fast'];
  const late = run(program, flags(oldKey), { mayFail: true, timeout: 60000 });
  assert.equal(late.status, 1);
  assert.match(late.stderr, /is not the one that the other nodes have: copy theirs here/);
  assert.equal(cluster.status(0).members.filter(({ status }) => status === 'active').length, 3);
  const answer = await cluster.nodes[2].graphql('{ me { name } }');
  assert.equal(answer.me.name, 'ana', 'nobody was signed out');
});
