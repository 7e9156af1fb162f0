// graphql.test.mjs -- who may see and do what, the edges of pages, and every subscription, on a real node.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { commandId, program, run, startServer, until } from './support/server.mjs';

const LONGEST_PLAYLIST = 10000;
let server, ana, bob, tracks;

/** Somebody with an access token of their own. */
class Person {
  constructor(token) {
    this.headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
  }

  async ask(query, variables) {
    const response = await fetch(`${server.origin}/graphql`, {
      method: 'POST', headers: this.headers, body: JSON.stringify({ query, variables }),
    });
    return response.json();
  }

  async data(query, variables) {
    const { data, errors } = await this.ask(query, variables);
    assert.equal(errors, undefined, JSON.stringify(errors));
    return data;
  }

  async code(query, variables) {
    const { errors } = await this.ask(query, variables);
    return errors?.[0].extensions?.code;
  }

  /** A subscription: what it brought, and how it ended. */
  subscribe(query, variables) {
    const headers = { Authorization: this.headers.Authorization, Origin: server.origin };
    const client = createClient({
      url: server.origin.replace('http', 'ws') + '/graphql', retryAttempts: 0, lazy: true,
      webSocketImpl: class extends WebSocket {
        constructor(address, protocols) {
          super(address, protocols, { headers });
        }
      },
    });
    const seen = { events: [], problem: undefined, isComplete: false, close: () => client.dispose() };
    client.subscribe({ query, variables }, {
      next: (event) => seen.events.push(event),
      error: (problem) => (seen.problem = problem),
      complete: () => (seen.isComplete = true),
    });
    return seen;
  }
}

async function signIn(name, password) {
  const response = await fetch(`${server.origin}/api/v1/session`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name, password, cookies: false }),
  });
  assert.equal(response.status, 201);
  return new Person((await response.json()).accessToken);
}

before(async () => {
  server = await startServer();
  await server.setUp();
  await server.scanned(12);
  ana = await signIn('ana', 'correct horse battery');
  run(program, ['user', 'add', 'bob', '--data', server.data], { input: 'bob has a password\n' });
  bob = await signIn('bob', 'bob has a password');
  tracks = (await ana.data('{ tracks(first: 50) { nodes { id title } } }')).tracks.nodes;
});

after(async () => {
  const ended = await server.stop();
  assert.equal(ended.code, 0, server.log);
});

const create = 'mutation ($c: ID!, $n: String!, $t: [ID!]) { createPlaylist(commandId: $c, name: $n, trackIds: $t) { id entryCount } }';
const add = 'mutation ($c: ID!, $id: ID!, $t: [ID!]!) { addToPlaylist(commandId: $c, id: $id, trackIds: $t) { entryCount } }';
const remove = 'mutation ($c: ID!, $id: ID!) { deletePlaylist(commandId: $c, id: $id) }';

async function newPlaylist(name, trackIds = []) {
  return (await ana.data(create, { c: commandId(), n: name, t: trackIds })).createPlaylist.id;
}

test('nobody gets anything without a token, or with one that is not ours', async () => {
  for (const token of ['', 'nonsense', 'a.b.c']) {
    const stranger = new Person(token);
    for (const query of ['{ me { name } }', '{ albums { totalCount } }', 'mutation { startScan(commandId: "x") { trackCount } }'])
      assert.equal(await stranger.code(query), 'UNAUTHENTICATED', query);
  }
  const socket = new WebSocket(server.origin.replace('http', 'ws') + '/graphql', 'graphql-transport-ws', {
    headers: { Origin: server.origin },
  });
  const [error] = await new Promise((done) => socket.on('error', (...what) => done(what)));
  assert.match(error.message, /401/);
});

test('a socket needs our own Origin, whatever else it has', async () => {
  for (const origin of ['https://evil.example', undefined]) {
    const socket = new WebSocket(server.origin.replace('http', 'ws') + '/graphql', 'graphql-transport-ws', {
      headers: { Cookie: server.cookieHeader(), ...(origin && { Origin: origin }) },
    });
    const [error] = await new Promise((done) => socket.on('error', (...what) => done(what)));
    assert.match(error.message, /403/, `${origin}`);
  }
});

