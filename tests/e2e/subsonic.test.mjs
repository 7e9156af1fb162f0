// subsonic.test.mjs -- what listeners made of their music on Subsonic servers, imported: from one with every quirk of real ones,
// and from Supysonic, where it is installed.

import assert from 'node:assert/strict';
import { spawn, } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { commandId, demoMusic, program, run, startServer, until } from './support/server.mjs';
import { startSubsonic } from './support/subsonic.mjs';

let server, tracks, peer, library;

before(async () => {
  server = await startServer();
  await server.setUp();
  await server.scanned(12);
  ({ tracks: { nodes: tracks } } = await server.graphql(
    '{ tracks(first: 50) { nodes { id title artistLine durationMs album { title } file { path } } } }'));
  const song = ({ title, artistLine, durationMs, album, file }) =>
    ({ title, artist: artistLine, album: album.title, duration: Math.round(durationMs / 1000), path: file.path });
  library = {
    songs: [...tracks.slice(0, 8).map(song), { title: 'Never <Heard> & "such"', artist: 'Nobody', album: 'Of It', duration: 100, path: 'x/y.mp3' }],
    users: {
      anna: {
        password: 'sé%&=crét', key: 'key-of-anna',
        starred: { 0: '2024-03-01T10:00:00.123456789Z', 1: '2024-01-01T10:00:00', 8: '2024-01-02T10:00:00+02:00' },
        rated: { 0: 5, 2: 3 }, played: { 0: [7, '2024-05-01T12:00:00Z'], 1: [2, '2024-05-02T12:00:00'] },
        starredAlbums: [{ id: 'album-x', name: 'x' }],
        playlists: { 1: { title: 'Road', songs: [4, 0, 8, 4] }, 2: { title: 'Clever', songs: [1], isSmart: true }, 3: { title: 'Nothing', songs: [8] } },
      },
      bob: { password: 'bobs', key: 'key-of-bob', played: { 3: [99, ''] }, playlists: { 9: { title: 'Of Bob', songs: [2], isPublic: true } } },
    },
  };
  peer = await startSubsonic(library);
});

after(async () => {
  await peer.stop();
  await server.stop();
});

/** The command while this process goes on answering; passwords on standard input. */
function bring(args, input = 'sé%&=crét\n', url = peer.url) {
  peer.requests.length = 0;
  const child = spawn(program, ['import', 'subsonic', url, ...args, '--data', server.data], { cwd: server.folder });
  const done = { stdout: '', stderr: '', child };
  child.stdout.on('data', (text) => (done.stdout += text));
  child.stderr.on('data', (text) => (done.stderr += text));
  child.stdin.on('error', () => {}); // it may have ended before it reads
  child.stdin.end(input);
  done.ended = new Promise((end) => child.once('close', (status, signal) => end(Object.assign(done, { status, signal }))));
  return done;
}
const anna = (...more) => bring(['--user', 'anna=ana', ...more]).ended;

const state = () => server.graphql(`{
  playlists { name entries(first: 50) { nodes { track { id } } } }
  favourites(first: 50) { nodes { id } }
  tracks(first: 50) { nodes { id isFavourite rating playCount } } }`);

