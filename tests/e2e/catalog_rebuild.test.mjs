// The catalog made anew from the journal, while the node serves and while it does not, with either journal.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { program, run, startServer } from './support/server.mjs';

const servers = [];
after(() => Promise.all(servers.map((server) => server.stop())));

const BROWSE = '{ library { trackCount } albums(first: 50) { nodes { id title trackCount } } artists(first: 50) { nodes { id name } } }';

for (const database of [false, true]) {
  const backend = database ? 'PostgreSQL' : 'LMDB';
  let server;
  const command = () => ['storage', 'rebuild', 'local-catalog', '--data', server.data,
    ...(server.database ? ['--database', server.database] : [])];

  test(`${backend}: listeners see the same before, while and after it is built anew`, async () => {
    server = await startServer({ database: database || undefined });
    servers.push(server);
    await server.setUp();
    await server.scanned(12);
    const seen = await server.graphql(BROWSE);
    for (let i = 0; i < 3; i++) {
      const child = spawn(program, command());
      let out = '';
      child.stdout.on('data', (text) => (out += text));
      const exited = new Promise((done) => child.once('exit', done));
      while (child.exitCode === null) {
        assert.deepEqual(await server.graphql(BROWSE), seen);
        assert.equal((await fetch(`${server.origin}/readyz`)).status, 200);
      }
      assert.equal(await exited, 0, server.log);
      assert.equal(out, 'local-catalog: built anew\n');
    }
    assert.deepEqual(await server.graphql(BROWSE), seen);
    const metrics = await (await fetch(`${server.origin}/metrics`)).text();
    assert.match(metrics, /^musicstream_catalog_is_building 0$/m);
    for (const left of ['catalog.new', 'catalog.old']) assert.ok(!existsSync(path.join(server.data, left)), left);
  });

  test(`${backend}: without a node the command does it itself`, async () => {
    const seen = await server.graphql(BROWSE);
    await server.kill();
    assert.equal(run(program, command()).stdout, 'local-catalog: built anew\n');
    await server.start();
    assert.deepEqual(await server.graphql(BROWSE), seen);
  });
}

test('a catalog that is gone is built while the node starts, which is ready when it is there', async () => {
  const [server] = servers;
  const seen = await server.graphql(BROWSE);
  await server.kill();
  // What a power cut leaves: the files of another boot.
  writeFileSync(path.join(server.data, 'catalog/boot'), 'another one');
  await server.start(); // until /readyz answers 200
  assert.deepEqual(await server.graphql(BROWSE), seen);
});
