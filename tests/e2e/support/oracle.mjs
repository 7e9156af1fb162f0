// oracle.mjs -- clients that edit while a test breaks things, and what must be true afterwards, whatever was broken.
//
//   const oracle = new Oracle(server, { seed });
//   await oracle.begin();                     // the server has its administrator and at least three tracks
//   const load = oracle.load();               // until stop(), or the server is gone (server.isGoing)
//   ... break something ...
//   await load.stop();
//   await oracle.check();                     // the server serves again
//   await oracle.checkProjections();          // at the end: it takes a restart
//
// Each client keeps a model of what it was answered. What it was told is refused (`refusals`: codes that the test
// expects) must not be there; what nobody answered is sent again with its id until somebody does. check():
//   - every acknowledged command is there exactly once, no refused one is;
//   - versions have no gap, in what clients saw and in the journal;
//   - a client reads its own writes, at once and afterwards.
// While `isAway` (a test says so: nothing can be written) no command that was first sent since is acknowledged, unless
// there is nothing to write: a favourite that is one already is answered, by an actor that knows it. What was sent
// before may have been written before, and be answered late.
// checkProjections(): the catalog, and the tables for SQL, equal what is built anew from the journal; the journal is whole.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { commandId, PATIENCE_MS, run, program, until } from './server.mjs';

const WRITERS = 4; // each with a playlist of its own
const SHARERS = 4; // all with the same one
const ENTRIES_MAX = 40;
const SHARED_MAX = 9000; // 10,000 entries are a playlist's limit
const PAUSE_MS = 5; // after a refusal: a client that waits for better times
const VIEW = '{ id version name entries(first: 500) { nodes { id track { id } } } }';

