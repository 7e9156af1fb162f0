// clock_steps.test.mjs -- the wall clock of a serving node steps by hours, forwards and backwards, under load. What is
// timed by the monotonic clock does not care; nothing fails, orders stay as they are, and who is signed in stays so
// where a token's time, seen by the new clock, is not over.
//
// libfaketime moves the wall clock, and leaves the monotonic one alone; a file says by how much. With LMDB: it gets the
// waits of the PostgreSQL journal's condition variables wrong, which are by the monotonic clock.

import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Oracle } from './support/oracle.mjs';
import { Server } from './support/server.mjs';

const LIBRARY = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1';
const STEPS = [5, -7, 26, 0]; // hours
const EDITS = 30, HOUR_MS = 3600000;

test('the wall clock steps', async (t) => {
  if (!existsSync(LIBRARY)) return t.skip('libfaketime is not here');
  const server = new Server({ database: false, flags: ['--watch=false'], environment: (folder) => ({
    LD_PRELOAD: LIBRARY, FAKETIME_TIMESTAMP_FILE: path.join(folder, 'clock'), FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  }) });
  const step = (by) => writeFileSync(path.join(server.folder, 'clock'), `${by}\n`);
  /** How far the node's clock is from ours. */
  const ahead = async () => {
    const id = (await oracle.create('now')).id;
    const { playlist } = await server.graphql('query ($id: ID!) { playlist(id: $id) { changedAt } }', { id });
    return (Date.parse(playlist.changedAt) - Date.now()) / HOUR_MS;
  };
  let oracle;
  const signIn = () => server.request('POST', '/api/v1/session', { name: 'ana', password: 'correct horse battery', deviceName: 'test' });
  try {
    step('+0');
    await server.start();
    await server.setUp();
    await server.scanned(12);
    oracle = new Oracle(server);
    await oracle.begin();
    for (const hours of STEPS) {
      const load = oracle.load();
      await oracle.acknowledged(EDITS);
      await load.stop();
      step(`${hours < 0 ? '' : '+'}${hours}h`);
      assert.equal((await signIn()).status, 201, `signing in at ${hours} h`); // a token's time may be over
      const after = oracle.load();
      await oracle.acknowledged(EDITS, `edits go on at ${hours} h`);
      await after.stop();
      assert.ok(Math.abs((await ahead()) - hours) < 0.1, `the node's clock is ${await ahead()} h ahead, not ${hours}`);
      await oracle.check();
      assert.ok(await server.isReady());
    }
    assert.deepEqual(JSON.parse(server.command('crashes', '--json').stdout), { count: 0, last: [] });
    await server.kill();
    step('-3h'); // it starts before the time at which it was writing
    await server.start();
    assert.equal((await signIn()).status, 201);
    await oracle.check();
    await oracle.checkProjections();
  } finally {
    await server.stop();
  }
});
