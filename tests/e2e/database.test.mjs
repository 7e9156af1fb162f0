// A node whose journal is in PostgreSQL.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { commandId, program, run, startServer } from './support/server.mjs';

let server;
before(async () => {
  server = await startServer({ database: true, music: null });
  await server.setUp();
});
after(() => server.stop());

const CREATE = 'mutation($id: ID!) { createPlaylist(name: "kept", commandId: $id) { id } }';

test('an acknowledged edit survives kill -9 of the node, and all of it lies in the database', async () => {
  await server.graphql(CREATE, { id: commandId() });
  await server.kill();
  await server.start();
  const { playlists } = await server.graphql('{ playlists { name } }');
  assert.deepEqual(playlists.map((playlist) => playlist.name), ['kept']);
  const streams = run('psql', [server.database, '-Atc', "SELECT count(*) FROM streams WHERE stream LIKE 'playlist/%'"]);
  assert.equal(streams.stdout.trim(), '1');
});

test('the journal moves to LMDB and back, and the node goes on', async () => {
  const move = (to) => run(program, ['storage', 'move', '--to', to, '--data', server.data, '--database', server.database],
    { mayFail: true });
  const refused = move('lmdb');
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /used by another process/);
  await server.end();
  const moved = move('lmdb');
  assert.equal(moved.status, 0, moved.stderr);
  assert.match(moved.stdout, /\d+ records moved and compared/);
  assert.equal(move('postgres').status, 0, 'what is there already is compared');
  const { database } = server;
  server.database = undefined;
  await server.start();
  const { playlists } = await server.graphql('{ playlists { name } }');
  assert.deepEqual(playlists.map((playlist) => playlist.name), ['kept']);
  await server.end();
  server.database = database;
  await server.start();
});

test('what is wrong with --database is said with what would be right', () => {
  const serve = (address) => run(program, ['serve', '--data', `${server.folder}/other`, '--listen', '127.0.0.1:0',
    '--database', address], { mayFail: true });
  for (const [address, want] of [
    ['nonsense here', /no connection string/],
    [`postgresql://postgres@/postgres?host=${server.folder}/nowhere`, /can't be reached.*/s],
    [server.database.replace('postgres@', 'nobody@'), /role "nobody" does not exist.*can't be reached/s],
  ]) {
    const done = serve(address);
    assert.equal(done.status, 1, done.stderr);
    assert.match(done.stderr, want);
  }
});
