// cluster_look.test.mjs -- looking into three nodes from one of them: a request's way, top, live traces, recorders, status; also while
// one of them is stopped or gone.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { startCluster } from './support/cluster.mjs';
import { commandId, program, until } from './support/server.mjs';

let cluster;
before(async () => {
  cluster = await startCluster(3);
  await cluster.nodes[0].setUp();
  for (const at of [1, 2]) cluster.signIn(at);
  for (const at of [0, 1, 2]) await cluster.settled(3, at);
});
after(() => cluster.stop());

const CREATE = 'mutation($id: ID!, $name: String!) { createPlaylist(name: $name, commandId: $id) { id } }';
const RENAME = 'mutation($p: ID!, $id: ID!, $name: String!) { renamePlaylist(id: $p, name: $name, commandId: $id) { id } }';

const say = (at, ...args) => cluster.nodes[at].command(...args);
function ok(at, ...args) {
  const told = say(at, ...args);
  assert.equal(told.status, 0, `${args.join(' ')}: ${told.stderr}`);
  return told.stdout;
}
const lines = (text) => text.trim().split('\n').filter(Boolean).map((line) => JSON.parse(line));
/** Node numbers by place. */
const numberOf = (at) => cluster.status(at).node;

/** A change by that node's gateway, as a request of this trace. */
async function request(at, query, variables, traceparent) {
  const node = cluster.nodes[at];
  const headers = { 'Content-Type': 'application/json', Origin: node.origin, Cookie: node.cookieHeader() };
  if (traceparent) headers.traceparent = traceparent;
  const response = await fetch(`${node.origin}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return { data, id: response.headers.get('x-request-id'), told: response.headers.get('traceresponse') };
}

let traces = 0;
const newTrace = () => `${process.pid.toString(16).padStart(8, '0')}a3ce929d0e0e47${(++traces).toString(16).padStart(10, '0')}`;
const sampled = (id) => `00-${id}-00f067aa0ba902b7-01`;

/** A playlist whose actor is on another node than that one, with its key. */
async function playlistElsewhere(at) {
  for (let i = 0; i < 50; i++) {
    const { data } = await request(at, CREATE, { id: commandId(), name: `far ${i}` });
    const id = newTrace();
    await request(at, RENAME, { p: data.createPlaylist.id, id: commandId(), name: 'renamed' }, sampled(id));
    const handled = lines(ok(at, 'trace', id, '--json')).find(({ event, message }) => event === 'handled' && message === 'playlist_rename');
    if (handled && handled.node !== numberOf(at)) return { id: data.createPlaylist.id, node: handled.node };
  }
  throw new Error('all playlists are here');
}

test('a request has one trace from the gateway to the last node, and every node can show it', async () => {
  const { id: playlist, node } = await playlistElsewhere(1);
  const id = newTrace();
  const { id: requestId, told } = await request(1, RENAME, { p: playlist, id: commandId(), name: 'traced' }, sampled(id));
  assert.equal(requestId, id);
  assert.match(told, new RegExp(`^00-${id}-[0-9a-f]{16}-01$`));
  const here = numberOf(1);
  for (const at of [0, 1, 2]) {
    const text = ok(at, 'trace', id);
    const rows = text.split('\n');
    const row = (what) => rows.findIndex((line) => line.includes(what));
    assert.match(rows[row('POST /graphql')], new RegExp(`^ +0\\.000 ${here} +[0-9.]+ .*POST /graphql, status 200`));
    assert.match(rows[row('playlist_rename')], new RegExp(`^ +[0-9.]+ ${node} .*  playlist_rename  playlist`));
    assert.ok(row('POST /graphql') < row('playlist_rename') && row('playlist_rename') < row('to who asked'), text);
    for (const other of [0, 1, 2]) assert.match(text, new RegExp(`node ${numberOf(other)} at .*clock`));
  }
  assert.ok(!/traced|renamed/.test(ok(0, 'trace', id, '--json')), 'no payload');
  // Of one node alone there is a part.
  const part = lines(ok(1, 'trace', id, '--here', '--json'));
  assert.ok(part.some(({ event }) => event === 'carried') && !part.some(({ event, message }) => event === 'handled' && message === 'playlist_rename'));
});

test('what nobody asked to record is not, and the command says how to; at level messages it is, on all nodes', async () => {
  const { id: playlist, node } = await playlistElsewhere(1);
  const rename = () => request(1, RENAME, { p: playlist, id: commandId(), name: 'quiet' });
  const { id: unseen, told } = await rename();
  assert.match(unseen, /^[0-9a-f]{32}$/);
  assert.equal(told, null);
  const missing = say(0, 'trace', unseen);
  assert.equal(missing.status, 1);
  assert.match(missing.stderr, /traceparent: 00-TRACE-SPAN-01.*\n?.*--level messages/);

  assert.equal(ok(0, 'recorder', '--cluster', '--level', 'messages').match(/is at level messages/g).length, 3);
  const { id } = await rename();
  assert.match(ok(2, 'trace', id), new RegExp(` ${node} .*playlist_rename  playlist`));

  const file = path.join(cluster.folder, 'all.json');
  assert.match(ok(0, 'recorder', '--cluster', '--last', '60s', '--chrome', file), /events of 3 nodes are in/);
  const { traceEvents } = JSON.parse(readFileSync(file, 'utf8'));
  assert.equal(new Set(traceEvents.map(({ pid }) => pid)).size, 3);
  const flows = traceEvents.filter(({ cat }) => cat === 'link');
  assert.ok(flows.some(({ ph }) => ph === 's'));
  for (const begin of flows.filter(({ ph }) => ph === 's')) {
    const [end, ...more] = flows.filter(({ ph, id: flow }) => ph === 'f' && flow === begin.id);
    assert.equal(more.length, 0);
    assert.ok(end.ts >= begin.ts && end.pid !== begin.pid, JSON.stringify([begin, end]));
  }
  assert.match(ok(0, 'recorder', '--cluster', '--event', 'received', '--max', '5'), /received .*from node \d/);
  ok(0, 'recorder', '--cluster', '--level', 'life');
});

test('a live trace is of the actor wherever it is, and goes on when it moves', async () => {
  const { id: playlist, node } = await playlistElsewhere(0);
  const owner = [1, 2].find((at) => numberOf(at) === node);
  const child = spawn(program, ['cluster', 'trace', 'playlist', '--type', 'playlist_rename', '--json', '--data', cluster.nodes[0].data]);
  let text = '';
  child.stdout.on('data', (more) => (text += more));
  const seen = () => lines(text.slice(0, text.lastIndexOf('\n') + 1)).filter(({ event }) => event === 'handled').map((line) => line.node);
  const rename = () => request(0, RENAME, { p: playlist, id: commandId(), name: 'hidden name' });
  try {
    await until(async () => (await rename(), seen().includes(node)), 'it is seen where it is');
    ok(0, 'cluster', 'drain', String(node));
    await until(() => cluster.status(owner).served === 0, 'its partitions have moved');
    await until(async () => (await rename(), seen().some((at) => at !== node)), 'it is seen where it went');
    assert.ok(!text.includes('hidden name'));
  } finally {
    child.kill('SIGINT');
    await new Promise((ended) => child.on('exit', ended));
  }
  const refused = say(0, 'cluster', 'trace', 'nonsense');
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /no such kind/);
});

/** Text as it is shown in a terminal of so many columns. */
function inTerminal(columns, at, ...args) {
  const command = [program, ...args, '--data', cluster.nodes[at].data].map((word) => `'${word}'`).join(' ');
  const told = spawnSync('script', ['-qec', `stty cols ${columns} rows 40; ${command}`, '/dev/null'], { encoding: 'utf8', input: '' });
  return told.stdout.replaceAll('\r', '');
}

test('status is a table that fits, and says what each node is doing', () => {
  const table = ok(0, 'cluster', 'status', '--once');
  assert.ok(!table.includes('\u001b'), 'no colour where it is no terminal');
  assert.match(table, /^view \d+, node \d+ is active, lease [0-9.]+ of 1\.0 s/);
  for (const at of [0, 1, 2]) assert.match(table, new RegExp(`^${numberOf(at)} +(active|leaving) `, 'm'));
  for (const columns of [80, 160]) {
    const shown = inTerminal(columns, 0, 'cluster', 'status', '--once').replace(/\u001b\[[0-9;]*m/g, '');
    for (const line of shown.split('\n')) assert.ok([...line].length <= columns, `${columns}: ${line}`);
    assert.match(shown, /NODE +STATUS.*LOAD.*ACTORS.*LINK/);
    for (const at of [0, 1, 2]) assert.match(shown, new RegExp(`^${numberOf(at)} +(active|leaving)`, 'm'));
  }
});

test('figures to scale and to be woken by are in /metrics', async () => {
  const text = await (await fetch(`${cluster.nodes[0].origin}/metrics`)).text();
  for (const family of ['load_per_mille', 'messages_waiting', 'queue_age_milliseconds', 'has_lease', 'lease_milliseconds', 'view', 'live_nodes', 'partitions', 'partitions_moving'])
    assert.match(text, new RegExp(`^musicstream_cluster_${family} \\d+$`, 'm'), family);
  assert.match(text, /^musicstream_cluster_link_is_up\{node="\d+"\} [01]$/m);
});

test('top shows all nodes, with one that is stopped as silent, and this one alone when asked', async () => {
  const round = (...args) => lines(ok(0, 'top', '--once', '--json', '--every', '300ms', ...args));
  const told = round();
  assert.deepEqual(told.slice(0, -1).map(({ node }) => node).sort(), [0, 1, 2].map(numberOf).sort());
  assert.ok(told.at(-1).is_end);
  assert.ok(told.slice(0, -1).every(({ sample, error }) => sample.actor_count > 0 && !error));
  assert.match(ok(0, 'top', '--once', '--every', '300ms'), /^NODE +MSG\/S/m);
  const [own] = round('--here');
  assert.ok(own.actors.length > 0 && own.node === undefined);

  // A node that is stopped is silent in top until the others have declared it dead.
  const stopped = numberOf(2);
  const child = spawn(program, ['top', '--json', '--every', '200ms', '--data', cluster.nodes[0].data]);
  let text = '';
  child.stdout.on('data', (more) => (text += more));
  const samples = () => lines(text.slice(0, text.lastIndexOf('\n') + 1));
  try {
    await until(() => samples().some(({ node, sample }) => node === stopped && sample), 'it is there');
    cluster.nodes[2].child.kill('SIGSTOP');
    await until(() => samples().some(({ node, error }) => node === stopped && error), 'it is shown as silent');
    const silent = samples().find(({ node, error }) => node === stopped && error);
    assert.ok(silent.silent_ms >= 0 && silent.code.match(/TIMEOUT|UNAVAILABLE/), JSON.stringify({ ...silent, sample: undefined }));
    const before = samples().filter((line) => line.is_end).length;
    await until(() => samples().filter((line) => line.is_end).length > before + 3, 'the others are still shown');
    assert.ok(samples().at(-2).sample.actor_count > 0);
  } finally {
    child.kill('SIGINT');
    await new Promise((ended) => child.on('exit', ended));
    await cluster.nodes[2].kill();
  }
});

test('a killed node is dead in status and gone from top, and its recorder is still read where it lies', async () => {
  const number = numberOf(1);
  await cluster.nodes[1].kill();
  await until(() => cluster.status(0).members.find(({ node }) => node === number)?.status === 'dead', 'it is dead');
  await until(() => !say(0, 'top', '--once', '--json', '--every', '300ms').stdout.includes(`{"node":${number},`), 'top has it no more');
  assert.match(ok(1, 'recorder', '--max', '5'), /runs, or was killed/);
  const refused = say(1, 'cluster', 'status', '--once');
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /no node runs on the data folder .*musicstream serve/);
});
