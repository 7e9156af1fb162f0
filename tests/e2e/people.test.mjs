// people.test.mjs -- listeners who follow each other and talk in rooms: who sees what of whom, in GraphQL and in the SQL tables, what
// an export of one has, and what an erasure leaves of the others.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { commandId, program, run, startServer, until } from './support/server.mjs';

const PEOPLE = ['bob', 'cid', 'dan'], WORDS = 'zwackelhuber', ROOM = 'Quasselstrippe';
let server, people;

const sql = (text) => run('psql', ['-Atc', text, server.database]).stdout.trim();

/** What a reader of the SQL tables sees who is this user. */
const seenBy = (id, text) => run('psql', ['-At', '-c', 'BEGIN', '-c', 'SET LOCAL ROLE ms_read', '-c',
  `SELECT set_config('ms.uid', '${id.slice(3)}', true)`, '-c', text, server.database]).stdout.trim().split('\n').at(-1);

async function signIn(name, password) {
  const response = await fetch(`${server.origin}/api/v1/session`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ name, password, cookies: false }),
  });
  assert.equal(response.status, 201);
  const headers = { Authorization: `Bearer ${(await response.json()).accessToken}`, 'Content-Type': 'application/json' };
  const ask = async (query, variables = {}) => (await fetch(`${server.origin}/graphql`, {
    method: 'POST', headers, body: JSON.stringify({ query, variables: { c: commandId(), ...variables } }),
  })).json();
  const person = { name };
  person.code = async (...question) => (await ask(...question)).errors?.[0].extensions?.code;
  person.data = async (...question) => {
    const { data, errors } = await ask(...question);
    assert.equal(errors, undefined, JSON.stringify(errors));
    return data;
  };
  person.id = (await person.data('{ me { id } }')).me.id;
  return person;
}

before(async () => {
  server = await startServer({ database: true });
  await server.setUp();
  await server.scanned(12);
  people = { ana: await signIn('ana', 'correct horse battery') };
  for (const name of PEOPLE) {
    run(program, ['user', 'add', name, '--data', server.data], { input: `${name} has a password\n` });
    people[name] = await signIn(name, `${name} has a password`);
  }
});
after(() => server.stop());

const FOLLOW = 'mutation ($c: ID!, $u: ID!) { follow(commandId: $c, userId: $u) { name isFollowed } }';
const UNFOLLOW = 'mutation ($c: ID!, $u: ID!) { unfollow(commandId: $c, userId: $u) { name isFollowed } }';
const LISTS = `{ following { totalCount nodes { user { name } } } followers { totalCount nodes { user { name } since } } }`;
const names = ({ nodes }) => nodes.map(({ user }) => user?.name);

test('a follow is seen at both ends, and by nobody else', async () => {
  const { ana, bob, cid } = people;
  assert.deepEqual((await bob.data(FOLLOW, { u: ana.id })).follow, { name: 'ana', isFollowed: true });
  await bob.data(FOLLOW, { u: ana.id }); // twice is once
  await bob.data(FOLLOW, { u: cid.id });
  await cid.data(FOLLOW, { u: ana.id });
  await until(async () => (await ana.data(LISTS)).followers.totalCount === 2, 'ana knows her followers');

  assert.deepEqual(names((await bob.data(LISTS)).following), ['cid', 'ana']);
  assert.deepEqual(names((await ana.data(LISTS)).followers).sort(), ['bob', 'cid']);
  const { user } = await cid.data('query ($u: ID!) { user(id: $u) { followerCount followingCount isFollowed isFollower } }', { u: bob.id });
  assert.deepEqual(user, { followerCount: 0, followingCount: 2, isFollowed: false, isFollower: true });
  assert.equal(seenBy(ana.id, 'SELECT count(*) FROM follows'), '2');
  assert.equal(seenBy(bob.id, 'SELECT count(*) FROM follows'), '2');
  assert.equal(seenBy(people.dan.id, 'SELECT count(*) FROM follows'), '0');
});

