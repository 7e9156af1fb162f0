// A node whose journal is in PostgreSQL.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
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
  const { database } = server;
  const move = (to) => run(program, ['storage', 'move', '--to', to, '--data', server.data, '--database', database],
    { mayFail: true });
  const refused = move('lmdb');
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /used by another process/);
  await server.end();
  const moved = move('lmdb');
  assert.equal(moved.status, 0, moved.stderr);
  assert.match(moved.stdout, /\d+ records moved and compared/);
  assert.equal(move('lmdb').status, 0, 'what is there already is compared');
  await assert.rejects(server.start(), /took the users' keys from here .* start without --database/);
  server.database = undefined;
  await server.start();
  const kept = async () => (await server.graphql('{ playlists { name } }')).playlists.map((playlist) => playlist.name);
  assert.deepEqual(await kept(), ['kept']);
  await server.graphql(CREATE, { id: commandId() });
  await server.end();
  assert.equal(move('postgres').status, 0);
  await assert.rejects(server.start(), /is in PostgreSQL: name that with --database/);
  server.database = database;
  await server.start();
  assert.deepEqual(await kept(), ['kept', 'kept']);
});

test('without --database a folder whose journal is in PostgreSQL says so, and is not called damaged', async () => {
  await server.end();
  const mark = path.join(server.data, 'journal.postgres'), journal = path.join(server.data, 'journal');
  rmSync(journal, { recursive: true }); // left by the move: a folder that never had one says the same
  for (const command of [['storage', 'check'], ['storage', 'salvage'], ['backup', path.join(server.folder, 'backup')]]) {
    const told = server.command(...command);
    assert.equal(told.status, 1, command.join(' '));
    assert.match(told.stderr, /is in PostgreSQL: name that with --database/);
    assert.doesNotMatch(told.stdout + told.stderr, /damaged/);
  }
  rmSync(mark); // of a version that made none
  assert.match(server.command('storage', 'check').stderr, /no journal in the data folder .* if the node keeps its journal in PostgreSQL/);
  assert.equal(server.command('storage', 'check', '--database', server.database).status, 0);
  await server.start();
  assert.ok(existsSync(mark));
  assert.ok(!existsSync(journal));
});

/** Keys of a version that kept them in the data folder whatever the journal was in. */
test('keys that are in the data folder go into the database at the next start', async () => {
  await server.end();
  const rows = () => run('psql', [server.database, '-Atc', "SELECT subject, encode(record, 'hex') FROM subject_keys ORDER BY 1"]).stdout;
  const before = rows(), folder = path.join(server.data, 'keys/subjects');
  rmSync(folder, { recursive: true });
  mkdirSync(folder, { mode: 0o700 });
  for (const line of before.trim().split('\n')) {
    const [subject, record] = line.split('|');
    writeFileSync(path.join(folder, subject), Buffer.from(record, 'hex'), { mode: 0o600 });
  }
  run('psql', [server.database, '-c', 'TRUNCATE subject_keys']);
  await server.start();
  assert.equal(rows(), before);
  assert.deepEqual(readdirSync(folder), ['_moved']);
  assert.equal((await server.graphql('{ playlists { name } }')).playlists.length, 2);
});

test('a second node on the same database is refused, and the first is not disturbed; killed, it leaves nothing behind', async () => {
  const serve = () => run(program, ['serve', '--data', `${server.folder}/second`, '--listen', '127.0.0.1:0',
    '--database', server.database], { mayFail: true });
  const refused = serve();
  assert.equal(refused.status, 1, refused.stderr);
  assert.match(refused.stderr, new RegExp(
    `another node uses the database \\(musicstream ${server.child.pid} on \\S+, since \\d{4}-.*\\): stop it first`));
  await server.graphql(CREATE, { id: commandId() });
  assert.ok(await server.isReady());
  await server.kill();
  await server.start();
});

test('a database of a newer version is refused and left as it is', async () => {
  const sql = (statement) => run('psql', [server.database, '-v', 'ON_ERROR_STOP=1', '-Atc', statement]).stdout.trim();
  await server.end();
  sql("INSERT INTO migrations (number, name, sha256) VALUES (9999, 'newer', 'x')");
  await assert.rejects(server.start(), /the database belongs to a newer version of musicstream: upgrade this node/);
  assert.equal(sql('SELECT count(*) FROM migrations WHERE number = 9999'), '1');
  sql('DELETE FROM migrations WHERE number = 9999');
  await server.start();
  assert.ok(await server.isReady());
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