test('every way of answering says the same; a dry run changes nothing', async () => {
  const untouched = await state();
  const quirks = [
    {}, { xml: true }, { oneIsNoList: true }, { numbersAreText: true }, { numericIds: true }, { noTokens: 41 }, { noTokens: 10, xml: true },
    { noEmptySearch: 'error' }, { noEmptySearch: 'nothing', numericIds: true }, { twoQuotes: true }, { ignoresOffset: true }, { pageMax: 2 },
    { starsOnlyInList: true }, { fails: 2 }, { oldVersion: true }, { path: 'virtual' }, { path: 'none' },
  ];
  for (const quirk of quirks) {
    peer.quirks = { ...quirk };
    const what = JSON.stringify(quirk), done = await anna('--dry-run');
    assert.equal(done.status, 0, `${what}: ${done.stdout}${done.stderr}`);
    assert.match(done.stdout, /^anna: signed in at fixture 1\.2 \(test\)$/m, what);
    // Whatever of a track is told twice counts once.
    assert.match(done.stdout, /^anna: (3 of 4|5 of 6) tracks matched: 2 favourites, 2 ratings, 9 plays$/m, what);
    assert.match(done.stdout, /^not matched: anna: Nobody - Never <Heard> & "such"/m, what);
    assert.match(done.stdout, /^anna: playlist 'Road': 3 of 4 entries matched$/m, what);
    assert.match(done.stdout, /^anna: playlist 'Clever': .* \(a smart one/m, what);
    assert.doesNotMatch(done.stdout, /Of Bob/, what);
    assert.match(done.stdout, /1 albums and 0 artists/, what);
    assert.match(done.stdout, /nothing was changed/, what);
    assert.ok(!peer.requests.some(({ url }) => url.includes('p=')), `${what}: no password in an address`);
  }
  peer.quirks = {};
  assert.deepEqual(await state(), untouched);
});

test('cut short at any request, it is done again and all is there once', async () => {
  for (let at = 2; ; at += 3) {
    peer.quirks = { hangsAt: at };
    const done = bring(['--user', 'anna=ana']);
    const isOver = await Promise.race([
      done.ended.then(() => true),
      until(() => peer.requests.length >= at || done.status !== undefined, `request ${at}`).then(() => done.status !== undefined),
    ]);
    if (isOver) {
      assert.equal(done.status, 0, done.stderr);
      break;
    }
    done.child.kill('SIGKILL');
    await done.ended;
    assert.equal(done.signal, 'SIGKILL');
  }
  peer.quirks = {};
  const after = await state();
  const facts = (index) => {
    const { isFavourite, rating, playCount } = after.tracks.nodes.find(({ id }) => id === tracks[index].id);
    return [isFavourite, rating, playCount];
  };
  assert.deepEqual(facts(0), [true, 5, 7]);
  assert.deepEqual([facts(1)[0], facts(1)[2]], [true, 2]);
  assert.deepEqual(facts(2), [false, 3, 0]);
  assert.deepEqual(after.favourites.nodes.map(({ id }) => id), [tracks[0].id, tracks[1].id], 'the newest star first');
  const lists = Object.fromEntries(after.playlists.map(({ name, entries }) => [name, entries.nodes.map(({ track }) => track.id)]));
  assert.deepEqual(lists, { Clever: [tracks[1].id], Road: [tracks[4].id, tracks[0].id, tracks[4].id] });

  for (const quirk of [{}, { xml: true }, { numbersAreText: true }]) {
    peer.quirks = quirk;
    const again = await anna();
    assert.equal(again.status, 0, again.stderr);
    assert.match(again.stdout, /new here: 0 favourites, 0 ratings, 0 plays/);
    assert.deepEqual(await state(), after);
  }
});

test('what was taken back stays so; what is new there comes over', async () => {
  peer.quirks = {};
  await server.graphql('mutation ($c: ID!, $id: ID!) { setFavourite(commandId: $c, trackId: $id, isFavourite: false) { id } }',
    { c: commandId(), id: tracks[0].id });
  library.users.anna.played[0] = [10, '2024-06-01T12:00:00Z'];
  const done = await anna();
  assert.match(done.stdout, /new here: 0 favourites, 0 ratings, 3 plays/, done.stderr);
  assert.equal((await state()).tracks.nodes.find(({ id }) => id === tracks[0].id).isFavourite, false);
});

test('several users, with a file of passwords or API keys; each sees only their own', async () => {
  const file = path.join(server.folder, 'passwords');
  run(program, ['user', 'add', 'robert', '--data', server.data], { input: 'correct horse battery\n' });
  writeFileSync(file, 'sé%&=crét\nbobs\n', { mode: 0o644 });
  chmodSync(file, 0o644);
  const both = ['--user', 'anna=ana', '--user', 'bob=robert', '--dry-run'];
  const open = await bring([...both, '--password-file', file], '').ended;
  assert.equal(open.status, 1);
  assert.match(open.stderr, /may be read by others/);
  chmodSync(file, 0o600);
  const keys = path.join(server.folder, 'keys');
  writeFileSync(keys, 'key-of-anna\r\nkey-of-bob', { mode: 0o600 });
  for (const more of [['--password-file', file], ['--password-file', keys, '--api-key']]) {
    peer.quirks = more.length === 3 ? { keysOnly: true } : {};
    const done = await bring([...both, ...more], '').ended;
    assert.equal(done.status, 0, done.stdout + done.stderr);
    assert.match(done.stdout, /^bob: 1 of 1 tracks matched: 0 favourites, 0 ratings, 99 plays$/m);
    assert.match(done.stdout, /^bob: playlist 'Of Bob': 1 of 1/m);
  }
});

test('what goes wrong ends with a sentence, and without a secret in it', async () => {
  const user = ['--user', 'anna=ana', '--dry-run'];
  const cases = [
    ['no user', {}, [], 2, /usage/],
    ['no pair', {}, ['--user', 'anna'], 2, /usage/],
    ['a wrong password', {}, user, 1, /error 40.*Wrong username or password/, 'wrong\n'],
    ['no password', {}, user, 1, /the password of 'anna' is missing/, ''],
    ['nobody here', {}, ['--user', 'anna=eve'], 1, /no user 'eve' here/],
    ['keys only', { keysOnly: true }, user, 1, /make an API key/],
    ['no tokens for a key', {}, [...user, '--api-key'], 1, /Invalid API key/],
    ['a page, not the API', { html: true }, user, 1, /not Subsonic's/],
    ['moved', { redirect: true }, user, 1, /lies elsewhere \(HTTP 301\): https:\/\/elsewhere\.example\/rest/],
    ['no end', { huge: true }, user, 1, /too large/],
    ['another path', {}, user, 1, /HTTP 404/, undefined, (url) => url.replace('/base', '/nothing')],
    ['a password in the address', {}, user, 1, /no password belongs/, undefined, (url) => url.replace('//', '//anna:sé%&=crét@')],
    ['no address', {}, user, 1, /no address like/, undefined, () => 'music.example.org'],
    ['a file', {}, user, 1, /no address like/, undefined, () => 'file:///etc/passwd'],
    ['no HTTPS', {}, user, 1, /SSL/i, undefined, (url) => url.replace('http:', 'https:')],
  ];
  for (const [what, quirks, args, status, error, input, address] of cases) {
    peer.quirks = { ...quirks };
    const done = await bring(args, input, address ? address(peer.url) : peer.url).ended;
    assert.equal(done.status, status, `${what}: ${done.stdout}${done.stderr}`);
    assert.match(done.stderr, error, what);
    if (what !== 'a password in the address') assert.doesNotMatch(done.stdout + done.stderr, /sé%|733a|key-of/, what);
  }
  peer.quirks = {};
});

test('over HTTPS only with a certificate that is trusted', async () => {
  const key = path.join(server.folder, 'key.pem'), cert = path.join(server.folder, 'cert.pem');
  run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert,
    '-days', '2', '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']);
  const secure = await startSubsonic(library, { key: readFileSync(key), cert: readFileSync(cert) });
  const ask = (...more) => bring(['--user', 'anna=ana', '--dry-run', ...more], undefined, secure.url).ended;
  const refused = await ask();
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /certificate/i);
  assert.equal(secure.requests.length, 0);
  const done = await ask('--ca', cert);
  assert.equal(done.status, 0, done.stderr);
  await secure.stop();
});

