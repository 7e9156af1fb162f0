// kill.test.mjs -- the server is killed with SIGKILL at random moments while several connections edit playlists;
// some of its starts are killed, too. After each kill: what was acknowledged is there, what was refused is not,
// versions have no gap, and an edit whose answer was lost is done exactly once when it is sent again.
//
// MS_ROUNDS multiplies the rounds, MS_SEED repeats a run's choices (not the scheduling).

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, before, test } from 'node:test';
import { commandId, startServer } from './support/server.mjs';

const ROUNDS = Math.max(1, Math.round(8 * Number(process.env.MS_ROUNDS ?? 1)));
const WRITERS = 4; // each with a playlist of its own
const SHARERS = 4; // all with the same one
const ENTRIES_MAX = 40;
const START_KILL_MS_MAX = 150, LOAD_MS_MAX = 400;

const seed = Number(process.env.MS_SEED ?? randomInt(2 ** 31));
let state = seed;

/** mulberry32: a whole number below `limit`. */
function below(limit) {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * limit);
}

const pick = (list) => list[below(list.length)];
const VIEW = '{ id version name entries(first: 500) { nodes { id track { id } } } }';

let server, tracks, marker;

before(async () => {
  server = await startServer({ flags: ['--watch=false'] });
  await server.setUp();
  await server.scanned(12);
  const { tracks: { nodes } } = await server.graphql('{ tracks(first: 12) { nodes { id } } }');
  [marker, ...tracks] = nodes.map(({ id }) => id); // the marker only ever comes in edits that must be refused
});

after(() => server.stop());

/** undefined: no answer came, because the server went. */
async function send(query, variables) {
  try {
    return { data: await server.graphql(query, variables) };
  } catch (error) {
    if (error.answer) return { refusal: error.answer.errors[0] };
    if (server.child.signalCode === null && server.child.exitCode === null && !server.isGoing) throw error;
    return undefined;
  }
}

function seen(view) {
  return { version: view.version, name: view.name, entries: view.entries.nodes.map(({ id, track }) => [id, track.id]) };
}

async function create(name) {
  const { createPlaylist } = await server.graphql(
    `mutation ($c: ID!, $name: String!) { createPlaylist(commandId: $c, name: $name) ${VIEW} }`,
    { c: commandId(), name });
  return { id: createPlaylist.id, known: seen(createPlaylist), unanswered: undefined };
}

