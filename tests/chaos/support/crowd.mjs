// crowd.mjs -- many clients of a few listeners, who use all that is shared while a test breaks things: a steady load, and
// a record of all that was asked and answered.
//
//   const crowd = await Crowd.gather(nodes, { draw });     // nodes: support/node.mjs; the first one has its administrator
//   crowd.begin();  await crowd.steady();                  // so many more commands are acknowledged
//   ... break something, crowd.steady() again ...
//   await crowd.rest();                                    // all that nobody answered is sent again until somebody does
//   await crowd.judge();                                   // support/judge.mjs
//
// A client speaks to one node and goes to the next one when that does not answer. What a command's fate is nobody knows
// until it is answered: it is sent again with its id, to any node, and is one operation of the history all the while.

import assert from 'node:assert/strict';
import { draws } from '../../e2e/support/oracle.mjs';
import { commandId, PATIENCE_MS, until } from '../../e2e/support/server.mjs';
import { Subscriber } from './subscriber.mjs';

const LISTENERS = ['ana', 'bob', 'cid', 'dan'];
const CLIENTS_EACH = 3;
const THINK_MS_MAX = 60; // between two operations of a client: half of it on average
const AGAIN_MS = 100; // after "not now", and after silence
const ENTRIES_MAX = 30, PAGE = 20;
const STEADY = 60;
// Every request is answered within the node's own 10 s, whatever else is broken; so long means never.
const ANSWER_MS_MAX = 40000;
// A node in trouble is given up after so long.
const TROUBLED_MS_MAX = 2500;
// Nothing was done (by one node; see below), and later it may be. Any other refusal is an answer.
const NOT_NOW = new Set(['UNAVAILABLE', 'BUSY', 'LIMIT']);
// Whom a node refuses so often in a row goes to the next one.
const REFUSALS_MAX = 5;
const VIEW = '{ id version name entryCount durationMs changedAt }';

export const now = () => performance.now();
const pause = (ms) => new Promise((next) => setTimeout(next, ms));

class Client {
  constructor(crowd, listener, number) {
    Object.assign(this, { crowd, listener, name: `${listener.name}-${number}`, device: `device-${listener.name}-${number}`, nodeIndex: number, refusals: 0 });
  }

  /** The next one that a proxy would send it to. */
  get node() {
    const { nodes } = this.crowd, from = this.nodeIndex % nodes.length;
    return this.visited ?? [...nodes.slice(from), ...nodes.slice(0, from)].find((node) => !node.isOut) ?? nodes[from];
  }

  /** {data}, {refused: CODE}, or undefined: nobody knows. */
  async ask(query, variables) {
    const { node, crowd } = this, begun = now(), giveUp = new AbortController(), process = node.starts;
    const clock = setInterval(() => {
      const age = now() - begun;
      if (age > ANSWER_MS_MAX || (age > TROUBLED_MS_MAX && node.wasTroubled(begun) && !this.visited)) giveUp.abort();
    }, 100);
    try {
      const response = await fetch(`${node.origin}/graphql`, {
        method: 'POST', signal: giveUp.signal, body: JSON.stringify({ query, variables }),
        headers: { Authorization: `Bearer ${this.listener.token}`, 'Content-Type': 'application/json' },
      });
      const answer = await response.json();
      crowd.counts.answers++;
      crowd.answered?.(begun, now() - begun);
      crowd.slowest = Math.max(crowd.slowest, now() - begun);
      if (!answer.errors && answer.data) {
        this.refusals = 0;
        return answer;
      }
      const [error] = answer.errors ?? [{ extensions: { code: answer.code }, message: JSON.stringify(answer) }];
      const code = error.extensions?.code;
      // Below the command's own field: it was done, and only what it answers could not be read.
      if (code === 'TIMEOUT' || error.path?.length > 1) return this.moveOn(code);
      if (NOT_NOW.has(code) && ++this.refusals % REFUSALS_MAX === 0) this.nodeIndex++;
      return { refused: code, why: error.message };
    } catch (error) {
      if (!node.wasTroubled(begun)) {
        const what = `${this.name}: ${node.name} gave no answer after ${Math.round(now() - begun)} ms: ${error.cause ?? error}: ${query}`;
        crowd.silences.push({ node, process, what });
      }
      return this.moveOn('nothing');
    } finally {
      clearInterval(clock);
    }
  }