/** mulberry32: functions that draw from a seed. */
export function draws(seed = Number(process.env.MS_SEED ?? randomInt(2 ** 31))) {
  let state = seed;
  const below = (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
  return { seed, below, pick: (list) => list[below(list.length)] };
}

const pause = (ms = PAUSE_MS) => new Promise((next) => setTimeout(next, ms));
const seen = (view) => ({
  version: view.version, name: view.name, entries: view.entries.nodes.map(({ id, track }) => [id, track.id]),
});

export class Oracle {
  constructor(server, { draw = draws(), refusals = [] } = {}) {
    Object.assign(this, { server, draw, refusals: new Set(refusals), own: [], favourites: new Map() });
    this.counts = { acknowledged: 0, refused: 0, rejected: 0, unanswered: 0, doneUnanswered: 0 };
    this.codes = new Map(); // how often a code refused what was right
    this.isAway = false;
  }

  async begin() {
    const { tracks: { nodes } } = await this.server.graphql('{ tracks(first: 12) { nodes { id } } }');
    [this.marker, ...this.tracks] = nodes.map(({ id }) => id); // the marker only ever comes in edits that must be refused
    for (let i = 0; i < WRITERS; i++) this.own.push(await this.create(`own ${i}`));
    await this.beginShared();
  }

  async beginShared() {
    const made = await this.create('shared');
    this.shared = { id: made.id, version: made.known.version, tracks: new Map(), unanswered: new Set() };
  }

  async create(name) {
    const { createPlaylist } = await this.server.graphql(
      `mutation ($c: ID!, $name: String!) { createPlaylist(commandId: $c, name: $name) ${VIEW} }`, { c: commandId(), name });
    return { id: createPlaylist.id, known: seen(createPlaylist), unanswered: undefined };
  }

  /** Edits until stop(); started again after each check. */
  load() {
    let isOver = false;
    this.isOver = () => isOver || this.server.isGoing;
    const all = Promise.all([
      ...this.own.map((playlist) => this.writeOwn(playlist)),
      ...Array.from({ length: SHARERS }, () => this.writeShared()),
      this.writeFavourites(),
    ]);
    all.catch((error) => (this.failure = error)); // told by stop(), and by who waits for more
    return { all, stop: () => ((isOver = true), all) };
  }

  /** Until so many more commands were acknowledged. */
  acknowledged(count, what = 'edits are acknowledged', limitMs = PATIENCE_MS) {
    return this.counted('acknowledged', count, what, limitMs);
  }

  /** Until so many more were refused. */
  refused(count, what = 'edits are refused at once', limitMs = PATIENCE_MS) {
    return this.counted('refused', count, what, limitMs);
  }

  counted(name, count, what, limitMs) {
    const wanted = this.counts[name] + count;
    return until(() => {
      if (this.failure) throw this.failure;
      return this.counts[name] >= wanted;
    }, what, limitMs);
  }

  /** {data}; {refusal}: nothing was done; undefined: nobody knows. */
  async send(query, variables) {
    try {
      return { data: await this.server.graphql(query, variables) };
    } catch (error) {
      if (error.answer) {
        const [refusal] = error.answer.errors;
        // Below the command's own field: it was done, and only what it answers could not be read.
        const isUnread = refusal.path?.length > 1;
        return refusal.extensions.code === 'TIMEOUT' || isUnread ? undefined : { refusal };
      }
      const isThere = this.server.child.signalCode === null && this.server.child.exitCode === null;
      if (isThere && !this.server.isGoing) throw error;
      return undefined;
    }
  }

  /** As send, of a command; what the test expects to be refused is counted, and undefined once the load is over. */
  async sendRight(query, edit, variables) {
    edit.isSentAway ??= this.isAway;
    const answer = await this.send(query, { c: edit.commandId, ...variables });
    if (answer?.refusal) {
      const { code } = answer.refusal.extensions;
      assert.ok(this.refusals.has(code), `${code}: ${JSON.stringify(answer.refusal)}`);
      this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
      this.counts.refused++;
      await pause();
    }
    return answer;
  }

  acknowledge(edit, isWritten = true) {
    assert.ok(!(this.isAway && edit.isSentAway && isWritten), `${edit.commandId} is acknowledged, and can't be written`);
    this.counts.acknowledged++;
  }

  // ---- playlists of one client each ----

  // Each edit: the field, its arguments, and what it does to the model. A new entry's id is not known before.
  edits({ entries }) {
    const { below, pick } = this.draw;
    const some = [pick(this.tracks), pick(this.tracks)].slice(0, 1 + below(2));
    const add = (index) => ({
      field: 'addToPlaylist(commandId: $c, id: $id, trackIds: $tracks, index: $index)',
      types: '$tracks: [ID!]!, $index: Int', arguments: { tracks: some, index },
      apply: (model) => model.entries.splice(index ?? model.entries.length, 0, ...some.map((id) => ['new', id])),
    });
    const name = `name ${below(1e9)}`;
    const rename = {
      field: 'renamePlaylist(commandId: $c, id: $id, name: $name)', types: '$name: String!', arguments: { name },
      apply: (model) => (model.name = name),
    };
    if (entries.length < 2) return [add(), add(0), rename];
    const [entry] = pick(entries), to = below(entries.length);
    const remove = {
      field: 'removeFromPlaylist(commandId: $c, id: $id, entryIds: $gone)', types: '$gone: [ID!]!',
      arguments: { gone: [entry] }, apply: (model) => (model.entries = model.entries.filter(([id]) => id !== entry)),
    };
    if (entries.length >= ENTRIES_MAX) return [remove];
    const from = entries.findIndex(([id]) => id === entry);
    const move = {
      field: 'movePlaylistEntry(commandId: $c, id: $id, entryId: $entry, index: $to)', types: '$entry: ID!, $to: Int!',
      arguments: { entry, to }, apply: (model) => model.entries.splice(to, 0, ...model.entries.splice(from, 1)),
    };
    return [add(), add(below(entries.length + 1)), remove, rename, ...(from === to ? [] : [move])];
  }

  sendEdit(playlist, edit) {
    return this.sendRight(`mutation ($c: ID!, $id: ID!, ${edit.types}) { edit: ${edit.field} ${VIEW} }`,
      edit, { id: playlist.id, ...edit.arguments });
  }

  outcome(edit, known) {
    const model = structuredClone(known);
    edit.apply(model);
    model.version++;
    return model;
  }

  /** The same, where the model does not know the ids of new entries. */
  assertLike(got, model, what) {
    assert.equal(got.version, model.version, `${what}: version`);
    assert.equal(got.name, model.name, `${what}: name`);
    const ids = got.entries.map(([id]) => id);
    assert.equal(new Set(ids).size, ids.length, `${what}: ids are unique`);
    assert.deepEqual(got.entries.map(([id, track], i) => [model.entries[i]?.[0] === 'new' ? 'new' : id, track]),
      model.entries, what);
  }

  /** Must be rejected; the marker track tells if it was not. */
  async sendWrong(playlist) {
    const answer = await this.send(
      'mutation ($c: ID!, $id: ID!, $t: [ID!]!) { addToPlaylist(commandId: $c, id: $id, trackIds: $t, index: 9999) { version } }',
      { c: commandId(), id: playlist.id, t: [this.marker] });
    if (answer === undefined) return;
    const code = answer.refusal?.extensions.code;
    assert.ok(code === 'INVALID' || this.refusals.has(code), `a wrong edit: ${JSON.stringify(answer)}`);
    this.counts.rejected++;
  }

  async writeOwn(playlist) {
    while (!this.isOver()) {
      if (this.draw.below(8) === 0) await this.sendWrong(playlist);
      const edit = { ...this.draw.pick(this.edits(playlist.known)), commandId: commandId() };
      if (!(await this.doEdit(playlist, edit))) return;
      if (this.draw.below(8) === 0) await this.readOwn(playlist);
    }
  }

  /** Until it is known what became of it. False: the load is over, and it is not. */
  async doEdit(playlist, edit) {
    for (playlist.unanswered = edit; ;) {
      const answer = await this.sendEdit(playlist, edit);
      if (answer?.data) {
        const got = seen(answer.data.edit);
        this.assertLike(got, this.outcome(edit, playlist.known), edit.field);
        playlist.known = got;
        this.acknowledge(edit);
      }
      if (answer?.data || (answer?.refusal && !edit.isUnknown)) {
        playlist.unanswered = undefined;
        return true;
      }
      edit.isUnknown = true;
      if (this.isOver()) return false;
      await pause();
    }
  }

  /** What it was answered is what it reads, unless nothing can be read. */
  async readOwn(playlist) {
    const answer = await this.send(`query ($id: ID!) { playlist(id: $id) ${VIEW} }`, { id: playlist.id });
    if (answer?.data) assert.deepEqual(seen(answer.data.playlist), playlist.known, 'it reads its own writes');
    else if (answer) assert.ok(this.refusals.has(answer.refusal.extensions.code), JSON.stringify(answer.refusal));
  }

  async look(id) {
    const { playlist } = await this.server.graphql(`query ($id: ID!) { playlist(id: $id) ${VIEW} }`, { id });
    return seen(playlist);
  }

  async checkOwn(playlist) {
    const got = await this.look(playlist.id);
    const edit = playlist.unanswered;
    const isDone = edit !== undefined && got.version === playlist.known.version + 1;
    this.assertLike(got, isDone ? this.outcome(edit, playlist.known) : playlist.known, `afterwards, ${edit?.field}`);
    if (!isDone) assert.deepEqual(got, playlist.known);
    if (edit === undefined) return;
    this.counts.unanswered++;
    this.counts.doneUnanswered += isDone ? 1 : 0;
    const again = seen((await this.settled(() => this.sendEdit(playlist, edit))).edit);
    this.assertLike(again, this.outcome(edit, playlist.known), `sent again: ${edit.field}`);
    assert.deepEqual(await this.look(playlist.id), again, 'sending again is done once');
    playlist.known = again;
    playlist.unanswered = undefined;
  }

  /** Sends until it is answered. */
  async settled(send) {
    const answer = await until(async () => {
      const got = await send();
      return got?.data ? got : undefined;
    }, 'what nobody answered is answered when it is sent again');
    return answer.data;
  }

  // ---- one playlist of many ----

  /** Only adds, so that every acknowledged one can be looked for. */
  async writeShared() {
    const { shared } = this;
    while (!this.isOver() && shared.tracks.size < SHARED_MAX) {
      const edit = { commandId: commandId(), track: this.draw.pick(this.tracks) };
      for (let isKnown = false; !isKnown;) {
        const answer = await this.sendShared(edit);
        isKnown = answer?.data !== undefined || (answer?.refusal !== undefined && !shared.unanswered.has(edit));
        if (isKnown) shared.unanswered.delete(edit);
        else shared.unanswered.add(edit);
        if (this.isOver()) return;
      }
    }
  }

  async sendShared(edit) {
    const { shared } = this;
    const answer = await this.sendRight(
      'mutation ($c: ID!, $id: ID!, $t: [ID!]!) { addToPlaylist(commandId: $c, id: $id, trackIds: $t) { version } }',
      edit, { id: shared.id, t: [edit.track] });
    if (!answer?.data) return answer;
    const { version } = answer.data.addToPlaylist;
    assert.ok(!shared.tracks.has(version), `version ${version} was given twice`);
    shared.tracks.set(version, edit.track);
    this.acknowledge(edit);
    return answer;
  }

  async heldShared() {
    const held = [];
    for (let cursor = null; ;) {
      const { playlist: { entries } } = await this.server.graphql(
        `query ($id: ID!, $after: String) { playlist(id: $id) { entries(first: 500, after: $after) {
           nodes { track { id } } pageInfo { hasNextPage endCursor } } } }`, { id: this.shared.id, after: cursor });
      held.push(...entries.nodes.map(({ track }) => track.id));
      if (!entries.pageInfo.hasNextPage) return held;
      cursor = entries.pageInfo.endCursor;
    }
  }

  async checkShared() {
    const { shared } = this;
    for (const edit of shared.unanswered) await this.settled(() => this.sendShared(edit));
    shared.unanswered.clear();
    const { playlist } = await this.server.graphql('query ($id: ID!) { playlist(id: $id) { version } }', { id: shared.id });
    const versions = [...shared.tracks.keys()].sort((a, b) => a - b);
    const first = shared.version + 1;
    assert.deepEqual(versions, versions.map((_, i) => first + i), 'versions have no gap');
    assert.equal(playlist.version, versions.at(-1) ?? shared.version);
    assert.deepEqual(await this.heldShared(), versions.map((version) => shared.tracks.get(version)),
      'every acknowledged track, in order');
    await this.server.graphql('mutation ($c: ID!, $id: ID!) { deletePlaylist(commandId: $c, id: $id) }',
      { c: commandId(), id: shared.id });
    await this.beginShared();
  }

  // ---- favourites: another actor, other tables ----

  async writeFavourites() {
    while (!this.isOver()) {
      const id = this.draw.pick(this.tracks), isFavourite = this.draw.below(2) === 0, edit = { commandId: commandId() };
      const answer = await this.sendRight(
        'mutation ($c: ID!, $id: ID!, $is: Boolean!) { setFavourite(commandId: $c, trackId: $id, isFavourite: $is) { isFavourite } }',
        edit, { id, is: isFavourite });
      if (answer?.data) {
        this.acknowledge(edit, this.favourites.has(id) && this.favourites.get(id) !== isFavourite);
        this.favourites.set(id, isFavourite);
      } else if (answer === undefined) {
        this.favourites.delete(id); // one or the other: the next one says
      }
    }
  }

  async checkFavourites() {
    const { favourites: { nodes } } = await this.server.graphql('{ favourites(first: 100) { nodes { id } } }');
    const held = new Set(nodes.map(({ id }) => id));
    for (const [id, isFavourite] of this.favourites) assert.equal(held.has(id), isFavourite, `favourite ${id}`);
  }

  // ---- afterwards ----

  async check() {
    for (const playlist of this.own) await this.checkOwn(playlist);
    await this.checkShared();
    await this.checkFavourites();
    if (this.server.database) this.checkStreams();
  }

  sql(statement) {
    return run('psql', [this.server.database, '-v', 'ON_ERROR_STOP=1', '-Atc', statement], { maxBuffer: 1 << 26 }).stdout;
  }

  /** Each stream counts its events from 1 without a gap, up to its version. */
  checkStreams() {
    assert.equal(this.sql(`SELECT coalesce(e.stream, s.stream), e.count, e.first, e.last, s.version FROM streams s FULL JOIN
      (SELECT stream, count(*), min(version) AS first, max(version) AS last FROM events GROUP BY stream) e USING (stream)
      WHERE e.first IS DISTINCT FROM 1 OR e.last IS DISTINCT FROM e.count OR s.version IS DISTINCT FROM e.last`), '',
    'streams with a gap');
  }

  /** Every row of every derived table: listeners' have policies; so have the users' keys, which are not derived. */
  tables() {
    const names = this.sql(`SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition
      AND c.relkind IN ('r', 'p') AND c.relname NOT IN ('events', 'streams', 'snapshots', 'partitions', 'migrations')
      AND c.relname NOT LIKE 'subject_key%' AND EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid) ORDER BY 1`).trim().split('\n');
    assert.ok(names.includes('playlist_tracks') && names.includes('favourites'), names.join());
    return Object.fromEntries(names.map((name) => [name, this.sql(`SELECT t FROM ${name} t ORDER BY t::text`)]));
  }

  async catalog() {
    return this.server.graphql(`{ library { trackCount albumCount artistCount }
      tracks(first: 500) { nodes { id title artistLine disc number durationMs isAvailable isFavourite album { id title } genres { name } } }
      albums(first: 500) { nodes { id title } } artists(first: 500) { nodes { id name } } }`);
  }

  /** Nothing may be edited meanwhile; the server is started again. */
  async checkProjections() {
    const { server } = this;
    const before = await this.catalog();
    if (server.database) {
      const tables = this.tables();
      run(program, ['storage', 'rebuild', '--data', server.data, '--database', server.database]);
      assert.deepEqual(this.tables(), tables, 'the tables equal those that are built anew');
    }
    await server.end();
    const checked = server.command('storage', 'check', ...(server.database ? ['--database', server.database] : []));
    assert.equal(checked.status, 0, checked.stdout + checked.stderr);
    rmSync(path.join(server.data, 'catalog'), { recursive: true });
    await server.start();
    await until(async () => (await this.catalog()).library.trackCount >= before.library.trackCount, 'the catalog is built');
    assert.deepEqual(await this.catalog(), before, 'the catalog equals one that is built anew');
  }
}
