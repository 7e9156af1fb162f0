// Nodes that are one system: real processes, one database, a client on each.

import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { startCluster } from './support/cluster.mjs';
import { commandId, controlDatabase, program, run, until } from './support/server.mjs';

let cluster;
before(async () => {
  cluster = await startCluster(2);
  await cluster.nodes[0].setUp();
  cluster.signIn(1);
});
after(() => cluster.stop());

const CREATE = 'mutation($id: ID!, $name: String!) { createPlaylist(name: $name, commandId: $id) { id } }';
const RENAME = 'mutation($p: ID!, $id: ID!, $name: String!) { renamePlaylist(id: $p, name: $name, commandId: $id) { id name version } }';

/** A refusal that says when to try again, and not that time ran out. */
function assertMayTryAgain(error) {
  const { code, retryAfter } = error.answer?.errors?.[0]?.extensions ?? {};
  assert.equal(code, 'UNAVAILABLE', String(error));
  assert.ok(retryAfter > 0, String(retryAfter));
  return true;
}

test('each node has its share, and both have one view', async () => {
  const [a, b] = [await cluster.settled(2, 0), await cluster.settled(2, 1)];
  assert.equal(a.view, b.view);
  assert.equal(a.served + b.served, 16384);
  assert.ok(a.served > 16384 * 0.4 && b.served > 16384 * 0.4, `${a.served} and ${b.served}`);
  assert.match(cluster.nodes[0].command('cluster', 'status', '--once').stdout, /this node\n/);
});

test('who signed in at one node is known at the other, and a playlist edited here is seen there', async () => {
  const [a, b] = cluster.nodes;
  for (let i = 0; i < 8; i++) {
    const [here, there] = i % 2 === 0 ? [a, b] : [b, a];
    const { createPlaylist: { id } } = await here.graphql(CREATE, { id: commandId(), name: `list ${i}` });
    const renamed = await there.graphql(RENAME, { p: id, id: commandId(), name: `renamed ${i}` });
    assert.equal(renamed.renamePlaylist.name, `renamed ${i}`);
    const { playlist } = await here.graphql('query($p: ID!) { playlist(id: $p) { name } }', { p: id });
    assert.equal(playlist.name, `renamed ${i}`);
  }
});

test('an actor is at one place, and every node says the same one', () => {
  for (const key of ['1', '2', '3', '4', '5', '6']) {
    const said = [cluster.locate('playlist', key, 0), cluster.locate('playlist', key, 1)].map((text) => /node (\d+)/.exec(text)?.[1]);
    assert.ok(said[0], key);
    assert.equal(said[0], said[1]);
  }
});

test('an actor is found by the id that GraphQL shows, as by its key', async () => {
  const { createPlaylist: { id } } = await cluster.nodes[0].graphql(CREATE, { id: commandId(), name: 'found' });
  const said = [id, id.replace('pl_', '')].map((key) => cluster.locate('playlist', key).replace(key, ''));
  assert.match(said[0], /node \d+.*partition \d+/);
  assert.equal(said[0], said[1]);
  assert.match(cluster.nodes[0].command('cluster', 'locate', 'nonsense', '1').stderr, /there is no such kind of actor/);
  assert.equal(cluster.nodes[0].command('cluster', 'locate', 'playlist').status, 2);
});

/** A page at that node, which hears of one playlist. */
function listener(node, id) {
  const heard = [];
  class OurSocket extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols, { headers: { Origin: node.origin, Cookie: node.cookieHeader() } });
    }
  }
  const client = createClient({ url: node.origin.replace('http', 'ws') + '/graphql', webSocketImpl: OurSocket });
  client.subscribe({ query: 'subscription($p: ID!) { playlist(id: $p) { name version } }', variables: { p: id } }, {
    next: ({ data }) => heard.push(data.playlist), error: () => {}, complete: () => {},
  });
  return { heard, close: () => client.dispose() };
}

test('who listens at any node hears what is edited at any other', async () => {
  const { createPlaylist: { id } } = await cluster.nodes[0].graphql(CREATE, { id: commandId(), name: 'heard' });
  const pages = cluster.nodes.map((node) => listener(node, id));
  let last;
  // A page that comes while it is edited hears of the newest state sooner or later, and of all that follows.
  for (let i = 0; !pages.every(({ heard }) => heard.length > 2); i++) {
    last = (await cluster.nodes[i % 2].graphql(RENAME, { p: id, id: commandId(), name: `heard ${i}` })).renamePlaylist;
    assert.ok(i < 1000, 'somebody hears nothing');
    await new Promise((next) => setTimeout(next, 20));
  }
  for (const { heard, close } of pages) {
    await until(() => heard.at(-1).version === last.version, 'the last edit is heard');
    const versions = heard.map(({ version }) => version);
    assert.deepEqual(versions, [...versions].sort((a, b) => a - b), 'in order');
    close();
  }
});

