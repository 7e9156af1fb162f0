// linearizable.test.mjs -- the judge is judged: histories that are known to be right, and ones that are known not to be;
// and random ones, against trying every order.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { draws } from '../e2e/support/oracle.mjs';
import { linearize, linearizeEach, explain } from './support/linearizable.mjs';
import { playlist, register, room } from './support/models.mjs';

const write = (call, end, value) => ({ call, end, input: { write: value }, output: {} });
const read = (call, end, value) => ({ call, end, input: {}, output: { value } });
const add = (call, end, version, track = 'a', more = {}) =>
  ({ call, end, input: { do: 'add', tracks: [track], ...more }, output: { version } });
const look = (call, end, version, count, name = '') => ({ call, end, input: { do: 'look' }, output: { version, name, count } });
const entries = (call, end, ...held) => ({ call, end, input: { do: 'entries' }, output: { entries: held } });
const post = (call, end, id, text) => ({ call, end, input: { post: text }, output: { id } });
const page = (call, end, ...messages) => ({ call, end, input: { page: 3 }, output: { messages } });

const NEVER = undefined;
const CASES = [
  ['nothing happened', register(0), true, []],
  ['it reads what was written', register(0), true, [write(0, 1, 5), read(2, 3, 5)]],
  ['it reads what was there before', register(0), false, [write(0, 1, 5), read(2, 3, 0)]],
  ['it reads the old value while another is written', register(0), true, [write(0, 9, 5), read(2, 3, 0), read(4, 5, 5)]],
  ['the old value after the new one was read', register(0), false, [write(0, 9, 5), read(2, 3, 5), read(4, 5, 0)]],
  ['two writes at once, each seen last', register(0), false, [write(0, 9, 1), write(0, 9, 2), read(10, 11, 1), read(12, 13, 2)]],
  ['two writes at once, seen in one order', register(0), true, [write(0, 9, 1), write(0, 9, 2), read(2, 3, 1), read(10, 11, 2)]],
  ['what nobody answered was done late', register(0), true, [write(0, NEVER, 5), read(1, 2, 0), read(50, 51, 5)]],
  ['what nobody answered was never done', register(0), true, [write(0, NEVER, 5), read(1, 2, 0), read(50, 51, 0)]],
  ['what nobody answered was done, and undone', register(0), false, [write(0, NEVER, 5), read(1, 2, 5), read(3, 4, 0)]],
  ['what nobody answered was done before it was asked', register(0), false, [read(1, 2, 5), write(3, NEVER, 5)]],
  ['two edits, two versions', playlist(), true, [add(0, 5, 2), add(0, 5, 3), look(6, 7, 3, 2)]],
  ['a version is given twice', playlist(), false, [add(0, 5, 2), add(0, 5, 2), look(6, 7, 3, 2)]],
  ['an acknowledged edit is gone', playlist(), false, [add(0, 1, 2), add(2, 3, 3, 'b'), entries(4, 5, [1, 'a'])]],
  ['an edit is done twice', playlist(), false, [add(0, 9, 2), look(10, 11, 3, 2)]],
  ['an unanswered edit is done twice', playlist(), false, [add(0, NEVER), look(10, 11, 3, 2)]],
  ['an unanswered edit is done between two others', playlist(), true, [add(0, NEVER), add(1, 2, 2), add(3, 4, 4), look(5, 6, 4, 3)]],
  ['versions against the order in time', playlist(), false, [add(0, 1, 3), add(2, 3, 2)]],
  ['two writers in one version: a fork', playlist(), false,
    [add(0, 1, 2, 'a'), add(2, 9, 3, 'b'), add(2, 9, 4, 'c'), entries(10, 11, [1, 'a'], [2, 'c'], [3, 'b'])]],
  ['the same, in the order of its versions', playlist(), true,
    [add(0, 1, 2, 'a'), add(2, 9, 3, 'b'), add(2, 9, 4, 'c'), entries(10, 11, [1, 'a'], [2, 'b'], [3, 'c'])]],
  ['what was removed is moved', playlist({ next: 3, entries: [[1, 'a'], [2, 'b']] }), false,
    [{ call: 0, end: 1, input: { do: 'remove', entry: 1 }, output: { version: 2 } }, { call: 2, end: 3, input: { do: 'move', entry: 1, to: 1 }, output: { version: 3 } }]],
  ['what was removed is refused', playlist({ next: 3, entries: [[1, 'a'], [2, 'b']] }), true,
    [{ call: 0, end: 1, input: { do: 'remove', entry: 1 }, output: { version: 2 } },
      { call: 2, end: 3, input: { do: 'move', entry: 1, to: 1 }, output: { refused: 'NOT_FOUND' } }, entries(4, 5, [2, 'b'])]],
  ['a refusal without a reason', playlist({ next: 3, entries: [[1, 'a'], [2, 'b']] }), false,
    [{ call: 2, end: 3, input: { do: 'move', entry: 1, to: 1 }, output: { refused: 'NOT_FOUND' } }]],
  ['what changes nothing has no version of its own', playlist({ name: 'x' }), true,
    [{ call: 0, end: 1, input: { do: 'rename', name: 'x' }, output: { version: 1 } }, add(2, 3, 2)]],
  ['a room keeps its order', room(), true, [post(0, 3, 1, 'a'), post(0, 3, 2, 'b'), page(4, 5, [2, 'b'], [1, 'a'])]],
  ['a message is lost', room(), false, [post(0, 1, 1, 'a'), post(2, 3, 2, 'b'), page(4, 5, [2, 'b'])]],
  ['a message is there twice', room(), false, [post(0, 1, 1, 'a'), page(4, 5, [2, 'a'], [1, 'a'])]],
];

