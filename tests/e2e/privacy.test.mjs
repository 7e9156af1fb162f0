// privacy.test.mjs -- what is kept of people is sealed, can be exported, and is gone when it is erased: on either backend.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test, before, after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandId, program, run, startServer, until } from './support/server.mjs';

const NAME = 'Zerlina-Quaxbeck', PLAYLIST = 'Wibbelsterz', RENAMED = 'Hutzelbrumm', DEVICE = 'Knuddelfon',
  WORDS = 'zwackelmann', PASSWORD = 'schnurpsel battery', ROOM = 'Quatschbude', SAID = 'kladderadatschig';
const SECRETS = [NAME, NAME.toLowerCase(), PLAYLIST, RENAMED, DEVICE, WORDS, PASSWORD, ROOM, SAID, '$argon2id$'];

/** Every file below the node's folder, the database's too, in which one of the words stands. */
function foundIn(server, words) {
  if (server.database) run('psql', [server.database, '-c', 'CHECKPOINT']);
  const names = run('grep', ['-rlaF', ...words.flatMap((word) => ['-e', word]), server.folder], { mayFail: true }).stdout;
  return names.split('\n').filter((name) => name !== '' && !name.startsWith(path.join(server.folder, 'export')));
}

async function signIn(server, name, password = PASSWORD) {
  const response = await server.request('POST', '/api/v1/session', { name, password, deviceName: DEVICE });
  return response.status;
}

/** Leaves something of every sort behind. */
async function live(server, tracks) {
  const { createPlaylist: made } = await server.graphql(
    'mutation ($c: ID!, $t: [ID!], $n: String!) { createPlaylist(commandId: $c, name: $n, trackIds: $t) { id } }',
    { c: commandId(), t: tracks, n: PLAYLIST });
  await server.graphql('mutation ($c: ID!, $id: ID!, $n: String!) { renamePlaylist(commandId: $c, id: $id, name: $n) { id } }',
    { c: commandId(), id: made.id, n: RENAMED });
  for (const track of tracks) {
    await server.graphql('mutation ($c: ID!, $t: ID!) { setFavourite(commandId: $c, trackId: $t, isFavourite: true) { id } }',
      { c: commandId(), t: track });
    await server.graphql('mutation ($c: ID!, $t: ID!) { setRating(commandId: $c, trackId: $t, rating: 4) { id } }',
      { c: commandId(), t: track });
  }
  const { createRoom: room } = await server.graphql('mutation ($c: ID!, $n: String!) { createRoom(commandId: $c, name: $n) { id } }',
    { c: commandId(), n: ROOM });
  await server.graphql('mutation ($c: ID!, $r: ID!, $t: String!) { postMessage(commandId: $c, roomId: $r, text: $t) { id } }',
    { c: commandId(), r: room.id, t: SAID });
  await server.graphql('query ($q: String!) { search(query: $q) { tracks { nodes { id } } } }', { q: WORDS });
}

