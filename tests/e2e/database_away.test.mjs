// database_away.test.mjs -- the database stops at once, under load, while the node serves: what is read goes on, what
// would be written is refused and says so, no actor fails, and when the database is back everything goes on by itself,
// with all that was acknowledged, each once.

import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { commandId, controlDatabase, demoMusic, Server, until } from './support/server.mjs';

const CLIENTS = 4;
const CREATE = 'mutation ($c: ID!, $n: String!) { createPlaylist(name: $n, commandId: $c) { id } }';
const ADD = 'mutation ($c: ID!, $id: ID!, $t: [ID!]!) { addToPlaylist(commandId: $c, id: $id, trackIds: $t) { entryCount } }';
const READ = 'query ($id: ID!) { playlist(id: $id) { entryCount } }';

let server, track, quiet;

before(async () => {
  server = new Server({ database: true });
  const music = path.join(server.folder, 'music');
  mkdirSync(music);
  copyFileSync(path.join(demoMusic(), 'Mira Solane/Harbour Lights', '1-03 Low Tide.mp3'), path.join(music, 'tide.mp3'));
  server.options.music = music;
  await server.start();
  await server.setUp();
  await server.scanned(1);
  const { search } = await server.graphql('{ search(query: "tide") { tracks { id stream { original } } } }');
  [track] = search.tracks;
  quiet = await create('quiet');
  await add(quiet, commandId());
});
after(() => server.stop());

const create = async (name) => (await server.graphql(CREATE, { c: commandId(), n: name })).createPlaylist.id;
const add = (id, command) => server.graphql(ADD, { c: command, id, t: [track.id] });
const count = async (id) => (await server.graphql(READ, { id })).playlist.entryCount;
const codeOf = (error) => error.answer?.errors[0].extensions.code ?? String(error);

/** Adds to its own playlist for as long as the test says; what became of a command that nobody answered is asked again. */
class Client {
  constructor(id) {
    Object.assign(this, { id, acknowledged: 0, refused: 0, unknown: new Set() });
    this.codes = new Map();
  }

  async run(isOver) {
    while (!isOver()) {
      const command = commandId();
      try {
        await add(this.id, command);
        this.acknowledged++;
      } catch (error) {
        const code = codeOf(error);
        this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
        if (code === 'TIMEOUT') this.unknown.add(command);
        else this.refused++;
        this.refusal = error.answer?.errors[0];
      }
    }
  }

  /** The same command again: its first answer, or done now; once in any case. */
  async settle() {
    for (const command of this.unknown) {
      await add(this.id, command);
      this.acknowledged++;
    }
  }
}

const total = (clients, what) => clients.reduce((sum, client) => sum + client[what], 0);

for (const [name, action] of [['stopped without a goodbye', 'immediate'], ['killed', 'kill']]) {
  test(`the database is ${name} under load`, async () => {
    const clients = [];
    for (let i = 0; i < CLIENTS; i++) clients.push(new Client(await create(`${action} ${i}`)));
    let isOver = false;
    const running = clients.map((client) => client.run(() => isOver));
    await until(() => total(clients, 'acknowledged') >= 100, 'edits are acknowledged', 60000);

    controlDatabase(action, server.databaseFolder);
    await until(() => clients.every((client) => client.refused >= 20), 'edits are refused at once', 60000);
    const before = total(clients, 'acknowledged');

    assert.equal(await count(quiet), 1, 'what nobody was writing is read as before');
    const { search } = await server.graphql('{ search(query: "tide") { tracks { title } } }');
    assert.equal(search.tracks.length, 1);
    const audio = await fetch(server.origin + track.stream.original, { headers: { Range: 'bytes=0-999' } });
    assert.equal((await audio.arrayBuffer()).byteLength, 1000);
    assert.equal((await fetch(`${server.origin}/livez`)).status, 200);
    assert.equal((await fetch(`${server.origin}/readyz`)).status, 503);
    await assert.rejects(add(quiet, commandId()), (error) => {
      assert.equal(codeOf(error), 'UNAVAILABLE');
      assert.ok(error.answer.errors[0].extensions.retryAfter > 0);
      return true;
    });
    assert.equal(total(clients, 'acknowledged'), before, 'nothing is acknowledged meanwhile');

    controlDatabase('restart', server.databaseFolder);
    await until(() => total(clients, 'acknowledged') >= before + 100, 'edits go on by themselves', 60000);
    isOver = true;
    await Promise.all(running);
    for (const client of clients) {
      for (const code of client.codes.keys())
        assert.ok(['UNAVAILABLE', 'TIMEOUT'].includes(code), `${code}: ${JSON.stringify(client.refusal)}`);
      await client.settle();
      assert.equal(await count(client.id), client.acknowledged, 'what was acknowledged, and nothing else');
    }
    assert.deepEqual(JSON.parse(server.command('crashes', '--json').stdout), { count: 0, last: [] });
    assert.ok(await server.isReady());
  });
}

test('all of it is there after kill -9 of the node', async () => {
  const { playlists } = await server.graphql('{ playlists { id entryCount } }');
  await server.kill();
  await server.start();
  for (const { id, entryCount } of playlists) assert.equal(await count(id), entryCount);
});

test('the node ends in time while the database is away', async () => {
  controlDatabase('kill', server.databaseFolder);
  await assert.rejects(add(quiet, commandId()));
  await server.end();
  assert.equal(server.ended.code, 0, server.log);
  controlDatabase('restart', server.databaseFolder);
  await server.start();
  assert.equal(await count(quiet), 1);
});
