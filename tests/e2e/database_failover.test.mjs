// database_failover.test.mjs -- the database's primary is killed under load and its standby promoted. Where commits
// waited for the standby nothing that was acknowledged is lost; where they did not, nobody goes on with what is lost.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Oracle } from './support/oracle.mjs';
import { commandId, controlDatabase, run, Server, until } from './support/server.mjs';

const CREATE = 'mutation ($c: ID!, $n: String!) { createPlaylist(name: $n, commandId: $c) { id } }';
const ADD = 'mutation ($c: ID!, $id: ID!, $t: [ID!]!) { addToPlaylist(commandId: $c, id: $id, trackIds: $t) { entryCount } }';
const READ = 'query ($id: ID!) { playlist(id: $id) { entryCount } }';

const sql = (address, statement) => run('psql', [address, '-v', 'ON_ERROR_STOP=1', '-Atc', statement]).stdout.trim();
const isTrue = (address, statement) => until(() => sql(address, statement) === 't', statement);

async function serve() {
  const server = new Server({ database: true, standby: true });
  await server.serveThree();
  await isTrue(server.primary, "SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming'");
  return server;
}

const failOver = (server) => {
  controlDatabase('kill', server.databaseFolder);
  controlDatabase('promote', server.standbyFolder);
};

test('with commits that wait for the standby all that was acknowledged is there', async () => {
  const server = await serve();
  try {
    sql(server.primary, "ALTER SYSTEM SET synchronous_standby_names = 'standby'");
    sql(server.primary, 'SELECT pg_reload_conf()');
    await isTrue(server.primary, "SELECT bool_or(sync_state = 'sync') FROM pg_stat_replication");
    const oracle = new Oracle(server, { refusals: ['UNAVAILABLE'] });
    await oracle.begin();
    const load = oracle.load();
    await oracle.acknowledged(100);

    failOver(server);
    await oracle.acknowledged(100, 'edits go on by themselves');
    await load.stop();
    oracle.counts.refused = 0;
    await oracle.check();

    assert.match(server.log, /another server has taken over .* with all that was acknowledged/);
    assert.doesNotMatch(server.log, /built again/);
    assert.deepEqual(JSON.parse(server.command('crashes', '--json').stdout), { count: 0, last: [] });
    await oracle.checkProjections();
  } finally {
    await server.stop();
  }
});

test('without, what is lost is nowhere any more', async () => {
  const server = await serve();
  try {
    const { tracks: { nodes: [track] } } = await server.graphql('{ tracks(first: 1) { nodes { id } } }');
    const { createPlaylist: { id } } = await server.graphql(CREATE, { c: commandId(), n: 'kept' });
    const add = (command) => server.graphql(ADD, { c: command, id, t: [track.id] });
    const count = async () => (await server.graphql(READ, { id })).playlist.entryCount;
    await add(commandId());
    await isTrue(server.primary, 'SELECT bool_and(replay_lsn >= pg_current_wal_lsn()) FROM pg_stat_replication');
    sql(server.standby, "ALTER SYSTEM SET primary_conninfo = ''");
    sql(server.standby, 'SELECT pg_reload_conf()');
    await isTrue(server.primary, 'SELECT count(*) = 0 FROM pg_stat_replication');
    const lost = commandId();
    await add(lost);
    assert.equal(await count(), 2);

    failOver(server);
    await until(() => /are lost/.test(server.log) && server.isReady(), 'the node says what is lost, and goes on');
    // Nobody has written to it since, and it was in memory.
    const seen = await until(() => count().catch(() => undefined), 'it can be read');
    assert.equal(seen, 1);
    await add(lost);
    assert.equal(await count(), 2, 'what was lost is done when it is sent again');
    assert.deepEqual(JSON.parse(server.command('crashes', '--json').stdout), { count: 0, last: [] });
    assert.match(await (await fetch(`${server.origin}/metrics`)).text(), /^musicstream_journal_went_back_total 1$/m);
  } finally {
    await server.stop();
  }
});
