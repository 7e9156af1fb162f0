// kill.test.mjs -- the server is killed with SIGKILL at random moments under load, on either backend; some of its starts
// are killed, too. What must be true after each: support/oracle.mjs.
//
// MS_ROUNDS multiplies the rounds, MS_SEED repeats a run's choices (not the scheduling).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { draws, Oracle } from './support/oracle.mjs';
import { startServer } from './support/server.mjs';

const ROUNDS = Math.max(1, Math.round(12 * Number(process.env.MS_ROUNDS ?? 1)));
const START_KILL_MS_MAX = 150, LOAD_MS_MAX = 300;

async function startAgain(server, draw) {
  if (draw.below(3) === 0) {
    const started = server.start().catch(() => {}); // this start is killed on its way
    // The moment of the kill is what is tested: no condition stands for it.
    await new Promise((next) => setTimeout(next, draw.below(START_KILL_MS_MAX)));
    await server.kill();
    await started;
  }
  await server.start();
  server.isGoing = false;
}

for (const database of [false, true]) {
  test(`${ROUNDS} kills under load lose nothing, ${database ? 'PostgreSQL' : 'LMDB'}`, async (t) => {
    const draw = draws();
    t.diagnostic(`MS_SEED=${draw.seed}`);
    const server = await startServer({ database, flags: ['--watch=false'] });
    try {
      await server.setUp();
      await server.scanned(12);
      const oracle = new Oracle(server, { draw });
      await oracle.begin();
      for (let round = 0; round < ROUNDS; round++) {
        const load = oracle.load();
        // The same.
        await Promise.race([load.all, new Promise((next) => setTimeout(next, 20 + draw.below(LOAD_MS_MAX)))]);
        server.isGoing = true; // from here a lost connection is no surprise
        await server.kill();
        await load.stop();
        await startAgain(server, draw);
        await oracle.check();
      }
      await oracle.checkProjections();
      t.diagnostic(JSON.stringify(oracle.counts));
      assert.ok(oracle.counts.acknowledged > ROUNDS * 10 && oracle.counts.rejected > 0, JSON.stringify(oracle.counts));
    } finally {
      await server.stop();
    }
  });
}
