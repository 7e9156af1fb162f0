// damage.test.mjs -- bits flip in what a node keeps: `storage check` names it, what is derived is built again, and of a
// journal that is damaged `storage salvage` saves what can be read; the node goes on with that.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { commandId, startServer, until } from './support/server.mjs';

let server;
before(async () => {
  server = await startServer({ database: false, flags: ['--watch=false'] });
  await server.setUp();
  await server.scanned(12);
});
after(() => server.stop());

const storage = (...args) => server.command('storage', ...args);
const file = (name) => path.join(server.data, name);

/** Changes every copy of some bytes in a file. */
function flip(name, bytes, change = (content, at) => (content[at + 1] ^= 2)) {
  const content = readFileSync(file(name));
  let count = 0;
  for (let at = content.indexOf(bytes); at >= 0; at = content.indexOf(bytes, at + 1), count++) change(content, at);
  assert.ok(count > 0);
  writeFileSync(file(name), content);
}

/** Streams of playlists, wherever they stand in the journal's file. */
const streams = () => new Set(readFileSync(file('journal/journal/data.mdb')).toString('latin1').match(/playlist\/[0-9a-f]{8,}/g));

async function create(name) {
  await server.graphql('mutation ($c: ID!, $n: String!) { createPlaylist(commandId: $c, name: $n) { id } }',
    { c: commandId(), n: name });
}

async function names() {
  await server.request('POST', '/api/v1/session', { name: 'ana', password: 'correct horse battery', deviceName: 'test' });
  return (await server.graphql('{ playlists { name } }')).playlists.map(({ name }) => name);
}

test('a folder in use is not checked, one that is whole is whole', async () => {
  await create('kept');
  const used = storage('check');
  assert.equal(used.status, 1);
  assert.match(used.stderr, /used by another process/);
  await server.end();
  const whole = storage('check');
  assert.equal(whole.status, 0, whole.stdout + whole.stderr);
  assert.match(whole.stdout, /journal\/journal: \d+ records, all whole\n[^]*artwork: \d+, all whole\n[^]*Nothing is damaged/);
});