for (const database of [false, true]) {
  describe(database ? 'in PostgreSQL' : 'in LMDB', () => {
    let server, userId;
    const say = (args, input) => run(program, [...args, '--data', server.data],
      { mayFail: true, input, cwd: server.folder });

    /** The record of a subject as it is stored. */
    const keyOf = (subject) => (database
      ? Buffer.from(run('psql', ['-Atc', `SELECT encode(record, 'hex') FROM subject_keys WHERE subject = '${subject}'`,
        server.database]).stdout.trim(), 'hex')
      : readFileSync(path.join(server.data, 'keys/subjects', subject)));

    /** Every file of the node and its database that has the bytes, but for the WAL: what that keeps, operating.md says. */
    function filesWith(bytes) {
      if (database) run('psql', [server.database, '-c', 'CHECKPOINT']);
      const names = run('find', [server.folder, '-type', 'f', '-not', '-path', '*/pg_wal/*']).stdout.trim().split('\n');
      return names.filter((name) => existsSync(name) && readFileSync(name).includes(bytes));
    }

    /** Rows of a user in all tables that have such. */
    function rowsOf(uid) {
      const columns = run('psql', ['-Atc', `SELECT tablename, column_name FROM pg_policies p JOIN information_schema.columns c
        ON c.table_schema = 'public' AND c.table_name = p.tablename AND c.column_name IN ('user_id', 'follower_id', 'followed_id')
        WHERE p.schemaname = 'public' AND p.policyname = 'own_rows'`, server.database]).stdout.trim().split('\n');
      assert.ok(columns.length >= 10, columns.join());
      const counts = columns.map((line) => line.split('|'))
        .map(([table, column]) => `(SELECT count(*) FROM ${table} WHERE ${column} = '${uid}')`).join(' + ');
      return Number(run('psql', ['-Atc', `SELECT ${counts}`, server.database]).stdout);
    }

    before(async () => {
      server = await startServer({ database, flags: ['--recorder', 'messages'] });
      await server.setUp();
      assert.equal(say(['user', 'add', NAME], `${PASSWORD}\n`).status, 0);
      await until(async () => (await server.graphql('{ library { trackCount } }')).library.trackCount >= 3, 'three tracks are there');
    });
    after(() => server.stop());

    test('nothing that people wrote stands in any file, also after a kill', async () => {
      const { tracks } = (await server.graphql('{ tracks(first: 3) { edges { node { id } } } }'));
      const ids = tracks.edges.map((edge) => edge.node.id);
      await server.graphql('mutation ($c: ID!) { createPlaylist(commandId: $c, name: "stays") { id } }', { c: commandId() });
      const admin = new Map(server.cookies);
      server.cookies.clear();
      assert.equal(await signIn(server, NAME), 201);
      await live(server, ids);
      server.cookies = admin;
      await server.kill();
      await server.start();
      assert.deepEqual(foundIn(server, SECRETS), []);
      assert.ok(foundIn(server, ['playlist_renamed']).length > 0, 'the search itself');
    });

    test('a leak in one place is found', () => {
      const leak = path.join(server.data, 'keys/leak');
      writeFileSync(leak, `${'x'.repeat(5000)}${NAME}\0`);
      assert.deepEqual(foundIn(server, SECRETS), [leak]);
      run('rm', [leak]);
      if (!database) return;
      run('psql', [server.database, '-c', "CREATE TABLE leak AS SELECT 'Leckstelle' AS word"]);
      assert.ok(foundIn(server, ['Leckstelle']).length > 0);
      run('psql', [server.database, '-c', 'DROP TABLE leak']);
    });

    test('an export has everything, in files of the owner alone', () => {
      const folder = path.join(server.folder, 'export');
      const done = say(['user', 'export', NAME, folder]);
      assert.equal(done.status, 0, done.stderr);
      assert.equal(statSync(folder).mode & 0o777, 0o700);
      const account = JSON.parse(readFileSync(path.join(folder, 'account.json'), 'utf8'));
      assert.equal(account.name, NAME);
      userId = account.user_id;
      const lines = readFileSync(path.join(folder, 'events.jsonl'), 'utf8').trim().split('\n').map(JSON.parse);
      const of = (event) => lines.filter((line) => line.event === event);
      assert.equal(of('account_created')[0].data.name, NAME);
      assert.equal(of('account_created')[0].data.password_hash, '***');
      assert.equal(of('account_session_started')[0].data.device_name, DEVICE);
      assert.equal(of('user_favourite_set').length, 3);
      assert.ok(of('user_rating_set').every((line) => line.data.rating === 4 && line.data.track_id > 0));
      assert.equal(of('playlist_renamed')[0].data.name, RENAMED);
      const lists = readdirSync(path.join(folder, 'playlists'));
      assert.equal(lists.length, 1);
      assert.match(readFileSync(path.join(folder, 'playlists', lists[0]), 'utf8'), /^#EXTM3U/);
      assert.equal(say(['user', 'export', NAME, folder]).status, 1, 'an existing folder is left alone');
    });

    test('the master key is replaced while the node serves', async () => {
      const file = path.join(server.data, 'keys/master'), first = readFileSync(file, 'utf8');
      const done = say(['keys', 'rotate']);
      assert.equal(done.status, 0, done.stderr);
      const second = readFileSync(file, 'utf8');
      assert.notEqual(second, first);
      assert.equal(statSync(file).mode & 0o777, 0o600);
      assert.equal(await signIn(server, NAME), 201);
      await server.end();
      writeFileSync(file, first);
      await assert.rejects(server.start(), /not the one that the users' keys are wrapped with/);
      writeFileSync(file, second);
      await server.start();
      const { playlists } = await server.graphql('{ playlists { name } }');
      assert.deepEqual(playlists.map((list) => list.name), [RENAMED]);
    });

    test('erasing asks, and then nothing is left that could be read', async () => {
      assert.equal(say(['user', 'erase', NAME], 'no\n').status, 1);
      assert.equal(say(['user', 'erase', 'nobody', '--yes']).status, 1);
      assert.equal(say(['user', 'erase', 'ana', '--yes']).status, 1, 'the last administrator');
      const wrapped = keyOf(userId).subarray(-48);
      assert.equal(filesWith(wrapped).length, 1, 'the search itself');
      if (database) assert.ok(rowsOf(userId) > 0);
      const done = say(['user', 'erase', NAME], `${NAME}\n`);
      assert.equal(done.status, 0, done.stderr);
      assert.match(done.stdout, /^Erased\.[^]*- backups: [^]*- old blocks [^]*keys rotate/, 'and what others keep, until when');
      assert.equal(/- PostgreSQL's WAL [^]*archived WAL, replicas [^]*backups of the database/.test(done.stdout), database);

      for (let start = 0; start < 2; start++) {
        server.cookies.clear();
        assert.equal(await signIn(server, NAME), 401);
        assert.doesNotMatch(say(['user', 'list']).stdout, new RegExp(NAME));
        assert.equal(await signIn(server, 'ana', 'correct horse battery'), 201);
        const { playlists } = await server.graphql('{ playlists { name } }');
        assert.deepEqual(playlists.map((list) => list.name), ['stays']);
        await server.kill();
        await server.start();
      }
      assert.deepEqual(foundIn(server, SECRETS), []);
      assert.deepEqual(filesWith(wrapped), [], 'nor in pages that the database gave back');
      if (database) assert.equal(rowsOf(userId), 0);
      const key = keyOf(userId);
      assert.ok(key.length > 2 && key.subarray(2).every((byte) => byte === 0), 'a tombstone, and no key');
      // What is left in the journal is opened by nobody any more.
      for (const kind of ['account', 'user', 'session']) {
        const left = JSON.stringify(say(['actor', kind, userId]).stdout);
        for (const secret of SECRETS) assert.ok(!left.includes(secret));
      }
      assert.equal(say(['user', 'add', NAME], `${PASSWORD}\n`).status, 0, 'the name is free again');
    });

    test('the audit log has it, without a name', () => {
      const done = say(['audit']);
      assert.equal(done.status, 0, done.stderr);
      const actions = done.stdout.trim().split('\n').map((line) => /Z {2}(.*?) {2,}|Z {2}(.*)$/.exec(line)[0]);
      assert.equal(actions.length, 7, done.stdout);
      assert.match(actions[0], /anchor made/);
      assert.match(done.stdout, new RegExp(`exported +${userId}\n.*master key changed.*\n.*erasure begun.*\n.*erasure refused`));
      assert.match(done.stdout, new RegExp(`erasure begun +${userId}\n.*erasure ended +${userId}\n$`));
      assert.ok(!done.stdout.includes(NAME));
    });

    test('an anchor that is taken away is made again, and that stays said', async () => {
      const before = say(['audit']), lines = (done) => done.stdout.trim().split('\n');
      await server.end();
      if (database) run('psql', [server.database, '-c', "DELETE FROM subject_keys WHERE subject = '_audit'"]);
      else run('rm', [path.join(server.data, 'keys/subjects/_audit')]);
      for (let start = 0; start < 2; start++) {
        await server.start();
        await until(() => lines(say(['audit'])).length > lines(before).length, 'the log says so');
        const done = say(['audit']);
        assert.equal(done.status, 1, done.stdout);
        assert.match(done.stderr, /taken out before entry 8 is not known/);
        assert.match(lines(done).at(-1), /^ +8 .*anchor lost/);
        assert.equal(lines(done).length, 8, 'once');
        const isThere = () => (database ? keyOf('_audit').length > 0 : existsSync(path.join(server.data, 'keys/subjects/_audit')));
        await until(isThere, 'another one is there');
        await server.kill();
      }
      assert.match(server.log, /the audit log's anchor .* is gone/);
      await server.start();
    });

    test('an audit log that is cut off is found, and stays found', async () => {
      const entries = () => say(['audit']).stdout.trim().split('\n').length;
      const had = entries(), journal = path.join(server.data, 'journal'), saved = path.join(server.folder, 'saved');
      await server.end();
      if (!database) run('cp', ['-r', journal, saved]);
      await server.start();
      assert.equal(say(['keys', 'rotate']).status, 0);
      await until(() => entries() === had + 1, 'the change is in the log');
      assert.doesNotMatch(say(['audit']).stderr, /cut off/);
      await server.end();
      if (database)
        for (const sql of [`DELETE FROM events WHERE stream = 'audit/node' AND version > ${had}`,
          `UPDATE streams SET version = ${had} WHERE stream = 'audit/node'`, "DELETE FROM snapshots WHERE stream = 'audit/node'"])
          run('psql', [server.database, '-c', sql]);
      else {
        run('rm', ['-r', journal]);
        run('mv', [saved, journal]);
      }
      await server.start();
      for (let more = 0; more < 2; more++) {
        const done = say(['audit']);
        assert.equal(done.status, 1, done.stdout);
        assert.match(done.stderr, new RegExp(`cut off: it had ${had + 1} entries`));
        assert.equal(say(['keys', 'rotate']).status, 0);
        await until(() => entries() === had + 1 + more, 'the change is in the log');
      }
    });

    test('an erasure that is killed in the middle is ended by the next start', async () => {
      const rounds = 3 * Number(process.env.MS_ROUNDS ?? 1);
      for (let round = 0; round < rounds; round++) {
        const name = `Vergissmich-${round}`;
        assert.equal(say(['user', 'add', name], `${PASSWORD}\n`).status, 0);
        server.cookies.clear();
        assert.equal(await signIn(server, name), 201);
        const erasing = spawn(program, ['user', 'erase', name, '--yes', '--data', server.data],
          { cwd: server.folder, stdio: 'ignore' });
        const ended = new Promise((resolve) => { erasing.on('exit', resolve); });
        // When in the erasing it is killed is what is tested.
        await Promise.race([ended, sleep(Math.random() * 60)]);
        await server.kill();
        await ended;
        await server.start();
        await until(() => {
          const lines = say(['audit']).stdout.split('\n');
          const begun = lines.filter((line) => line.includes('erasure begun')).length;
          const over = lines.filter((line) => /erasure (ended|refused)/.test(line)).length;
          return begun === over;
        }, 'every erasure that was begun is ended');
        const isThere = say(['user', 'list']).stdout.includes(name);
        server.cookies.clear();
        assert.equal(await signIn(server, name), isThere ? 201 : 401);
        if (isThere) assert.equal(say(['user', 'erase', name, '--yes']).status, 0);
        assert.doesNotMatch(say(['user', 'list']).stdout, new RegExp(name));
      }
      assert.deepEqual(foundIn(server, ['Vergissmich', 'vergissmich']), []);
    });
  });
}

test('a missing master key is said, and nothing is made in its place', async () => {
  const server = await startServer({ music: null });
  const file = path.join(server.data, 'keys/master'), key = readFileSync(file, 'utf8');
  await server.end();
  run('rm', [file]);
  await assert.rejects(server.start(), /master key .* is missing: put it back/);
  assert.ok(!existsSync(file));
  writeFileSync(file, key);
  await assert.rejects(server.start(), /can be read by others: chmod 600/);
  run('chmod', ['600', file]);
  await server.start();
  await server.stop();
});
