// upgrade.test.mjs -- all nodes of a cluster are replaced, one after the other, as docs/operating.md says it, while a crowd
// uses them behind a proxy that asks /readyz: nothing fails, nothing is refused.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { draws } from '../e2e/support/oracle.mjs';
import { Cluster } from './support/cluster.mjs';
import { Crowd } from './support/crowd.mjs';
import { added, Delays } from './support/delays.mjs';
import { Judge } from './support/judge.mjs';

const isWhole = process.env.MS_CHAOS === 'whole', ROUNDS = Number(process.env.MS_ROUNDS ?? 1) * (isWhole ? 2 : 1);
const draw = draws();
let cluster, watch, crowd, judge, delays;

before(async () => {
  cluster = await Cluster.build({ profile: 'usual' }, 'one', 'two', 'three');
  await cluster.start('one', 'two', 'three');
  await cluster.settled(3);
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

/** `systemctl restart`, and what the operator waits for before the next. */
async function replace(node) {
  const { node: before } = await cluster.status(node);
  assert.deepEqual(await node.terminate(), { code: 0, signal: null });
  await node.start();
  await cluster.settled(3);
  assert.notEqual((await cluster.status(node)).node, before, 'another start is another node');
}

for (let round = 1; round <= ROUNDS; round++)
  test(`a rolling upgrade, ${round}`, async (t) => {
    const begun = delays.mark(), numbers = await Promise.all(cluster.nodes.map(async (node) => (await cluster.status(node)).node));
    crowd.begin();
    await crowd.steady(150);
    const before = delays.since(begun), from = delays.mark();
    for (const node of cluster.nodes) {
      await replace(node);
      await crowd.steady(30);
    }
    const during = delays.since(from);
    await crowd.rest();
    await judge.judge(`rolling upgrade ${round}`);
    assert.deepEqual({ ...crowd.counts.unanswered, ...crowd.counts.refused }, {}, 'no request is refused, and none stays without an answer');
    const { members } = await cluster.status();
    assert.ok(numbers.every((number) => members.every((it) => it.node !== number || (it.status === 'dead' && it.is_gone))), 'who left is known to be gone');
    t.diagnostic(added(before, during));
  });

test('at the end everybody is online, and no actor failed', async (t) => {
  await judge.checkPresence();
  for (const node of cluster.nodes)
    assert.deepEqual(JSON.parse(await node.command('', 'crashes', '--json')), { count: 0, last: [] });
  t.diagnostic(`MS_SEED=${draw.seed} ${JSON.stringify(crowd.counts)}, ${judge.judged} operations judged`);
});
