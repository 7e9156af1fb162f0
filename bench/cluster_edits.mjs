// cluster.edits: durable edits a second of a cluster of three nodes against a cluster of one, on this machine.
//
// Both run all the while, each with a PostgreSQL of its own, with fsync; the load goes to one and to the other in turns, so
// that both meet the same machine. CLIENTS kept-alive connections, spread over the nodes, rename a playlist each: an edit is
// acknowledged when it is durable. Of three nodes two thirds of the edits are for an actor of another node. The figure is the
// median of the ratios of neighbouring turns. There are no more processors for three nodes than for one, and the clients are
// on them, too.
//
// cluster.added_p99: what a node that leaves (SIGTERM) and comes back adds to the p99 of an edit, meanwhile: the median of
// RESTARTS of them. Clients ask the two nodes that stay.

import { Cluster } from '../tests/e2e/support/cluster.mjs';
import { commandId, until } from '../tests/e2e/support/server.mjs';
import { Connection, detail, median, print } from './support/figures.mjs';

const CLIENTS = Number(process.env.BENCH_CLIENTS ?? 48);
const TURNS = Number(process.env.BENCH_TURNS ?? 9), TURN_MS = 2000, WARM_UP_MS = 1000;
const RESTARTS = 3, FEW = 8, QUIET_MS = 3000;

process.env.MS_PG_OPTIONS ??= '-c fsync=on';

const CREATE = 'mutation ($c: ID!, $n: String!) { createPlaylist(commandId: $c, name: $n) { id } }';
const RENAME = 'mutation ($c: ID!, $id: ID!, $n: String!) { renamePlaylist(commandId: $c, id: $id, name: $n) { version } }';

async function makeCluster(count) {
  const cluster = new Cluster();
  for (let i = 0; i < count; i++) await cluster.add({ flags: ['--cluster-profile', 'usual'] }).start();
  const [first] = cluster.nodes;
  await first.setUp();
  await cluster.settled(count);
  const headers = { Cookie: first.cookieHeader() };
  cluster.clients = [];
  for (let i = 0; i < CLIENTS; i++) {
    const { createPlaylist: { id } } = await first.graphql(CREATE, { c: commandId(), n: `list ${i}` });
    const node = cluster.nodes[i % count];
    cluster.clients.push({ id, node, headers: { ...headers, Origin: node.origin }, edits: 0 });
  }
  return cluster;
}

async function edit(client, note) {
  const body = JSON.stringify({ query: RENAME, variables: { c: commandId(), id: client.id, n: `edit ${client.edits++}` } });
  const begun = performance.now(), answer = await client.connection.post('/graphql', body, client.headers);
  if (answer.status !== 200 || JSON.parse(answer.body).errors) throw new Error(`${answer.status} ${answer.body}`);
  note(begun, performance.now() - begun);
}

/** A node closes connections that nobody uses. */
async function connected(clients, act) {
  for (const client of clients) client.connection = await Connection.open(client.node.origin);
  const done = await act();
  for (const { connection } of clients) connection.close();
  return done;
}

/** Edits a second. */
const turn = ({ clients }, lastMs) => connected(clients, async () => {
  const begun = performance.now();
  let count = 0;
  await Promise.all(clients.map(async (client) => {
    while (performance.now() < begun + lastMs) await edit(client, () => count++);
  }));
  return count / (performance.now() - begun) * 1000;
});

function p99(figures) {
  const sorted = [...figures].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))];
}

/** One node leaves and comes back, while the clients of the others go on: what that adds. */
const restart = (cluster, node, clients) => connected(clients, async () => {
  const taken = [];
  let isOver = false;
  const load = Promise.all(clients.map(async (client) => {
    while (!isOver) await edit(client, (begun, ms) => taken.push([begun, ms]));
  }));
  await new Promise((next) => setTimeout(next, QUIET_MS));
  const changed = performance.now();
  node.child.kill('SIGTERM');
  await node.exited;
  await node.start();
  await until(() => cluster.status().moving === 0, 'all is where it belongs');
  isOver = true;
  await load;
  const of = (isBefore) => taken.filter(([begun]) => begun < changed === isBefore).map(([, ms]) => ms);
  return { added: Math.max(0, p99(of(false)) - p99(of(true))), most: Math.max(...of(false)) };
});

const clusters = [await makeCluster(1), await makeCluster(3)];
try {
  const figures = [[], []], ratios = [];
  for (const cluster of clusters) await turn(cluster, WARM_UP_MS);
  for (let i = 0; i < TURNS; i++) {
    for (const at of i % 2 === 0 ? [0, 1] : [1, 0]) figures[at].push(await turn(clusters[at], TURN_MS));
    ratios.push(figures[1].at(-1) / figures[0].at(-1));
  }
  print('cluster.edits.one', median(figures[0]), '1/s');
  print('cluster.edits.three', median(figures[1]), '1/s');
  print('cluster.edits.three.vs.one', median(ratios), 'x');
  detail('one', figures[0]);
  detail('three', figures[1]);
  detail('ratios', ratios);
  const restarts = [], [, three] = clusters, node = three.nodes.at(-1);
  const staying = three.clients.filter((client) => client.node !== node).slice(0, FEW);
  for (let i = 0; i < RESTARTS; i++) restarts.push(await restart(three, node, staying));
  print('cluster.added_p99', median(restarts.map((it) => it.added)), 'ms');
  print('cluster.added_most', median(restarts.map((it) => it.most)), 'ms');
} finally {
  for (const cluster of clusters) {
    await cluster.stop();
  }
}
