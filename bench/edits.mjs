// journal.edit_latency: an edit through the gateway, acknowledged: from writing the request to the last byte of its answer.
//
// One client on one kept-alive connection sets and takes back a favourite, each with a command id of its own, so each is an
// event that is sealed and durable before it is answered. A real node on either backend; PostgreSQL is one of its own, with
// fsync. p50 and p99 of all edits after a warm-up. Beside them journal.edit_latency.sync: what the disk takes, in between, for
// one write of 4 KiB and its fdatasync.

import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { commandId, startServer } from '../tests/e2e/support/server.mjs';
import { Connection, detail, print } from './support/figures.mjs';

const WARM_UP = 200;
const EDITS = 2000;
const EDITS_A_SYNC = 10;

process.env.MS_PG_OPTIONS ??= '-c fsync=on';

const mutation =
  'mutation ($c: ID!, $t: ID!, $f: Boolean!) { setFavourite(commandId: $c, trackId: $t, isFavourite: $f) { id } }';

function at(figures, share) {
  const sorted = [...figures].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

async function measure(server) {
  await server.setUp();
  await server.scanned(3);
  const { tracks } = await server.graphql('{ tracks(first: 1) { nodes { id } } }');
  const connection = await Connection.open(server.origin);
  const headers = { Origin: server.origin, Cookie: server.cookieHeader() };
  const file = openSync(path.join(server.folder, 'sync'), 'w');
  const figures = [];
  const syncs = [];
  for (let i = 0; i < WARM_UP + EDITS; i++) {
    const body = JSON.stringify(
      { query: mutation, variables: { c: commandId(), t: tracks.nodes[0].id, f: i % 2 === 0 } });
    const began = performance.now();
    const answer = await connection.post('/graphql', body, headers);
    const took = performance.now() - began;
    if (answer.status !== 200 || JSON.parse(answer.body).errors) throw new Error(`${answer.status} ${answer.body}`);
    if (i >= WARM_UP) figures.push(took);
    if (i % EDITS_A_SYNC !== 0) continue;
    const sync = performance.now();
    writeSync(file, Buffer.alloc(4096, i));
    fdatasyncSync(file);
    syncs.push(performance.now() - sync);
  }
  connection.close();
  closeSync(file);
  return { figures, syncs };
}

for (const [name, database] of [['lmdb', false], ['postgres', true]]) {
  const server = await startServer({ database });
  try {
    const { figures, syncs } = await measure(server);
    print(`journal.edit_latency.${name}.p50`, at(figures, 0.5), 'ms');
    print(`journal.edit_latency.${name}.p99`, at(figures, 0.99), 'ms');
    print(`journal.edit_latency.${name}.sync`, at(syncs, 0.5), 'ms');
    detail(name, figures);
  } finally {
    await server.stop();
  }
}