// ---- Supysonic ----

const python = '/usr/bin/python3';
const isHere = existsSync('/usr/bin/supysonic-server');

/** Supysonic with the demo library, a user who has stars, ratings and a playlist; the address. */
async function startSupysonic(folder) {
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'supysonic.conf'),
    `[base]\ndatabase_uri = sqlite:///${folder}/supysonic.db\n[webapp]\ncache_dir = ${folder}/cache\n[daemon]\nsocket = ${folder}/sock\n`);
  const cli = (...args) => run('/usr/bin/supysonic-cli', args, { cwd: folder, env: { ...process.env, HOME: folder } });
  cli('user', 'add', 'anna', '-p', 'secret');
  cli('folder', 'add', 'music', demoMusic());
  cli('folder', 'scan', '--foreground', 'music');
  const child = spawn(python, ['-c', `
import sys
from werkzeug.serving import make_server
from supysonic.web import create_application
server = make_server("127.0.0.1", 0, create_application())
print(server.port, flush=True)
server.serve_forever()
`], { cwd: folder, env: { ...process.env, HOME: folder, PYTHONPATH: '/usr/share' }, stdio: ['ignore', 'pipe', 'ignore'] });
  const port = await new Promise((ready, failed) => {
    child.stdout.once('data', (text) => ready(Number(text)));
    child.once('exit', (code) => failed(new Error(`supysonic ended with ${code}`)));
  });
  return { child, url: `http://localhost:${port}` };
}

test('from Supysonic', { skip: !isHere }, async () => {
  const other = await startSupysonic(path.join(server.folder, 'supysonic'));
  try {
    const ask = async (endpoint, more = '') => {
      const answer = await fetch(`${other.url}/rest/${endpoint}.view?u=anna&p=secret&c=test&v=1.9.0&f=json${more}`);
      const { 'subsonic-response': response } = await answer.json();
      assert.equal(response.status, 'ok', JSON.stringify(response));
      return response;
    };
    const { searchResult3: { song: songs } } = await ask('search3', '&query=&songCount=100');
    const of = (index) => songs.find(({ path: file }) => file === tracks[index].file.path).id;
    await ask('star', `&id=${of(9)}`);
    await ask('star', `&id=${of(10)}`);
    await ask('setRating', `&id=${of(10)}&rating=4`);
    await ask('createPlaylist', `&name=${encodeURIComponent('Über & more')}&songId=${of(10)}&songId=${of(9)}&songId=${of(10)}`);
    for (let round = 0; round < 2; round++) {
      const done = await bring(['--user', 'anna=robert'], 'secret\n', other.url).ended;
      assert.equal(done.status, 0, done.stdout + done.stderr);
      assert.match(done.stdout, /^anna: 2 of 2 tracks matched: 2 favourites, 1 ratings, 0 plays$/m);
      assert.match(done.stdout, /^anna: playlist 'Über & more': 3 of 3 entries matched$/m);
      assert.match(done.stdout, round === 0 ? /new here: 2 favourites, 1 ratings/ : /new here: 0 favourites, 0 ratings/);
    }
  } finally {
    other.child.kill('SIGKILL');
  }
});
