// load.test.mjs -- nodes join, are drained and are stopped while a crowd uses the cluster: no request fails, none is
// refused, and the share that moves is the one that has to. What each adds to the time of an answer is printed.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { draws } from '../e2e/support/oracle.mjs';
import { until } from '../e2e/support/server.mjs';
import { Cluster, PARTITIONS } from './support/cluster.mjs';
import { Crowd } from './support/crowd.mjs';
import { added, Delays } from './support/delays.mjs';
import { Judge } from './support/judge.mjs';

const MOVED_MAX = 1.1; // of the ideal share
const draw = draws();
let cluster, watch, crowd, judge, delays;

before(async () => {
  cluster = await Cluster.build({ profile: 'usual' }, 'one', 'two', 'three');
  await cluster.start('one', 'two');
  await cluster.settled(2);
  crowd = await Crowd.gather([...cluster.nodes], { draw });
  judge = new Judge(crowd, cluster.database);
  delays = new Delays(crowd);
  watch = cluster.watch();
});

after(async () => {
  crowd?.end();
  watch?.end();
  assert.deepEqual(await cluster?.end(), []);
});

const moved = (seen) => seen.reduce((sum, it) => sum + it.moved + it.taken_over, 0);
const failures = () => ({ ...crowd.counts.unanswered, ...crowd.counts.refused });

/** Under load, in which nothing may fail. */
async function underLoad(t, what, act) {
  const failed = failures(), begun = delays.mark();
  crowd.begin();
  await crowd.steady(150);
  const before = delays.since(begun), from = delays.mark();
  await act();
  const during = delays.since(from);
  await crowd.steady();
  await crowd.rest();
  await judge.judge(what);
  assert.deepEqual(failures(), failed, 'no request is refused, and none stays without an answer');
  t.diagnostic(added(before, during));
}

test('a node joins: it takes its share, and nothing else moves', (t) => underLoad(t, 'a node joins', async () => {
  const before = moved(await cluster.settled(2));
  await cluster.start('three');
  const after = moved(await cluster.settled(3)) - before, ideal = PARTITIONS / 3;
  crowd.nodes.push(cluster.node('three'));
  t.diagnostic(`${after} partitions moved: ${(after / ideal).toFixed(3)} of the ideal share`);
  assert.ok(after > 0 && after <= MOVED_MAX * ideal, `${after}`);
}));

test('a node is drained: it has nothing left and goes on as a gateway; then it ends', async (t) => {
  const node = cluster.node('two');
  await underLoad(t, 'a node is drained', async () => {
    const { node: number } = await cluster.status(node);
    await cluster.nodes[0].command('', 'cluster', 'drain', String(number));
    await until(async () => (await cluster.status(node)).served === 0, 'it has nothing left');
    await crowd.steady(); // asked of it, too
    assert.deepEqual(await node.terminate(), { code: 0, signal: null });
  });
});

test('it is started again, and gets its share back', (t) => underLoad(t, 'a node comes back', async () => {
  await cluster.node('two').start();
  await cluster.settled(3);
}));

test('a node is stopped by SIGTERM', (t) => underLoad(t, 'a node is stopped', async () => {
  assert.deepEqual(await cluster.node('three').terminate(), { code: 0, signal: null });
  await cluster.settled(2, cluster.nodes.slice(0, 2));
}));

test('at the end no actor failed', async (t) => {
  for (const node of cluster.nodes.slice(0, 2))
    assert.deepEqual(JSON.parse(await node.command('', 'crashes', '--json')), { count: 0, last: [] });
  t.diagnostic(`MS_SEED=${draw.seed} ${JSON.stringify(crowd.counts)}, ${judge.judged} operations judged`);
});
