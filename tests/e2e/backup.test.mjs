// backup.test.mjs -- a backup is made while listeners edit, killed, made again, restored, killed again; what comes
// out answers as what went in. On either backend.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { commandId, program, run, Server, startServer, until } from './support/server.mjs';

const PASSWORD = 'correct horse battery';
const VIEW = '{ id name version entries(first: 500) { nodes { id track { title } } } }';
const KILLS = Math.round(3 * Number(process.env.MS_ROUNDS ?? 1));

/** A command beside the node; killed after a while if asked: the moment itself is under test. */
function start(args, options, killAfterMs) {
  const child = spawn(program, args, options);
  const output = { out: '', err: '' };
  child.stdout.on('data', (text) => (output.out += text));
  child.stderr.on('data', (text) => (output.err += text));
  const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  return new Promise((done) => child.once('close', (code, signal) => {
    clearTimeout(timer);
    done({ code, signal, ...output });
  }));
}

for (const database of [false, true]) {
  describe(database ? 'in PostgreSQL' : 'in LMDB', () => {
    let server, dir, playlist, track;
    const restored = [];
    const beside = (name) => path.join(server.folder, name);
    const place = (data, address) => ['--data', data, ...(address ? ['--database', address] : [])];
    const backup = (killAfterMs, ...flags) =>
      start(['backup', dir, ...flags, ...place(server.data, server.database)], { cwd: server.folder }, killAfterMs);

    before(async () => {
      server = await startServer({ database, flags: ['--watch=false'] });
      await server.setUp();
      run(program, ['user', 'add', 'bob', '--data', server.data], { input: `${PASSWORD}\n` });
      await server.scanned(12);
      dir = beside('backup');
      [track] = (await server.graphql('{ tracks(first: 1) { nodes { id } } }')).tracks.nodes;
      await create('first');
    });

    after(async () => {
      for (const other of restored) await other.end();
      await server.stop();
    });

    async function create(name) {
      const made = await server.graphql(`mutation ($c: ID!, $n: String!) { createPlaylist(commandId: $c, name: $n) ${VIEW} }`,
        { c: commandId(), n: name });
      playlist = made.createPlaylist.id;
    }

    async function add() {
      const { addToPlaylist } = await server.graphql(
        'mutation ($c: ID!, $id: ID!, $t: [ID!]!) { addToPlaylist(commandId: $c, id: $id, trackIds: $t) { version } }',
        { c: commandId(), id: playlist, t: [track.id] });
      return addToPlaylist.version;
    }

    async function signIn(node, name) {
      return (await node.request('POST', '/api/v1/session', { name, password: PASSWORD, deviceName: 'test' })).status;
    }

    /** All that a listener sees. */
    async function seen(node) {
      const answer = await node.graphql(`{ me { name } library { trackCount albumCount artistCount }
        tracks(first: 100) { nodes { id title durationMs artwork { url } } } playlists ${VIEW} }`);
      return JSON.parse(JSON.stringify(answer).replaceAll(/\?[^"]*"/g, '"')); // signatures of addresses differ
    }

    let names = 0;
    /** Restores into a folder (and database) of its own; the arguments for it. */
    function target(from, toDatabase = server.database !== undefined) {
      const data = beside(`restored${++names}`);
      let address;
      mkdirSync(path.join(data, 'keys'), { recursive: true });
      copyFileSync(path.join(server.data, 'keys/master'), path.join(data, 'keys/master'));
      if (toDatabase) {
        run('psql', [server.database, '-qc', `CREATE DATABASE restored${names}`]);
        address = server.database.replace('/postgres?', `/restored${names}?`);
        assert.notEqual(address, server.database);
      }
      return { data, address, args: ['restore', from, ...place(data, address)] };
    }

    async function serve({ data, address }) {
      const node = new Server({ flags: ['--watch=false', '--scan-at-start=false'], database: false });
      rmSync(node.folder, { recursive: true });
      Object.assign(node, { folder: server.folder, data, database: address });
      restored.push(node);
      await node.start();
      return node;
    }

    test('made while listeners edit, it holds what was acknowledged before', async () => {
      let isOver = false, acknowledged = 0;
      const editing = (async () => {
        while (!isOver) acknowledged = await add();
      })();
      await until(() => acknowledged > 5, 'edits are under way');
      const before = acknowledged;
      const done = await backup(undefined, '--verify');
      await until(() => acknowledged > before, 'edits go on');
      isOver = true;
      await editing;
      assert.equal(done.code, 0, done.err);
      assert.match(done.out, /^Backup 1 in .*: \d+ records.*\n.*NOT in it.*\nAll of it was read back and compared.\n$/);

      const there = target(dir, false); // either backend takes it
      const restore = await start(there.args, {});
      assert.equal(restore.code, 0, restore.err);
      const node = await serve(there);
      assert.equal(await signIn(node, 'ana'), 201);
      const { playlists: [{ version, entries }] } = await seen(node);
      assert.ok(version >= before && version <= acknowledged, `${before} <= ${version} <= ${acknowledged}`);
      assert.equal(entries.nodes.length, version - 1, 'each once');
      await node.end();
    });

    test('killed at random moments the next one goes on; what is restored answers the same', async (t) => {
      for (let i = 0; i < KILLS; i++) {
        await create(`made before kill ${i}`);
        for (let n = 0; n < 20; n++) await add();
        const done = await backup(Math.random() * 25);
        t.diagnostic(`${done.signal ?? done.code}`);
        const check = await start(['restore', dir, '--verify'], {});
        assert.equal(check.code, 0, check.err);
      }
      const done = await backup(undefined, '--verify');
      assert.equal(done.code, 0, done.err);
      const want = await seen(server);

      const there = target(dir);
      for (let i = 0; i < KILLS; i++) {
        const cut = await start(there.args, {}, Math.random() * 60);
        t.diagnostic(`${cut.signal ?? cut.code}`);
        if (cut.code === 0 || !existsSync(path.join(there.data, 'restoring'))) break;
        const refused = run(program, ['serve', ...place(there.data, there.address)], { mayFail: true });
        assert.equal(refused.status, 1);
        assert.match(refused.stderr, /restore into .* was cut short/);
      }
      const last = await start(there.args, {});
      assert.match(last.out + last.err, /records restored and compared|is not empty/); // none may have been in time
      const node = await serve(there);
      assert.equal(await signIn(node, 'ana'), 201);
      await until(async () => (await node.graphql('{ library { trackCount } }')).library.trackCount === want.library.trackCount,
        'the catalog is built');
      assert.deepEqual(await seen(node), want);
      const { tracks: { nodes: [first] } } = await node.graphql('{ tracks(first: 1) { nodes { artwork { url } } } }');
      assert.equal((await fetch(new URL(`${first.artwork.url}/300`, node.origin))).status, 200);
      await node.graphql('mutation ($c: ID!) { createPlaylist(commandId: $c, name: "goes on") { id } }', { c: commandId() });
      assert.equal(run(program, ['audit', '--data', there.data], { mayFail: true }).status, 0);
      await node.end();
    });

    test('who was erased since does not come back with an older backup', async () => {
      const older = beside('older');
      cpSync(dir, older, { recursive: true });
      const erased = run(program, ['user', 'erase', 'bob', '--yes', '--data', server.data], { cwd: server.folder });
      assert.match(erased.stdout, /Erased/);
      assert.equal((await backup()).code, 0);

      const there = target(older);
      const done = await start([...there.args, '--erased', dir], {});
      assert.equal(done.code, 0, done.err);
      assert.match(done.out, /Erased after this backup: 1/);
      const node = await serve(there);
      assert.equal(await signIn(node, 'bob'), 401);
      await until(() => /erasure ended/.test(run(program, ['audit', '--data', there.data]).stdout), 'the erasure is ended');
      assert.doesNotMatch(run(program, ['user', 'list', '--data', there.data]).stdout, /bob/);
      assert.equal(await signIn(node, 'ana'), 201);
      assert.ok((await seen(node)).playlists.length > 0);
      await node.end();
    });

    test('what is wrong is said with what would be right', async () => {
      const file = path.join(dir, 'journal', readdirSync(path.join(dir, 'journal'))[0]);
      const whole = readFileSync(file);
      const broken = Buffer.from(whole);
      broken[Math.floor(broken.length / 2)] ^= 4;
      writeFileSync(file, broken);
      const check = await start(['restore', dir, '--verify'], {});
      assert.equal(check.code, 1);
      assert.match(check.err, /journal\/0+1\.records is damaged/);
      const there = target(dir);
      const refused = await start(there.args, {});
      assert.match(refused.err, /records is damaged[^]*nothing was changed/);
      assert.deepEqual(readdirSync(there.data), ['keys']);
      writeFileSync(file, whole);

      rmSync(path.join(there.data, 'keys/master'));
      const keyless = await start(there.args, {});
      assert.match(keyless.err, /the master key [0-9a-f]{16} is needed: put it into .*keys\/master/);
      const full = await start(['restore', dir, ...place(server.data, server.database)], {});
      assert.match(full.err, /is not empty/);
      const nowhere = await start(['backup', dir, '--data', beside('nowhere')], {});
      assert.match(nowhere.err, /no data folder .*--data/);
      if (server.database) {
        const forgot = await start(['backup', dir, '--data', server.data], {});
        assert.match(forgot.err, /is in PostgreSQL: name that with --database/);
        const taken = await start(['restore', dir, ...place(beside('new'), server.database),
          '--master-key-file', path.join(server.data, 'keys/master')], {});
        assert.match(taken.err, /another node uses the database/);
      }
    });
  });
}
