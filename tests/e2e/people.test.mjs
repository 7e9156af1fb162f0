// people.test.mjs -- listeners who follow each other: who sees what of whom, in GraphQL and in the SQL tables, and what an
// erasure of one leaves of the other.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { commandId, program, run, startServer, until } from './support/server.mjs';

const PEOPLE = ['bob', 'cid', 'dan'];
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
});