test('nobody follows themselves, or nobody', async () => {
  const { ana } = people;
  assert.equal(await ana.code(FOLLOW, { u: ana.id }), 'INVALID');
  assert.equal(await ana.code(FOLLOW, { u: 'us_nobody' }), 'NOT_FOUND');
  assert.equal(await ana.code(FOLLOW, { u: 'tr_1' }), 'NOT_FOUND');
  assert.equal((await ana.data('{ user(id: "us_nobody") { name } }')).user, null);
});

test('pages of followers go on where one ended', async () => {
  const page = 'query ($a: String) { followers(first: 1, after: $a) { nodes { user { name } } pageInfo { hasNextPage endCursor } } }';
  const { followers: first } = await people.ana.data(page);
  const { followers: second } = await people.ana.data(page, { a: first.pageInfo.endCursor });
  assert.deepEqual([...names(first), ...names(second)].sort(), ['bob', 'cid']);
  assert.deepEqual([first.pageInfo.hasNextPage, second.pageInfo.hasNextPage], [true, false]);
});

const SHARE = 'mutation ($c: ID!, $on: Boolean!) { setSettings(commandId: $c, isActivityShared: $on) { isActivityShared } }';
const FAVOUR = 'mutation ($c: ID!, $t: ID!, $f: Boolean!) { setFavourite(commandId: $c, trackId: $t, isFavourite: $f) { id } }';
const FEED = `query ($a: String, $n: Int = 50) { activityFeed(first: $n, after: $a) { nodes { user { name } kind track { id } rating
  playlist { name } followed { name } } pageInfo { hasNextPage endCursor } } }`;
const feedOf = async (person, variables) => (await person.data(FEED, variables)).activityFeed;
const kinds = ({ nodes }) => nodes.map(({ user, kind }) => `${user.name} ${kind}`);

test('followers see what somebody shares, page by page, and nothing before it is shared', async () => {
  const { ana, bob, cid, dan } = people;
  const { tracks } = await cid.data('{ tracks(first: 3) { nodes { id } } }');
  const [one, two] = tracks.nodes.map(({ id }) => id);
  await cid.data(FAVOUR, { t: one, f: true });
  assert.deepEqual((await feedOf(bob)).nodes, []);
  assert.equal((await cid.data(SHARE, { on: true })).setSettings.isActivityShared, true);
  assert.equal(sql(`SELECT value FROM settings WHERE name = 'activity_shared' AND user_id = '${cid.id.slice(3)}'`), 'on');

  await cid.data(FAVOUR, { t: two, f: true });
  await cid.data('mutation ($c: ID!, $t: ID!) { setRating(commandId: $c, trackId: $t, rating: 4) { id } }', { t: one });
  const { createPlaylist: { id } } = await cid.data('mutation ($c: ID!) { createPlaylist(commandId: $c, name: "Shown") { id } }');
  const show = 'mutation ($c: ID!, $id: ID!, $p: Boolean!) { setPlaylistPublic(commandId: $c, id: $id, isPublic: $p) { id } }';
  await cid.data(show, { id, p: true });
  await until(async () => (await feedOf(bob)).nodes.length === 3, 'the playlist is among them');
  const feed = await feedOf(bob);
  assert.deepEqual(kinds(feed), ['cid PLAYLIST', 'cid RATING', 'cid FAVOURITE']);
  assert.deepEqual([feed.nodes[0].playlist.name, feed.nodes[1].rating, feed.nodes[1].track.id, feed.nodes[2].track.id], ['Shown', 4, one, two]);
  assert.deepEqual([(await feedOf(dan)).nodes, (await feedOf(ana)).nodes], [[], []]);

  const pages = [];
  for (let a, more = true; more;) {
    const page = await feedOf(bob, { a, n: 1 });
    pages.push(...kinds(page));
    ({ hasNextPage: more, endCursor: a } = page.pageInfo);
  }
  assert.deepEqual(pages, kinds(feed));
  assert.equal(await bob.code(FEED, { a: 'nonsense' }), 'INVALID');
  assert.deepEqual([bob, cid, dan, ana].map((person) => seenBy(person.id, 'SELECT count(*) FROM activities')), ['3', '3', '0', '0']);
});