  moveOn(why) {
    const { counts } = this.crowd;
    counts.unanswered[why] = (counts.unanswered[why] ?? 0) + 1;
    this.nodeIndex++;
    return undefined;
  }

  /** A command, until its fate is known or the load is over; then rest() goes on with it. */
  async command(key, input, query, variables, read) {
    const { crowd } = this;
    const operation = { client: this.name, key, call: now(), end: undefined, input, output: undefined };
    operation.send = async () => {
      const answer = await this.ask(query, { c: operation.id, ...variables });
      if (answer === undefined) {
        operation.isUnknown = true;
        return;
      }
      if (answer.refused && NOT_NOW.has(answer.refused)) {
        crowd.refuse(this, answer);
        // Among many nodes it also says that one was lost that had been asked, and may have done it.
        operation.isUnknown ||= crowd.nodes.length > 1 && answer.refused === 'UNAVAILABLE';
        operation.isOver = !operation.isUnknown;
        return;
      }
      operation.end = now();
      operation.output = answer.refused ? { refused: answer.refused } : read(Object.values(answer.data)[0]);
      operation.isOver = true;
      crowd.acknowledge(operation);
    };
    operation.id = commandId();
    crowd.open.add(operation);
    while (!operation.isOver) {
      await operation.send();
      if (operation.isOver) break;
      if (crowd.isOver) return undefined; // it stays among the open ones
      await pause(AGAIN_MS);
    }
    crowd.open.delete(operation);
    if (operation.end !== undefined || operation.isUnknown) crowd.history.push(operation);
    else await pause(AGAIN_MS);
    return operation.output;
  }

  /** Looks; what could not be read is no operation. */
  async look(query, variables, operationsOf) {
    const call = now(), answer = await this.ask(query, variables), end = now();
    if (!answer?.data) {
      if (answer) this.crowd.refuse(this, answer);
      return void (await pause(AGAIN_MS));
    }
    this.crowd.counts.reads++;
    for (const { key, input, output } of operationsOf(answer.data))
      this.crowd.history.push({ client: this.name, key, call, end, input, output });
    return answer.data;
  }

  // ---- what clients do ----

  seen(list) {
    const { id, version, ...content } = list;
    this.crowd.note(`playlist ${id}`, version, content);
    return { version };
  }

  edit(input, field, types, variables) {
    const { playlist } = this.listener;
    return this.command(`playlist ${playlist}`, input, `mutation ($c: ID!, $id: ID!, ${types}) { ${field} ${VIEW} }`,
      { id: playlist, ...variables }, (list) => this.seen(list));
  }

  async editPlaylist() {
    const { below, pick } = this.crowd.draw, known = this.listener.entries, [entry] = known.length > 0 ? pick(known) : [];
    const kind = known.length >= ENTRIES_MAX ? 'remove' : known.length < 3 ? 'add' : pick(['add', 'add', 'add', 'remove', 'remove', 'move', 'rename']);
    const tracks = [pick(this.crowd.tracks)], name = `name ${this.crowd.numbers++}`;
    switch (kind) {
      case 'add': {
        const index = below(2) === 0 ? 0 : undefined;
        return this.edit({ do: 'add', tracks, index }, 'addToPlaylist(commandId: $c, id: $id, trackIds: $tracks, index: $index)',
          '$tracks: [ID!]!, $index: Int', { tracks, index });
      }
      case 'remove':
        return this.edit({ do: 'remove', entry }, 'removeFromPlaylist(commandId: $c, id: $id, entryIds: $gone)', '$gone: [ID!]!',
          { gone: [String(entry)] });
      case 'move':
        return this.edit({ do: 'move', entry, to: 0 }, 'movePlaylistEntry(commandId: $c, id: $id, entryId: $entry, index: $to)',
          '$entry: ID!, $to: Int!', { entry: String(entry), to: 0 });
      default:
        return this.edit({ do: 'rename', name }, 'renamePlaylist(commandId: $c, id: $id, name: $name)', '$name: String!', { name });
    }
  }