test('histories known to be right and wrong', () => {
  for (const [what, model, isRight, operations] of CASES)
    assert.equal(linearize(model, operations).isLinearizable, isRight, what);
});

test('each key is judged by itself, and what is wrong is shown', () => {
  const operations = [{ key: 'a', ...write(0, 1, 5) }, { key: 'b', ...read(2, 3, 0) }, { key: 'a', ...read(2, 3, 6) }];
  const { keys, failures } = linearizeEach(() => register(0), operations);
  assert.equal(keys, 2);
  assert.equal(failures.length, 1);
  assert.match(explain(failures[0], operations), /^a: no order[^]*"write":5[^]*what cannot follow:\n2.0..3.0  \{\} -> \{"value":6\}/);
});

test('a search without an end is not taken for an answer', () => {
  const operations = Array.from({ length: 30 }, (_, i) => write(0, 99, i));
  assert.throws(() => linearize(register(0), [...operations, read(100, 101, -1)], 1000), /not decided after 1000 tries/);
});

/** Every order of what was answered with every choice of the rest. */
function tryEveryOrder(model, operations) {
  const walk = (state, left) => {
    if (left.every(({ end }) => end === undefined)) return true;
    return left.some((next) => {
      if (left.some((other) => other !== next && other.end !== undefined && other.end < next.call)) return false;
      const after = model.step(state, next.input, next.end === undefined ? undefined : next.output);
      return after !== undefined && walk(after, left.filter((it) => it !== next));
    });
  };
  return walk(model.init(), operations);
}

test('random histories: the same as trying every order', (t) => {
  const { below, seed } = draws();
  t.diagnostic(`MS_SEED=${seed}`);
  const counts = [0, 0];
  for (let round = 0; round < 3000 * Number(process.env.MS_ROUNDS ?? 1); round++) {
    const operations = Array.from({ length: 2 + below(6) }, () => {
      const call = below(20), end = below(6) === 0 ? NEVER : call + 1 + below(12);
      if (round % 2 === 0) return below(2) === 0 || end === NEVER ? write(call, end, below(3)) : read(call, end, below(3));
      return below(2) === 0 || end === NEVER ? add(call, end, 2 + below(4)) : look(call, end, 1 + below(3), below(3));
    });
    const model = round % 2 === 0 ? register(0) : playlist();
    const want = tryEveryOrder(model, operations);
    assert.equal(linearize(model, operations).isLinearizable, want, JSON.stringify(operations));
    counts[Number(want)]++;
  }
  t.diagnostic(`${counts[1]} right, ${counts[0]} wrong`);
  assert.ok(counts[0] > 100 && counts[1] > 100);
});

test('a long history of many clients, and the same with one lie in it', () => {
  const { below } = draws(7);
  const operations = [], clients = Array(8).fill(0);
  let version = 1;
  for (let now = 0; operations.length < 1500; now += 10) {
    const client = below(clients.length);
    if (clients[client] > now) continue;
    const call = now - below(9), end = now + 1 + below(60);
    clients[client] = end;
    version++;
    operations.push(below(50) === 0 ? { ...add(call, NEVER), output: undefined } : add(call, end, version));
  }
  assert.ok(linearize(playlist(), operations).isLinearizable);
  const lie = operations.findIndex((it, i) => i > 1200 && it.end !== undefined);
  operations[lie] = { ...operations[lie], output: { version: operations[lie].output.version - 100 } };
  assert.ok(!linearize(playlist(), operations).isLinearizable);
});