test('what is taken back is not shown any more, nor is anything of who shares no more', async () => {
  const { bob, cid } = people;
  const { favourites } = await cid.data('{ favourites { nodes { id } } }');
  for (const { id } of favourites.nodes) await cid.data(FAVOUR, { t: id, f: false });
  assert.deepEqual(kinds(await feedOf(bob)), ['cid PLAYLIST', 'cid RATING']);
  await cid.data(SHARE, { on: false });
  assert.deepEqual((await feedOf(bob)).nodes, []);
  assert.equal(sql('SELECT count(*) FROM activities'), '0');
  await cid.data(SHARE, { on: true });
  await cid.data(FAVOUR, { t: favourites.nodes[0].id, f: true });
  assert.equal(sql('SELECT count(*) FROM activities'), '1');
});

const CREATE = 'mutation ($c: ID!, $n: String!, $p: Boolean) { createRoom(commandId: $c, name: $n, isPublic: $p) { id isMember owner { name } } }';
const JOIN = 'mutation ($c: ID!, $id: ID!) { joinRoom(commandId: $c, id: $id) { id isMember memberCount } }';
const LEAVE = 'mutation ($c: ID!, $id: ID!) { leaveRoom(commandId: $c, id: $id) }';
const POST = 'mutation ($c: ID!, $id: ID!, $t: String!) { postMessage(commandId: $c, roomId: $id, text: $t) { id text author { name } } }';
const SHOW = 'mutation ($c: ID!, $id: ID!, $p: Boolean!) { setRoomPublic(commandId: $c, id: $id, isPublic: $p) { isPublic } }';
const READ = 'query ($id: ID!) { room(id: $id) { name isMember memberCount owner { name } messages(first: 10) { totalCount nodes { id text author { name } } } } }';
const LOOK = 'query ($id: ID!) { room(id: $id) { name isMember memberCount } }';
let room;

test('what is said in a room is its members\' to read', async () => {
  const { ana, bob, cid, dan } = people;
  room = (await cid.data(CREATE, { n: ROOM, p: true })).createRoom.id;
  assert.equal((await bob.data(JOIN, { id: room })).joinRoom.memberCount, 2);
  await dan.data(JOIN, { id: room });
  const c = commandId();
  const said = (await cid.data(POST, { c, id: room, t: WORDS })).postMessage;
  assert.deepEqual([said.text, said.author.name], [WORDS, 'cid']);
  assert.equal((await cid.data(POST, { c, id: room, t: WORDS })).postMessage.id, said.id, 'a repeat says nothing twice');
  await bob.data(POST, { id: room, t: 'a word of bob' });

  const { messages } = (await dan.data(READ, { id: room })).room;
  assert.deepEqual(messages.nodes.map(({ text }) => text), ['a word of bob', WORDS]);
  assert.deepEqual((await ana.data(LOOK, { id: room })).room, { name: ROOM, isMember: false, memberCount: 3 });
  assert.equal(await ana.code(READ, { id: room }), 'FORBIDDEN');
  assert.equal(await ana.code(POST, { id: room, t: 'x' }), 'FORBIDDEN');
  assert.equal(await bob.code(SHOW, { id: room, p: false }), 'FORBIDDEN');
  assert.deepEqual((await bob.data('{ rooms { id } }')).rooms, [{ id: room }]);
  assert.deepEqual([ana, bob].map((person) => seenBy(person.id, 'SELECT count(*) FROM messages')), ['0', '2']);
  assert.deepEqual([ana, bob].map((person) => seenBy(person.id, 'SELECT count(*) FROM rooms')), ['1', '1']);
});

test('a private room is there for its members only', async () => {
  const { ana, cid, dan } = people;
  await cid.data(SHOW, { id: room, p: false });
  assert.equal((await ana.data(LOOK, { id: room })).room, null);
  assert.equal(await ana.code(JOIN, { id: room }), 'NOT_FOUND');
  assert.equal((await dan.data(LOOK, { id: room })).room.isMember, true);
  assert.equal(seenBy(ana.id, 'SELECT count(*) FROM rooms'), '0');
});

