// three_nodes.test.mjs -- three nodes of a cluster and their database, a machine each, used all the while by a crowd whose
// clients are spread over the nodes, and broken in every way that processes, links and the database can be. What must be
// true after each: support/judge.mjs; and that all nodes come back to one view.
//
// MS_CHAOS=whole: all of it; else the short part. MS_ROUNDS multiplies the rounds, MS_SEED repeats a run's choices (not
// the scheduling), MS_ONLY=PATTERN runs what has it in its name, MS_PROFILE=usual takes the usual lease of 3 s. What took
// how long is printed, and asserted nowhere.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { draws } from '../e2e/support/oracle.mjs';
import { until } from '../e2e/support/server.mjs';
import { Cluster } from './support/cluster.mjs';
import { Crowd, now } from './support/crowd.mjs';
import { Judge } from './support/judge.mjs';
import { startProxy } from './support/proxy.mjs';

const isWhole = process.env.MS_CHAOS === 'whole', ROUNDS = Number(process.env.MS_ROUNDS ?? 1);
const MACHINES = ['one', 'two', 'three'], LINKS_PORT = 8485;
const RESTARTS = 10, RESTART_MS_MAX = 1000, FLAPS = 12, FLAP_MS_MAX = 600;
const draw = draws();
let network, cluster, crowd, judge, hasFailed = false;

const pause = (ms) => new Promise((next) => setTimeout(next, ms));

before(async () => {
  cluster = await Cluster.build({ profile: process.env.MS_PROFILE ?? 'fast' }, ...MACHINES);
  ({ network } = cluster);
  await cluster.start(...MACHINES);
  await until(() => cluster.isSettled(), 'all nodes have their share');
  for (const node of cluster.nodes) node.keep();
  crowd = await Crowd.gather(cluster.nodes, { draw });
  judge = new Judge(crowd, cluster.database);
});

after(async () => {
  crowd?.end();
  assert.deepEqual(await cluster?.end(), []);
});

/** What happens to `a`; b and c are the others. All in the order of this test's draws. */
function cast() {
  const a = draw.pick(cluster.nodes), [b, c] = cluster.others(a);
  return { a, b, c };
}

const isGone = (node) => until(() => cluster.isSettled(cluster.others(node)), `the others go on without ${node.name}`);
const hasEnded = (node, before) => until(() => node.ends.length > before && node.ends.at(-1), `${node.name} reads that it is dead, and ends`);
const ends = () => cluster.nodes.map((node) => node.ends.length);

/** Until everybody is served, whatever is broken; how long that took. */
async function served(times, name = 'served by others after') {
  const begun = now();
  await crowd.served(begun);
  times[name] = now() - begun;
}

/** Under load: breaks it, mends it, until all nodes have one view and all is served again; then it is judged. */
async function broken(t, what, breakIt) {
  if (hasFailed) return t.skip('after a failure nothing is known'); // the crowd's history has no end
  hasFailed = true;
  const times = {}, { acknowledged } = crowd.counts, before = ends(), begun = now();
  try {
    crowd.begin();
    await crowd.steady();
    await breakIt(times);
    const mended = now();
    await until(() => cluster.isOneView(), 'all nodes have one view');
    times['one view after'] = now() - mended;
    await until(() => cluster.isSettled(), 'every partition is served');
    times['settled after'] = now() - mended;
    await served(times, 'and served');
    await crowd.steady();
    await crowd.rest();
    await judge.judge(what);
    hasFailed = false;
  } finally {
    if (hasFailed) await network.heal();
    const replaced = ends().reduce((sum, count, i) => sum + count - before[i], 0);
    const said = Object.entries(times).map(([name, ms]) => `${name} ${Math.round(ms)} ms, `).join('');
    t.diagnostic(`${said}${crowd.counts.acknowledged - acknowledged} commands in ${((now() - begun) / 1000).toFixed(1)} s, ` +
      `${replaced} replaced, slowest answer so far ${Math.round(crowd.slowest)} ms`);
  }
}

/** Cut, until everybody is served again, then healed. */
async function cutOff(times, ...cuts) {
  const faults = await Promise.all(cuts);
  await served(times);
  for (const fault of faults) await fault.heal();
}

/** All that nodes say to each other goes through proxies meanwhile, one for each way. */
async function detoured(nodes, act) {
  const ways = nodes.flatMap((from) => nodes.filter((to) => to !== from).map((to) => [from, to]));
  const proxies = await Promise.all(ways.map(([, to]) => startProxy({ host: to.address, port: LINKS_PORT })));
  const detours = await Promise.all(ways.map(([from, to], i) => network.detour(from.name, to.name, LINKS_PORT, proxies[i])));
  // Whatever is said on the straight way resets it.
  const refused = await Promise.all(ways.map(([from, to]) => network.refuse(from.name, to.name)));
  try {
    await until(() => proxies.every((proxy) => proxy.passed > 0), 'the nodes go that way');
    await act(proxies);
  } finally {
    for (const fault of [...refused, ...detours]) await fault.heal();
    for (const proxy of proxies) {
      proxy.pass();
      await proxy.stop(); // or the test never ends
    }
  }
}