test('what is derived is removed and built again', async () => {
  const catalog = readFileSync(file('catalog/data.mdb'));
  catalog.fill(0xa5, 2 * 4096, catalog.length);
  writeFileSync(file('catalog/data.mdb'), catalog);
  const named = storage('check');
  assert.equal(named.status, 1);
  assert.match(named.stdout, /catalog\/data\.mdb is damaged: .*\n.*--repair` removes it/);
  const repaired = storage('check', '--repair');
  assert.match(repaired.stdout, /removed; the next start builds it/);
  assert.equal(storage('check').status, 0);
  await server.start();
  await until(async () => (await server.graphql('{ library { trackCount } }')).library.trackCount >= 12, 'the catalog is built');
  assert.deepEqual(await names(), ['kept']);
});

const LISTS = ['favourites(first: 9) { nodes { id } }', 'session { queue { track { id } } }', 'playlists { entries(first: 9) { nodes { id } } }'];

test('a list with a track that cannot be read is an error, not a shorter list', async () => {
  const { search: { tracks: { nodes: [track] } }, playlists: [playlist] } =
    await server.graphql('{ search(query: "tide") { tracks { nodes { id title } } } playlists { id } }');
  for (const edit of [`setFavourite(commandId: $c, trackId: "${track.id}", isFavourite: true)`,
    `playTracks(commandId: $c, deviceId: "d", trackIds: ["${track.id}"])`, `addToPlaylist(commandId: $c, id: "${playlist.id}", trackIds: ["${track.id}"])`])
    await server.graphql(`mutation ($c: ID!) { ${edit} { __typename } }`, { c: commandId() });
  await server.end();
  const catalog = readFileSync(file('catalog/data.mdb'));
  // In place of msgpack's header of a text: a byte that begins nothing.
  flip('catalog/data.mdb', Buffer.concat([Buffer.from([0xa0 + track.title.length]), Buffer.from(track.title)]), (bytes, at) => (bytes[at] = 0xc1));
  await server.start();
  for (const list of LISTS)
    await assert.rejects(server.graphql(`{ ${list} }`), (error) => error.answer.errors[0].extensions.code === 'CORRUPT', list);
  await server.end();
  writeFileSync(file('catalog/data.mdb'), catalog);
  await server.start();
  for (const list of LISTS) assert.match(JSON.stringify(await server.graphql(`{ ${list} }`)), /"id"/);
});

/** The header of a page of LMDB's: number, flags, ends of its free space. The first two are the environment's own. */
function damageHeaders(name) {
  const content = readFileSync(file(name)), kept = Buffer.from(content);
  for (let at = 2 * 4096; at < content.length; at += 4096) content[at + 12] ^= 0x10;
  writeFileSync(file(name), content);
  return kept;
}

test('a node that was killed looks before it believes: what is derived and damaged is named and built again', async () => {
  await server.end();
  await server.start();
  assert.doesNotMatch(server.log.slice(server.log.lastIndexOf('stopping')), /its files were walked/, 'a stop needs no look');
  await server.kill();
  await server.start();
  assert.match(server.log, /was not stopped the last time: its files were walked in \d+ ms/);
  await server.kill();
  damageHeaders('catalog/data.mdb');
  await server.start();
  assert.match(server.log, /catalog\/data\.mdb is damaged: [^]*removed; /);
  await until(async () => (await server.graphql('{ library { trackCount } }').catch(() => undefined))?.library.trackCount >= 12,
    'the catalog is built');
  assert.deepEqual(await names(), ['kept']);
});

test('a damaged journal is named, and nothing is started on it', async () => {
  await server.kill();
  const kept = damageHeaders('journal/journal/data.mdb');
  for (let start = 0; start < 2; start++)
    await assert.rejects(server.start(), /journal\/journal\/data\.mdb is damaged: [^]*restore a backup, or `musicstream storage salvage`/);
  writeFileSync(file('journal/journal/data.mdb'), kept);
  await server.start();
  assert.deepEqual(await names(), ['kept']);
});

test('of a damaged journal what can be read is saved, and the node goes on', async () => {
  const before = streams();
  await create('lost');
  const lost = [...streams()].find((name) => !before.has(name));
  await create('also kept');
  await server.end();
  flip('journal/journal/data.mdb', Buffer.from(lost));

  const whole = readFileSync(file('journal/journal/data.mdb'));
  truncateSync(file('journal/journal/data.mdb'), Math.floor(whole.length / 8192) * 4096);
  assert.match(storage('check').stdout, /journal\/journal\/data\.mdb is damaged: reading it ended with SIGBUS/);
  const backup = server.command('backup', path.join(server.folder, 'backup'));
  assert.equal(backup.status, 1);
  assert.match(backup.stderr, /the journal is damaged.*storage check/);
  writeFileSync(file('journal/journal/data.mdb'), whole);

  const named = storage('check', '--repair');
  assert.match(named.stdout, /journal\/journal\/data\.mdb is damaged: .*\n.*storage salvage/);
  const saved = storage('salvage');
  assert.equal(saved.status, 0, saved.stderr);
  assert.match(saved.stdout, /\d+ records are in the journal again, [1-9]\d* are lost/);
  assert.ok(existsSync(file('journal.damaged')));
  const again = storage('salvage');
  assert.match(again.stderr, /journal\.damaged is there from a salvage before/);
  assert.equal(storage('check').status, 0);

  await server.start();
  await until(async () => (await server.graphql('{ library { trackCount } }').catch(() => undefined))?.library.trackCount >= 12,
    'the catalog is built');
  const left = await names();
  assert.ok(left.includes('kept') && !left.includes('lost'), left.join());
  await create('goes on');
});
