// full_disk.test.mjs -- the data folder's disk is full: writes are refused with FULL, reads and playing go on,
// and once there is room again, writes are taken; nothing acknowledged is lost, also not by a kill -9 in between.

import assert from 'node:assert/strict';
import { chmodSync, closeSync, copyFileSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { Oracle } from './support/oracle.mjs';
import { commandId, demoMusic, run, Server, source, startDatabase, temporaryFolder, until } from './support/server.mjs';

const DISK = '24m';
const VIEW = '{ id version entryCount }';
let server, music;

after(async () => {
  if (server?.child) {
    server.child.kill('SIGKILL');
    await server.exited;
  }
  if (server?.isMounted) run('umount', ['-l', server.data]);
  if (server) rmSync(server.folder, { recursive: true, force: true });
  if (music) rmSync(music, { recursive: true, force: true });
});

const filler = () => path.join(server.data, 'filler');

/** Until not another byte fits. */
function fill(file = filler()) {
  const fd = openSync(file, 'a');
  for (let size = 65536; size >= 1; size = Math.floor(size / 2)) {
    try {
      for (;;) writeSync(fd, Buffer.alloc(size, 'x'));
    } catch (error) {
      assert.equal(error.code, 'ENOSPC');
    }
  }
  closeSync(fd);
}

const add = (id, trackId) => server.graphql(
  `mutation ($c: ID!, $id: ID!, $t: [ID!]!) { addToPlaylist(commandId: $c, id: $id, trackIds: $t) ${VIEW} }`,
  { c: commandId(), id, t: [trackId] }).then(({ addToPlaylist }) => addToPlaylist);

async function count(id) {
  const { playlist } = await server.graphql(`query ($id: ID!) { playlist(id: $id) ${VIEW} }`, { id });
  return playlist.entryCount;
}

test('a full disk', async (t) => {
  music = mkdtempSync(path.join(tmpdir(), 'musicstream-music-'));
  for (const name of ['1-02 Salt Air.aiff', '1-03 Low Tide.mp3'])
    copyFileSync(path.join(demoMusic(), 'Mira Solane/Harbour Lights', name), path.join(music, name));
  server = new Server({ music });
  mkdirSync(server.data);
  const mounted = run('mount', ['-t', 'tmpfs', '-o', `size=${DISK}`, 'tmpfs', server.data], { mayFail: true });
  if (mounted.status !== 0) return t.skip(`a small disk can't be mounted here: ${mounted.stderr}`);
  server.isMounted = true;
  await server.start();
  await server.setUp();
  await server.scanned(2);
  const { tracks: { nodes } } = await server.graphql('{ tracks(first: 2) { nodes { id stream { original } } } }');
  const [track] = nodes;
  const { createPlaylist: { id } } = await server.graphql(
    `mutation ($c: ID!) { createPlaylist(commandId: $c, name: "Full") ${VIEW} }`, { c: commandId() });
  let acknowledged = 0;
  const refusals = new Set();

  await t.test('writes are refused with FULL, and say so', async () => {
    for (; acknowledged < 10; acknowledged++) await add(id, track.id);
    fill();
    await until(async () => {
      // What the environment had allocated already may still take a few.
      try {
        await add(id, track.id);
        acknowledged++;
        return false;
      } catch (error) {
        refusals.add(error.answer?.errors[0].extensions.code ?? String(error));
        return refusals.size > 0;
      }
    }, 'a write is refused');
    assert.deepEqual([...refusals], ['FULL']);
    for (let again = 0; again < 5; again++) await assert.rejects(add(id, track.id), /space/);
  });

  await t.test('reads, playing and health go on', async () => {
    assert.equal(await count(id), acknowledged, 'what was refused is not there');
    assert.ok(await server.isReady());
    const response = await fetch(server.origin + track.stream.original, { headers: { Range: 'bytes=0-999' } });
    assert.equal((await response.arrayBuffer()).byteLength, 1000);
    assert.match(server.command('search', 'salt').stdout, /Salt Air/);
  });

  await t.test('a new file in the music folder does not end the server', async () => {
    copyFileSync(path.join(demoMusic(), 'Various Artists/Small Hours/1-03 Rooftop.flac'), path.join(music, 'rooftop.flac'));
    await server.graphql('mutation ($c: ID!) { startScan(commandId: $c) { trackCount } }', { c: commandId() });
    await until(async () => (await server.graphql('{ library { scan { phase } } }')).library.scan.phase === 'IDLE',
      'the scan ends');
    assert.equal(await count(id), acknowledged);
  });

  await t.test('with room again writes are taken, and the scan finds the file', async () => {
    rmSync(filler());
    await until(() => add(id, track.id).then(() => true, () => false), 'a write is taken');
    acknowledged++;
    assert.equal(await count(id), acknowledged);
    await server.graphql('mutation ($c: ID!) { startScan(commandId: $c) { trackCount } }', { c: commandId() });
    await server.scanned(3);
  });

  await t.test('full again and killed: it starts, reads, and goes on once there is room', async () => {
    fill();
    await until(() => add(id, track.id).then(() => (acknowledged++, false), () => true), 'a write is refused');
    await server.kill();
    const started = await server.start().then(() => true, () => false);
    if (!started) assert.match(server.log, /no space is left/, 'it may say that it needs room to start');
    else assert.equal(await count(id), acknowledged);
    rmSync(filler());
    if (!started) await server.start();
    await until(() => add(id, track.id).then(() => true, () => false), 'a write is taken');
    assert.equal(await count(id), acknowledged + 1);
    server.child.kill('SIGINT');
    assert.equal((await server.exited).code, 0);
  });
});

test('a full disk under PostgreSQL, data and log', async (t) => {
  const folder = temporaryFolder();
  const disk = path.join(folder, 'disk');
  mkdirSync(disk);
  chmodSync(folder, 0o755);
  if (run('mount', ['-t', 'tmpfs', '-o', 'size=90m,mode=755', 'tmpfs', disk], { mayFail: true }).status !== 0)
    return t.skip("a small disk can't be mounted here");
  const other = new Server({ database: false, flags: ['--watch=false'] });
  const full = path.join(disk, 'filler');
  try {
    other.database = startDatabase(disk);
    await other.start();
    await other.setUp();
    await other.scanned(12);
    const oracle = new Oracle(other, { refusals: ['FULL', 'UNAVAILABLE'] });
    await oracle.begin();
    const load = oracle.load();
    await oracle.acknowledged(50);
    fill(full);
    // What the log has allocated already takes some more; a bigger transaction finds its end sooner.
    await until(() => {
      const more = "CREATE TABLE IF NOT EXISTS more (x text); INSERT INTO more SELECT repeat('x', 2000) FROM generate_series(1, 2000)";
      run('psql', [other.database, '-qc', more], { mayFail: true });
      return oracle.counts.refused >= 20;
    }, 'edits are refused', 60000);
    await until(() => {
      run('psql', [other.database, '-qAtc', 'SELECT pg_switch_wal()'], { mayFail: true });
      return oracle.codes.has('UNAVAILABLE');
    }, 'the log has no room: PANIC', 30000);
    assert.equal((await fetch(`${other.origin}/livez`)).status, 200);

    rmSync(full);
    // It ended with PANIC, and could not start again without room: that is its administrator's to do.
    run(path.join(source, 'tests/support/postgres/postgres_server'), ['restart', disk], { mayFail: true });
    await oracle.acknowledged(50, 'edits go on when there is room');
    await load.stop();
    await oracle.check();
    await oracle.checkProjections();
    t.diagnostic(JSON.stringify([...oracle.codes]));
  } finally {
    await other.stop();
    run(path.join(source, 'tests/support/postgres/postgres_server'), ['stop', disk], { mayFail: true });
    run('umount', ['-l', disk]);
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a full disk under a backup's target", async (t) => {
  const other = new Server({ database: false });
  const disk = path.join(other.folder, 'backup');
  mkdirSync(disk);
  if (run('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk], { mayFail: true }).status !== 0)
    return t.skip("a small disk can't be mounted here");
  try {
    await other.start();
    await other.setUp();
    await other.scanned(12);
    const refused = other.command('backup', disk);
    assert.equal(refused.status, 1, refused.stdout);
    assert.match(refused.stderr, /no space is left/);
    assert.equal(run('mount', ['-o', 'remount,size=64m', disk]).status, 0);
    const done = other.command('backup', disk, '--verify');
    assert.equal(done.status, 0, done.stderr);
  } finally {
    await other.stop().catch(() => {});
    run('umount', ['-l', disk], { mayFail: true });
    rmSync(other.folder, { recursive: true, force: true });
  }
});
