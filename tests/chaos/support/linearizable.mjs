// linearizable.mjs -- is there an order of these operations, one at a time, that explains all their answers, and in which
// an operation that was answered before another was asked stands before it? Wing and Gong's search with Lowe's memory of
// what was tried ("Testing for linearizability", 2016), on one object's history.
//
//   linearize(model, operations)  ->  { isLinearizable: true, order } or { isLinearizable: false, reached, stuck, state }
//
// An operation: { call, end, input, output, ... }. Times are of one clock. `end` undefined: nobody ever answered; it was
// carried out at some moment after `call`, or never. A model: { init(), step(state, input, output), key(state) }. `step`
// gives the next state (states are never changed in place), or undefined where that answer can't be; its output is
// undefined for what nobody answered. `key` is a text, the same for equal states only.
//
// On failure: the longest order that was found, and what could not follow it.

const TRIES_MAX = 2_000_000; // a history that takes more is not decided: that fails, too

/** Calls and ends in time, as a list that operations are taken out of and put back into. */
function timeline(operations) {
  const events = operations.flatMap((operation, index) => [
    { at: operation.call, index, isCall: true }, ...(operation.end === undefined ? [] : [{ at: operation.end, index, isCall: false }]),
  ]);
  // At one time calls come first: then the two overlapped, which allows more orders, never fewer.
  events.sort((a, b) => a.at - b.at || b.isCall - a.isCall);
  const head = { next: null }, calls = [], ends = [];
  let last = head;
  for (const event of events) {
    event.previous = last;
    last.next = event;
    last = event;
    (event.isCall ? calls : ends)[event.index] = event;
  }
  last.next = null;
  return { head, calls, ends };
}

function unlink(event) {
  event.previous.next = event.next;
  if (event.next) event.next.previous = event.previous;
}

function relink(event) {
  event.previous.next = event;
  if (event.next) event.next.previous = event;
}

/** The set of what has been put in order, as a short text: nearly a beginning of all that was answered, and a few more. */
class Taken {
  constructor(operations) {
    // Ranks by time of the call; what nobody answered has none, or one would hold the beginning up for ever.
    const answered = operations.map((operation, index) => index).filter((index) => operations[index].end !== undefined);
    answered.sort((a, b) => operations[a].call - operations[b].call);
    this.rank = new Map(answered.map((index, rank) => [index, rank]));
    this.isIn = new Uint8Array(answered.length + 1);
    this.beginning = 0;
    this.top = 0;
    this.others = new Set();
  }

  add(index) {
    const rank = this.rank.get(index);
    if (rank === undefined) return void this.others.add(index);
    this.isIn[rank] = 1;
    while (this.isIn[this.beginning]) this.beginning++;
    this.top = Math.max(this.top, rank + 1);
  }

  remove(index) {
    const rank = this.rank.get(index);
    if (rank === undefined) return void this.others.delete(index);
    this.isIn[rank] = 0;
    this.beginning = Math.min(this.beginning, rank);
    while (this.top > 0 && !this.isIn[this.top - 1]) this.top--;
  }

  key() {
    let text = `${this.beginning}`;
    for (let rank = this.beginning + 1; rank < this.top; rank++) if (this.isIn[rank]) text += `,${rank}`;
    return this.others.size === 0 ? text : `${text};${[...this.others].sort((a, b) => a - b)}`;
  }
}

export function linearize(model, operations, triesMax = TRIES_MAX) {
  const { head, calls, ends } = timeline(operations);
  const taken = new Taken(operations), tried = new Set(), stack = [];
  let state = model.init(), event = head.next, longest = { order: [], state, stuck: [] };

  const take = (index, next) => {
    stack.push({ index, state });
    state = next;
    unlink(calls[index]);
    if (ends[index]) unlink(ends[index]);
  };
  const giveBack = () => {
    const { index, state: before } = stack.pop();
    taken.remove(index);
    if (ends[index]) relink(ends[index]);
    relink(calls[index]);
    state = before;
    return calls[index].next;
  };

  for (let tries = 0; event !== null; ) {
    if (!event.isCall) {
      // It was answered, and nothing that may stand before it leads on.
      if (stack.length >= longest.order.length)
        longest = { order: stack.map(({ index }) => operations[index]), state, stuck: operations[event.index] };
      if (stack.length === 0) return { isLinearizable: false, reached: longest.order, stuck: longest.stuck, state: longest.state };
      event = giveBack();
      continue;
    }
    if (++tries > triesMax) throw new Error(`not decided after ${triesMax} tries, ${operations.length} operations`);
    const { input, output, end } = operations[event.index];
    const next = model.step(state, input, end === undefined ? undefined : output);
    if (next !== undefined) {
      taken.add(event.index);
      const key = `${taken.key()}|${model.key(next)}`;
      if (!tried.has(key)) {
        tried.add(key);
        take(event.index, next);
        event = head.next;
        continue;
      }
      taken.remove(event.index);
    }
    event = event.next;
  }
  return { isLinearizable: true, order: stack.map(({ index }) => operations[index]), state };
}

/** Each key's operations apart: a history is linearizable when each object's is (Herlihy and Wing, 1990, theorem 1). */
export function linearizeEach(models, operations, triesMax) {
  const byKey = new Map();
  for (const operation of operations) {
    if (!byKey.has(operation.key)) byKey.set(operation.key, []);
    byKey.get(operation.key).push(operation);
  }
  const failures = [];
  for (const [key, own] of byKey) {
    const result = linearize(models(key), own, triesMax);
    if (!result.isLinearizable) failures.push({ key, ...result });
  }
  return { keys: byKey.size, failures };
}

/** For people: the last of what was in order, what could not follow, and what was under way then. */
export function explain({ key, reached, stuck, state }, operations) {
  const line = ({ client, call, end, input, output }) =>
    `${call.toFixed(1)}..${end?.toFixed(1) ?? 'never'} ${client ?? ''} ${JSON.stringify(input)} -> ${JSON.stringify(output)}`;
  const others = operations.filter((it) => it.key === key && it !== stuck && !reached.includes(it) && it.call <= stuck.end);
  return [`${key}: no order explains this history`, 'in order until:', ...reached.slice(-8).map(line), `state: ${JSON.stringify(state)}`,
    'what cannot follow:', line(stuck), 'and was under way or unanswered then:', ...others.slice(0, 20).map(line)].join('\n');
}