test('a request that names a host that is not ours gets nothing', async () => {
  const { request } = await import('node:http');
  const status = await new Promise((done) =>
    request(`${server.origin}/livez`, { headers: { Host: 'evil.example' } }, (answer) => done(answer.resume().statusCode)).end());
  assert.equal(status, 421);
});

test("somebody else's playlist is not there: not to see, not to change, not to hear of", async () => {
  const id = await newPlaylist('Secret', [tracks[0].id]);
  assert.equal((await bob.data('query ($id: ID!) { playlist(id: $id) { name } }', { id })).playlist, null);
  assert.equal((await bob.data('query ($id: ID!) { node(id: $id) { id } }', { id })).node, null);
  assert.deepEqual((await bob.data('{ playlists { name } }')).playlists, []);
  assert.equal(await bob.code(add, { c: commandId(), id, t: [tracks[0].id] }), 'NOT_FOUND');
  assert.equal(await bob.code(remove, { c: commandId(), id }), 'NOT_FOUND');
  assert.equal(await bob.code('mutation ($c: ID!, $id: ID!) { renamePlaylist(commandId: $c, id: $id, name: "mine") { id } }',
    { c: commandId(), id }), 'NOT_FOUND');

  const seen = bob.subscribe('subscription ($id: ID!) { playlist(id: $id) { name } }', { id });
  await until(() => seen.problem, 'the subscription is refused');
  assert.equal(seen.problem[0].extensions.code, 'NOT_FOUND');
  assert.deepEqual(seen.events, []);
  await seen.close();
});

test('a public playlist is everybody\'s to read, its owner\'s to edit, and gone for others when it is taken back', async () => {
  const id = await newPlaylist('For all', [tracks[0].id, tracks[1].id]);
  const show = 'mutation ($c: ID!, $id: ID!, $p: Boolean!) { setPlaylistPublic(commandId: $c, id: $id, isPublic: $p) { isPublic version } }';
  const read = 'query ($id: ID!) { playlist(id: $id) { name isPublic owner { name } entries(first: 5) { nodes { track { id } } } } }';
  assert.equal(await bob.code(show, { c: commandId(), id, p: true }), 'NOT_FOUND');
  assert.equal((await ana.data(show, { c: commandId(), id, p: true })).setPlaylistPublic.isPublic, true);

  const { playlist } = await bob.data(read, { id });
  assert.deepEqual([playlist.name, playlist.isPublic, playlist.entries.nodes.map(({ track }) => track.id)],
    ['For all', true, [tracks[0].id, tracks[1].id]]);
  assert.deepEqual((await bob.data('{ playlists { name } }')).playlists, []);
  assert.equal(await bob.code(add, { c: commandId(), id, t: [tracks[0].id] }), 'NOT_FOUND');
  assert.equal(await bob.code(remove, { c: commandId(), id }), 'NOT_FOUND');

  const [theirs, mine] = [bob, ana].map((person) =>
    person.subscribe('subscription ($id: ID!) { playlist(id: $id) { entryCount isPublic } }', { id }));
  await until(() => theirs.events.length > 0 && mine.events.length > 0, 'both hear of it');
  await ana.data(show, { c: commandId(), id, p: false });
  await until(() => theirs.isComplete, 'it ends for others');
  await until(() => mine.events.some((event) => event.data.playlist.isPublic === false), 'it goes on for its owner');
  assert.equal((await bob.data(read, { id })).playlist, null);
  for (const seen of [theirs, mine]) await seen.close();
});

test('the subscription room tells its members of every change, ends when it is closed, and is refused to others', async () => {
  const { createRoom: { id } } = await ana.data('mutation ($c: ID!) { createRoom(commandId: $c, name: "Ours") { id } }', { c: commandId() });
  const follow = 'subscription ($id: ID!) { room(id: $id) { version messages(first: 1) { nodes { text } } } }';
  const theirs = bob.subscribe(follow, { id });
  await until(() => theirs.problem, 'it is refused to who is not in');
  assert.equal(theirs.problem[0].extensions.code, 'NOT_FOUND');
  const mine = ana.subscribe(follow, { id });
  await until(() => mine.events.length > 0, 'it begins');
  await ana.data('mutation ($c: ID!, $id: ID!) { postMessage(commandId: $c, roomId: $id, text: "hello") { id } }', { c: commandId(), id });
  await until(() => mine.events.some((event) => event.data.room.messages.nodes[0]?.text === 'hello'), 'what was said is seen');
  await ana.data('mutation ($c: ID!, $id: ID!) { closeRoom(commandId: $c, id: $id) }', { c: commandId(), id });
  await until(() => mine.isComplete, 'it ends');
  assert.equal(mine.problem, undefined);
  for (const seen of [theirs, mine]) await seen.close();
});