test('a message is deleted by who wrote it, a room closed by its owner', async () => {
  const { bob, cid, dan } = people;
  const remove = 'mutation ($c: ID!, $id: ID!, $m: ID!) { deleteMessage(commandId: $c, roomId: $id, messageId: $m) }';
  const close = 'mutation ($c: ID!, $id: ID!) { closeRoom(commandId: $c, id: $id) }';
  const { id: m } = (await dan.data(POST, { id: room, t: 'a slip' })).postMessage;
  assert.equal(await cid.code(remove, { id: room, m }), 'FORBIDDEN');
  assert.equal((await dan.data(remove, { id: room, m })).deleteMessage, m);
  assert.equal(await dan.code(remove, { id: room, m }), 'NOT_FOUND');

  const { id } = (await bob.data(CREATE, { n: 'Short lived', p: true })).createRoom;
  await dan.data(JOIN, { id });
  assert.equal(await dan.code(close, { id }), 'FORBIDDEN');
  await bob.data(close, { id });
  assert.equal((await dan.data(LOOK, { id })).room, null);
  assert.equal(sql(`SELECT count(*) FROM room_members WHERE room_id = '${id.slice(3)}'`), '0');
});

test('the words and the name are in no file as they were written', () => {
  run('psql', [server.database, '-c', 'CHECKPOINT']);
  const found = run('grep', ['-rlaF', '-e', WORDS, '-e', ROOM, server.folder], { mayFail: true }).stdout;
  assert.equal(found, '');
});

test('an export has the follows, the rooms and the own messages, and nobody else\'s', () => {
  const folder = path.join(server.folder, 'export-cid');
  const told = server.command('user', 'export', 'cid', folder);
  assert.equal(told.status, 0, told.stderr);
  const events = readFileSync(path.join(folder, 'events.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
  const of = (name) => events.filter(({ event }) => event === name).map(({ data }) => data);
  assert.deepEqual(of('user_follow_set').map(({ user_id }) => `us_${user_id}`), [people.ana.id]);
  assert.deepEqual(of('room_created').map(({ name }) => name), [ROOM]);
  assert.deepEqual(of('room_posted').map(({ text }) => text), [WORDS]);
  assert.deepEqual(of('room_joined'), []);
  run('rm', ['-r', folder]);
});

test('who is erased follows nobody, and nobody follows them: also in SQL, and after a kill and a rebuild', async () => {
  const { ana, bob, cid, dan } = people;
  await bob.data(UNFOLLOW, { u: ana.id });
  await dan.data(FOLLOW, { u: cid.id });
  await until(async () => (await cid.data(LISTS)).followers.totalCount === 2, 'cid has two followers');

  assert.equal(server.command('user', 'erase', 'cid', '--yes').status, 0);

  await until(async () => (await ana.data(LISTS)).followers.totalCount === 0, 'nobody follows ana any more');
  for (const person of [bob, dan]) assert.equal((await person.data(LISTS)).following.totalCount, 0);
  assert.equal(sql('SELECT count(*) FROM follows'), '0');
  await server.kill();
  await server.start();
  people.bob = await signIn('bob', 'bob has a password');
  assert.equal((await people.bob.data(LISTS)).following.totalCount, 0);
  assert.equal(server.command('storage', 'rebuild', 'follows', '--database', server.database).status, 0);
  assert.equal(sql('SELECT count(*) FROM follows'), '0');

  assert.equal(sql('SELECT count(*) FROM activities'), '0');
  assert.deepEqual((await feedOf(people.bob)).nodes, []);

  const left = (await people.bob.data(READ, { id: room })).room;
  assert.deepEqual(left.messages.nodes.map(({ text, author }) => [text, author.name]), [['a word of bob', 'bob']]);
  assert.deepEqual([left.name, left.owner.name, left.memberCount], ['', 'bob', 2]);
  assert.equal(server.command('storage', 'rebuild', 'rooms', '--database', server.database).status, 0);
  assert.equal(sql(`SELECT count(*) FROM messages WHERE user_id <> '${bob.id.slice(3)}'`), '0');
  assert.equal(sql(`SELECT count(*) FROM room_members WHERE user_id = '${cid.id.slice(3)}'`), '0');
});
