// one_node.test.mjs -- one node and its database on a street of their own, used all the while by a crowd, and broken in
// every way that does not need a second one. What must be true after each: support/judge.mjs.
//
// MS_CHAOS=whole: all of it; else the short part. MS_ROUNDS multiplies the rounds, MS_SEED repeats a run's choices (not
// the scheduling). What took how long is printed, and asserted nowhere.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { draws } from '../e2e/support/oracle.mjs';
import { until } from '../e2e/support/server.mjs';
import { Crowd, now } from './support/crowd.mjs';
import { Database } from './support/database.mjs';
import { Judge } from './support/judge.mjs';
import { Network } from './support/network.mjs';
import { Node } from './support/node.mjs';
import { startProxy } from './support/proxy.mjs';

const isWhole = process.env.MS_CHAOS === 'whole', ROUNDS = Number(process.env.MS_ROUNDS ?? 1);
const PORT = 5432;
const FAULT_MS = 2000; // how long something is away, where that is what is tested
const draw = draws();
let network, database, proxy, node, crowd, judge;

const pause = (ms) => new Promise((next) => setTimeout(next, ms));

before(async () => {
  network = await Network.build('node', 'database');
  database = await Database.start(network, 'database');
  proxy = await startProxy({ host: network.at('database').address, port: PORT });
  node = new Node(network, 'node', { database: database.address });
  await node.start();
  await node.setUp('bob', 'cid', 'dan');
  crowd = await Crowd.gather([node], { draw });
  judge = new Judge(crowd, database);
});

after(async () => {
  crowd?.end();
  await network?.heal();
  const ended = await node?.stop();
  await proxy?.stop();
  assert.equal(ended?.code, 0, node?.log);
});

/** The node's way to its database leads through the proxy meanwhile. */
async function detoured(act) {
  const detour = await network.detour('node', 'database', PORT, proxy), before = proxy.accepted;
  await database.sql('SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE client_addr IS NOT NULL');
  await until(() => proxy.accepted > before, 'the node goes that way');
  await crowd.steady();
  await act();
  await detour.heal();
  proxy.pass();
  proxy.reset();
}

/** Under load: breaks it, mends it, and until all of it works again; then it is judged. */
async function broken(t, what, breakIt, mendIt = () => {}) {
  const begun = now(), { acknowledged } = crowd.counts;
  crowd.begin();
  await crowd.steady();
  await breakIt();
  await mendIt();
  const mended = now();
  await crowd.steady(1, 'the next command is acknowledged');
  const served = now();
  await crowd.steady();
  await crowd.rest();
  await judge.judge(what);
  const count = crowd.counts.acknowledged - acknowledged;
  t.diagnostic(`${count} commands in ${((now() - begun) / 1000).toFixed(1)} s; served ${Math.round(served - mended)} ms after it was mended`);
}

const FAULTS = {
  'the node is killed': {
    rounds: isWhole ? 5 : 1,
    breakIt: () => node.during(async () => {
      await node.kill();
      await node.start();
    }),
  },
  'the node is stopped for a while and goes on': {
    breakIt: () => node.during(async () => {
      node.freeze();
      await pause(FAULT_MS);
      node.thaw();
    }),
  },
  'the node is slow': {
    isLong: true,
    breakIt: () => node.during(async () => {
      const slow = node.slow(0.15);
      await crowd.steady();
      slow.end();
    }),
  },
  'clients and the node lose a fifth of what they say': {
    breakIt: () => node.during(async () => {
      const faults = [await network.lose(0.2, 'node', 'street'), await network.lose(0.2, 'street', 'node')];
      await crowd.steady();
      for (const fault of faults) await fault.heal();
    }),
  },
  'the node and its database lose a fifth': {
    isLong: true,
    breakIt: async () => {
      const fault = await network.lose(0.2, 'node', 'database');
      await crowd.steady();
      await fault.heal();
    },
  },
  'the database is cut off': { breakIt: () => away(() => network.cut('node', 'database')) },
  'what the database says does not come': { isLong: true, breakIt: () => away(() => network.cutOneWay('database', 'node')) },
  'connections to the database are reset': {
    breakIt: () => detoured(async () => {
      proxy.reset();
      await crowd.steady();
    }),
  },
  'the database has forgotten its connections': { isLong: true, breakIt: () => detoured(() => proxy.halfOpen()) },
  'the database is far away': {
    isLong: true,
    breakIt: () => detoured(async () => {
      proxy.delay(20, 60);
      await crowd.steady();
    }),
  },
  'the database is silent': {
    breakIt: () => detoured(async () => {
      proxy.silence();
      await crowd.refused(5);
    }),
  },
  'the database is stopped for a while and goes on': {
    isLong: true,
    breakIt: async () => {
      await database.control('freeze');
      await crowd.refused(5);
      await database.control('thaw');
    },
  },
  'the database is killed': {
    breakIt: async () => {
      await database.control('kill');
      await crowd.refused(5);
      await database.control('restart');
    },
  },
};

/** Until the node says so: what it can't write it refuses. */
async function away(cut) {
  const fault = await cut();
  await crowd.refused(5);
  await fault.heal();
}

for (const [what, { rounds = 1, isLong = false, breakIt }] of Object.entries(FAULTS))
  for (let round = 0; round < rounds * ROUNDS; round++)
    if (isWhole || !isLong) test(rounds * ROUNDS > 1 ? `${what}, ${round + 1}` : what, (t) => broken(t, what, breakIt));

test('at the end everybody is online, and no actor failed', async (t) => {
  await judge.checkPresence();
  assert.deepEqual(JSON.parse(await node.command('', 'crashes', '--json')), { count: 0, last: [] });
  t.diagnostic(`MS_SEED=${draw.seed} ${JSON.stringify(crowd.counts)}, ${judge.judged} operations judged`);
});