// Each edit: the field, its arguments, and what it does to the model. A new entry's id is not known before.
function edits({ entries }) {
  const some = [pick(tracks), pick(tracks)].slice(0, 1 + below(2));
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

function sendEdit(playlist, edit) {
  return send(`mutation ($c: ID!, $id: ID!, ${edit.types}) { edit: ${edit.field} ${VIEW} }`,
    { c: edit.commandId, id: playlist.id, ...edit.arguments });
}

function outcome(edit, known) {
  const model = structuredClone(known);
  edit.apply(model);
  model.version++;
  return model;
}

/** The same, where the model does not know the ids of new entries. */
function assertLike(got, model, what) {
  assert.equal(got.version, model.version, `${what}: version`);
  assert.equal(got.name, model.name, `${what}: name`);
  const ids = got.entries.map(([id]) => id);
  assert.equal(new Set(ids).size, ids.length, `${what}: ids are unique`);
  assert.deepEqual(got.entries.map(([id, track], i) => [model.entries[i]?.[0] === 'new' ? 'new' : id, track]),
    model.entries, what);
}

const counts = { acknowledged: 0, refused: 0, unanswered: 0, doneUnanswered: 0 };

/** Must be refused; the marker track tells if it was not. */
async function sendRefused(playlist) {
  const answer = await send(
    'mutation ($c: ID!, $id: ID!, $t: [ID!]!) { addToPlaylist(commandId: $c, id: $id, trackIds: $t, index: 9999) { version } }',
    { c: commandId(), id: playlist.id, t: [marker] });
  if (answer === undefined) return false;
  assert.equal(answer.refusal?.extensions.code, 'INVALID');
  counts.refused++;
  return true;
}

async function writeOwn(playlist) {
  for (;;) {
    if (below(8) === 0 && !(await sendRefused(playlist))) return;
    const edit = { ...pick(edits(playlist.known)), commandId: commandId() };
    playlist.unanswered = edit;
    const answer = await sendEdit(playlist, edit);
    if (answer === undefined) return;
    assert.equal(answer.refusal, undefined, JSON.stringify(answer.refusal));
    const got = seen(answer.data.edit);
    assertLike(got, outcome(edit, playlist.known), edit.field);
    playlist.known = got;
    playlist.unanswered = undefined;
    counts.acknowledged++;
  }
}

/** Only adds, so that every acknowledged one can be looked for. */
async function writeShared(shared) {
  for (;;) {
    const edit = { commandId: commandId(), track: pick(tracks) };
    shared.unanswered.add(edit);
    const version = await sendShared(shared, edit);
    if (version === undefined) return;
    shared.unanswered.delete(edit);
    counts.acknowledged++;
  }
}

async function sendShared(shared, edit) {
  const answer = await send(
    'mutation ($c: ID!, $id: ID!, $t: [ID!]!) { addToPlaylist(commandId: $c, id: $id, trackIds: $t) { version } }',
    { c: edit.commandId, id: shared.id, t: [edit.track] });
  if (answer === undefined) return undefined;
  assert.equal(answer.refusal, undefined, JSON.stringify(answer.refusal));
  const { version } = answer.data.addToPlaylist;
  assert.ok(!shared.tracks.has(version), `version ${version} was given twice`);
  shared.tracks.set(version, edit.track);
  return version;
}

async function look(id) {
  const { playlist } = await server.graphql(`query ($id: ID!) { playlist(id: $id) ${VIEW} }`, { id });
  return seen(playlist);
}

async function checkOwn(playlist) {
  const got = await look(playlist.id);
  const edit = playlist.unanswered;
  const isDone = edit !== undefined && got.version === playlist.known.version + 1;
  assertLike(got, isDone ? outcome(edit, playlist.known) : playlist.known, `after the kill, ${edit?.field}`);
  if (!isDone) assert.deepEqual(got, playlist.known);
  if (edit === undefined) return;
  counts.unanswered++;
  counts.doneUnanswered += isDone ? 1 : 0;
  const again = seen((await sendEdit(playlist, edit)).data.edit);
  assertLike(again, outcome(edit, playlist.known), `sent again: ${edit.field}`);
  assert.deepEqual(await look(playlist.id), again, 'sending again is done once');
  playlist.known = again;
  playlist.unanswered = undefined;
}

async function checkShared(shared) {
  for (const edit of shared.unanswered) await sendShared(shared, edit);
  shared.unanswered.clear();
  const { playlist } = await server.graphql(
    'query ($id: ID!) { playlist(id: $id) { version entryCount } }', { id: shared.id });
  const versions = [...shared.tracks.keys()].sort((a, b) => a - b);
  const first = shared.version + 1;
  assert.deepEqual(versions, versions.map((_, i) => first + i), 'versions have no gap');
  assert.equal(playlist.version, versions.at(-1) ?? shared.version);
  const held = [];
  for (let cursor = null; ;) {
    const { playlist: { entries } } = await server.graphql(
      `query ($id: ID!, $after: String) { playlist(id: $id) { entries(first: 500, after: $after) {
         nodes { track { id } } pageInfo { hasNextPage endCursor } } } }`, { id: shared.id, after: cursor });
    held.push(...entries.nodes.map(({ track }) => track.id));
    if (!entries.pageInfo.hasNextPage) break;
    cursor = entries.pageInfo.endCursor;
  }
  assert.deepEqual(held, versions.map((version) => shared.tracks.get(version)), 'every acknowledged track, in order');
}

async function kill() {
  server.isGoing = true; // from here a lost connection is no surprise
  await server.kill();
}

async function startAgain() {
  if (below(3) === 0) {
    const started = server.start().catch(() => {}); // this start is killed on its way
    await new Promise((next) => setTimeout(next, below(START_KILL_MS_MAX)));
    await server.kill();
    await started;
  }
  await server.start();
  server.isGoing = false;
}

test(`${ROUNDS} kills under load lose nothing (MS_SEED=${seed})`, async (t) => {
  t.diagnostic(`MS_SEED=${seed}`);
  const own = [];
  for (let i = 0; i < WRITERS; i++) own.push(await create(`own ${i}`));
  for (let round = 0; round < ROUNDS; round++) {
    // A new one a round: 10,000 entries are a playlist's limit.
    const made = await create(`shared ${round}`);
    const shared = { id: made.id, version: made.known.version, tracks: new Map(), unanswered: new Set() };
    const writing = [...own.map(writeOwn), ...Array.from({ length: SHARERS }, () => writeShared(shared))];
    const all = Promise.all(writing);
    await Promise.race([all, new Promise((next) => setTimeout(next, 20 + below(LOAD_MS_MAX)))]);
    await kill();
    await all;
    await startAgain();
    for (const playlist of own) await checkOwn(playlist);
    await checkShared(shared);
    await server.graphql('mutation ($c: ID!, $id: ID!) { deletePlaylist(commandId: $c, id: $id) }',
      { c: commandId(), id: shared.id });
  }
  t.diagnostic(`${counts.acknowledged} acknowledged, ${counts.refused} refused, ${counts.unanswered} unanswered of ` +
    `which ${counts.doneUnanswered} had been done`);
  assert.ok(counts.acknowledged > ROUNDS * 10 && counts.refused > 0, JSON.stringify(counts));
});
