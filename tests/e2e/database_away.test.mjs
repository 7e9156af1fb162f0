// database_away.test.mjs -- the database stops at once, under load, while the node serves: what is read goes on, what
// would be written is refused and says so, no actor fails, and when the database is back everything goes on by itself,
// with all that was acknowledged, each once.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Oracle } from './support/oracle.mjs';
import { commandId, controlDatabase, Server } from './support/server.mjs';

const CREATE = 'mutation ($c: ID!, $n: String!) { createPlaylist(name: $n, commandId: $c) { id } }';
const ADD = 'mutation ($c: ID!, $id: ID!, $t: [ID!]!) { addToPlaylist(commandId: $c, id: $id, trackIds: $t) { entryCount } }';
const READ = 'query ($id: ID!) { playlist(id: $id) { entryCount } }';

let server, track, quiet, oracle;

before(async () => {
  server = new Server({ database: true });
  await server.serveThree();
  const { search } = await server.graphql('{ search(query: "tide") { tracks { nodes { id stream { original } } } } }');
  [track] = search.tracks.nodes;
  quiet = await create('quiet');
  await add(quiet, commandId());
  oracle = new Oracle(server, { refusals: ['UNAVAILABLE'] });
  await oracle.begin();
});
after(() => server.stop());

const create = async (name) => (await server.graphql(CREATE, { c: commandId(), n: name })).createPlaylist.id;
const add = (id, command) => server.graphql(ADD, { c: command, id, t: [track.id] });
const count = async (id) => (await server.graphql(READ, { id })).playlist.entryCount;
const codeOf = (error) => error.answer?.errors[0].extensions.code ?? String(error);

for (const [name, action] of [['stopped without a goodbye', 'immediate'], ['killed', 'kill']]) {
  test(`the database is ${name} under load`, async () => {
    const load = oracle.load();
    await oracle.acknowledged(100);

    controlDatabase(action, server.databaseFolder);
    oracle.isAway = true;
    await oracle.refused(50);

    assert.equal(await count(quiet), 1, 'what nobody was writing is read as before');
    const { search } = await server.graphql('{ search(query: "tide") { tracks { nodes { title } } } }');
    assert.equal(search.tracks.nodes.length, 1);
    const audio = await fetch(server.origin + track.stream.original, { headers: { Range: 'bytes=0-999' } });
    assert.equal((await audio.arrayBuffer()).byteLength, 1000);
    assert.equal((await fetch(`${server.origin}/livez`)).status, 200);
    assert.equal((await fetch(`${server.origin}/readyz`)).status, 503);
    await assert.rejects(add(quiet, commandId()), (error) => {
      assert.equal(codeOf(error), 'UNAVAILABLE');
      assert.ok(error.answer.errors[0].extensions.retryAfter > 0);
      return true;
    });

    oracle.isAway = false;
    controlDatabase('restart', server.databaseFolder);
    await oracle.acknowledged(100, 'edits go on by themselves');
    await load.stop();
    await oracle.check();
    assert.deepEqual(JSON.parse(server.command('crashes', '--json').stdout), { count: 0, last: [] });
    assert.ok(await server.isReady());
  });
}

test('the tables and the catalog equal what is built anew', () => oracle.checkProjections());

test('all of it is there after kill -9 of the node', async () => {
  const { playlists } = await server.graphql('{ playlists { id entryCount } }');
  await server.kill();
  await server.start();
  for (const { id, entryCount } of playlists) assert.equal(await count(id), entryCount);
});

test('the node ends in time while the database is away', async () => {
  controlDatabase('kill', server.databaseFolder);
  await assert.rejects(add(quiet, commandId()));
  await server.end();
  assert.equal(server.ended.code, 0, server.log);
  controlDatabase('restart', server.databaseFolder);
  await server.start();
  assert.equal(await count(quiet), 1);
});

test('the node ends in time while the database is there and silent, under load', async () => {
  const load = oracle.load();
  await oracle.acknowledged(20);
  controlDatabase('freeze', server.databaseFolder);
  server.isGoing = true;
  const begun = Date.now();
  await server.end();
  assert.equal(server.ended.code, 0, server.log);
  assert.ok(Date.now() - begun < 10000, 'as docs/operating.md promises');
  await load.stop();
  controlDatabase('thaw', server.databaseFolder);
  server.isGoing = false;
  await server.start();
  await oracle.check();
});