  /** Of anybody: they are public. The view is one reading, its entries another. */
  async lookAtPlaylist(listener = this.crowd.draw.pick(this.crowd.listeners)) {
    const { playlist } = listener, key = `playlist ${playlist}`;
    return this.look(`query ($id: ID!) { playlist(id: $id) { id version name entryCount durationMs changedAt
        entries(first: 100) { nodes { id track { id } } } } }`, { id: playlist }, ({ playlist: { entries, ...view } }) => {
      const held = entries.nodes.map(({ id, track }) => [Number(id), track.id]);
      listener.entries = held;
      this.seen(view);
      return [{ key, input: { do: 'look' }, output: { version: view.version, name: view.name, count: view.entryCount } },
        { key, input: { do: 'entries' }, output: { entries: held } }];
    });
  }

  say() {
    const { room, numbers } = this.crowd, text = `${this.name} says ${numbers}`;
    this.crowd.numbers++;
    return this.command(`room ${room}`, { post: text }, 'mutation ($c: ID!, $id: ID!, $text: String!) { postMessage(commandId: $c, roomId: $id, text: $text) { id } }',
      { id: room, text }, ({ id }) => ({ id: Number(id) }));
  }

  async listen() {
    const { room } = this.crowd;
    return this.look(`query ($id: ID!) { room(id: $id) { messages(first: ${PAGE}) { nodes { id text } } } }`, { id: room }, (data) =>
      [{ key: `room ${room}`, input: { page: PAGE }, output: { messages: data.room.messages.nodes.map(({ id, text }) => [Number(id), text]) } }]);
  }

  /** Playback comes to this device. */
  takeOver() {
    return this.command(`player ${this.listener.name}`, { write: this.device },
      'mutation ($c: ID!, $device: ID!) { play(commandId: $c, deviceId: $device) { version } }', { device: this.device }, () => ({}));
  }

  setRepeat() {
    const repeat = this.crowd.draw.pick(['OFF', 'ALL', 'ONE']);
    return this.command(`repeat ${this.listener.name}`, { write: repeat },
      'mutation ($c: ID!, $r: Repeat!) { setRepeat(commandId: $c, repeat: $r) { version } }', { r: repeat }, () => ({}));
  }

  async lookAtSession() {
    const { name } = this.listener;
    return this.look('{ session { activeDeviceId repeat } }', {}, ({ session }) => [
      { key: `player ${name}`, input: {}, output: { value: session.activeDeviceId } },
      { key: `repeat ${name}`, input: {}, output: { value: session.repeat } },
    ]);
  }

  favour() {
    const { below, pick } = this.crowd.draw, id = pick(this.crowd.tracks), isFavourite = below(2) === 0;
    return this.command(`favourite ${this.listener.name} ${id}`, { write: isFavourite },
      'mutation ($c: ID!, $id: ID!, $is: Boolean!) { setFavourite(commandId: $c, trackId: $id, isFavourite: $is) { id } }',
      { id, is: isFavourite }, () => ({}));
  }

  async lookAtFavourites() {
    const { tracks } = this.crowd;
    return this.look('{ favourites(first: 100) { nodes { id } } }', {}, ({ favourites: { nodes } }) => {
      const held = new Set(nodes.map(({ id }) => id));
      return tracks.map((id) => ({ key: `favourite ${this.listener.name} ${id}`, input: {}, output: { value: held.has(id) } }));
    });
  }