test('who only looks into a public room hears no more of it when it is private; who is in goes on', async () => {
  const { createRoom: { id } } = await ana.data('mutation ($c: ID!) { createRoom(commandId: $c, name: "Open", isPublic: true) { id } }', { c: commandId() });
  const follow = 'subscription ($id: ID!) { room(id: $id) { version isPublic } }';
  const post = 'mutation ($c: ID!, $id: ID!, $t: String!) { postMessage(commandId: $c, roomId: $id, text: $t) { id } }';
  const [theirs, mine] = [bob, ana].map((person) => person.subscribe(follow, { id }));
  await until(() => theirs.events.length > 0 && mine.events.length > 0, 'both hear of it');

  await ana.data('mutation ($c: ID!, $id: ID!) { setRoomPublic(commandId: $c, id: $id, isPublic: false) { id } }', { c: commandId(), id });
  await ana.data(post, { c: commandId(), id, t: 'now among us' });

  await until(() => theirs.isComplete, 'it ends');
  assert.equal(theirs.problem, undefined);
  assert.deepEqual(theirs.events.filter((event) => event.errors || event.data.room?.isPublic !== true), []);
  await until(() => mine.events.some((event) => event.data.room.isPublic === false), 'it goes on for its members');
  for (const seen of [theirs, mine]) await seen.close();
});

test('a listener may not touch the library', async () => {
  for (const edit of ['startScan(commandId: $c)', 'cancelScan(commandId: $c)', 'addLibraryRoot(commandId: $c, path: "/")'])
    assert.equal(await bob.code(`mutation ($c: ID!) { ${edit} { trackCount } }`, { c: commandId() }), 'FORBIDDEN', edit);
  assert.equal((await bob.data('{ me { role } }')).me.role, 'LISTENER');
});

test('an album lists its first 500 tracks, and pages of all', async () => {
  const album = (await ana.data('{ albums(first: 1) { nodes { id trackCount tracks { id } } } }')).albums.nodes[0];
  const ofAlbum = (selection) => `query($id: ID!) { album(id: $id) { ${selection} } }`;
  for (const [first, code] of [[0, 'INVALID'], [501, 'INVALID'], [1, undefined], [500, undefined]])
    for (const list of [`tracks(first: ${first}) { id }`, `trackPages(first: ${first}) { totalCount }`])
      assert.equal(await ana.code(ofAlbum(list), { id: album.id }), code, list);
  assert.ok(album.tracks.length > 1 && album.tracks.length === album.trackCount);
  const one = (await ana.data(ofAlbum('tracks(first: 1) { id } trackPages(first: 1) { nodes { id } pageInfo { endCursor hasNextPage } }'), { id: album.id })).album;
  assert.deepEqual(one.tracks, album.tracks.slice(0, 1));
  assert.deepEqual(one.trackPages.nodes, one.tracks);
  assert.ok(one.trackPages.pageInfo.hasNextPage);
  const rest = (await ana.data('query($id: ID!, $after: String) { album(id: $id) { trackPages(after: $after) { nodes { id } } } }',
    { id: album.id, after: one.trackPages.pageInfo.endCursor })).album;
  assert.deepEqual(rest.trackPages.nodes, album.tracks.slice(1));
});