test('a killed node is replaced by the other: what was acknowledged is there, and edits go on', async () => {
  const [a, b] = cluster.nodes;
  const { createPlaylist: { id } } = await b.graphql(CREATE, { id: commandId(), name: 'kept' });
  await b.kill();
  await until(async () => {
    try {
      return (await a.graphql(RENAME, { p: id, id: commandId(), name: 'still kept' })).renamePlaylist.name === 'still kept';
    } catch (error) {
      assertMayTryAgain(error);
      return false;
    }
  }, 'the playlist is served again');
  await until(() => cluster.status(0).served === 16384, 'all is served by who is left');
});

/** As many as make it certain, nearly, that either node owns some. */
async function makeLists(node) {
  const lists = [];
  for (let i = 0; i < 12; i++)
    lists.push((await node.graphql(CREATE, { id: commandId(), name: `one of many ${i}` })).createPlaylist.id);
  return lists;
}

test('who asks for what a silent node owns is told to try again, and not left to wait', async () => {
  const [a, b] = cluster.nodes;
  await b.start();
  await cluster.settled(2);
  const lists = await makeLists(a);
  b.child.kill('SIGSTOP');
  try {
    let refused = 0;
    await until(async () => {
      const ends = await Promise.allSettled(lists.map((p) => a.graphql(RENAME, { p, id: commandId(), name: 'again' })));
      for (const { status, reason } of ends)
        refused += status === 'rejected' && assertMayTryAgain(reason);
      return ends.every(({ status }) => status === 'fulfilled');
    }, 'all are served by who is left');
    assert.ok(refused > 0);
  } finally {
    b.child.kill('SIGCONT');
  }
  await b.exited;
});

test('it comes back as a new node, and a stopped one leaves nothing behind', async () => {
  const [a, b] = cluster.nodes;
  await b.start();
  const status = await cluster.settled(2);
  assert.ok(status.members.some((member) => member.status === 'dead'));
  await b.end();
  assert.deepEqual(b.ended, { code: 0, signal: null });
  await until(() => cluster.status(0).served === 16384, 'all is served by who is left');
  assert.equal((await a.graphql('{ playlists { name } }')).playlists.length, 23);
});

test('a silent database stops no node; one that has nobody else then serves nothing until it is back', async () => {
  const [a, b] = cluster.nodes;
  const edit = () => a.graphql(CREATE, { id: commandId(), name: 'later' });
  await b.start();
  await cluster.settled(2);
  const lists = await makeLists(a);
  controlDatabase('freeze', cluster.databaseFolder);
  try {
    for (const at of [0, 1])
      await until(() => {
        const { is_database_away, lease_left_ms } = cluster.status(at);
        return is_database_away && lease_left_ms > 0;
      }, 'the database is away, and the other node answers for the lease');
    await b.kill();
    await until(() => cluster.status(0).lease_left_ms === 0, 'nobody is left who answers');
    const ready = await fetch(`${a.origin}/readyz`);
    assert.equal(ready.status, 503);
    assert.match(await ready.text(), /has no lease/);
    // Whether it belongs to the other node, or to this one.
    await assert.rejects(edit(), assertMayTryAgain);
    await Promise.all(lists.map((p) => assert.rejects(a.graphql(RENAME, { p, id: commandId(), name: 'never' }), assertMayTryAgain)));
  } finally {
    controlDatabase('thaw', cluster.databaseFolder);
  }
  await until(() => a.isReady(), 'it has a lease again');
  await until(() => cluster.status(0).served === 16384, 'all is served by who is left');
  await edit();
});

test('a key is made once, for its owner; what is wrong with the options is said', () => {
  const serve = (...flags) => run(program, ['serve', '--data', path.join(cluster.folder, 'other'), '--listen', '127.0.0.1:0', ...flags], { mayFail: true });
  assert.equal(statSync(cluster.key).mode & 0o777, 0o600);
  const again = run(program, ['cluster', 'keygen', cluster.key], { mayFail: true });
  assert.equal(again.status, 1);
  assert.match(again.stderr, /is there already, and is not replaced/);
  const other = path.join(cluster.folder, 'other.key');
  run(program, ['cluster', 'keygen', other]);
  const member = ['--database', cluster.database, '--cluster-listen', '127.0.0.1:0', '--cluster-profile', 'fast'];
  for (const [flags, want] of [
    [['--cluster-key-file', cluster.key, '--cluster-listen', '127.0.0.1:0'], /share one database: give --database/],
    [['--cluster-key-file', `${other}.gone`, ...member], /there is no cluster key .*cluster keygen/],
    [['--cluster-key-file', other, ...member], /is not the one that the other nodes have/],
    [['--database', cluster.database], /another node uses the database/],
  ]) {
    const refused = serve(...flags);
    assert.equal(refused.status, 1, refused.stderr);
    assert.match(refused.stderr, want);
  }
  const alone = run(program, ['cluster', 'status', '--data', path.join(cluster.folder, 'nowhere')], { mayFail: true });
  assert.match(alone.stderr, /no node runs on the data folder/);
});