  async live() {
    const { draw } = this.crowd;
    while (!this.crowd.isOver) {
      const chance = draw.below(100);
      if (chance < 35) await this.editPlaylist();
      else if (chance < 45) await this.lookAtPlaylist();
      else if (chance < 60) await this.say();
      else if (chance < 65) await this.listen();
      else if (chance < 75) await this.takeOver();
      else if (chance < 80) await this.setRepeat();
      else if (chance < 88) await this.lookAtSession();
      else if (chance < 97) await this.favour();
      else await this.lookAtFavourites();
      await pause(draw.below(THINK_MS_MAX));
    }
  }
}

export class Crowd {
  constructor(nodes, draw) {
    Object.assign(this, { nodes, draw, history: [], open: new Set(), problems: [], silences: [], asked: new Map(), slowest: 0, views: new Map(), listeners: [], clients: [],
      subscribers: [], numbers: 0, isOver: true });
    this.counts = { acknowledged: 0, refused: {}, answers: 0, reads: 0, unanswered: {} };
  }

  /** People, a public playlist each, a room with all of them in it, three devices each. */
  static async gather(nodes, { draw = draws(), listeners = LISTENERS } = {}) {
    const crowd = new Crowd(nodes, draw);
    for (const name of listeners) crowd.listeners.push(await crowd.enter(name));
    const [first] = crowd.listeners;
    const { tracks } = await first.clients[0].surely('{ tracks(first: 12) { nodes { id } } }');
    crowd.tracks = tracks.nodes.map(({ id }) => id);
    crowd.room = (await first.clients[0].surely('mutation ($c: ID!) { createRoom(commandId: $c, name: "the room", isPublic: true) { id } }')).createRoom.id;
    for (const listener of crowd.listeners) await crowd.settleIn(listener);
    for (const client of crowd.clients) crowd.subscribe(client);
    return crowd;
  }

  async enter(name) {
    const listener = { name, entries: [], token: await this.nodes[0].signIn(name) };
    listener.clients = Array.from({ length: CLIENTS_EACH }, (_, i) => new Client(this, listener, i));
    for (const client of listener.clients)
      client.surely = async (query, variables) => {
        const answer = await client.ask(query, { c: commandId(), ...variables });
        assert.ok(answer?.data, `${query}: ${JSON.stringify(answer)}`);
        return answer.data;
      };
    this.clients.push(...listener.clients);
    return listener;
  }

  async settleIn(listener) {
    const [client] = listener.clients, { surely } = client;
    const { createPlaylist: { id } } = await surely(`mutation ($c: ID!) { createPlaylist(commandId: $c, name: "of ${listener.name}") { id } }`);
    await surely('mutation ($c: ID!, $id: ID!) { setPlaylistPublic(commandId: $c, id: $id, isPublic: true) { id } }', { id });
    await surely('mutation ($c: ID!, $id: ID!) { joinRoom(commandId: $c, id: $id) { id } }', { id: this.room });
    listener.playlist = id;
    const { playlist } = await surely('query ($id: ID!) { playlist(id: $id) { version name } }', { id });
    listener.firstPlaylist = playlist;
    await surely('mutation ($c: ID!, $d: ID!, $t: [ID!]!) { playTracks(commandId: $c, deviceId: $d, trackIds: $t) { version } }',
      { d: client.device, t: this.tracks });
  }

  /** Each client hears of its own playback, which its device is there for, of the room, and of somebody else's playlist. */
  subscribe(client) {
    const all = this.listeners, other = all[(all.indexOf(client.listener) + 1) % all.length];
    const follow = (...what) => this.subscribers.push(new Subscriber(client, ...what));
    follow(`session ${client.listener.name}`, `subscription { session(deviceId: "${client.device}", deviceName: "test") {
      version activeDeviceId repeat isShuffled currentEntryId isPlaying queue { id } } }`);
    follow(`room ${this.room}`, `subscription { room(id: "${this.room}") { version messageCount memberCount name } }`);
    follow(`playlist ${other.playlist}`, `subscription { playlist(id: "${other.playlist}") ${VIEW} }`);
  }

  /** One version has one content, whoever looks, where, and when. */
  note(key, version, content) {
    const text = JSON.stringify(content), name = `${key} ${version}`, before = this.views.get(name);
    if (before !== undefined && before !== text) this.problems.push(`${name} is ${text}, and was ${before}`);
    this.views.set(name, text);
    return version;
  }