test('pages have 1 to 500 items, and a cursor is one of theirs', async () => {
  for (const list of ['albums', 'artists', 'genres', 'tracks', 'favourites']) {
    for (const [first, code] of [[0, 'INVALID'], [501, 'INVALID'], [-1, 'INVALID'], [1, undefined], [500, undefined]])
      assert.equal(await ana.code(`{ ${list}(first: ${first}) { totalCount } }`), code, `${list} ${first}`);
    assert.equal(await ana.code(`{ ${list}(after: "not a cursor!") { totalCount } }`), 'INVALID', list);
  }
  for (const query of ['{ history(first: 0) { playedAt } }', '{ search(query: "a") { tracks(first: 0) { nodes { id } } } }'])
    assert.equal(await ana.code(query), 'INVALID', query);
  const id = await newPlaylist('Pages', tracks.slice(0, 3).map((track) => track.id));
  const page = 'query ($id: ID!, $after: String) { playlist(id: $id) { entries(first: 2, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } } }';
  const { playlist } = await ana.data(page, { id });
  assert.equal(playlist.entries.pageInfo.hasNextPage, true);
  const rest = await ana.data(page, { id, after: playlist.entries.pageInfo.endCursor });
  assert.equal(rest.playlist.entries.nodes.length, 1);
  assert.equal(rest.playlist.entries.pageInfo.hasNextPage, false);
});

test('ids of other kinds, and of nothing, are not found', async () => {
  const { album, track, node, playlist } = await ana.data(
    '{ album(id: "tr_1") { id } track(id: "tr_99") { id } node(id: "zz_1") { id } playlist(id: "pl_nothing") { id } }');
  assert.deepEqual([album, track, node, playlist], [null, null, null, null]);
  for (const bad of ['tr_0', 'tr_', 'nonsense', 'al_1'])
    assert.equal(await ana.code(create, { c: commandId(), n: 'x', t: [bad] }), 'NOT_FOUND', bad);
});

test('a playlist takes ten thousand tracks and not one more', async () => {
  const many = Array.from({ length: LONGEST_PLAYLIST }, (_, index) => tracks[index % tracks.length].id);
  // A command with all of them is past what a request may hold; by halves it fits.
  const half = many.slice(0, LONGEST_PLAYLIST / 2);
  const id = await newPlaylist('Long', half);
  const full = await ana.data(add, { c: commandId(), id, t: half });
  assert.equal(full.addToPlaylist.entryCount, LONGEST_PLAYLIST);
  assert.equal(await ana.code(add, { c: commandId(), id, t: [tracks[0].id] }), 'LIMIT');
  const { playlist } = await ana.data('query ($id: ID!) { playlist(id: $id) { entryCount entries(first: 500) { nodes { track { title } } } } }', { id });
  assert.equal(playlist.entryCount, LONGEST_PLAYLIST);
  assert.equal(playlist.entries.nodes.length, 500);
});

test('what a caller made of tracks comes with long lists, and is the caller\'s own', async () => {
  await ana.data('mutation ($c: ID!, $t: ID!) { setFavourite(commandId: $c, trackId: $t, isFavourite: true) { id } }',
    { c: commandId(), t: tracks[2].id });
  await ana.data('mutation ($c: ID!, $t: ID!) { setRating(commandId: $c, trackId: $t, rating: 4) { id } }',
    { c: commandId(), t: tracks[3].id });
  const query = '{ albums(first: 50) { nodes { tracks { id isFavourite rating playCount } } } again: tracks(first: 500) { nodes { id isFavourite rating } } }';
  for (const [person, favourites, ratings] of [[ana, [tracks[2].id], [tracks[3].id]], [bob, [], []]]) {
    const { albums, again } = await person.data(query);
    for (const nodes of [albums.nodes.flatMap((album) => album.tracks), again.nodes]) {
      assert.equal(nodes.length, tracks.length);
      assert.deepEqual(nodes.filter((track) => track.isFavourite).map((track) => track.id), favourites);
      assert.deepEqual(nodes.filter((track) => track.rating === 4).map((track) => track.id), ratings);
    }
  }
  assert.equal(await ana.code('mutation ($c: ID!, $t: ID!) { setRating(commandId: $c, trackId: $t, rating: 6) { id } }',
    { c: commandId(), t: tracks[0].id }), 'INVALID');
});

