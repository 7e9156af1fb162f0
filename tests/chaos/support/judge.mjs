// judge.mjs -- what must be true of a crowd's history, whatever was broken. The crowd rests.
//
//   const judge = new Judge(crowd, database);   await judge.judge('two kills');    // again after each part of a history
//
//  1. Each object's history is linearizable: every acknowledged edit once, in an order that explains all answers.
//  2. One version has one content, for everybody and for ever; no subscriber's versions go back (crowd.problems).
//  3. Every subscriber hears of the last version.
//  4. Every request was answered, unless its node was in trouble (crowd.problems).
//  5. Streams in the journal have no gap.
//
// And once at the end: checkPresence(), who is online is told the same at every node.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build, until } from '../../e2e/support/server.mjs';
import { explain, linearize, linearizeEach } from './linearizable.mjs';
import { playlist, register, room } from './models.mjs';
import { follow } from './subscriber.mjs';

export class Judge {
  constructor(crowd, database) {
    Object.assign(this, { crowd, database, states: new Map(), judged: 0 });
  }

  /** As the last part left it. */
  model(key) {
    const [kind, name] = key.split(' '), before = this.states.get(key);
    const fresh = () => {
      if (kind === 'playlist') return playlist(this.crowd.listeners.find((it) => it.playlist === name).firstPlaylist);
      if (kind === 'room') return room();
      if (kind === 'player') return register(this.crowd.listeners.find((it) => it.name === name).clients[0].device);
      return register(kind === 'repeat' ? 'OFF' : false);
    };
    const model = fresh();
    return before === undefined ? model : { ...model, init: () => before };
  }

  async judge(what) {
    try {
      await this.checkAll();
    } catch (error) {
      const folder = path.join(build, 'chaos');
      mkdirSync(folder, { recursive: true });
      const file = path.join(folder, `${what.replaceAll(/\W+/g, '-')}.json`);
      writeFileSync(file, JSON.stringify({ history: this.crowd.history, problems: this.crowd.problems }));
      error.message = `${what}: ${error.message}\nthe history is in ${file}`;
      throw error;
    }
  }

  async checkAll() {
    const { crowd } = this, { history } = crowd;
    const { failures } = linearizeEach((key) => this.model(key), history);
    assert.equal(failures.length, 0, failures.map((failure) => explain(failure, history)).join('\n\n'));
    await this.checkSubscribers();
    await this.database.checkStreams();
    crowd.checkSilences();
    assert.deepEqual(crowd.problems, []);
    this.goOn();
  }

  /** The next part begins where all looked at the end of this one: nothing is under way, one state explains it. */
  goOn() {
    const { history } = this.crowd;
    for (const key of new Set(history.map((it) => it.key)))
      this.states.set(key, linearize(this.model(key), history.filter((it) => it.key === key)).state);
    this.judged += history.length;
    history.length = 0;
  }

  async checkSubscribers() {
    const { subscribers } = this.crowd, last = new Map();
    for (const key of new Set(subscribers.map((it) => it.key))) last.set(key, await this.version(key));
    for (const subscriber of subscribers)
      await until(() => subscriber.last >= last.get(subscriber.key),
        () => `${subscriber.client.name} hears of ${subscriber.key} version ${last.get(subscriber.key)}, not only of ${subscriber.last}`);
  }

  /** What one is told who asks. */
  async version(key) {
    const [kind, name] = key.split(' ');
    const { clients } = this.crowd.listeners.find((it) => it.name === name) ?? this.crowd.listeners[0];
    const query = { session: '{ it: session { version } }', room: `{ it: room(id: "${name}") { version } }`,
      playlist: `{ it: playlist(id: "${name}") { version } }` }[kind];
    const answer = await until(async () => (await clients[0].ask(query, {}))?.data, `somebody says which version ${key} has`);
    return answer.it.version;
  }

  /** Asked when all was quiet for long: a session tells of itself every half minute only. */
  async checkPresence() {
    const { nodes, listeners } = this.crowd, wanted = listeners.map(({ name }) => name).sort().join();
    for (const node of nodes) {
      const heard = follow(node, listeners[0].token, 'subscription { listeners { user { name } } }');
      await until(() => heard.data?.listeners.map(({ user }) => user.name).sort().join() === wanted,
        () => `${node.name} says that ${wanted} are online, not ${JSON.stringify(heard)}`);
      heard.socket.terminate();
    }
  }
}