  begin() {
    this.isOver = false;
    this.clients.forEach((client, number) => (client.nodeIndex = number)); // as at first: spread over all nodes
    this.lives = Promise.all(this.clients.map((client) => client.live()));
    this.lives.catch((error) => (this.failure = error));
  }

  acknowledge(operation) {
    this.counts.acknowledged++;
    this.asked.set(operation.key, Math.max(operation.call, this.asked.get(operation.key) ?? 0));
  }

  refuse(client, { refused, why }) {
    this.counts.refused[refused] = (this.counts.refused[refused] ?? 0) + 1;
    if (!NOT_NOW.has(refused)) this.problems.push(`${client.name} is refused: ${refused}: ${why}`);
  }

  refusals() {
    return Object.values(this.counts.refused).reduce((sum, count) => sum + count, 0);
  }

  /** Until so many more commands are acknowledged. */
  async steady(count = STEADY, what = 'commands are acknowledged') {
    const wanted = this.counts.acknowledged + count;
    await until(() => {
      if (this.failure) throw this.failure;
      return this.counts.acknowledged >= wanted;
    }, what, PATIENCE_MS);
  }

  /** Until so many more are refused for now. */
  async refused(count, what = 'commands are refused') {
    const wanted = this.refusals() + count;
    await until(() => this.refusals() >= wanted, what);
  }

  /** Until everybody's playlist and playback, and the room, have taken a command that was first sent after `since`. */
  async served(since, what = 'is served again') {
    const keys = this.listeners.flatMap(({ name, playlist }) => [`playlist ${playlist}`, `player ${name}`]).concat(`room ${this.room}`);
    const waiting = () => keys.filter((key) => !(this.asked.get(key) >= since));
    await until(() => {
      if (this.failure) throw this.failure;
      return waiting().length === 0;
    }, () => `${waiting().join(', ')} ${what}`);
  }

  /** Somebody on each listener's side looks, edits and takes over at that node, whatever it does, and waits for what it says. */
  visit(node) {
    return Promise.all(this.listeners.map(async (listener) => {
      const visitor = Object.assign(new Client(this, listener, CLIENTS_EACH), { visited: node, device: listener.clients[0].device });
      const deeds = [() => visitor.lookAtPlaylist(listener), () => visitor.lookAtSession(), () => visitor.listen(), () => visitor.takeOver(),
        () => visitor.edit({ do: 'rename', name: 'visited' }, 'renamePlaylist(commandId: $c, id: $id, name: $name)', '$name: String!', { name: 'visited' })];
      await Promise.all(deeds.map((deed) => deed()));
    }));
  }

  /** Nobody begins anything new, and what is open is brought to its end. */
  async rest() {
    this.isOver = true;
    await this.lives;
    const open = [...this.open];
    await Promise.all(open.map(async (operation) => {
      await until(async () => {
        if (!operation.isOver) await operation.send();
        return operation.isOver || !operation.isUnknown;
      }, `somebody says what became of ${operation.id}: ${JSON.stringify(operation.input)}`);
      this.open.delete(operation);
      if (operation.isUnknown || operation.end !== undefined) this.history.push(operation);
    }));
    for (const listener of this.listeners) await this.lookAtAll(listener);
  }

  /** Each of them until there is an answer: it says what the next part begins with. */
  async lookAtAll({ clients }) {
    for (const client of clients)
      for (const look of ['lookAtPlaylist', 'lookAtSession', 'lookAtFavourites', 'listen'])
        await until(() => client[look](client.listener), `${client.name} can look: ${look}`);
  }

  /** No answer is wrong, unless the process that was asked ended by itself: then its connections did, too. */
  checkSilences() {
    for (const { node, process, what } of this.silences.splice(0))
      if (!node.ends.some((end) => end.process === process)) this.problems.push(what);
  }

  end() {
    for (const subscriber of this.subscribers) subscriber.end();
  }
}