test('the subscriptions library and listeners begin with the state now', async () => {
  const library = ana.subscribe('subscription { library { trackCount scan { phase } } }');
  const listeners = bob.subscribe('subscription { listeners { isPlaying user { name } track { title } } }');
  await until(() => library.events.length > 0 && listeners.events.length > 0, 'both begin');
  assert.equal(library.events[0].data.library.trackCount, tracks.length);
  await ana.data('mutation ($c: ID!) { startScan(commandId: $c) { trackCount } }', { c: commandId() });
  await until(() => library.events.some((event) => event.data.library.scan.phase !== 'IDLE'), 'the scan is seen');
  await until(() => library.events.at(-1).data.library.scan.phase === 'IDLE', 'and its end');

  const session = ana.subscribe('subscription { session(deviceId: "g-1", deviceName: "test") { isPlaying } }');
  await until(() => session.events.length > 0, 'the device is there');
  await ana.data('mutation ($c: ID!, $t: [ID!]!) { playTracks(commandId: $c, deviceId: "g-1", trackIds: $t) { version } }',
    { c: commandId(), t: [tracks[0].id] });
  await until(() => listeners.events.at(-1).data.listeners.some((one) => one.user.name === 'ana' && one.isPlaying),
    'bob sees that ana listens');
  for (const seen of [library, listeners, session]) {
    assert.equal(seen.problem, undefined);
    await seen.close();
  }
});

test('the subscription track tells the caller of each change, and nobody else', async () => {
  const mine = ana.subscribe('subscription { track { id isFavourite } }');
  const theirs = bob.subscribe('subscription { track { id } }');
  const ready = [ana, bob].map((person) => person.subscribe('subscription { library { trackCount } }'));
  await until(() => ready.every((one) => one.events.length > 0), 'the connections are there');
  const favour = (isFavourite) => ana.data(
    'mutation ($c: ID!, $t: ID!, $f: Boolean!) { setFavourite(commandId: $c, trackId: $t, isFavourite: $f) { isFavourite } }',
    { c: commandId(), t: tracks[5].id, f: isFavourite });
  // Its subscription may come a moment after: change it until it is seen.
  let isFavourite = false;
  await until(async () => {
    isFavourite = !isFavourite;
    assert.equal((await favour(isFavourite)).setFavourite.isFavourite, isFavourite);
    return mine.events.length > 0;
  }, 'the change is seen');
  assert.equal(mine.events[0].data.track.id, tracks[5].id);
  assert.deepEqual(theirs.events, []);
  for (const seen of [mine, theirs, ...ready]) await seen.close();
});

test('the subscription playlist ends with the playlist, playlists goes on', async () => {
  const id = await newPlaylist('Short lived');
  const one = ana.subscribe('subscription ($id: ID!) { playlist(id: $id) { name } }', { id });
  const all = ana.subscribe('subscription { playlists { name } }');
  await until(() => one.events.length > 0, 'it begins');
  await ana.data(remove, { c: commandId(), id });
  await until(() => one.isComplete, 'it ends');
  assert.equal(one.problem, undefined);
  assert.ok(one.events.every((event) => event.errors === undefined));
  await newPlaylist('After it');
  await until(() => all.events.some((event) => event.data.playlists.some(({ name }) => name === 'After it')), 'the list goes on');
  for (const seen of [one, all]) await seen.close();
});

test('a stop with open subscriptions and requests ends in time and cleanly', async () => {
  const open = [ana, bob].flatMap((person) => [
    person.subscribe('subscription { session(deviceId: "s", deviceName: "s") { version } }'),
    person.subscribe('subscription { listeners { isPlaying } }'),
  ]);
  await until(() => open.every((one) => one.events.length > 0), 'all are open');
  let asked = 0;
  const asking = Promise.all(Array.from({ length: 8 }, async () => {
    for (;;) {
      try {
        await ana.ask('{ albums { nodes { tracks { isFavourite lyrics { lines { text } } } } } playlists { name } }');
        asked++;
      } catch {
        return;
      }
    }
  }));
  await until(() => asked > 10, 'requests are under way');
  const started = performance.now();
  server.child.kill('SIGTERM');
  const ended = await server.exited;
  assert.ok(performance.now() - started < 10000, `${performance.now() - started} ms`);
  assert.equal(ended.code, 0, server.log);
  await asking;
  for (const one of open) await one.close();
  server.ended = ended;
});