const FAULTS = {
  'a node is killed': {
    rounds: isWhole ? 2 : 1,
    breakIt: async (times) => {
      const { a } = cast();
      await a.during(async () => {
        await a.kill();
        await served(times);
        await a.start();
      });
    },
  },
  'a node stands still for longer than its lease, and goes on': {
    rounds: isWhole ? 2 : 1,
    breakIt: async (times) => {
      const { a } = cast(), before = a.ends.length;
      await a.during(async () => {
        a.freeze();
        await served(times);
        await isGone(a);
        // They wait at its door. What it has in memory is old, and what it would write is refused: nobody must see either.
        const visits = crowd.visit(a);
        await crowd.steady();
        a.thaw();
        const { code } = await hasEnded(a, before);
        assert.equal(code, 1, a.log);
        await visits;
      });
    },
  },
  'a node is cut off from the database': {
    isLong: true,
    breakIt: async (times) => {
      const { a } = cast();
      await cutOff(times, network.cut(a.name, 'database'));
    },
  },
  'a node is cut off from the others, and has the database': {
    breakIt: async (times) => {
      const { a, b, c } = cast();
      await cutOff(times, network.split([a.name], [b.name, c.name]));
    },
  },
  'a node is cut off from all but its clients': {
    isLong: true,
    breakIt: async (times) => {
      const { a, b, c } = cast();
      await cutOff(times, network.split([a.name], [b.name, c.name, 'database']));
    },
  },
  'a node is cut off from all': {
    isLong: true,
    breakIt: async (times) => {
      const { a, b, c } = cast();
      await a.during(() => cutOff(times, network.split([a.name], [b.name, c.name, 'database', 'street'])));
    },
  },
  'what a node says comes to nobody, and it hears them': {
    isLong: true,
    breakIt: async (times) => {
      const { a, b, c } = cast();
      await cutOff(times, network.cutOneWay(a.name, b.name), network.cutOneWay(a.name, c.name));
    },
  },
  'what one node says does not come to another one': {
    isLong: true,
    breakIt: async (times) => {
      const { a, b } = cast();
      await cutOff(times, network.cutOneWay(a.name, b.name));
    },
  },
  'two nodes are cut off from each other, and both reach the third': {
    isLong: true,
    breakIt: async (times) => {
      const { a, b } = cast();
      await cutOff(times, network.cut(a.name, b.name));
    },
  },
  'links come and go': {
    isLong: true,
    breakIt: async () => {
      for (let i = 0; i < FLAPS; i++) {
        const { a, b } = cast(), fault = await network.cut(a.name, b.name);
        await pause(draw.below(FLAP_MS_MAX));
        await fault.heal();
        await pause(draw.below(FLAP_MS_MAX));
      }
    },
  },
  'a tenth of what nodes say to each other and to the database is lost': {
    isLong: true,
    breakIt: async (times) => {
      const all = [...MACHINES, 'database'];
      const faults = await Promise.all(all.flatMap((to) => all.filter((from) => from !== to).map((from) => network.lose(0.1, to, from))));
      await served(times, 'meanwhile served after');
      await crowd.steady();
      for (const fault of faults) await fault.heal();
    },
  },
  'links are slow, and overtake each other': {
    isLong: true,
    breakIt: (times) => detoured(cluster.nodes, async (proxies) => {
      for (const proxy of proxies) proxy.delay(5, 40);
      await served(times, 'meanwhile served after');
      await crowd.steady();
    }),
  },
  'links are half open: the other side has forgotten them': {
    isLong: true,
    breakIt: (times) => detoured(cluster.nodes, async (proxies) => {
      for (const proxy of proxies) proxy.halfOpen();
      await served(times, 'meanwhile served after');
      await crowd.steady();
    }),
  },
  'links are silent, and nothing is closed': {
    isLong: true,
    breakIt: async (times) => {
      const { a, b } = cast();
      await detoured([a, b], async (proxies) => {
        for (const proxy of proxies) proxy.silence();
        await served(times, 'meanwhile served after');
      });
    },
  },
  'a node is slow': {
    isLong: true,
    breakIt: (times) => cast().a.during(async () => {
      const slow = cast().a.slow(0.3);
      await served(times, 'meanwhile served after');
      await crowd.steady();
      slow.end();
    }),
  },
  'the database is killed, and no node stops': {
    breakIt: async () => {
      const before = ends();
      await cluster.database.control('kill');
      await crowd.refused(5);
      // Longer than a lease: the nodes keep each other's.
      for (let i = 0; i < 3; i++) await until(async () => (await cluster.figures()).every((it) => it?.has_lease === 1), 'all have a lease');
      await pause(3000);
      await until(async () => (await cluster.figures()).every((it) => it?.has_lease === 1), 'all have a lease still');
      assert.deepEqual(ends(), before, 'no node ended');
      await cluster.database.control('restart');
    },
  },
  'a node crashes ten times in a row': {
    isLong: true,
    breakIt: (times) => {
      const { a } = cast();
      return a.during(async () => {
        for (let i = 0; i < RESTARTS; i++) {
          await a.kill();
          a.start().catch(() => {}); // it is killed before it is ready, or just after
          await pause(draw.below(RESTART_MS_MAX));
        }
        await a.kill();
        await served(times);
        await a.start();
      });
    },
  },
};

for (const [what, { rounds = 1, isLong = false, breakIt }] of Object.entries(FAULTS))
  for (let round = 0; round < rounds * ROUNDS; round++)
    if ((isWhole || !isLong || process.env.MS_ONLY) && new RegExp(process.env.MS_ONLY ?? '').test(what))
      test(rounds * ROUNDS > 1 ? `${what}, ${round + 1}` : what, (t) => broken(t, what, breakIt));

test('at the end everybody is online at every node, and no actor failed', async (t) => {
  await judge.checkPresence();
  for (const node of cluster.nodes) assert.deepEqual(JSON.parse(await node.command('', 'crashes', '--json')), { count: 0, last: [] });
  t.diagnostic(`MS_SEED=${draw.seed} ${JSON.stringify(crowd.counts)}, ${judge.judged} operations judged`);
});
