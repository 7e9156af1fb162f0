// regions.test.mjs -- the database has a standby in another region. The primary is killed under a crowd's load and the
// standby promoted: where commits waited for it all that was acknowledged is there; where they did not, what is lost is
// lost for everybody, nodes and their places with it, and the cluster goes on as one.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { draws } from '../e2e/support/oracle.mjs';
import { commandId, until } from '../e2e/support/server.mjs';
import { Cluster } from './support/cluster.mjs';
import { Crowd, now } from './support/crowd.mjs';
import { Judge } from './support/judge.mjs';

const ADD = 'mutation ($c: ID!, $id: ID!, $t: [ID!]!) { addToPlaylist(commandId: $c, id: $id, trackIds: $t) { version entryCount } }';
const LOOK = 'query ($id: ID!) { playlist(id: $id) { version entryCount } }';
const LISTS = 12;
const draw = draws();
let cluster, crowd, primary, standby;

before(async () => {
  cluster = await Cluster.build({ machines: ['east', 'west'] }, 'one', 'two', 'three');
  primary = cluster.database;
  await cluster.start('one', 'two', 'three');
  standby = await primary.standby('west');
});

after(async () => {
  crowd?.end();
  assert.deepEqual(await cluster?.end(), []);
});

const numbers = () => Promise.all(cluster.nodes.map(async (node) => (await cluster.status(node)).node));
const lost = (seen) => seen.reduce((sum, it) => sum + it.lost, 0);
const crashes = async () => {
  for (const node of cluster.nodes) assert.deepEqual(JSON.parse(await node.command('', 'crashes', '--json')), { count: 0, last: [] });
};

/** Who was the primary is lost, and a new standby is made where it was. */
async function failOver() {
  await primary.control('kill');
  await crowd?.refused(3);
  await standby.control('promote');
  const { machine } = primary;
  primary = standby;
  return async () => (standby = await primary.standby(machine));
}

test('where commits wait for the standby nothing that was acknowledged is lost', async (t) => {
  await cluster.settled(3);
  await primary.waitForIt(true);
  const before = await numbers();
  crowd = await Crowd.gather([...cluster.nodes], { draw });
  crowd.begin();
  await crowd.steady();
  const makeStandby = await failOver();
  const promoted = now();
  await crowd.steady(1, 'the next command is acknowledged');
  const served = now();
  await crowd.steady();
  await crowd.rest();

  await new Judge(crowd, primary).judge('synchronous fail-over');
  assert.deepEqual(await numbers(), before, 'no node ended');
  const seen = await cluster.settled(3);
  assert.equal(lost(seen), 0, 'each partition is whose it was');
  for (const { log } of cluster.nodes) {
    assert.match(log, /another server has taken over .* with all that was acknowledged/);
    assert.doesNotMatch(log, /are lost/);
  }
  await crashes();
  t.diagnostic(`MS_SEED=${draw.seed}: the next command ${Math.round(served - promoted)} ms after the standby was promoted; ${JSON.stringify(crowd.counts)}`);
  crowd.end();
  crowd = undefined;
  await primary.waitForIt(false); // else nothing can be written: there is none
  await makeStandby();
});

