// outbox.test.mjs -- messages between durable actors that died: listed, sent again, dropped.

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { build, run, startServer, until } from './support/server.mjs';

let server;
const own = process.env.MS_DATABASE ? { skip: 'the letters are put into LMDB' } : {};

before(async () => {
  server = await startServer({ music: null });
  await server.end();
  if (own.skip) return;
  run(path.join(build, 'tests/letters'), [path.join(server.data, 'journal')]);
  await server.start();
});

after(() => server.stop());

const ok = (...args) => {
  const done = server.command('outbox', ...args);
  assert.equal(done.status, 0, `${args.join(' ')}: ${done.stderr}`);
  return done.stdout;
};
const told = () => JSON.parse(ok('--json'));
const metrics = async () => Object.fromEntries([...(await (await fetch(`${server.origin}/metrics`)).text())
  .matchAll(/^musicstream_outbox_(\w+) (\d+)$/gm)].map(([, name, value]) => [name, Number(value)]));

test('dead letters are a table for people, and JSON for scripts', own, () => {
  const text = ok();
  assert.match(text, /^0 waiting, 2 dead {3}since the start: /);
  assert.match(text, /^ {2}NUMBER {2}STREAM .* REASON$/m);
  assert.match(text, /^ {7}1 {2}account\/nobody +accounts\/node +accounts_note_ended +INVALID$/m);
  const { letters, dead, waiting, is_complete: isComplete } = told();
  assert.deepEqual([dead, waiting, isComplete], [2, 0, true]);
  assert.deepEqual(letters.map(({ number }) => number), [1, 2]);
});

test('the metrics count them', own, async () => {
  const counted = await until(async () => {
    const now = await metrics();
    return now.dead === 2 && now;
  }, 'the dead letters are counted');
  assert.equal(counted.waiting, 0);
  assert.deepEqual(Object.keys(counted).sort(), ['attempts_total', 'dead', 'delivered_total', 'died_total', 'duplicates_total',
    'refused_total', 'sent_total', 'taken_total', 'waiting']);
});

test('one is sent again and gets there, the other is dropped; over a kill, too', own, async () => {
  const delivered = (await metrics()).delivered_total;
  ok('retry', 'account/nobody', '1');
  await until(async () => (await metrics()).delivered_total === delivered + 1, 'it is delivered');
  await until(() => told().waiting === 0, 'its sender knows');
  assert.deepEqual(told().letters.map(({ number }) => number), [2]);
  await server.kill();
  await server.start();
  assert.deepEqual(told().letters.map(({ number }) => number), [2]);
  ok('drop', 'account/nobody', '2');
  assert.match(ok(), /^0 waiting, 0 dead /);
  await server.kill();
  await server.start();
  assert.match(ok(), /^0 waiting, 0 dead /);
});

test('what there is no letter for is refused with a sentence', own, () => {
  const cases = [
    [['retry', 'account/nobody', '1'], 1, /no such dead letter/],
    [['drop', 'account/nobody', '77'], 1, /no such dead letter/],
    [['drop', 'nothing/at-all', '1'], 1, /no durable actor/],
    [['drop', 'account', '1'], 1, /no durable actor/],
    [['retry', 'account/nobody', 'x'], 2, /usage/],
    [['retry', 'account/nobody'], 2, /usage/],
    [['forget', 'account/nobody', '1'], 2, /usage/],
  ];
  for (const [args, status, error] of cases) {
    const done = server.command('outbox', ...args);
    assert.equal(done.status, status, `${args.join(' ')}: ${done.stdout}${done.stderr}`);
    assert.match(done.stderr, error, args.join(' '));
  }
});