/** As ana, at any node. */
async function ask(node, token, query, variables) {
  const response = await fetch(`${node.origin}/graphql`, { method: 'POST', body: JSON.stringify({ query, variables }),
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' } });
  const answer = await response.json();
  if (answer.errors || !answer.data) throw new Error(JSON.stringify(answer));
  return Object.values(answer.data)[0];
}

function surely(node, ...words) {
  let why;
  return until(() => ask(node, ...words).catch((error) => void (why = error)), () => `${node.name} answers ${words[1]}: ${why}`);
}

test('a row of the fence that goes back under the node that serves it is noticed, and the partition served again', async () => {
  const token = await cluster.nodes[0].signIn('ana'), [node] = cluster.nodes, owners = await numbers();
  const { id } = await ask(node, token, 'mutation ($c: ID!) { createPlaylist(commandId: $c, name: "moved under its feet") { id } }', { c: commandId() });
  const { nodes: [track] } = await ask(node, token, '{ tracks(first: 1) { nodes { id } } }');
  const partition = await primary.sql(`SELECT partition FROM streams JOIN events USING (stream) WHERE stream LIKE 'playlist/%'
    ORDER BY events.timeline DESC, xid DESC, ordinal DESC LIMIT 1`);
  const row = async () => (await primary.sql(`SELECT owner, epoch FROM partitions WHERE id = ${partition}`)).split('|').map(Number);
  const [owner, epoch] = await row(), other = owners.find((number) => number !== owner);
  await primary.sql(`UPDATE partitions SET owner = ${other}, epoch = epoch - 1 WHERE id = ${partition}`);

  const { version } = await surely(node, token, ADD, { c: commandId(), id, t: [track.id] });
  await until(async () => (await row())[0] === owner, 'it is where it is placed');
  const [, epochAfter] = await row();

  assert.equal(version, 2);
  assert.ok(epochAfter > epoch, `${epochAfter}: at an epoch that nobody served before`);
  for (const it of cluster.nodes) assert.deepEqual(await surely(it, token, LOOK, { id }), { version: 2, entryCount: 1 });
  assert.equal(lost(await cluster.settled(3)), 1);
});

test('without, what is lost is lost for all, and the cluster goes on as one', async (t) => {
  const [one, two, three] = cluster.nodes, token = await one.signIn('ana'), lists = [];
  const { nodes: [track] } = await ask(one, token, '{ tracks(first: 1) { nodes { id } } }');
  for (let i = 0; i < LISTS; i++)
    lists.push((await ask(one, token, 'mutation ($c: ID!, $n: String!) { createPlaylist(commandId: $c, name: $n) { id } }', { c: commandId(), n: `list ${i}` })).id);
  await standby.fallBehind(primary);

  // What the standby will not know: a node left and came back as another one, partitions moved twice, and edits.
  const [, , before] = await numbers();
  assert.deepEqual(await three.terminate(), { code: 0, signal: null });
  await cluster.settled(2, [one, two]);
  await three.start();
  await cluster.settled(3);
  const commands = lists.map(() => commandId());
  for (const [i, id] of lists.entries()) assert.equal((await ask(cluster.nodes[i % 3], token, ADD, { c: commands[i], id, t: [track.id] })).entryCount, 1);

  await failOver();
  const promoted = now();
  assert.deepEqual(await three.server.exited, { code: 1, signal: null }, 'the node that nobody knows ends');
  assert.match(three.log, /the table says that this node is dead/);
  await three.start(); // as systemd does
  const seen = await cluster.settled(3), [, , number] = await numbers();
  t.diagnostic(`three nodes are one again ${Math.round(now() - promoted)} ms after the standby was promoted`);
  assert.ok(number > 10000000 && number !== before, `${number}: no number of before`);
  assert.ok(lost(seen) > 0, 'who served what had gone back has noticed');
  assert.match(one.log + two.log, /another server has taken over .* are lost/);

  for (const [i, id] of lists.entries()) {
    for (const node of cluster.nodes) assert.deepEqual(await surely(node, token, LOOK, { id }), { version: 1, entryCount: 0 }, 'it is lost, for everybody');
    assert.equal((await surely(cluster.nodes[(i + 1) % 3], token, ADD, { c: commands[i], id, t: [track.id] })).entryCount, 1, 'and is done when it is sent again');
  }
  for (const name of ['eva', 'fay']) await one.command('correct horse battery\n', 'user', 'add', name);
  crowd = await Crowd.gather([...cluster.nodes], { draw, listeners: ['eva', 'fay'] });
  crowd.begin();
  await crowd.steady();
  await crowd.rest();
  const judge = new Judge(crowd, primary);
  await judge.judge('after an asynchronous fail-over');
  for (const id of lists)
    for (const node of cluster.nodes) assert.deepEqual(await surely(node, token, LOOK, { id }), { version: 2, entryCount: 1 });
  await crashes();
});
